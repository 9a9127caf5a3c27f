// The events of a connection, by name. They are told by the facade after the machine has moved, never during.
import type { ConnectionState } from '../machines/index.ts';
import type { ConnectionError, DeliveryError } from './errors.ts';
import type { Frame } from './transports/transport.ts';

export interface StateChange {
  readonly state: ConnectionState;
  readonly previous: ConnectionState;
  /** What led here: `CONNECT_CALLED`, `HANDSHAKE_ACCEPTED`, `DISCONNECT_CALLED`, `NETWORK_RETURNED`, `PAGE_RETURNED` or the code of a failure. */
  readonly reason: string;
  /** 0 for a first dial, n for the n-th retry in a row; in `reconnecting`, the one that is planned. */
  readonly attempt: number;
  /** The wait before the planned attempt, in milliseconds; `null` when none is planned. */
  readonly retryInMs: number | null;
}

export interface Closed {
  /** What the peer's close frame said; 1005 without a code, 1006 without a close frame, `undefined` without a socket. */
  readonly closeCode: number | undefined;
  readonly closeReason: string | undefined;
}

/** A listener may be async: what it rejects with is reported like what it throws. */
export type ConnectionEvents<Incoming, Outgoing, Welcome> = {
  /** A message came in. */
  message: (message: Incoming) => unknown;
  /** The connection entered another of its eight states. */
  statechange: (change: StateChange) => unknown;
  /** A session is ready for use: the first, or after a loss. */
  open: (opened: { readonly welcome: Welcome; readonly isReconnect: boolean }) => unknown;
  /** An attempt or a session was lost, and another attempt is planned. */
  reconnecting: (plan: {
    readonly attempt: number;
    readonly retryInMs: number | null;
    readonly error: ConnectionError;
  }) => unknown;
  /** A session is open again after a loss. */
  reconnected: (recovery: {
    readonly welcome: Welcome;
    readonly attempt: number;
    readonly downtimeMs: number;
  }) => unknown;
  /** There is room again, after `send()` returned false. */
  drain: () => unknown;
  /** Ended on purpose. */
  closed: (closed: Closed) => unknown;
  /** Gave up. */
  failed: (error: ConnectionError) => unknown;
  /** Something went wrong that changed no state: a listener or a policy that throws. */
  error: (error: ConnectionError) => unknown;
  /** A message given to `send()` was lost before it was sent: no room, too late, or the connection ended. */
  dropped: (dropped: { readonly message: Outgoing; readonly error: DeliveryError }) => unknown;
  /** A frame came in that cannot be decoded. */
  invalidMessage: (invalid: { readonly frame: Frame; readonly error: ConnectionError }) => unknown;
};
