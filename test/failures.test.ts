// From what the platform says of an end to a failure with a code, a cure and figures.
import { describe, expect, test } from 'vitest';
import { toError } from '../src/errors.ts';
import { failureOfAttempt, failureOfSession, parseRetryAfter, type Classifier } from '../src/failures.ts';
import type { LinkEnd } from '../src/index.ts';

const end = (own: Partial<LinkEnd> = {}): LinkEnd => ({ closeCode: 1006, closeReason: '', ...own });
const errorWith = (code: string, message = 'it went wrong') => Object.assign(new Error(message), { code });
const indifferent: Classifier = {};

describe('an attempt that never opened', () => {
  test.each([
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND nowhere.invalid'],
    ['ECONNRESET', 'socket hang up'],
    ['EPROTO', 'wrong version number'],
    ['ETIMEDOUT', 'connect ETIMEDOUT'],
  ])('(%s) may be tried again, and says why', (code, message) => {
    const failure = failureOfAttempt(end({ error: errorWith(code, message) }));

    expect(failure).toMatchObject({
      code: 'CONNECT_FAILED',
      cure: 'retry',
      details: { phase: 'connecting' },
    });
    expect(toError(failure).message).toContain(code);
    expect(toError(failure).cause).toBeInstanceOf(Error);
  });

  test.each([
    ...['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_REVOKED', 'CERT_UNTRUSTED', 'CERT_REJECTED'],
    ...['ERR_TLS_CERT_ALTNAME_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'],
    ...['HOSTNAME_MISMATCH', 'INVALID_CA', 'INVALID_PURPOSE', 'PATH_LENGTH_EXCEEDED'],
  ])('(%s) is a matter of the certificate, which no retry cures', (code) => {
    const failure = failureOfAttempt(end({ error: errorWith(code) }));

    expect(failure).toMatchObject({ code: 'TLS_FAILED', cure: 'stop' });
  });

  test('without a word of the platform, as in a browser, may be tried again', () => {
    const failure = failureOfAttempt(end());

    expect(failure).toEqual({ code: 'CONNECT_FAILED', cure: 'retry', details: { phase: 'connecting' } });
    expect(toError(failure).message).toBe('The connection could not be opened.');
  });

  test.each([
    [301, 'stop'],
    [400, 'stop'],
    [401, 'refresh'],
    [403, 'refresh'],
    [404, 'retry'],
    [405, 'stop'],
    [408, 'retry'],
    [410, 'stop'],
    [425, 'retry'],
    [426, 'stop'],
    [429, 'retry'],
    [500, 'retry'],
    [502, 'retry'],
    [503, 'retry'],
    [504, 'retry'],
    [200, 'stop'],
  ] as const)('with HTTP %i has the cure %s', (httpStatus, cure) => {
    expect(failureOfAttempt(end({ httpStatus }))).toEqual({
      code: 'UPGRADE_REJECTED',
      cure,
      details: { phase: 'connecting', httpStatus },
    });
  });

  test('keeps the hint of the server', () => {
    expect(failureOfAttempt(end({ httpStatus: 503, retryAfter: '2' })).details).toEqual({
      phase: 'connecting',
      httpStatus: 503,
      retryAfterMs: 2_000,
    });
  });
});

describe('a session that ended', () => {
  test('without a close frame was lost', () => {
    expect(
      failureOfSession(end({ error: errorWith('ECONNRESET', 'read ECONNRESET') }), 'open', indifferent),
    ).toEqual({
      code: 'LINK_LOST',
      cure: 'retry',
      details: { phase: 'open', closeCode: 1006, cause: 'read ECONNRESET' },
    });
  });

  test.each(['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'WS_ERR_INVALID_UTF8', 'WS_ERR_EXPECTED_MASK'])(
    'by what ws refuses to read (%s) is tried once more only',
    (code) => {
      expect(failureOfSession(end({ error: errorWith(code) }), 'open', indifferent)).toMatchObject({
        code: 'LINK_LOST',
        cure: 'retryOnce',
      });
    },
  );

  test('with a close frame was closed by the peer', () => {
    const failure = failureOfSession(end({ closeCode: 4001, closeReason: 'moved' }), 'open', indifferent);

    expect(failure).toEqual({
      code: 'CLOSED_BY_PEER',
      cure: 'retry',
      details: { phase: 'open', closeCode: 4001, closeReason: 'moved' },
    });
    expect(toError(failure).message).toBe(
      'The server closed the connection: received 4001 (application code, "moved").',
    );
  });

  test.each([
    [1000, 'retry'],
    [1001, 'retry'],
    [1002, 'retryOnce'],
    [1003, 'retryOnce'],
    [1005, 'retry'],
    [1007, 'retryOnce'],
    [1008, 'stop'],
    [1009, 'retryOnce'],
    [1010, 'retryOnce'],
    [1011, 'retry'],
    [1012, 'retryLater'],
    [1013, 'retryLater'],
    [1014, 'retry'],
    [3000, 'retry'],
    [4401, 'refresh'],
    [4403, 'stop'],
    [4999, 'retry'],
  ] as const)('with %i has the cure %s', (closeCode, cure) => {
    expect(failureOfSession(end({ closeCode }), 'open', indifferent).cure).toBe(cure);
  });

  test('has the cure that the protocol knows', () => {
    const asked: unknown[] = [];
    const classifyClose: Classifier['classifyClose'] = (...args) => (asked.push(args), 'refresh');

    expect(
      failureOfSession(end({ closeCode: 1008, closeReason: 'x' }), 'authenticating', { classifyClose }).cure,
    ).toBe('refresh');
    expect(failureOfSession(end(), 'open', { classifyClose }).cure).toBe('refresh');
    expect(asked).toEqual([
      [1008, 'x', 'authenticating'],
      [1006, '', 'open'],
    ]);
  });

  test('has the cure of the table where the protocol does not know', () => {
    const classifyClose = () => undefined;

    expect(failureOfSession(end({ closeCode: 1008 }), 'open', { classifyClose }).cure).toBe('stop');
  });
});

describe('Retry-After [RFC 9110 §10.2.3]', () => {
  const NOW = Date.parse('2026-11-21T12:00:00Z');
  const parse = (header: string | undefined) => parseRetryAfter(header, () => NOW);

  test.each([
    ['1', 1_000],
    [' 120 ', 120_000],
    ['300', 300_000],
    ['301', 300_000],
    ['9'.repeat(400), 300_000],
    ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
    ['Sat, 21 Nov 2026 13:00:00 GMT', 300_000],
  ])('%s is a hint', (header, ms) => {
    expect(parse(header)).toBe(ms);
  });

  test.each([
    ...['', ' ', '0', '-1', '1.5', '1e3', '0x10', 'soon', 'NaN', 'Infinity'],
    ...[
      'Sat, 21 Nov 2026 11:59:59 GMT',
      'Sat, 21 Nov 2026 12:00:00 GMT',
      'rubbish 2099',
      '2099-01-01',
      '12, 13',
    ],
  ])('"%s" is none', (header) => {
    expect(parse(header)).toBeUndefined();
  });

  test('that is absent is none', () => {
    expect(parse(undefined)).toBeUndefined();
  });
});
