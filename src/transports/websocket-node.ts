// The transport of Node: one `ws` socket a link, with the causes, times and byte counts of the socket under it.
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { nextTick } from 'node:process';
import { Readable } from 'node:stream';
import { WebSocket, type ClientOptions } from 'ws';
import type { Clock } from '../clock.ts';
import { InvalidOptionError } from '../errors.ts';
import type { WebSocketOptions } from '../platform/platform.ts';
import { beginningOf } from './refused-body.ts';
import type { ConnectTimings, Frame, Link, LinkEnd, LinkEvents, Target, Transport } from './transport.ts';
import { fitReason, refuse, SILENT } from './websocket-native.ts';

export type NodeWebSocketOptions = Pick<WebSocketOptions, 'maxPayloadBytes' | 'compression' | 'node'>;

const DEFAULT_MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;
/** `ws` keeps the limit in 32 bits; a higher one would be none. */
const MAX_PAYLOAD_BYTES = 2_147_483_647;

/**
 * Sockets of `ws`. Redirects are not followed, and nothing has a time limit here: time is the machine's.
 *
 * @throws {InvalidOptionError} for an option of the wrong type or out of range.
 */
export function nodeWebSocket(options: NodeWebSocketOptions = {}): Transport {
  const clientOptions = resolve(options);
  return {
    name: 'ws',
    open: (target, events, clock) => new NodeLink(target, clientOptions, events, clock),
  };
}

function resolve(options: NodeWebSocketOptions): ClientOptions {
  const { maxPayloadBytes = DEFAULT_MAX_PAYLOAD_BYTES, compression = false, node = {} } = options;
  if (!Number.isInteger(maxPayloadBytes) || maxPayloadBytes < 1 || maxPayloadBytes > MAX_PAYLOAD_BYTES)
    throw new InvalidOptionError(
      'webSocket.maxPayloadBytes',
      `a whole number from 1 to ${MAX_PAYLOAD_BYTES}`,
      maxPayloadBytes,
    );
  if (typeof compression !== 'boolean')
    throw new InvalidOptionError('webSocket.compression', 'true or false', compression);
  return {
    ...node,
    maxPayload: maxPayloadBytes,
    perMessageDeflate: compression,
    autoPong: true,
    followRedirects: false,
    skipUTF8Validation: false,
    finishRequest,
  };
}

/** RFC 6455 §7.4.1 and §7.4.2: what may stand in a close frame. `ws` throws for anything else. */
const isSendable = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
  (code >= 3000 && code <= 4999);

/** The events of a socket that end the parts of opening, in their order. */
const PARTS = [
  ['lookup', 'dnsMs'],
  ['connect', 'tcpMs'],
  ['secureConnect', 'tlsMs'],
] as const;

/** Takes the times of opening; what did not happen, such as a lookup of an IP address, has none. */
class Stopwatch {
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  readonly #endedAtMs = new Map<string, number>();
  readonly #marks = PARTS.map(([event]) => {
    const mark = (): void => {
      if (!this.#endedAtMs.has(event)) this.#endedAtMs.set(event, this.#clock.now());
    };
    return { event, mark };
  });

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAtMs = clock.now();
  }

  watch(socket: Socket): void {
    for (const { event, mark } of this.#marks) socket.on(event, mark);
  }

  stop(socket: Socket | undefined): ConnectTimings {
    const nowMs = this.#clock.now();
    // Filled, not spread: a spread would have a hidden class of its own for each connection, 200 bytes more.
    const timings: { -readonly [Name in keyof ConnectTimings]: ConnectTimings[Name] } = { totalMs: 0 };
    let beforeMs = this.#startedAtMs;
    for (const [event, name] of PARTS) {
      const endedAtMs = this.#endedAtMs.get(event);
      if (endedAtMs === undefined) continue;
      timings[name] = endedAtMs - beforeMs;
      beforeMs = endedAtMs;
    }
    for (const { event, mark } of this.#marks) socket?.off(event, mark);
    timings.upgradeMs = nowMs - beforeMs;
    timings.totalMs = nowMs - this.#startedAtMs;
    return timings;
  }
}

/** How many sends go unwatched after a turn that had but one. */
const UNWATCHED_SENDS = 3;
/** Beyond this, a turn's bytes are worth a write of their own: the peer reads them while the rest is being framed. */
const MAX_HELD_BYTES = 256 * 1024;

/**
 * Lets the sends of one turn of the event loop leave in few writes, at the end of that turn and not later.
 *
 * A turn is watched by a `nextTick`, which costs a tenth of a small send. So it learns: after a burst it corks with
 * the first send of a turn; after a single send it corks with the second one, and leaves the next sends unwatched.
 * Beside `ws.send` alone, 16 and 128 bytes: one a turn 1.04×, a hundred a turn 5.4× and 4×.
 */
class TurnCork {
  readonly #socket: Socket;
  #sends = 0;
  #corkAtSend = 2;
  #unwatched = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** To be called before each send. */
  beforeSend(): void {
    if (this.#unwatched > 0) {
      this.#unwatched -= 1;
      return;
    }
    this.#sends += 1;
    if (this.#sends === 1) nextTick(TurnCork.#endTurn, this);
    if (this.#sends === this.#corkAtSend) this.#socket.cork();
    else if (this.#sends > this.#corkAtSend && this.#socket.writableLength >= MAX_HELD_BYTES) {
      this.#socket.uncork();
      this.#socket.cork();
    }
  }

  /** Lets go what is held, before the turn is over. */
  release(): void {
    if (this.#sends >= this.#corkAtSend) this.#socket.uncork();
  }

  static readonly #endTurn = (cork: TurnCork): void => {
    cork.release();
    const isBurst = cork.#sends > 1;
    cork.#corkAtSend = isBurst ? 1 : 2;
    cork.#unwatched = isBurst ? 0 : UNWATCHED_SENDS;
    cork.#sends = 0;
  };
}

/** Up to this length a string is cheaper to send as bytes: `ws` then makes one chunk of header and payload, not two. */
const SHORT_TEXT_LENGTH = 128;
const AS_TEXT = { binary: false } as const;
const NOTHING = new Uint8Array(0);

/** A socket that tells its link: six listeners, even if all sockets share them, would take 450 bytes of each. */
class LinkSocket extends WebSocket {
  link: NodeLink | undefined;

  /** Returns true, as if somebody listened: else `ws` would throw its errors, and end a refused upgrade by itself. */
  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const { link } = this;
    if (link === undefined) return true;
    if (event === 'message') {
      const bytes = first as Buffer; // by the default `binaryType`
      link.received(second === true ? bytes : bytes.toString());
    } else if (event === 'pong') link.ponged();
    else if (event === 'open') link.opened();
    else if (event === 'close') link.ended(first as number, (second as Buffer).toString());
    else if (event === 'error') link.failed(first as Error);
    else if (event === 'unexpected-response') link.refused(second as IncomingMessage);
    return true;
  }
}

class NodeLink implements Link {
  readonly #ws: LinkSocket;
  readonly #clock: Clock;
  #events: LinkEvents;
  #stopwatch: Stopwatch | undefined;
  #socket: Socket | undefined;
  #cork: TurnCork | undefined;
  #cause: unknown;
  #refusal: Pick<LinkEnd, 'httpStatus' | 'retryAfter' | 'payload'> | undefined;

  constructor(target: Target, options: ClientOptions, events: LinkEvents, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
    this.#stopwatch = new Stopwatch(clock);
    this.#ws = new LinkSocket(target.url, [...target.subprotocols], { ...options, headers: target.headers });
    this.#ws.link = this;
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  get bytesIn(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  get bytesOut(): number {
    const socket = this.#socket;
    if (socket === undefined) return 0;
    // `bytesWritten` counts the socket's buffer, but not what permessage-deflate is working on.
    return socket.bytesWritten - socket.writableLength + this.#ws.bufferedAmount;
  }

  send(frame: Frame, flushed?: (error?: unknown) => void): void {
    if (this.#ws.readyState !== WebSocket.OPEN) {
      refuse(flushed);
      return;
    }
    this.#cork?.beforeSend();
    const written = flushed && this.#whenWritten(flushed);
    if (typeof frame === 'string' && frame.length <= SHORT_TEXT_LENGTH)
      this.#ws.send(Buffer.from(frame), AS_TEXT, written);
    else this.#ws.send(frame, written);
  }

  whenDrained(callback: () => void): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#awaitDrain(callback);
  }

  ping(): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping();
  }

  close(code: number, reason: string): void {
    this.#cork?.release();
    this.#ws.resume(); // else the peer's answer would never be read
    this.#ws.close(isSendable(code) ? code : 1000, fitReason(reason));
  }

  terminate(): void {
    this.#events = SILENT;
    this.#cork?.release();
    this.#ws.terminate();
  }

  pause(): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  #awaitDrain(callback: () => void): void {
    const events = this.#events;
    // A write of no bytes is called back in its turn, behind everything that is buffered.
    this.#socket?.write(NOTHING, (error) => {
      // Node calls a write back without an error, too, when its socket was destroyed under it.
      if (error || this.#socket?.destroyed !== false || this.#events !== events) return;
      // What permessage-deflate is working on is not in the socket's buffer yet.
      if (this.#ws.extensions !== '' && this.#ws.bufferedAmount > 0)
        setImmediate(() => {
          this.#awaitDrain(callback);
        });
      else callback();
    });
  }

  #whenWritten(flushed: (error?: unknown) => void): (error?: Error | null) => void {
    return (error) => {
      // Node calls a write that was under way when its socket was destroyed back without an error.
      const isLost = this.#socket?.destroyed === true;
      flushed(error ?? (isLost ? new Error('The socket ended before the message had left.') : undefined));
    };
  }

  // What follows is called by the listeners below.

  attach(socket: Socket): void {
    this.#socket = socket;
    this.#stopwatch?.watch(socket);
  }

  failed(error: Error): void {
    // The first error is the cause; after a refusal `ws` only says that the handshake was given up.
    if (this.#refusal === undefined) this.#cause ??= error;
  }

  /** The status, `Retry-After` and the body are told here only. `close` follows, by `terminate()`. */
  refused(response: IncomingMessage): void {
    const retryAfter = response.headers['retry-after'];
    this.#refusal = {
      ...(response.statusCode !== undefined && { httpStatus: response.statusCode }),
      ...(retryAfter !== undefined && { retryAfter }),
    };
    void this.#hearOut(response);
  }

  async #hearOut(response: IncomingMessage): Promise<void> {
    const body = Readable.toWeb(response) as ReadableStream<Uint8Array>;
    const payload = await beginningOf(body, this.#clock);
    if (payload !== '') this.#refusal = { ...this.#refusal, payload };
    this.#ws.terminate();
  }

  opened(): void {
    const socket = this.#socket;
    const stopwatch = this.#stopwatch;
    if (socket === undefined || stopwatch === undefined) return;
    this.#stopwatch = undefined;
    this.#cork = new TurnCork(socket);
    this.#events.opened({ subprotocol: this.#ws.protocol, timings: stopwatch.stop(socket) });
  }

  received(frame: Frame): void {
    this.#events.received(frame);
  }

  ponged(): void {
    this.#events.ponged();
  }

  ended(closeCode: number, closeReason: string): void {
    const events = this.#events;
    this.#events = SILENT;
    // After the upgrade `ws` swallows the errors of the socket, such as ECONNRESET; a refusal needs no other cause.
    const cause = this.#cause ?? (this.#refusal === undefined ? this.#socket?.errored : undefined);
    const error = cause ? { error: cause } : undefined;
    events.ended({ closeCode, closeReason, ...error, ...this.#refusal });
  }
}

function finishRequest(request: ClientRequest, ws: WebSocket): void {
  request.once('socket', (socket) => {
    if (ws instanceof LinkSocket) ws.link?.attach(socket);
  });
  request.end();
}
