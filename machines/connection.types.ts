// What the connection machine remembers, hears and answers: plain data only, so that a snapshot can be
// printed, sent to an inspector and replayed. No socket, no Error object, no message and no secret is in here.

/** Where on its way a connection was when it was lost. */
export type Phase = 'connecting' | 'authenticating' | 'open';

/**
 * What would help after a failure.
 *
 * - `retry`: trying again may work;
 * - `retryLater`: the server asked for time (close codes 1012 and 1013);
 * - `retryOnce`: it may have been an accident, but the same again at once is not (1002, 1003, 1007, 1009, 1010);
 * - `refresh`: fresh credentials may work, the same ones will not;
 * - `stop`: nothing the client can do by itself.
 */
export type Cure = 'retry' | 'retryLater' | 'retryOnce' | 'refresh' | 'stop';

/** Why a connection was lost, as data. `src/errors.ts` owns the codes and turns a failure into an `Error`. */
export interface Failure {
  readonly code: string;
  readonly cure: Cure;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** The time limits that the chart names, in milliseconds. */
export interface Limits {
  readonly connectMs: number;
  readonly handshakeMs: number;
  readonly closeMs: number;
  readonly stableAfterMs: number;
  readonly networkPatienceMs: number;
}

export interface ConnectionInput {
  readonly limits: Limits;
}

export interface ConnectionContext {
  readonly limits: Limits;
  /** 0 for a first dial, n for the n-th retry in a row. Counts on until a session was stable. */
  readonly attempt: number;
  /** Sessions that reached `open` since the user called `connect()`. */
  readonly sessions: number;
  /** Fresh credentials asked for since the last session was accepted. */
  readonly refreshes: number;
  /** Losses in a row with the same code and close code. */
  readonly repeats: number;
  /** The wait before the planned attempt; the last one drawn, once that attempt has begun. */
  readonly retryInMs: number | null;
  readonly phase: Phase;
  /** Why the connection is on its present way: a word of the user's or the world's, or a failure's code. */
  readonly reason: string;
  /** The last failure, until a session was stable. */
  readonly failure: Failure | null;
}

/** What the user asks for: imperatives. */
export type UserEvent = { readonly type: 'connect' } | { readonly type: 'disconnect' };

/** What the socket reader reports: facts. */
export type SocketEvent =
  | { readonly type: 'socket.opened' }
  | { readonly type: 'socket.closed'; readonly failure: Failure }
  | { readonly type: 'handshake.accepted' }
  | { readonly type: 'handshake.rejected'; readonly failure: Failure };

export type HeartbeatEvent =
  | { readonly type: 'heartbeat.doubted'; readonly cause: Doubt }
  | { readonly type: 'heartbeat.answered' }
  | { readonly type: 'heartbeat.missed'; readonly silentForMs: number };

/** What makes an open link prove itself: silence, or a return from a sleep, from offline, from the background. */
export type Doubt = 'silence' | 'clock' | 'network' | 'page';

export type SurroundingsEvent = { readonly type: 'network.returned' } | { readonly type: 'page.returned' };

/** What the retry policy answers. */
export type VerdictEvent =
  | { readonly type: 'verdict.retry'; readonly delayMs: number }
  | { readonly type: 'verdict.reauthenticate' }
  | { readonly type: 'verdict.waitForNetwork' }
  | { readonly type: 'verdict.stop'; readonly failure: Failure };

export type ConnectionEvent = UserEvent | SocketEvent | HeartbeatEvent | SurroundingsEvent | VerdictEvent;

/** What a socket actor is told about the attempt it is to make. */
export interface SocketInput {
  readonly attempt: number;
  readonly session: number;
  readonly reason: string;
}

/** What the retry policy is told about a loss. */
export interface PolicyInput {
  readonly attempt: number;
  readonly phase: Phase;
  readonly sessions: number;
  readonly refreshes: number;
  readonly repeats: number;
  readonly previousDelayMs: number | null;
  readonly failure: Failure;
}
