// The four classes: who is whose, and that nothing is lost on the way into them.
import { describe, expect, it } from 'vitest';
import {
  AuthenticationError,
  ConnectionFailedError,
  CoordinatorError,
  MaxRetriesExceededError,
} from '../../src/coordinator/index.ts';
import { toCoordinatorError, translate } from '../../src/coordinator/errors.ts';
import { ConnectionError, ERRORS, InvalidOptionError, type ErrorCode } from '../../src/index.ts';

const siblings = [AuthenticationError, MaxRetriesExceededError, ConnectionFailedError];

describe('the hierarchy (S0-25)', () => {
  it.each([CoordinatorError, ...siblings])('%o is a ConnectionError and a CoordinatorError', (Class) => {
    const error = new Class('CONNECT_FAILED');

    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toBeInstanceOf(CoordinatorError);
    expect(error.name).toBe(Class.name);
  });

  it('has three siblings, none of which is an instance of another', () => {
    const errors = siblings.map((Class) => new Class('CONNECT_FAILED'));
    const table = errors.map((error) => siblings.map((Class) => error instanceof Class));

    expect(table).toEqual([
      [true, false, false],
      [false, true, false],
      [false, false, true],
    ]);
  });

  it.each(siblings)('%o is caught as a CoordinatorError with its message', (Class) => {
    const thrown = () => {
      throw new Class('CONNECT_FAILED', { details: { cause: 'nobody there' } });
    };

    expect(thrown).toThrow(CoordinatorError);
    expect(thrown).toThrow('The connection could not be opened: nobody there.');
  });
});

describe('translation (S0-25)', () => {
  const CLASSES: Partial<Record<ErrorCode, typeof CoordinatorError>> = {
    CREDENTIALS_REJECTED: AuthenticationError,
    RETRIES_EXHAUSTED: MaxRetriesExceededError,
    DISCONNECTED: CoordinatorError,
    CONSUMER_TOO_SLOW: CoordinatorError,
    LISTENER_FAILED: CoordinatorError,
  };

  it.each(Object.keys(ERRORS) as ErrorCode[])('gives %s its class', (code) => {
    const Class = CLASSES[code] ?? ConnectionFailedError;

    expect(toCoordinatorError(new ConnectionError(code)).name).toBe(Class.name);
  });

  it('keeps message, code, remedy, details, cause and payload', () => {
    const details = { explanation: 'no.', phase: 'authenticating' };
    const extras = { details, cause: new TypeError('why'), payload: { type: 'error' } };
    const original = new ConnectionError('CREDENTIALS_REJECTED', extras);
    const error = toCoordinatorError(original);

    const { message, code, remedy, retryable, cause, payload } = original;
    expect(error).toMatchObject({ message, code, remedy, retryable, payload, details });
    expect(error.cause).toBe(cause);
  });

  it('translates the cause as well', () => {
    const cause = new ConnectionError('LINK_LOST');
    const error = toCoordinatorError(new ConnectionError('RETRIES_EXHAUSTED', { cause }));

    expect(error.cause).toBeInstanceOf(ConnectionFailedError);
  });

  it('calls the credentials by their name here', () => {
    const details = { option: 'credentials', limitMs: 10 };
    const error = toCoordinatorError(new ConnectionError('PROVIDER_TIMEOUT', { details }));

    expect(error.message).toBe('The function given as token did not answer within 10 ms.');
  });

  it('leaves alone what is not about the connection, and what is translated already', () => {
    const foreign = [new InvalidOptionError('url', 'a URL', 1), new Error('mine'), 'text', undefined];
    const own = toCoordinatorError(new ConnectionError('LINK_LOST'));

    expect([...foreign, own].map(translate)).toEqual([...foreign, own]);
    expect(translate(own)).toBe(own);
  });
});
