// The server's end of one WebSocket, which does nothing of its own accord: no pong, and no close unless allowed.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { Frame } from '../transports/transport.ts';
import { resetSocket } from './port.ts';
import { Inbox, until } from './wait.ts';

/** A close code with its reason: 1005 when a close frame had no code, 1006 when there was no close frame. */
export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

/** Tells of a received close frame instead of answering it. */
export class PassiveWebSocket extends WebSocket {
  closeFrameReceived: (frame: CloseInfo) => void = () => undefined;

  /**
   * Nobody calls this but ws itself: with the code and reason of a close frame it received, with nothing when that
   * frame was empty, and with a code alone when the peer broke the protocol.
   */
  override close(code?: number, reason?: string | Buffer): void {
    if (code !== undefined && reason === undefined) super.close(code);
    else this.closeFrameReceived({ code: code ?? 1005, reason: reason?.toString() ?? '' });
  }

  sendClose({ code, reason }: CloseInfo): void {
    if (code === 1005) super.close();
    else super.close(code, reason);
  }
}

/**
 * The server's end of a WebSocket, from the accepted upgrade on. What the client sends is recorded; pings are
 * answered only after `autoPong(true)`; a close frame is answered with the same code, except after `holdClose()`.
 * A breach of the WebSocket protocol is answered with its close code (1002, 1007 or 1009).
 *
 * Everything that sends is ignored once the connection is gone. The waiting methods reject after five seconds.
 */
export class PuppetSocket {
  /** The upgrade request as Node received it: `url`, `headers`. */
  readonly request: IncomingMessage;
  /** The subprotocol that was agreed on; empty when none was. */
  readonly subprotocol: string;
  /** Called with every message, after it was recorded: for a server that answers by itself. */
  onFrame: ((frame: Frame) => void) | undefined;
  readonly #ws: PassiveWebSocket;
  readonly #tcp: Socket;
  readonly #frames = new Inbox<Frame>('a frame from the client');
  readonly #pings = new Inbox<Uint8Array>('a ping from the client');
  readonly #pongs = new Inbox<Uint8Array>('a pong from the client');
  #autoPong = false;
  #close: 'answered at once' | 'held' = 'answered at once';
  #closeReceived: CloseInfo | undefined;
  #end: CloseInfo | undefined;
  #frozen = false;

  /** Made by `PuppetUpgrade.accept()`. */
  constructor(ws: PassiveWebSocket, request: IncomingMessage, subprotocol: string) {
    this.#ws = ws;
    this.#tcp = request.socket;
    this.request = request;
    this.subprotocol = subprotocol;
    this.#listen(ws);
  }

  /** Every message received so far: texts as strings, binary ones as bytes. */
  get frames(): readonly Frame[] {
    return this.#frames.items;
  }

  /** The first message that was not asked for yet. */
  nextFrame(): Promise<Frame> {
    return this.#frames.next();
  }

  /** Like {@link nextFrame}, parsed as JSON. @throws {SyntaxError} for a message that is no JSON. */
  async nextJson(): Promise<unknown> {
    return JSON.parse(String(await this.nextFrame()));
  }

  /** Sends text or bytes as they are, anything else as JSON. */
  send(message: string | object): void {
    const isFrame = typeof message === 'string' || message instanceof Uint8Array;
    this.#ws.send(isFrame ? message : JSON.stringify(message));
  }

  /** Writes bytes straight to the TCP socket: broken frames, half frames, no frames. */
  sendRaw(bytes: Uint8Array): void {
    this.#tcp.write(bytes);
  }

  /** How many protocol pings were received so far. */
  get pings(): number {
    return this.#pings.items.length;
  }

  /** The payload of the first ping that was not asked for yet. */
  nextPing(): Promise<Uint8Array> {
    return this.#pings.next();
  }

  /** Sends a pong; by default with the payload of the latest ping. */
  pong(payload: string | Uint8Array = this.#pings.items.at(-1) ?? ''): void {
    this.#ws.pong(payload);
  }

  /** Whether pings are answered by themselves from now on. Initially they are not. */
  autoPong(on: boolean): void {
    this.#autoPong = on;
  }

  ping(payload: string | Uint8Array = ''): void {
    this.#ws.ping(payload);
  }

  /** How many pongs were received so far. */
  get pongs(): number {
    return this.#pongs.items.length;
  }

  /** The payload of the first pong that was not asked for yet. */
  nextPong(): Promise<Uint8Array> {
    return this.#pongs.next();
  }

  /**
   * Sends a close frame, an empty one without a code. The TCP connection ends when the client has answered.
   *
   * @throws {TypeError} for a code that must not be sent, such as 1006; {@link sendRaw} can.
   */
  close(code = 1005, reason = ''): void {
    this.#ws.sendClose({ code, reason });
  }

  /** The client's close frame; `undefined` as long as none was received. */
  get closeReceived(): CloseInfo | undefined {
    return this.#closeReceived;
  }

  /** Leaves the client's close frame unanswered, and the TCP connection open; `holdClose(false)` answers it after all. */
  holdClose(on = true): void {
    this.#close = on ? 'held' : 'answered at once';
    if (!on && this.#closeReceived) this.#ws.sendClose(this.#closeReceived);
  }

  /** Answers the close frame that was held. @throws {Error} when none was received. */
  answerClose(): void {
    if (!this.#closeReceived)
      throw new Error('The client has not sent a close frame that could be answered.');
    this.holdClose(false);
  }

  /** Whether the connection is gone. A frozen socket does not notice that its client has left. */
  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  /** Waits until the connection is gone; resolves with the close frame received, or 1006 when there was none. */
  closed(): Promise<CloseInfo> {
    return until(() => this.#end, { describe: 'the end of the connection' });
  }

  /** Ends the TCP connection with RST: the client's system reports `ECONNRESET`. */
  reset(): void {
    resetSocket(this.#tcp);
  }

  /** Ends the TCP connection with FIN, without a close frame. */
  drop(): void {
    this.#tcp.end();
  }

  /** Turns into a black hole: nothing is read, nothing is written, the TCP connection stays open. */
  freeze(): void {
    if (this.#frozen) return;
    this.#frozen = true;
    this.#ws.pause();
    this.#tcp.cork();
  }

  /** Ends {@link freeze}: what the client sent meanwhile is read, what was to be sent meanwhile is sent. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#tcp.uncork();
    this.#ws.resume();
  }

  #listen(ws: PassiveWebSocket): void {
    ws.on('message', (data, isBinary) => {
      // With the default binaryType, which nobody changes here, it is always a Buffer.
      const bytes = data as Buffer;
      const frame = isBinary ? new Uint8Array(bytes) : bytes.toString();
      this.#frames.push(frame);
      this.onFrame?.(frame);
    });
    ws.on('ping', (payload) => {
      this.#pings.push(new Uint8Array(payload));
      if (this.#autoPong) this.pong();
    });
    ws.on('pong', (payload) => {
      this.#pongs.push(new Uint8Array(payload));
    });
    ws.on('error', () => undefined);
    ws.on('close', (code, reason) => {
      this.#end = { code, reason: reason.toString() };
      // A close frame that was still unread when the socket closed is told only here.
      if (code !== 1006) this.#closeReceived ??= this.#end;
    });
    ws.closeFrameReceived = (frame) => {
      this.#closeReceived = frame;
      if (this.#close === 'answered at once') ws.sendClose(frame);
    };
  }
}
