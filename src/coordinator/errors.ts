// What a coordinator client throws: four classes, one per thing that a caller does differently.
import { ConnectionError, InvalidOptionError, type ErrorCode } from '../errors.ts';

/** Base class of the coordinator's errors. On its own: the caller's own doing, such as `DISCONNECTED`. */
export class CoordinatorError extends ConnectionError {
  override readonly name: string = 'CoordinatorError';
}

/** The coordinator refused the client; `payload` is what it said. Provide another token. */
export class AuthenticationError extends CoordinatorError {
  override readonly name: string = 'AuthenticationError';
}

/** A connection was lost, and `maxRetries` attempts to restore it failed; `cause` is the last one. Connect again later. */
export class MaxRetriesExceededError extends CoordinatorError {
  override readonly name: string = 'MaxRetriesExceededError';
}

/** A connection could not be made, or was lost for good: no verdict on the token. `code` says why. */
export class ConnectionFailedError extends CoordinatorError {
  override readonly name: string = 'ConnectionFailedError';
}

const CLASSES: Partial<Record<ErrorCode, typeof CoordinatorError>> = {
  CREDENTIALS_REJECTED: AuthenticationError,
  RETRIES_EXHAUSTED: MaxRetriesExceededError,
  DISCONNECTED: CoordinatorError,
  CONSUMER_TOO_SLOW: CoordinatorError,
  LISTENER_FAILED: CoordinatorError,
};

/** The same error in the coordinator's classes: nothing is lost but the class. */
export function toCoordinatorError(error: ConnectionError): CoordinatorError {
  const Class = CLASSES[error.code] ?? ConnectionFailedError;
  const { details, cause, payload } = error;
  return new Class(error.code, { details: inOurWords(details), cause: translate(cause), payload });
}

/** Whatever was thrown, in the coordinator's classes where it is an error of a connection. */
export function translate(thrown: unknown): unknown {
  const isForeign = !(thrown instanceof ConnectionError) || thrown instanceof InvalidOptionError;
  return isForeign || thrown instanceof CoordinatorError ? thrown : toCoordinatorError(thrown);
}

/** The connection's `credentials` are the client's `token`. */
const inOurWords = (details: ConnectionError['details']): ConnectionError['details'] =>
  details['option'] === 'credentials' ? { ...details, option: 'token' } : details;
