// Messages for many: encoded and framed once, however many they go to.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { InvalidOptionError } from '../../errors.ts';
import { isBytes, toBuffer, type Bytes } from './bytes.ts';

/** What can be sent: a string as text, bytes as binary, an object or array as JSON, and what was prepared as it is. */
export type Sendable = string | Bytes | object | PreparedMessage;

const FIN = 0x80;
const TEXT = 1;
const BINARY = 2;

/** RFC 6455 §5.2: what a server sends is not masked, so that a frame is the same for everybody. */
function framed(payload: Buffer, isBinary: boolean): Buffer {
  const { byteLength } = payload;
  const header = byteLength < 126 ? 2 : byteLength < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + byteLength);
  frame[0] = FIN | (isBinary ? BINARY : TEXT);
  if (header === 2) frame[1] = byteLength;
  else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(byteLength, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(byteLength), 2);
  }
  payload.copy(frame, header);
  return frame;
}

/**
 * A message for many, encoded and framed once: give it to `send()` of each. Made by {@link prepareMessage}.
 */
export class PreparedMessage {
  readonly payload: Buffer;
  readonly #isBinary: boolean;
  readonly #frame: Buffer;

  constructor(message: string | Buffer) {
    this.#isBinary = typeof message !== 'string';
    const payload = typeof message === 'string' ? Buffer.from(message) : message;
    this.#frame = framed(payload, this.#isBinary);
    // A view: what is held of a message that waits is held once.
    this.payload = this.#frame.subarray(this.#frame.byteLength - payload.byteLength);
  }

  /** Of the payload, before compression. */
  get byteLength(): number {
    return this.payload.byteLength;
  }

  /**
   * Without an extension `ws` writes each frame to the socket at once, so that ours comes in its turn. With one it
   * may still be compressing what was sent before.
   */
  sendTo(socket: WebSocket, tcp: Duplex, done: ((error?: Error | null) => void) | undefined): void {
    if (socket.extensions === '') tcp.write(this.#frame, done);
    else socket.send(this.payload, { binary: this.#isBinary }, done);
  }
}

/**
 * Encodes and frames a message once, for `send()` of many sessions.
 *
 * @throws {InvalidOptionError} for something that cannot be sent
 */
export const prepareMessage = (message: Sendable): PreparedMessage =>
  message instanceof PreparedMessage ? message : new PreparedMessage(payloadOf(message));

/**
 * A string for a text message, a Buffer for a binary one.
 *
 * @throws {InvalidOptionError} for something that cannot be sent
 */
export function payloadOf(message: string | Bytes | object): string | Buffer {
  if (typeof message === 'string') return message;
  if (isBytes(message)) return toBuffer(message);
  const isData = typeof message === 'object' && (message as unknown) !== null && !(message instanceof Blob);
  const text = isData ? (JSON.stringify(message) as string | undefined) : undefined;
  if (text !== undefined) return text;
  throw new InvalidOptionError('message', 'a string, bytes, an object or an array', message);
}
