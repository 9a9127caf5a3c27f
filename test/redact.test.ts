// What is hidden in texts, in data and in errors, and what is not.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Connection } from '../src/index.ts';
import { redactData, redactorOf, redactText } from '../src/redact.ts';
import { isSecretUnder } from '../src/redaction/names.ts';

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl';

describe('the name of a secret', () => {
  test.each([
    ...[
      'password',
      'Password',
      'user_password',
      'db.password',
      'passwd',
      'passphrase',
      'secret',
      'clientSecret',
    ],
    ...[
      'token',
      'authToken',
      'access_token',
      'refreshToken',
      'id_token',
      'accesstoken',
      'X-Amz-Security-Token',
    ],
    ...[
      'Authorization',
      'proxy-authorization',
      'Cookie',
      'set-cookie',
      'api_key',
      'apiKey',
      'APIKEY',
      'X-API-Key',
    ],
    ...['privateKey', 'secret_key', 'credentials', 'jwt', 'session', 'sessionId'],
    ...['JSESSIONID', 'PHPSESSID', 'connect.sid', 'sid', 'auth', 'csrf', 'pin', 'otp', 'tokens'],
  ])('is %s', (name) => {
    expect(isSecretUnder(name, 'hunter')).toBe(true);
  });

  test.each([
    ...[
      'author',
      'sessions',
      'tokenType',
      'token_expires_at',
      'key',
      'keys',
      'keyboard',
      'monkey',
      'spinner',
      'opinion',
    ],
    ...[
      'type',
      'code',
      'phase',
      'cause',
      'option',
      'details',
      'secretary',
      'passwordless',
      'cookieConsent',
      'stream-auth-type',
    ],
  ])('is not %s', (name) => {
    expect(isSecretUnder(name, 'hunter')).toBe(false);
  });

  test.each([
    ['tokens', 5],
    ['maxTokens', 5],
    ['session', 1],
    ['session', { id: 7 }],
    ['auth', ['basic']],
    ['password', true],
    ['password', null],
    ['password', undefined],
    ['token', ''],
  ])('hides no count, no group, and nothing: %s %j', (name, value) => {
    expect(isSecretUnder(name, value)).toBe(false);
  });

  test.each([
    ['pin', 1234],
    ['token', { value: 'hunter' }],
    ['tokens', ['hunter']],
    ['credentials', { user: 'hunter' }],
  ])('hides a number that is one, and everything within: %s %j', (name, value) => {
    expect(isSecretUnder(name, value)).toBe(true);
  });
});

describe('a text', () => {
  test.each([
    ['header Authorization: Bearer hunter-2', 'header Authorization: ***'],
    ['got "Bearer hunter-2", why?', 'got "Bearer ***", why?'],
    ['got Basic dXNlcjpodW50ZXI=, why?', 'got Basic ***, why?'],
    [`the token ${JWT} has expired`, 'the token *** has expired'],
    [`the token ${JWT.slice(0, 40)}`, 'the token ***'],
    ['Cookie: a=hunter; b=hunter', 'Cookie: ***'],
    ['x-api-key: hunter, x: y', 'x-api-key: ***, x: y'],
    ['GET /socket?token=hunter&room=2 failed', 'GET /socket?token=***&room=2 failed'],
    ['GET wss://ada:hunter@a.example/?k=hunter failed', 'GET wss://a.example/?k=*** failed'],
    ['{"type":"auth","token":"hunter","n":1}', '{"type":"auth","token":"***","n":1}'],
    ['{"credentials":{"user":["hunter"]}}', '{"credentials":"***"}'],
    ['Unexpected end: {"token":"hunt', 'Unexpected end: {"token":"***"'],
    ['said {\\"token\\":\\"hunter\\"}', 'said {\\"token\\":\\"***\\"}'],
    ["{ password: 'hunt\\'er', n: 1 }", "{ password: '***', n: 1 }"],
    ['first line: token=hunter\nnext', 'first line: token=***\nnext'],
  ])('hides what is secret in %j', (text, shown) => {
    expect(redactText(text)).toBe(shown);
    expect(redactText(shown)).toBe(shown);
  });

  test.each([
    'Invalid token: it has expired',
    'the bearer token is missing',
    'Basic authentication is not allowed',
    'a basic rule: author=ada, tokenType=bearer',
    'connect ECONNREFUSED 127.0.0.1:80',
    'at open (file:///home/ada/app.ts?v=1:12:3)',
    'see https://a.example/path and wss://b.example',
    '{"sessions":2,"author":"ada"}',
    '',
  ])('shows %j as it is', (text) => {
    expect(redactText(text)).toBe(text);
  });

  test('hides known values, the longest first, short ones only as words', () => {
    const { text } = bound({ values: ['open', 'hunter-one', 'hunter-one-two', 'abc'] });

    expect(text('hunter-one-two hunter-one open reopen opened open. abc')).toBe(
      '*** *** *** reopen opened ***. abc',
    );
  });

  test('hides the beginning of a long known value, where a text was cut off', () => {
    const value = 'sk_live_0123456789abcdef';
    const { text } = bound({ values: [value] });

    expect(text(`bad token ${value.slice(0, 18)}`)).toBe('bad token ***');
    expect(text(`bad token ${value.slice(0, 10)}`)).toBe(`bad token ${value.slice(0, 10)}`);
  });

  test('hides what the user listed, by name and by pattern', () => {
    const { text } = bound({ names: ['x-room'], patterns: [/acct_\d+/, /secret/giy, /z*/] });

    expect(text('X-Room: blue, xRoom=red, "x_room":3, acct_12 Secret SECRET buzz')).toBe(
      'X-Room: ***, xRoom=***, "x_room":***, *** *** *** bu***',
    );
  });

  test('takes time in proportion to its length', () => {
    for (const part of ['a', 'a-', '"', '\\"', 'token ', 'eyJ', 'http://', '{', ' =', 'bearer ']) {
      const startedAtMs = performance.now();
      redactText(part.repeat(100_000 / part.length));

      expect([part, performance.now() - startedAtMs < 2_000]).toEqual([part, true]);
    }
  });
});

/** Methods that may be taken apart. */
function bound(rules: Parameters<typeof redactorOf>[0]) {
  const redactor = redactorOf(rules);
  return { text: (text: string) => redactor.text(text), data: (data: unknown) => redactor.data(data) };
}

describe('data', () => {
  class Point {
    readonly x = 1;
    readonly password = 'hunter';
  }
  class Empty {
    readonly #secret = 'hunter';
    get secret(): string {
      return this.#secret;
    }
  }

  test.each<[string, unknown, unknown]>([
    [
      'fields',
      { a: [{ token: 'hunter' }], b: 'Bearer hunter-2' },
      { a: [{ token: '***' }], b: 'Bearer ***' },
    ],
    [
      'a Map',
      new Map<unknown, unknown>([
        ['apiKey', 'hunter'],
        [1, 2],
      ]),
      { apiKey: '***', 1: 2 },
    ],
    ['a Set', new Set([1, `is ${JWT}`]), [1, 'is ***']],
    ['headers', new Headers({ Authorization: 'hunter', a: 'b' }), { a: 'b', authorization: '***' }],
    [
      'entries',
      [
        ['authorization', 'hunter'],
        ['a', 'b'],
      ],
      [
        ['authorization', '***'],
        ['a', 'b'],
      ],
    ],
    ['pairs', [{ name: 'token', value: 'hunter' }], [{ name: 'token', value: '***' }]],
    ['an instance', new Point(), { x: 1, password: '***' }],
    ['an instance without fields', new Empty(), '[Empty]'],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a URL', new URL('ws://a:hunter@b/?c=hunter'), 'ws://b/?c=***'],
    ['a big number', 12n, '12n'],
    ['bytes', new Uint8Array(3), '[Uint8Array of 3 bytes]'],
    ['a function', { call: Math.max }, { call: '[function max]' }],
    ['a name that is a secret', { [JWT]: 1 }, { '***': 1 }],
    [
      'a field that is called __proto__',
      JSON.parse('{"__proto__":{"token":"hunter"}}'),
      JSON.parse('{"__proto__":{"token":"***"}}'),
    ],
  ])('is copied without secrets: %s', (_, data, shown) => {
    expect(redactData(data)).toEqual(shown);
  });

  test('is copied with its errors as data', () => {
    const cause = new TypeError('token=hunter');
    const error = Object.assign(new Error('at wss://a:hunter@b/', { cause }), {
      code: 'E1',
      headers: { cookie: 'hunter' },
    });

    expect(redactData({ error })).toEqual({
      error: {
        name: 'Error',
        message: 'at wss://b/',
        code: 'E1',
        headers: { cookie: '***' },
        cause: { name: 'TypeError', message: 'token=***' },
      },
    });
  });

  test('may contain itself, throw when it is read, be deep, be long, and be much', () => {
    const circle: Record<string, unknown> = { token: 'hunter' };
    circle['self'] = circle;
    const trap = {
      get x(): never {
        throw new Error('hunter');
      },
    };
    let deep: unknown = 'hunter';
    for (let i = 0; i < 10_000; i += 1) deep = { deep };
    const long = `${'x '.repeat(50_000)}token=hunter`;

    expect(redactData(circle)).toEqual({ token: '***', self: '[Circular]' });
    expect(redactData({ trap })).toEqual({ trap: '[cannot be read]' });
    expect(JSON.stringify(redactData({ deep, long, much: Array(200_000).fill(1) }))).not.toContain('hunter');
  });

  test('of which the user listed names and patterns is copied without them, whatever they are', () => {
    const { data } = bound({ names: ['room'], patterns: [/acct_\d+/] });

    expect(data({ ROOM: { id: 1 }, room: 7, rooms: 2, a: 'of acct_1' })).toEqual({
      ROOM: '***',
      room: '***',
      rooms: 2,
      a: 'of ***',
    });
  });
});

describe('whatever the nesting,', () => {
  const SECRET = 'hunter-Zq7#"\\';
  const name = fc.constantFrom(
    'token',
    'Authorization',
    'user_password',
    'api-key',
    'clientSecret',
    'Set-Cookie',
    'listed',
  );
  const secretive = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      fc.oneof(
        fc
          .tuple(name, fc.constantFrom<unknown>(SECRET, [SECRET], { a: SECRET }))
          .map(([key, value]) => ({ [key]: value })),
        name.map((key) => JSON.stringify({ [key]: SECRET })),
        name.map((key) => new Map([[key, SECRET]])),
        fc.jsonValue(),
      ),
      fc.array(tie('node'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('node'), { maxKeys: 4 }),
      tie('node').map((value) => new Map([['a', value]])),
      tie('node').map((value) => Object.assign(new Error('no'), { value })),
      tie('node').map((cause) => new Error('no', { cause })),
    ),
  })).node;

  test('no secret under such a name survives', () => {
    const redactor = redactorOf({ names: ['listed'] });
    fc.assert(
      fc.property(secretive, (data) => {
        const shown = redactor.data(data);
        const texts = [
          inspect(shown, { depth: 40 }),
          JSON.stringify(shown),
          inspect(redactor.clean(data), { depth: 40 }),
        ];

        expect(texts.filter((text) => text.includes('hunter'))).toEqual([]);
      }),
    );
  });

  test('no known value survives, wherever it stands', () => {
    const redactor = redactorOf({ values: ['hunter-Zq7'] });
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.array(fc.string(), { maxLength: 4 }),
        (before, after, path) => {
          const told = path.reduce<unknown>(
            (inner, key) => ({ [key]: inner }),
            `${before}hunter-Zq7${after}`,
          );

          expect(JSON.stringify([redactor.data(told), redactor.text(JSON.stringify(told))])).not.toContain(
            'hunter-Zq7',
          );
        },
      ),
    );
  });

  test('data without secrets is the same afterwards, and itself when it is cleaned', () => {
    const key = fc.stringMatching(/^[a-j]{0,8}$/);
    const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.stringMatching(/^[a-j ,.]*$/));
    const innocent = fc.oneof(
      fc.dictionary(key, fc.oneof(leaf, fc.array(leaf), fc.dictionary(key, leaf))),
      fc.array(leaf),
      leaf,
    );
    fc.assert(
      fc.property(innocent, (data) => {
        expect(redactData(data)).toEqual(data);
        expect(redactorOf({ names: ['x-y'] }).clean(data)).toBe(data);
      }),
    );
  });
});

describe('an error', () => {
  const { clean } = { clean: <Value>(value: Value) => redactorOf({ values: ['hunter-token'] }).clean(value) };

  test('without a secret is itself', () => {
    const error = Object.assign(new RangeError('no', { cause: new Error('why') }), {
      request: { headers: { a: 'b' } },
    });

    expect(clean(error)).toBe(error);
  });

  test.each([
    ['in its message', new RangeError('bad hunter-token')],
    ['in a field', Object.assign(new RangeError('bad'), { request: { headers: ['Bearer hunter-token'] } })],
    ['in its cause', new RangeError('bad', { cause: new Error('bad hunter-token') })],
    ['in what it is an aggregate of', new AggregateError([new Error('bad hunter-token')], 'bad')],
    ['deep in its causes', chain(30)],
  ])('with a secret %s is a copy that shows none', (_, error) => {
    const copy = clean<Error>(error);

    expect(copy).not.toBe(error);
    expect(copy).toBeInstanceOf(Error);
    expect(copy.name).toBe(error.name);
    expect(inspect(copy, { depth: 40, showHidden: true })).not.toContain('hunter-token');
    expect(inspect(error, { depth: 40, showHidden: true })).toContain('hunter-token');
  });

  test('may be its own cause', () => {
    const error = new Error('bad hunter-token');
    error.cause = error;

    expect(inspect(clean(error), { depth: 40 })).not.toContain('hunter-token');
  });
});

function chain(length: number): Error {
  let error = new Error('bad hunter-token');
  for (let i = 0; i < length; i += 1) error = new Error('bad', { cause: error });
  return error;
}

describe('the option `redact`', () => {
  test.each<unknown>(['token', ['token', ''], [' - '], [7], { names: [] }])('is refused as %j', (redact) => {
    expect(() => new Connection({ url: 'ws://127.0.0.1:1', redact: redact as string[] })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        details: expect.objectContaining({ name: '`redact`' }) as object,
      }),
    );
  });

  test('hides a part of the path in the name of the connection', () => {
    const connection = new Connection({ url: 'ws://127.0.0.1:1/rooms/acct_7?a=b', redact: [/acct_\d/] });

    expect(connection.recording()?.name).toBe('ws://127.0.0.1:1/rooms/***?a=***');
  });
});
