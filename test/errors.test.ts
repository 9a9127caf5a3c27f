// The table of errors: every row can be read, and every error is made of its row.
import { describe, expect, test } from 'vitest';
import {
  ConnectionError,
  DeliveryError,
  ERRORS,
  InvalidOptionError,
  type Details,
  type ErrorCode,
} from '../src/index.ts';
import { describe as describeValue, makeFailure, textOf, toError } from '../src/errors.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

/** Whatever a row asks for. */
const anything = new Proxy<Details>(
  {},
  { get: (_, name) => (name === 'closeCode' ? 1011 : `<${String(name)}>`) },
);

describe('the table', () => {
  test.each(codes)('%s is a sentence with a remedy', (code) => {
    const { message, remedy, retryable } = ERRORS[code];

    expect(message(anything)).toMatch(/^[A-Za-z][^\n]+[.>]$/);
    expect(remedy).toMatch(/^[A-Z][^\n]+\.$/);
    expect(retryable).toBeTypeOf('boolean');
  });

  test('has codes that are words in capitals', () => {
    expect(codes.filter((code) => !/^[A-Z]+(_[A-Z]+)*$/.test(code))).toEqual([]);
  });
});

describe('an error', () => {
  test('has the code, the remedy, the figures and the cause', () => {
    const cause = new Error('deeper');
    const error = new ConnectionError('CONNECT_TIMEOUT', {
      details: { limitMs: 5 },
      cause,
      payload: { a: 1 },
    });

    expect(error).toBeInstanceOf(Error);
    expect(Object.assign({}, error, { message: error.message, cause: error.cause })).toEqual({
      name: 'ConnectionError',
      code: 'CONNECT_TIMEOUT',
      retryable: true,
      remedy: ERRORS.CONNECT_TIMEOUT.remedy,
      message: 'The connection did not open within 5 ms.',
      details: { limitMs: 5 },
      cause,
      payload: { a: 1 },
    });
  });

  test('without a cause has none', () => {
    expect(Object.hasOwn(new ConnectionError('DISCONNECTED'), 'cause')).toBe(false);
  });

  test('is of the class that its reader acts on', () => {
    expect(new DeliveryError('OUTBOX_FULL')).toBeInstanceOf(ConnectionError);
    expect(new DeliveryError('OUTBOX_FULL').name).toBe('DeliveryError');
    expect(new InvalidOptionError('a', 'b', 1).name).toBe('InvalidOptionError');
  });

  test('survives being written as JSON with what a log needs', () => {
    const json = JSON.parse(
      JSON.stringify(new ConnectionError('CONNECT_TIMEOUT', { details: { limitMs: 5 } })),
    ) as object;

    expect(json).toMatchObject({
      name: 'ConnectionError',
      code: 'CONNECT_TIMEOUT',
      message: 'The connection did not open within 5 ms.',
      details: { limitMs: 5 },
    });
  });
});

describe('a value in an error', () => {
  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [5, '`5` (number)'],
    [Number.NaN, '`NaN` (number)'],
    [true, '`true` (boolean)'],
    [10n, '`10` (bigint)'],
    ['hunter2', 'a string of 7 characters'],
    [['hunter2'], 'an array'],
    [{ token: 'hunter2' }, 'an object'],
    [() => 'hunter2', 'a function'],
    [Symbol('hunter2'), 'a symbol'],
  ])('(%o) is shown without what may be a secret', (value, text) => {
    expect(describeValue(value)).toBe(text);
  });
});

describe('the text of what was thrown', () => {
  test.each<[unknown, string]>([
    [new Error('it broke'), 'it broke'],
    [new TypeError(''), 'TypeError'],
    ['it broke', 'it broke'],
    [undefined, 'undefined'],
    [{ message: 'it broke' }, 'an object'],
    [5, '`5` (number)'],
  ])('(%o)', (thrown, text) => {
    expect(textOf(thrown)).toBe(text);
  });

  test('is found even where the error is hostile', () => {
    const hostile = Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error('not even this');
      },
    });

    expect(() => textOf(hostile)).not.toThrow();
  });

  test('shows no credentials and no query of a URL in it', () => {
    const text = textOf(
      new Error('GET https://user:hunter2@auth.example/token?key=hunter2&a=b#x failed: 500'),
    );

    expect(text).not.toContain('hunter2');
    expect(text).toContain('auth.example/token');
    expect(text).toContain('failed: 500');
  });
});

describe('a failure', () => {
  test('is plain data, and becomes one and the same error', () => {
    const cause = new Error('deeper');
    const failure = makeFailure('LINK_LOST', 'retry', {
      details: { closeCode: 1006 },
      cause,
      payload: 'said',
    });

    expect(JSON.parse(JSON.stringify(failure))).toEqual({
      code: 'LINK_LOST',
      cure: 'retry',
      details: { closeCode: 1006 },
    });
    expect(toError(failure)).toBe(toError(failure));
    expect(toError(failure)).toMatchObject({ code: 'LINK_LOST', cause, payload: 'said' });
  });

  test('that was read from a recording becomes an error as well', () => {
    const read = { code: 'LINK_LOST', cure: 'retry', details: {} } as const;

    expect(toError(read)).toMatchObject({ code: 'LINK_LOST' });
    expect(toError({ ...read, code: 'toString' })).toMatchObject({ code: 'INTERNAL_ERROR' });
  });
});
