// What can go wrong with one session on the server, as a table and the error made from it.

const row = (retryable: boolean, message: (what: string) => string, remedy: string) => ({
  retryable,
  message,
  remedy,
});

export const SESSION_ERRORS = {
  SESSION_CLOSED: row(
    false,
    (how) => `The session is ${how}.`,
    'Stop using it; `for await` ends by itself, and `signal` tells when.',
  ),
  SEND_BUFFER_FULL: row(
    true,
    (bytes) => `The peer reads too slowly: ${bytes} bytes wait to be sent already.`,
    'Await each send, so that a slow reader slows the sender, or raise limits.maxBufferedBytes.',
  ),
  TOO_MANY_PINGS: row(
    true,
    (count) => `${count} pings wait for their pong already.`,
    'Await each ping; the heartbeat measures rttMs by itself.',
  ),
  UNEXPECTED_MESSAGE: row(
    false,
    (expected) => `Expected ${expected}.`,
    'Use receive() or `for await`, which give text and binary messages alike.',
  ),
  INVALID_JSON: row(
    false,
    (cause) => `The message is no JSON: ${cause}.`,
    'Catch this error where clients are strangers, or close the session with 1007.',
  ),
  RECEIVE_TIMEOUT: row(
    true,
    (limitMs) => `No message came within ${limitMs} ms.`,
    'Raise timeoutMs, or close the session.',
  ),
} as const;

export type SessionErrorCode = keyof typeof SESSION_ERRORS;

/** Something that one session could not do. Match on `code`. */
export class SessionError extends Error {
  override readonly name: string = 'SessionError';
  readonly code: SessionErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** The first thing to do about it. */
  readonly remedy: string;

  constructor(code: SessionErrorCode, what: string | number, options?: ErrorOptions) {
    const { retryable, message, remedy } = SESSION_ERRORS[code];
    super(message(String(what)), options);
    this.code = code;
    this.retryable = retryable;
    this.remedy = remedy;
  }
}

/** A rejection that may be ignored: a send that nobody awaits must not end the process. */
export function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
}
