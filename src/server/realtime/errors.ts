// What one session could not do. The codes are rows of the one table: src/error-table.ts.
import { ConnectionError, type Details, type ErrorCode } from '../../errors.ts';

export type SessionErrorCode = Extract<
  ErrorCode,
  | 'SESSION_CLOSED'
  | 'SEND_BUFFER_FULL'
  | 'TOO_MANY_PINGS'
  | 'UNEXPECTED_MESSAGE'
  | 'INVALID_JSON'
  | 'RECEIVE_TIMEOUT'
>;

/** Something that one session could not do. Match on `code`. */
export class SessionError extends ConnectionError {
  override readonly name: string = 'SessionError';
  declare readonly code: SessionErrorCode;

  constructor(code: SessionErrorCode, details: Details, cause?: unknown) {
    super(code, { details, cause });
  }
}

/** A rejection that may be ignored: a send that nobody awaits must not end the process. */
export function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
}
