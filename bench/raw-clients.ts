// Clients made of bytes, so that what they cost hardly counts beside the server that is measured: they split what comes
// in the buffer it was read into, and send what was framed before.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const LF = 10;
const HEAD_END = '\r\n\r\n';
const READ_BYTES = 65_536;
/** One for all: a read is looked through before the next one. */
const shared = Buffer.allocUnsafe(READ_BYTES);

abstract class RawClient {
  readonly tcp: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #isAnswered = false;
  #isClosing = false;
  #onAnswered: () => void = () => undefined;

  protected constructor(port: number) {
    this.tcp = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (length, buffer) => {
          this.#read((buffer as Buffer).subarray(0, length));
          return true;
        },
      },
    });
    this.tcp.on('close', () => {
      if (!this.#isClosing)
        throw new Error('The server has closed a connection in the middle of a measurement.');
    });
  }

  /** Resolves when the server has answered with this status. */
  protected async ask(head: string, status: string): Promise<void> {
    const answered = new Promise<void>((resolve) => (this.#onAnswered = resolve));
    this.#status = status;
    await once(this.tcp, 'connect');
    this.tcp.write(`GET ${head}\r\n\r\n`);
    await answered;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const isClosed = once(this.tcp, 'close');
    this.tcp.destroy();
    await isClosed;
  }

  #status = '';

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#isAnswered) {
      const end = bytes.indexOf(HEAD_END);
      if (end >= 0) {
        const answer = bytes.toString('latin1', 0, end);
        if (!answer.startsWith(`HTTP/1.1 ${this.#status}`))
          throw new Error(`The server has answered ${answer}`);
        this.#isAnswered = true;
        this.#onAnswered();
        bytes = bytes.subarray(end + HEAD_END.length);
      }
    }
    const taken = this.#isAnswered ? this.take(bytes) : 0;
    this.#rest = Buffer.from(bytes.subarray(taken));
  }

  /** Returns how many bytes were whole. */
  protected abstract take(bytes: Buffer): number;
}

const PONG = 0x8a;
const CLOSE = 8;
const PING = 9;

export type OnPayload = (bytes: Buffer, start: number, end: number) => void;

export class RawWebSocket extends RawClient {
  onMessage: OnPayload = () => undefined;

  static async open(port: number, path: string): Promise<RawWebSocket> {
    const client = new RawWebSocket(port);
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
    const key = randomBytes(16).toString('base64');
    await client.ask(`${path} HTTP/1.1\r\nHost: bench\r\n${upgrade}\r\nSec-WebSocket-Key: ${key}`, '101');
    return client;
  }

  protected take(bytes: Buffer): number {
    let at = 0;
    while (at + 2 <= bytes.length) {
      const short = (bytes[at + 1] as number) & 0x7f;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (start > bytes.length) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      const end = start + length;
      if (end > bytes.length) break;
      const opcode = (bytes[at] as number) & 0x0f;
      if (opcode === PING) this.tcp.write(masked(PONG, bytes.subarray(start, end)));
      else if (opcode !== CLOSE) this.onMessage(bytes, start, end);
      at = end;
    }
    return at;
  }
}

export const TEXT_FRAME = 0x81;
export const BINARY_FRAME = 0x82;

/** A client's frame: RFC 6455 §5.3. */
export function masked(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (length > 65_535) throw new Error('Frames of this benchmark are shorter than 64 KiB.');
  const mask = randomBytes(4);
  const head = length < 126 ? [first, 0x80 | length] : [first, 0x80 | 126, length >> 8, length & 0xff];
  const body = payload.map((byte, index) => byte ^ (mask[index % 4] as number));
  return Buffer.concat([Buffer.from(head), mask, body]);
}

/** Takes for granted that no event is cut in two chunks of HTTP, which is so where each was written by one call. */
export class RawEventStream extends RawClient {
  onEvent: (bytes: Buffer, idAt: number, dataAt: number, dataEnd: number) => void = () => undefined;

  static async open(port: number, path: string): Promise<RawEventStream> {
    const client = new RawEventStream(port);
    await client.ask(`${path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream`, '200');
    return client;
  }

  protected take(bytes: Buffer): number {
    let at = 0;
    for (;;) {
      const headEnd = bytes.indexOf(LF, at);
      if (headEnd < 0) return at;
      const start = headEnd + 1;
      const end = start + Number.parseInt(bytes.toString('latin1', at, headEnd - 1), 16);
      if (end + 2 > bytes.length) return at;
      this.#chunk(bytes, start, end);
      at = end + 2;
    }
  }

  #chunk(bytes: Buffer, start: number, end: number): void {
    let idAt = -1;
    let dataAt = -1;
    let dataEnd = -1;
    for (let at = start; at < end;) {
      const lineEnd = bytes.indexOf(LF, at);
      if (lineEnd < 0 || lineEnd >= end) throw new Error('A chunk ends within a line.');
      if (lineEnd === at) {
        if (dataAt >= 0) this.onEvent(bytes, idAt, dataAt, dataEnd);
        idAt = dataAt = -1;
      } else if (startsField(bytes, at, 'id:')) idAt = valueAt(bytes, at + 3);
      else if (startsField(bytes, at, 'data:')) {
        dataAt = valueAt(bytes, at + 5);
        dataEnd = lineEnd;
      }
      at = lineEnd + 1;
    }
    if (dataAt >= 0) throw new Error('A chunk ends within an event.');
  }
}

function startsField(bytes: Buffer, at: number, name: string): boolean {
  for (let index = 0; index < name.length; index += 1)
    if (bytes[at + index] !== name.charCodeAt(index)) return false;
  return true;
}

const SPACE = 32;

const valueAt = (bytes: Buffer, at: number): number => (bytes[at] === SPACE ? at + 1 : at);
