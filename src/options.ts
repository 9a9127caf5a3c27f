// Every option of a connection, documented once, and the defaults. `src/settings.ts` checks what was given.
import type { InspectionEvent, Observer } from 'xstate';
import type { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Inspector } from './inspection/inspector.ts';
import type { Recorder } from './inspection/recorder.ts';
import type { Surroundings, WebSocketOptions } from './platform/platform.ts';
import type { Protocol } from './protocols/protocol.ts';
import type { RetryPolicy } from './retry-policy.ts';
import type { Transport } from './transports/transport.ts';

/** What a function that provides a value is told about the attempt it is for. */
export interface AttemptInfo {
  /** 0 for a first dial, n for the n-th retry in a row. */
  readonly attempt: number;
  /** Why there is an attempt: `CONNECT_CALLED`, `NETWORK_RETURNED`, `PAGE_RETURNED` or the code of the last failure. */
  readonly reason: string;
  /** Aborted when the attempt is over, whatever its end. */
  readonly signal: AbortSignal;
}

/** A value, or a function that is called anew for each attempt. What it throws is a failed attempt. */
export type Provided<Value> = Value | ((info: AttemptInfo) => Value | Promise<Value>);

/** A session that is about to be used, for the `resume` option. */
export interface SessionInfo<Outgoing, Welcome> {
  readonly welcome: Welcome;
  /** Whether a session was open before it since `connect()` was called. */
  readonly isReconnect: boolean;
  /** Aborted when the session is lost before it was used. */
  readonly signal: AbortSignal;
  /** Sends at once, before anything that is queued. */
  readonly send: (message: Outgoing) => void;
}

export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface RetryOptions {
  /**
   * How the wait between attempts grows.
   *
   * @defaultValue `decorrelatedJitterBackoff()`: from 500 ms, at most 10 s
   */
  readonly backoff?: Backoff;
  /**
   * Retries in a row before giving up with `RETRIES_EXHAUSTED`; 0 tries once. A network that returns counts as one.
   *
   * @defaultValue `Infinity`
   */
  readonly maxAttempts?: number;
  /**
   * Time in a row without a session, in milliseconds, after which a loss is final.
   *
   * @defaultValue `Infinity`
   */
  readonly maxElapsedMs?: number;
  /**
   * How long a session must hold before the next loss counts as the first again, in milliseconds. 0: at once.
   * Lower it only for servers that never accept a connection to drop it at once.
   *
   * @defaultValue `5_000`
   */
  readonly stableAfterMs?: number;
  /**
   * Whether the first dial of a `connect()` is retried too. `false`: it rejects on the first failure.
   *
   * @defaultValue `true`
   */
  readonly initial?: boolean;
  /** Has the last word on every loss; gets the verdict that would be given without it. What it throws is reported, and that verdict used. */
  readonly policy?: RetryPolicy;
}

export interface HeartbeatOptions {
  /**
   * Silence after which a sign of life is asked for, in milliseconds. Any inbound frame is a sign of life.
   *
   * @defaultValue `15_000`
   */
  readonly intervalMs?: number;
  /**
   * Silence after the question, in milliseconds, before the link is dead. Below 3,000 a lossy link is cut for nothing.
   *
   * @defaultValue `10_000`
   */
  readonly timeoutMs?: number;
  /**
   * Silence, in milliseconds, after which the link is dead, whatever was asked. Default: `intervalMs + timeoutMs`.
   */
  readonly silenceMs?: number;
}

/** What happens to a message for which the outbox has no room. */
export type OverflowPolicy = 'reject' | 'drop-oldest' | 'drop-newest';

export interface OutboxOptions {
  /**
   * Messages that may wait for a connection, or behind a slow one. What happens at the limit is `overflow`'s.
   *
   * @defaultValue `1_000`
   */
  readonly maxMessages?: number;
  /**
   * Bytes that may wait, counted as they are sent.
   *
   * @defaultValue `8_388_608`
   */
  readonly maxBytes?: number;
  /**
   * `reject`: `send()` throws `OUTBOX_FULL`. `drop-oldest`, `drop-newest`: a message is dropped, with a `dropped` event.
   *
   * @defaultValue `'reject'`
   */
  readonly overflow?: OverflowPolicy;
  /**
   * How long a message may wait, in milliseconds; then it is dropped with `MESSAGE_EXPIRED` and never sent.
   *
   * @defaultValue `Infinity`
   */
  readonly ttlMs?: number;
  /**
   * Unsent bytes above which `send()` returns `false`, and beyond which nothing more is handed to the platform.
   *
   * @defaultValue `1_048_576`
   */
  readonly highWaterBytes?: number;
}

export interface TimeoutOptions {
  /**
   * From the start of an attempt until the socket is open, in milliseconds; then `CONNECT_TIMEOUT`.
   *
   * @defaultValue `15_000`
   */
  readonly connectMs?: number;
  /**
   * From the open socket until the server has accepted, in milliseconds; then `HANDSHAKE_TIMEOUT`.
   *
   * @defaultValue `10_000`
   */
  readonly handshakeMs?: number;
  /**
   * From `disconnect()` until the socket is dropped without the peer's answer, in milliseconds.
   *
   * @defaultValue `3_000`
   */
  readonly closeMs?: number;
  /**
   * For each function that provides `url`, `headers`, `protocols` or `credentials`, in milliseconds; then `PROVIDER_TIMEOUT`.
   *
   * @defaultValue `10_000`
   */
  readonly providerMs?: number;
  /**
   * How long the platform's word that it is offline is taken, in milliseconds; then an attempt is made all the same.
   *
   * @defaultValue `30_000`
   */
  readonly networkPatienceMs?: number;
}

export interface ConnectionOptions<
  Incoming = unknown,
  Outgoing = Incoming,
  Welcome = undefined,
  Credentials = undefined,
> {
  /** Where to connect to: `ws:`, `wss:`, or `http(s):`, which means the same; in a page also relative to it. */
  readonly url: Provided<string | URL>;
  /**
   * What the messages mean, who greets whom, what a heartbeat is.
   *
   * @defaultValue `json()`
   */
  readonly protocol?: Protocol<Incoming, Outgoing, Welcome, Credentials>;
  /** Subprotocols to offer. Default: the protocol's. */
  readonly protocols?: Provided<string | readonly string[]>;
  /** Headers of the upgrade request (Node only; browsers cannot send any, and ignore it). */
  readonly headers?: Provided<Readonly<Record<string, string>>>;
  /** What the protocol's handshake needs, such as a token. As a function it is asked again when the server rejects. */
  readonly credentials?: Provided<Credentials>;
  /** Tells the server again what it must know, after every handshake and before the connection is open. */
  readonly resume?: (session: SessionInfo<Outgoing, Welcome>) => void | Promise<void>;
  /**
   * When to try again. `false`: never. Of HTTP statuses that refuse, 401 and 403 are tried once more with what a function
   * provides anew; 404, which comes while a server is being deployed, 408, 425, 429 and 5xx are retried; others are final.
   */
  readonly retry?: RetryOptions | false;
  /** When a silent link is dead. `false`: never. Without a `probe` that the platform can send, there is none. */
  readonly heartbeat?: HeartbeatOptions | false;
  readonly outbox?: OutboxOptions;
  readonly timeouts?: TimeoutOptions;
  /** How sockets are made: `WebSocket` or `createWebSocket`, and in Node `maxPayloadBytes` (10 MiB), `compression`, and `node`, the options of `ws` such as `ca` and `agent`. */
  readonly webSocket?: WebSocketOptions;
  /** What carries the bytes, in place of a WebSocket. */
  readonly transport?: Transport;
  /** What tells of a network or a page that returns. Default: the browser's; in Node nothing does. */
  readonly surroundings?: Surroundings;
  /** All of time. Default: the platform's clock. */
  readonly clock?: Clock;
  /** Uniform in [0, 1). Default: `Math.random`. */
  readonly random?: () => number;
  /** Gets every transition and every failure; no secret. Default: none. */
  readonly logger?: Logger;
  /** Gets XState's inspection events. One that throws is reported and never disturbs the connection. */
  readonly inspect?: Inspector | Observer<InspectionEvent> | ((event: InspectionEvent) => void);
  /**
   * What else is secret: names of headers, fields and URL parameters (whatever the case, hyphens and underscores), whose
   * values are hidden, and patterns, whose matches are. In errors, log lines, recordings and inspection they read `***`.
   * Hidden without being listed: credentials and the values of headers, cookies and URL parameters, wherever somebody
   * repeats them (from 4 characters on), tokens that look like one, and what stands under names such as `password`,
   * `accessToken`, `apiKey` or `cookie`. Messages and welcomes are handed to listeners as they came.
   *
   * @defaultValue `[]`
   */
  readonly redact?: readonly (string | RegExp)[];
  /** Keeps the last control events for `recording()`. Default: `recorder()`, which keeps 200. `false`: none are kept. */
  readonly recorder?: Recorder | false;
  /** What inspectors and recordings call this connection. Default: its URL, without what may be secret in it. */
  readonly name?: string;
}

interface Defaults {
  readonly retry: Required<Omit<RetryOptions, 'backoff' | 'policy'>>;
  readonly heartbeat: Required<Omit<HeartbeatOptions, 'silenceMs'>>;
  readonly outbox: Required<OutboxOptions>;
  readonly timeouts: Required<TimeoutOptions>;
}

/** The defaults that are numbers or words, in one place. */
export const DEFAULTS: Defaults = Object.freeze({
  retry: Object.freeze({
    maxAttempts: Infinity,
    maxElapsedMs: Infinity,
    stableAfterMs: 5_000,
    initial: true,
  }),
  heartbeat: Object.freeze({ intervalMs: 15_000, timeoutMs: 10_000 }),
  outbox: Object.freeze({
    maxMessages: 1_000,
    maxBytes: 8_388_608,
    overflow: 'reject',
    ttlMs: Infinity,
    highWaterBytes: 1_048_576,
  }),
  timeouts: Object.freeze({
    connectMs: 15_000,
    handshakeMs: 10_000,
    closeMs: 3_000,
    providerMs: 10_000,
    networkPatienceMs: 30_000,
  }),
});
