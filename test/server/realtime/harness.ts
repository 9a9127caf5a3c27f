// A realtime server for a test, and clients that nobody here wrote.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket, type ClientOptions } from 'ws';
import {
  createRealtimeServer,
  SessionError,
  type RealtimeServer,
  type RealtimeServerOptions,
  type RealtimeSession,
  type WebSocketSession,
} from '../../../src/server/index.ts';
import { until } from '../../../src/testing/wait.ts';

export type Logged = readonly [message: string, fields: Readonly<Record<string, unknown>>];

/** A logger that keeps the errors. */
export function errorLog() {
  const errors: Logged[] = [];
  const ignore = (): void => undefined;
  const error = (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
    void errors.push([message, fields]);
  return { errors, logger: { debug: ignore, info: ignore, warn: ignore, error } };
}

/** Listens at a free port; the routes are added first. */
export async function serve(
  options: RealtimeServerOptions,
  routes: (server: RealtimeServer) => void,
): Promise<RealtimeServer> {
  const server = createRealtimeServer(options);
  routes(server);
  return server.listen();
}

/** A handler that does nothing until the session ends. */
export const stay = ({ signal }: { readonly signal: AbortSignal }): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener('abort', resolve));

export const echo = async (socket: WebSocketSession): Promise<void> => {
  for await (const message of socket) await socket.send(message);
};

export const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof SessionError ? error.code : error),
  );

export const only = (server: RealtimeServer): RealtimeSession => {
  const [session] = server.connections.values();
  if (session === undefined) throw new Error('There is no session.');
  return session;
};

export class Client {
  readonly socket: WebSocket;
  readonly messages: (string | Buffer)[] = [];
  readonly pings: string[] = [];
  readonly pongs: string[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;

  constructor(server: RealtimeServer, path: string, protocols: string[] = [], options: ClientOptions = {}) {
    this.socket = new WebSocket(server.url.replace('http', 'ws') + path, protocols, options);
    this.socket.on('message', (data: Buffer, isBinary) => {
      this.messages.push(isBinary ? data : data.toString());
    });
    this.socket.on('ping', (data) => this.pings.push(data.toString()));
    this.socket.on('pong', (data) => this.pongs.push(data.toString()));
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
  }

  static async open(...args: ConstructorParameters<typeof Client>): Promise<Client> {
    const client = new Client(...args);
    await once(client.socket, 'open');
    return client;
  }

  async got(count: number): Promise<(string | Buffer)[]> {
    await until(() => this.messages.length >= count, {
      describe: () => `${count} messages; there came ${this.messages.length}`,
    });
    return this.messages;
  }

  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    await until(() => this.closed, { describe: 'the end of the connection' });
    return this.closed!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.end();
  }
}

/** The status and the JSON body with which an upgrade is refused. */
export async function refusalOf(
  server: RealtimeServer,
  path: string,
  headers: Record<string, string> = {},
  options: ClientOptions = {},
): Promise<{ status: number | undefined; body: unknown; headers: Record<string, unknown> }> {
  const socket = new WebSocket(server.url.replace('http', 'ws') + path, { headers, ...options });
  socket.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      socket.terminate();
      reject(new Error('The upgrade was accepted.'));
    });
    socket.on('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const body: unknown = text.startsWith('{') ? JSON.parse(text) : text;
        resolve({ status: response.statusCode, body, headers: response.headers });
      });
    });
  });
}

const UPGRADE =
  'Host: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** A WebSocket client made of bytes. */
export class RawSocket {
  readonly tcp: Socket;
  head = '';
  isEnded = false;
  #bytes = Buffer.alloc(0);

  private constructor(tcp: Socket) {
    this.tcp = tcp;
    tcp.on('data', (chunk) => (this.#bytes = Buffer.concat([this.#bytes, chunk])));
    tcp.on('error', () => undefined);
    tcp.on('close', () => (this.isEnded = true));
  }

  static async open(server: RealtimeServer, path: string, headers = ''): Promise<RawSocket> {
    const raw = new RawSocket(connect(Number(new URL(server.url).port), '127.0.0.1'));
    raw.tcp.write(`GET ${path} HTTP/1.1\r\n${UPGRADE}${headers}\r\n`);
    await until(() => raw.#bytes.includes('\r\n\r\n'));
    const end = raw.#bytes.indexOf('\r\n\r\n') + 4;
    raw.head = raw.#bytes.subarray(0, end).toString();
    raw.#bytes = raw.#bytes.subarray(end);
    return raw;
  }

  /** All that came after the head. */
  get hex(): string {
    return this.#bytes.toString('hex');
  }

  get received(): Buffer {
    return this.#bytes;
  }

  write(bytes: Buffer | string): void {
    this.tcp.write(typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes);
  }

  async until(hex: string): Promise<void> {
    await until(() => this.hex === hex, { describe: () => `${hex}; there came ${this.hex}` });
  }

  async ended(): Promise<void> {
    await until(() => this.isEnded, { describe: 'the end of the TCP connection' });
  }

  [Symbol.dispose](): void {
    this.tcp.destroy();
  }
}

/** A client's frame: masked with zeros, so that a test can be read. */
export function frame(first: number, payload: Buffer | string = '', { masked = true } = {}): Buffer {
  const bytes = Buffer.from(payload);
  const mask = masked ? 0x80 : 0;
  const head =
    bytes.length < 126
      ? [first, mask | bytes.length]
      : [first, mask | 126, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), bytes]);
}
