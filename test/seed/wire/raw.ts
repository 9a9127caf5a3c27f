// TCP connections and WebSocket frames made of bytes: RFC 6455 without a library at this end.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { WebSocketHandler, RealtimeServer, RealtimeServerOptions } from '../../../src/server/index.ts';
import type { Logged } from '../../server/realtime/harness.ts';
import { until } from '../../../src/testing/wait.ts';
import { echo, serve } from '../scene.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'; // RFC 6455 §1.3

export const acceptOf = (key: string): string =>
  createHash('sha1')
    .update(key + GUID)
    .digest('base64');

/** One end of a TCP connection, with all that it has received. */
export class Tcp implements Disposable {
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);
  hasEnded = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => (this.#bytes = Buffer.concat([this.#bytes, chunk])));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.hasEnded = true));
  }

  static dial({ url }: RealtimeServer): Tcp {
    return new Tcp(connect(Number(new URL(url).port), '127.0.0.1'));
  }

  /** What came and was not taken yet. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get hex(): string {
    return this.#bytes.toString('hex');
  }

  write(...parts: readonly (string | Buffer)[]): void {
    this.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part as string))));
  }

  /** In as many pieces as there are bytes. */
  async writeByteByByte(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      this.socket.write(Buffer.of(byte));
      // A turn between any two, so that they do not leave together.
      await new Promise(setImmediate);
    }
  }

  /** Takes everything up to a text, and that. */
  async takeTo(end: string): Promise<string> {
    await until(() => this.#bytes.includes(end), { describe: () => `${end}; there came ${this.#tail()}` });
    return this.take(this.#bytes.indexOf(end) + end.length);
  }

  async take(length: number): Promise<string> {
    await until(() => this.#bytes.length >= length, {
      describe: () => `${length} bytes; there came ${this.#tail()}`,
    });
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken.toString('latin1');
  }

  /** Waits until this has come, and nothing else. */
  async got(hex: string): Promise<void> {
    await until(() => this.hex === hex, { describe: () => `${hex}; there came ${this.#tail()}` });
  }

  async ended(): Promise<void> {
    await until(() => this.hasEnded, { describe: 'the end of the TCP connection' });
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #tail(): string {
    return `${this.#bytes.length} bytes: ${this.hex.slice(0, 200)}`;
  }
}

export interface FrameShape {
  /** Four bytes; `false` for none. Default: 0x37fa213d, as in the examples of RFC 6455 §5.7. */
  readonly mask?: false | Buffer;
  /** How the length is written. Default: as short as can be. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** The length that is claimed. Default: the true one. */
  readonly length?: number | bigint;
}

const MASK = Buffer.from('37fa213d', 'hex');

const shortest = (length: number | bigint): 0 | 2 | 8 => (length < 126 ? 0 : length < 65_536 ? 2 : 8);

/** @param first FIN, RSV1 to RSV3 and the opcode */
export function frame(
  first: number,
  payload: string | Uint8Array = '',
  { mask = MASK, ...shape }: FrameShape = {},
): Buffer {
  const bytes = Buffer.from(payload as string);
  const { length = bytes.length, lengthBytes = shortest(length) } = shape;
  const masked = mask === false ? 0 : 0x80;
  const extended = Buffer.alloc(lengthBytes);
  if (lengthBytes === 2) extended.writeUInt16BE(Number(length));
  if (lengthBytes === 8) extended.writeBigUInt64BE(BigInt(length));
  const seven = { 0: Number(length), 2: 126, 8: 127 }[lengthBytes];
  const body = mask === false ? bytes : bytes.map((byte, index) => byte ^ mask[index % 4]!);
  return Buffer.concat(
    [Buffer.of(first, masked | seven), extended, mask === false ? '' : mask, body].map((part) =>
      Buffer.from(part as string),
    ),
  );
}

/** As a server sends it. */
export const bare = (first: number, payload: string | Uint8Array = ''): Buffer =>
  frame(first, payload, { mask: false });

export const closePayload = (code: number, reason: string | Uint8Array = ''): Buffer =>
  Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason as string)]);

export const UPGRADE_HEADERS = {
  Host: 'test',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
} as const;

export const head = (
  headers: Readonly<Record<string, string | undefined>> = UPGRADE_HEADERS,
  line = 'GET / HTTP/1.1',
): string => {
  const lines = Object.entries(headers).filter(([, value]) => value !== undefined);
  return `${[line, ...lines.map(([name, value]) => `${name}: ${value!}`)].join('\r\n')}\r\n\r\n`;
};

/** A WebSocket of bytes; the answer is taken. */
export async function shake(
  server: RealtimeServer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Tcp> {
  const tcp = Tcp.dial(server);
  tcp.write(head({ ...UPGRADE_HEADERS, ...headers }));
  await tcp.takeTo('\r\n\r\n');
  return tcp;
}

/** A server that echoes, and tells of each session how it ended. */
export async function echoing(options: RealtimeServerOptions = {}, handler: WebSocketHandler = echo) {
  const endings: unknown[] = [];
  const failures: Logged[] = [];
  const ignore = (): void => undefined;
  const logger = {
    ...{ debug: ignore, warn: ignore },
    info: (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      if (message === 'Session ended') endings.push([fields['closeCode'], fields['cause']]);
    },
    error: (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void failures.push([message, fields]),
  };
  const server = await serve((routes) => routes.websocket('/', handler), { logger, ...options });
  /** How the sessions ended so far, once there are so many. */
  const ended = async (count = 1): Promise<unknown[]> => {
    await until(() => endings.length >= count, { describe: `the end of ${count} sessions` });
    return endings;
  };
  const end = (): Promise<void> => server.close({ deadlineMs: 0 });
  return { server, ended, failures, [Symbol.asyncDispose]: end };
}

/** A TCP server that hands over each connection. */
export async function listenTcp(onConnection: (tcp: Tcp) => void) {
  const connections: Tcp[] = [];
  const server = createServer((socket) => {
    const tcp = new Tcp(socket);
    connections.push(tcp);
    onConnection(tcp);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    connections,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const tcp of connections) tcp.socket.destroy();
      await once(server, 'close');
    },
  };
}

export interface ReadFrame {
  readonly first: number;
  /** In hex; empty for none. */
  readonly mask: string;
  /** Unmasked. */
  readonly payload: Buffer;
  /** How many bytes say the length. */
  readonly lengthBytes: 0 | 2 | 8;
}

/** All whole frames. */
export function framesOf(bytes: Buffer): ReadFrame[] {
  const frames: ReadFrame[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const second = bytes[at + 1]!;
    const seven = second & 0x7f;
    const lengthBytes = seven < 126 ? 0 : seven === 126 ? 2 : 8;
    const maskAt = at + 2 + lengthBytes;
    const length = lengthBytes === 0 ? seven : Number(BigInt(`0x${bytes.toString('hex', at + 2, maskAt)}`));
    const bodyAt = maskAt + (second & 0x80 ? 4 : 0);
    if (bytes.length < bodyAt + length) break;
    const mask = bytes.subarray(maskAt, bodyAt);
    const body = bytes.subarray(bodyAt, bodyAt + length);
    const payload = mask.length === 0 ? body : body.map((byte, index) => byte ^ mask[index % 4]!);
    frames.push({
      first: bytes[at]!,
      mask: mask.toString('hex'),
      payload: Buffer.from(payload),
      lengthBytes,
    });
    at = bodyAt + length;
  }
  return frames;
}
