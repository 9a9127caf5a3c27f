// What the session machine remembers, hears and tells its actors: plain data only. No socket, no message and nobody's
// identity is in here.

/** The time limits that the chart names, in milliseconds. */
export interface SessionLimits {
  /** For everything between the request and the answer to it. */
  readonly acceptMs: number;
  /** For the peer's answer to our goodbye. */
  readonly closeMs: number;
}

export interface SessionInput {
  readonly limits: SessionLimits;
}

/** With what a session is closed: a close code of RFC 6455 §7.4 and up to 123 bytes of UTF-8. */
export interface Goodbye {
  readonly code: number;
  readonly reason: string;
}

export interface SessionContext {
  readonly limits: SessionLimits;
  /** Why the session is on its present way: a word of the user's or the world's. */
  readonly cause: string;
  /** What we say, or said, at the end. */
  readonly goodbye: Goodbye;
  /** How it ended on the wire: the peer's close code, 1005 when its close frame had none, 1006 without a close frame. */
  readonly closeCode: number | null;
  readonly closeReason: string;
  /** The HTTP status with which a request was refused. */
  readonly status: number | null;
}

/** What the server or the handler asks for: imperatives. */
export type SessionUserEvent =
  | { readonly type: 'close'; readonly code: number; readonly reason: string; readonly cause?: string }
  | { readonly type: 'terminate'; readonly cause: string };

/** What happened: facts. */
export type SessionFact =
  | { readonly type: 'request.accepted' }
  | { readonly type: 'request.refused'; readonly status: number }
  | { readonly type: 'link.closed'; readonly code: number; readonly reason: string; readonly cause: string }
  | { readonly type: 'handler.returned' }
  | { readonly type: 'handler.failed' }
  | { readonly type: 'heartbeat.missed' }
  | { readonly type: 'idle.exceeded' };

export type SessionEvent = SessionUserEvent | SessionFact;
