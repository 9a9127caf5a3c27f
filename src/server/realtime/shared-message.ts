// A message for many: encoded and framed once, however many it goes to.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

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

export class SharedMessage {
  readonly payload: Buffer;
  readonly #isBinary: boolean;
  #frame: Buffer | undefined;

  constructor(message: string | Buffer) {
    this.#isBinary = typeof message !== 'string';
    this.payload = Buffer.from(message);
  }

  /**
   * Without an extension `ws` writes each frame to the socket at once, so that ours comes in its turn. With one it
   * may still be compressing what was sent before.
   */
  sendTo(socket: WebSocket, tcp: Duplex, done: ((error?: Error | null) => void) | undefined): void {
    if (socket.extensions === '') {
      this.#frame ??= framed(this.payload, this.#isBinary);
      tcp.write(this.#frame, done);
    } else socket.send(this.payload, { binary: this.#isBinary }, done);
  }
}
