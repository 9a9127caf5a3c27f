// The port between a connection and whatever carries its bytes. A faster receiver or writer is another `Transport`.
import type { Failure } from '../../machines/index.ts';
import type { Clock } from '../clock.ts';
import type { Provided } from '../options.ts';

/** One WebSocket message: text or bytes. */
export type Frame = string | Uint8Array;

/** What a transport knows of a message besides its content: the name and the id of a server-sent event. */
export interface Envelope {
  readonly event: string;
  readonly id: string;
}

/** Where to connect to, resolved for one attempt. */
export interface Target {
  readonly url: string;
  readonly subprotocols: readonly string[];
  /** Sent with the upgrade request. Browsers cannot send any. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as the request's body, where the transport has one. */
  readonly body?: unknown;
}

/** How long each part of opening took, in milliseconds; a part that the platform does not tell, or that did not happen, is absent. */
export interface ConnectTimings {
  readonly dnsMs?: number;
  readonly tcpMs?: number;
  readonly tlsMs?: number;
  readonly upgradeMs?: number;
  readonly totalMs: number;
}

/** How a link ended. `opened` never having been called tells an attempt that failed from a session that was lost. */
export interface LinkEnd {
  /** The close code received; 1005 when the close frame had none, 1006 when there was no close frame. */
  readonly closeCode: number;
  readonly closeReason: string;
  /** What the platform reported before the end, such as `ECONNREFUSED` or a certificate error. */
  readonly error?: unknown;
  /** The status of a refused upgrade, where the platform tells. */
  readonly httpStatus?: number;
  /** `Retry-After` of a refused upgrade, unparsed. */
  readonly retryAfter?: string;
  /** The beginning of the body of a refusal, as text, where the platform tells. */
  readonly payload?: string;
  /** What the end means to a transport that has no close codes and no upgrade; the phase is added to its details. */
  readonly failure?: Failure;
}

/** What a link tells its owner. Nothing is called after `ended`, nor after `terminate()`. */
export interface LinkEvents {
  opened(info: { readonly subprotocol: string; readonly timings: ConnectTimings }): void;
  received(frame: Frame, envelope?: Envelope): void;
  /** A sign of life that is no message: a pong, or bytes such as a comment. */
  ponged(): void;
  /** Exactly once, unless `terminate()` was called. */
  ended(end: LinkEnd): void;
}

/** One socket, from its first byte to its last. */
export interface Link {
  /**
   * Hands one message over, without waiting. Only between `opened` and `ended`; later calls are ignored.
   * `flushed` is called once the platform has taken every byte, or with an error when it never will.
   */
  send(frame: Frame, flushed?: (error?: unknown) => void): void;
  /** Bytes handed over that the platform has not taken yet. */
  readonly bufferedBytes: number;
  /** Calls back once, when everything handed over so far has left; never after `ended` or `terminate()`. */
  whenDrained(callback: () => void): void;
  /** Bytes received so far: of the wire where the platform tells (Node), else of the messages. */
  readonly bytesIn: number;
  /** Bytes handed over so far, counted alike; those in `bufferedBytes` included. */
  readonly bytesOut: number;
  /** Sends a protocol ping; absent where the platform has none (browsers). */
  ping?(): void;
  /** Starts the closing handshake; `ended` follows when the peer answers. */
  close(code: number, reason: string): void;
  /** Drops the socket at once. Idempotent, legal at any time, and the last thing a link hears. */
  terminate(): void;
  /** Stops and resumes reading, so that the peer is slowed down; absent where the platform cannot (browsers). */
  pause?(): void;
  resume?(): void;
}

export interface Transport {
  readonly name: string;
  /** What the URLs look like: `ws:` and `wss:`, or `http:` and `https:`. Default: `ws`. */
  readonly schemes?: 'ws' | 'http';
  /** The request's body, where there is one: a value, or a function that is asked for each attempt. */
  readonly body?: Provided<unknown>;
  /**
   * Opens one socket. Nothing is told before this has returned.
   *
   * @throws {TypeError | SyntaxError} what the platform says of a URL or subprotocol it cannot use.
   */
  open(target: Target, events: LinkEvents, clock: Clock): Link;
}
