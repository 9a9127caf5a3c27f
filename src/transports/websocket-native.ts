// A transport over a DOM-shaped WebSocket: the browser's, or any class or factory that is given. No Node import.
import type { Clock } from '../clock.ts';
import { InvalidOptionError } from '../errors.ts';
import type { Frame, Link, LinkEnd, LinkEvents, Transport } from './transport.ts';

/**
 * What is used of a WebSocket. The four handlers are assigned; they read `data` of a message, `code` and `reason` of
 * a close, `error` of an error event. They are `unknown` so that every library's own event types fit.
 */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  onopen: unknown;
  onmessage: unknown;
  onerror: unknown;
  onclose: unknown;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;
export type WebSocketFactory = (url: string, protocols: string[]) => WebSocketLike;

export interface NativeWebSocketOptions {
  /** Called as `new WebSocket(url, protocols)`. Default: the global `WebSocket`. */
  readonly WebSocket?: WebSocketConstructor;
  /** Called as `createWebSocket(url, protocols)`, instead of a class. Default: none. */
  readonly createWebSocket?: WebSocketFactory;
}

const OPEN = 1;
const MAX_REASON_BYTES = 123;
/** Browsers have no event for a drained buffer, so it is looked at, but only while someone waits. */
const POLL_MS = 20;

/**
 * Sockets of the platform. A browser never tells why an upgrade failed: every failure is close code 1006. It sends
 * neither headers nor pings, and cannot stop reading.
 *
 * @throws {InvalidOptionError} for an option of the wrong type, and when neither option is given and the platform has
 * no global `WebSocket`.
 */
export function nativeWebSocket(options: NativeWebSocketOptions = {}): Transport {
  const create = factoryOf(options);
  return {
    name: 'native',
    open: (target, events, clock) => {
      const startedAtMs = clock.now();
      return new NativeLink(create(target.url, [...target.subprotocols]), events, clock, startedAtMs);
    },
  };
}

function factoryOf(options: NativeWebSocketOptions): WebSocketFactory {
  const { createWebSocket } = options;
  if (createWebSocket !== undefined) {
    if (typeof createWebSocket !== 'function')
      throw new InvalidOptionError('webSocket.createWebSocket', 'a function', createWebSocket);
    return createWebSocket;
  }
  const Socket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (Socket === undefined)
    throw new InvalidOptionError(
      'webSocket.WebSocket',
      'a WebSocket class, because this platform has no global one (or give webSocket.createWebSocket)',
      Socket,
    );
  if (typeof Socket !== 'function') throw new InvalidOptionError('webSocket.WebSocket', 'a class', Socket);
  return (url, protocols) => new Socket(url, protocols);
}

/** As much of a close reason as a close frame holds, 123 bytes of UTF-8, cut between characters. */
export function fitReason(reason: string): string {
  // A UTF-16 unit takes at most three bytes, so most reasons need no second look.
  if (reason.length * 3 <= MAX_REASON_BYTES) return reason;
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_REASON_BYTES));
  return reason.slice(0, read);
}

/** What a link calls once its owner must not hear of it any more. */
export const SILENT: LinkEvents = {
  opened: () => undefined,
  received: () => undefined,
  ponged: () => undefined,
  ended: () => undefined,
};

/** Tells a sender, outside of its own call, that its message will not leave. */
export function refuse(flushed: ((error: unknown) => void) | undefined): void {
  if (flushed === undefined) return;
  queueMicrotask(() => {
    flushed(new Error('The socket is not open; the message was not sent.'));
  });
}

/** Somebody who waits until as many bytes have left as had been handed over. */
interface Waiter {
  readonly atBytes: number;
  readonly left: () => void;
  readonly lost?: (error: Error) => void;
}

interface CloseLike {
  readonly code: number;
  readonly reason: string;
  readonly wasClean?: boolean;
}

class NativeLink implements Link {
  readonly #socket: WebSocketLike;
  readonly #clock: Clock;
  #events: LinkEvents;
  #cause: unknown;
  #bytesIn = 0;
  #bytesOut = 0;
  #waiters: Waiter[] = [];
  #poll: unknown;

  constructor(socket: WebSocketLike, events: LinkEvents, clock: Clock, startedAtMs: number) {
    this.#socket = socket;
    this.#events = events;
    this.#clock = clock;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      const timings = { totalMs: clock.now() - startedAtMs };
      this.#events.opened({ subprotocol: socket.protocol, timings });
    };
    socket.onmessage = (event: { readonly data: string | ArrayBuffer }) => {
      this.#receive(event.data);
    };
    socket.onerror = (event: { readonly error?: unknown }) => {
      this.#cause ??= event.error;
    };
    socket.onclose = (event: CloseLike) => {
      this.#end(event);
    };
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === OPEN && this.#events !== SILENT;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  get bytesOut(): number {
    return this.#bytesOut;
  }

  send(frame: Frame, flushed?: (error?: unknown) => void): void {
    const socket = this.#socket;
    if (!this.#isOpen) {
      refuse(flushed);
      return;
    }
    const bufferedBefore = socket.bufferedAmount;
    socket.send(frame as string | Uint8Array<ArrayBuffer>);
    // As the platform counts, so that the difference to `bufferedAmount` grows only when something leaves. The length is
    // for those that hand the bytes to the system within the call.
    this.#bytesOut += Math.max(socket.bufferedAmount - bufferedBefore, frame.length);
    if (flushed !== undefined) this.#wait(() => flushed(), flushed);
  }

  whenDrained(callback: () => void): void {
    if (this.#isOpen) this.#wait(callback);
  }

  close(code: number, reason: string): void {
    // The WebSocket standard, close(): 1000 and 3000–4999 only; anything else throws InvalidAccessError.
    const isAllowed = code === 1000 || (code >= 3000 && code <= 4999);
    this.#socket.close(isAllowed ? code : 1000, fitReason(reason));
  }

  terminate(): void {
    const socket = this.#socket;
    this.#events = SILENT;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Stays handled: `ws` throws an error event that nobody listens to, and emits one when closed while connecting.
    socket.onerror = () => undefined;
    const lost = this.#stopWaiting();
    queueMicrotask(() => {
      loseAll(lost);
    });
    try {
      socket.close();
    } catch {
      // Some implementations refuse while connecting; the socket is nobody's now and ends by itself.
    }
  }

  #receive(data: string | ArrayBuffer): void {
    const frame = typeof data === 'string' ? data : new Uint8Array(data);
    this.#bytesIn += frame.length; // of a text its characters: to count its bytes would be to encode it again
    this.#events.received(frame);
  }

  #end({ code, reason, wasClean }: CloseLike): void {
    const events = this.#events;
    this.#events = SILENT;
    // After an unclean end `bufferedAmount` proves nothing: `ws` sets it back when it drops what is buffered.
    if (wasClean === true) this.#releaseLeft();
    loseAll(this.#stopWaiting());
    const end: LinkEnd = { closeCode: code, closeReason: reason };
    events.ended(this.#cause === undefined ? end : { ...end, error: this.#cause });
  }

  #wait(left: () => void, lost?: (error: Error) => void): void {
    this.#waiters.push({ atBytes: this.#bytesOut, left, ...(lost && { lost }) });
    this.#poll ??= this.#clock.setTimeout(this.#look, 0);
  }

  readonly #look = (): void => {
    this.#poll = undefined;
    this.#releaseLeft();
    if (this.#waiters.length > 0) this.#poll ??= this.#clock.setTimeout(this.#look, POLL_MS);
  };

  #releaseLeft(): void {
    const leftBytes = this.#bytesOut - this.#socket.bufferedAmount;
    while ((this.#waiters[0]?.atBytes ?? Infinity) <= leftBytes) this.#waiters.shift()?.left();
  }

  #stopWaiting(): Waiter[] {
    this.#clock.clearTimeout(this.#poll);
    return this.#waiters.splice(0);
  }
}

function loseAll(waiters: readonly Waiter[]): void {
  for (const waiter of waiters) waiter.lost?.(new Error('The socket ended before the message had left.'));
}
