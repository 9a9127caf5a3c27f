// The coordinator's protocol, without a connection: frames in, answers out.
import { describe, expect, it } from 'vitest';
import { connectUrl, coordinatorProtocol, nameOf } from '../../src/coordinator/protocol.ts';
import type { CoordinatorEvent } from '../../src/coordinator/index.ts';
import { fixture } from './setup.ts';

const protocolOf = (options: Partial<Parameters<typeof coordinatorProtocol>[0]> = {}) =>
  coordinatorProtocol({
    userId: 'ada',
    userDetails: {},
    products: ['video'],
    strictFirstFrame: false,
    reconnectOnNormalClose: true,
    canRefresh: false,
    ...options,
  });

const answerTo = (frame: string | Uint8Array, options?: Parameters<typeof protocolOf>[0]) =>
  protocolOf(options).handshake!('secret').receive(frame);

const bytes = (text: string) => new TextEncoder().encode(text);

describe('the URL (S0-01, S0-02)', () => {
  it.each([
    ['wss://chat.stream-io-api.com/api/v2/connect', 'wss://chat.stream-io-api.com/api/v2/connect?'],
    ['ws://localhost:1234', 'ws://localhost:1234/?'],
    ['https://host/path?region=eu&x=a%20b', 'wss://host/path?region=eu&x=a+b&'],
    ['ws://host/?api_key=old#part', 'ws://host/?'],
  ])('adds the api_key and the kind of authentication to %s', (base, expected) => {
    expect(connectUrl(base, 'key')).toBe(`${expected}api_key=key&stream-auth-type=jwt`);
  });

  it('escapes the api_key', () => {
    expect(new URL(connectUrl('ws://host', 'a&b=c d')).searchParams.get('api_key')).toBe('a&b=c d');
  });
});

describe('the authentication (S0-06)', () => {
  it('is token, products and user, in this order and nothing else', () => {
    const { opening } = protocolOf().handshake!('jwt');

    expect(opening).toEqual(['{"token":"jwt","products":["video"],"user_details":{"id":"ada"}}']);
  });

  it('carries the products and the details that were given', () => {
    const userDetails = { name: 'Ada', custom: { team: 'red' } };
    const { opening } = protocolOf({ userDetails, products: ['chat', 'video'] }).handshake!('jwt');

    expect(JSON.parse(String(opening[0]))).toEqual({
      token: 'jwt',
      products: ['chat', 'video'],
      user_details: { id: 'ada', name: 'Ada', custom: { team: 'red' } },
    });
  });
});

describe('the first frame (S0-07, S0-08, S0-09)', () => {
  it.each<CoordinatorEvent>([
    fixture('connection-ok'),
    fixture('health-check'),
    { connection_id: 'no type' },
    { type: 'anything' },
  ])('is welcome, and an event too: $type', (event) => {
    expect(answerTo(JSON.stringify(event))).toEqual({
      status: 'accepted',
      welcome: event,
      messages: [event],
    });
  });

  it('may come in bytes', () => {
    expect(answerTo(bytes('{"type":"connection.ok"}'))).toMatchObject({ status: 'accepted' });
  });

  const bare = { type: 'error' };
  const withMessage = { type: 'error', message: 'go away' };
  const echo = { type: 'connection.error', error: { code: 43, message: 'token secret is invalid' } };
  const expired = fixture('token-expired');

  it.each<[CoordinatorEvent, string]>([
    [bare, 'Authentication failed: the server gave no reason.'],
    [withMessage, 'Authentication failed: go away.'],
    [expired, 'Authentication failed: token expired (code 40).'],
    [echo, 'Authentication failed: token *** is invalid (code 43).'],
    [{ type: 'error', error: 'text' }, 'Authentication failed: the server gave no reason.'],
  ])('rejects for good when it is %j', (event, explanation) => {
    const rejected = { status: 'rejected', cure: 'stop', explanation, payload: event };

    expect(answerTo(JSON.stringify(event))).toEqual(rejected);
  });

  it('asks for a fresh token only when one has expired and there is another (S0-36)', () => {
    const cures = [expired, echo].map((event) => answerTo(JSON.stringify(event), { canRefresh: true }));

    expect(cures).toMatchObject([{ cure: 'refresh', payload: expired }, { cure: 'stop' }]);
  });

  it.each<[string | Uint8Array, string]>([
    ['invalid json response', 'Invalid JSON from server: '],
    ['', 'Invalid JSON from server: '],
    [new Uint8Array([0xff, 0xfe]), 'Invalid JSON from server: '],
    ['[1]', 'Invalid JSON from server: expected a JSON object, got an array.'],
    ['5', 'Invalid JSON from server: expected a JSON object, got `5` (number).'],
    ['null', 'Invalid JSON from server: expected a JSON object, got null.'],
  ])('is no verdict on the token when it is %j', (frame, explanation) => {
    expect(answerTo(frame)).toMatchObject({
      status: 'rejected',
      code: 'HANDSHAKE_FAILED',
      cure: 'retry',
      explanation: expect.stringContaining(explanation) as string,
    });
  });

  it('must be connection.ok in strict mode', () => {
    const other = { type: 'health.check' };
    const strict = { strictFirstFrame: true };
    const answers = [fixture('connection-ok'), other, {}].map((event) =>
      answerTo(JSON.stringify(event), strict),
    );

    expect(answers).toMatchObject([
      { status: 'accepted' },
      {
        status: 'rejected',
        cure: 'stop',
        explanation: 'Expected connection.ok, got health.check.',
        payload: other,
      },
      { status: 'rejected', cure: 'stop', explanation: 'Expected connection.ok, got unknown.' },
    ]);
  });
});

describe('later frames (S0-12, S0-39)', () => {
  it('are objects, in text or in bytes', () => {
    const protocol = protocolOf();

    expect([protocol.decode('{"type":"a"}'), protocol.decode(bytes('{"type":"é"}'))]).toEqual([
      { type: 'a' },
      { type: 'é' },
    ]);
  });

  it.each(['{', '[1]', '5', '"text"', 'null', 'true'])('mean nothing when they are %s', (frame) => {
    expect(() => protocolOf().decode(frame)).toThrow();
  });

  it.each<[unknown, string]>([
    [{ type: 'call.created' }, 'call.created'],
    [{ type: '' }, ''],
    [{ type: '__proto__' }, '__proto__'],
    [{}, 'unknown'],
    [{ type: 5 }, 'unknown'],
    [{ type: null }, 'unknown'],
    [JSON.parse('{"__proto__":{"type":"inherited"}}'), 'unknown'],
  ])('are named by their type: %j is %s', (event, name) => {
    expect(nameOf(event as CoordinatorEvent)).toBe(name);
  });

  it.each<[unknown, boolean]>([
    [fixture('token-expired'), true],
    [{ type: 'error', error: { code: 40 } }, true],
    [{ type: 'error', error: { code: 43 } }, false],
    [{ type: 'error', error: { code: '40' } }, false],
    [{ type: 'error', error: null }, false],
    [{ type: 'error' }, false],
    [{ type: 'custom', error: { code: 40 } }, false],
  ])(
    'end the session for a fresh token, where there is one, only when one has expired (S0-36): %j',
    (event, ends) => {
      const answers = [true, false].map((canRefresh) =>
        protocolOf({ canRefresh }).revokes!(event as CoordinatorEvent),
      );

      const revoked = { cure: 'refresh', explanation: expect.any(String) as string, payload: event };
      expect(answers).toEqual([ends ? revoked : undefined, undefined]);
    },
  );
});

describe('the heartbeat (S0-05, S0-14)', () => {
  it('is an application frame with the connection id, where there is one', () => {
    const { heartbeat } = protocolOf();
    const probe = heartbeat!.probe as (welcome: CoordinatorEvent) => string;

    expect([
      probe(fixture('connection-ok')),
      probe({ type: 'x' }),
      probe(JSON.parse('{"connection_id":5}') as CoordinatorEvent),
    ]).toEqual([
      '{"type":"health.check","client_id":"65f0-0001"}',
      '{"type":"health.check"}',
      '{"type":"health.check"}',
    ]);
  });

  it('is sent always, and answered by a health check (S0-35)', () => {
    const { when, isAnswer } = protocolOf().heartbeat!;

    expect([when, isAnswer!(fixture('health-check')), isAnswer!({ type: 'custom' })]).toEqual([
      'always',
      true,
      false,
    ]);
  });
});

describe('closing (S0-16, S0-23)', () => {
  it('says goodbye with 1000 "client disconnect"', () => {
    expect(protocolOf().closeWith).toEqual({ code: 1000, reason: 'client disconnect' });
  });

  it('takes a 1000 in place of the verdict for final, and nothing else', () => {
    const protocol = protocolOf();

    expect(
      [1000, 1001, 1006, 1008, 1011, 4403].map((code) => protocol.classifyClose!(code, '', 'authenticating')),
    ).toEqual(['stop', 'retry', 'retry', 'retry', 'retry', 'retry']);
  });

  it.each([1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 4000, 4401, 4403])(
    'restores a session that ended with %i',
    (code) => {
      expect(protocolOf().classifyClose!(code, '', 'open')).toBe('retry');
    },
  );

  it.each([1012, 1013])('gives the server time that ended a session with %i', (code) => {
    expect(protocolOf().classifyClose!(code, '', 'open')).toBe('retryLater');
  });

  it('asks for a fresh token after 4401, where there is one', () => {
    expect(protocolOf({ canRefresh: true }).classifyClose!(4401, '', 'open')).toBe('refresh');
  });

  it('takes a normal close for final where that was asked for', () => {
    const protocol = protocolOf({ reconnectOnNormalClose: false });

    expect([protocol.classifyClose!(1000, '', 'open'), protocol.classifyClose!(1001, '', 'open')]).toEqual([
      'stop',
      'retry',
    ]);
  });
});
