// The protocols that need no agreement: what goes out, what comes in, and what they refuse.
import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  binary,
  Connection,
  json,
  messagePack,
  text,
  type ConnectionError,
  type Frame,
  type Protocol,
} from '../src/index.ts';
import { until } from '../src/testing/wait.ts';
import { stage } from './support/connected.ts';

const bytes = (...values: number[]) => new Uint8Array(values);
const utf8 = (string: string) => new TextEncoder().encode(string);

describe('text', () => {
  test('takes strings as they are', () => {
    expect(text().encode('grüße \u0000')).toBe('grüße \u0000');
    expect(text().decode('grüße')).toBe('grüße');
  });

  test('reads bytes as UTF-8, and refuses what is none', () => {
    expect(text().decode(utf8('grüße'))).toBe('grüße');
    expect(() => text().decode(bytes(0xff))).toThrow(TypeError);
  });
});

describe('binary', () => {
  test('takes bytes as they are', () => {
    const message = bytes(0, 255);

    expect(binary().encode(message)).toBe(message);
    expect(binary().decode(message)).toEqual(message);
  });

  test('reads texts as UTF-8', () => {
    expect(binary().decode('ü')).toEqual(bytes(0xc3, 0xbc));
  });
});

describe('json', () => {
  test.each<[unknown, string]>([
    [{ a: [1, null, 'ü'] }, '{"a":[1,null,"ü"]}'],
    ['text', '"text"'],
    [null, 'null'],
    [0, '0'],
    [false, 'false'],
  ])('%o goes there and back', (message, frame) => {
    expect(json().encode(message)).toBe(frame);
    expect(json().decode(frame)).toEqual(message);
    expect(json().decode(utf8(frame))).toEqual(message);
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a function', () => undefined],
    ['a symbol', Symbol('x')],
    ['a cycle', cycle],
    ['a BigInt', 1n],
    [
      'what throws',
      {
        toJSON: () => {
          throw new TypeError('no');
        },
      },
    ],
  ])('refuses to send %s', (_, message) => {
    expect(() => json().encode(message)).toThrow(TypeError);
  });

  test.each<[string, Frame]>([
    ['nothing', ''],
    ['no bytes', bytes()],
    ['half a value', '{"a":'],
    ['two values', '{}{}'],
    ['no UTF-8', bytes(0x22, 0xff, 0x22)],
    ['a word', 'undefined'],
  ])('refuses to read %s', (_, frame) => {
    expect(() => json().decode(frame)).toThrow();
  });

  test('leaves prototypes alone, whatever comes', () => {
    const message = json().decode(
      '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}',
    );

    expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  test('refuses what is nested too deeply without breaking', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    let outcome: unknown = 'read';
    try {
      json().decode(deep);
    } catch (thrown) {
      outcome = thrown instanceof Error;
    }

    expect(['read', true]).toContain(outcome);
  });

  test('has the types of one’s messages', () => {
    const typed = json<{ in: number }, { out: number }>();

    expect(typed.decode('{"in":1}').in).toBe(1);
    expect(typed.encode({ out: 1 })).toBe('{"out":1}');
  });
});

describe('messagePack', () => {
  const pack = (message: unknown) => messagePack().encode(message);
  const unpack = (frame: Frame) => messagePack().decode(frame);
  const unhex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

  // The bytes are those of the specification, not of the library: timestamps are extension -1.
  test.each<[unknown, string]>([
    [null, 'c0'],
    [false, 'c2'],
    [-33, 'd0df'],
    [0.5, 'cb3fe0000000000000'],
    ['ü', 'a2c3bc'],
    ['🦑', 'a4f09fa691'],
    [{ a: [1, null, {}] }, '81a1619301c080'],
    [bytes(0, 255), 'c40200ff'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
    [new Date(1_700_000_000_000), 'd6ff6553f100'],
  ])('%o goes there and back', (message, hex) => {
    expect(Buffer.from(pack(message) as Uint8Array).toString('hex')).toBe(hex);
    expect(unpack(unhex(hex))).toEqual(message);
  });

  test('reads whatever was written', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        // -0 is 0 to MessagePack, as it is to JSON.
        expect(unpack(pack(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('keeps no more memory for a message than it has bytes', () => {
    expect((pack('ü') as Uint8Array).buffer.byteLength).toBe(3);
  });

  test('leaves out what is undefined in an object, and says null for it elsewhere', () => {
    const message = { a: undefined, b: [undefined] };

    expect([unpack(pack(message)), unpack(pack(undefined))]).toEqual([{ b: [null] }, null]);
  });

  test('reads an integer beyond 2⁵³ as the nearest number, as JSON does', () => {
    expect(unpack(unhex('cf0020000000000001'))).toBe(JSON.parse('9007199254740993'));
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  test.each<[string, unknown]>([
    ['a function', () => undefined],
    ['a symbol', { in: Symbol('x') }],
    ['a BigInt', 1n],
    ['a cycle', cycle],
  ])('refuses to send %s', (_, message) => {
    expect(() => pack(message)).toThrow(TypeError);
    expect(() => pack(message)).toThrow('Expected a value that MessagePack can express: ');
  });

  const thirtyMillion = [0xdd, 0x01, 0xc9, 0xc3, 0x80];
  const nested = new Uint8Array(200_001).fill(0x91);
  nested[200_000] = 0xc0;
  const HOSTILE: readonly [what: string, frame: Frame, why: string][] = [
    ['a text', '{}', 'Expected MessagePack in a binary frame, got a text of 2 characters'],
    ['nothing', bytes(), 'The frame claims more than it has.'],
    ['half a value', bytes(0xa2, 0x61), 'Insufficient data'],
    ['two values', bytes(0xc0, 0xc0), 'Extra 1 of 2 byte(s) found at buffer[1]'],
    ['a byte that means nothing', bytes(0xc1), 'Unrecognized type byte: 0xc1'],
    [
      'arrays that are only claimed',
      bytes(...Array<number[]>(30).fill(thirtyMillion).flat()),
      'The frame claims more',
    ],
    ['a map that is only claimed', bytes(0xdf, 0xff, 0xff, 0xff, 0xff), 'The frame claims more'],
    ['a string that is only claimed', bytes(0xdb, 0xff, 0xff, 0xff, 0xff), 'Insufficient data'],
    ['more arrays than any message has', nested, 'The frame claims more'],
    ['a key that is none', bytes(0x81, 0x90, 0xc0), 'The type of key must be string or number but object'],
    ['the key __proto__', bytes(0x81, 0xa9, ...utf8('__proto__'), 0x80), 'The key __proto__ is not allowed'],
  ];

  test.each(HOSTILE)('refuses to read %s', (_, frame, why) => {
    expect(() => unpack(frame)).toThrow(why);
  });

  test('lives on after each of them, and tells each as an invalid message', async () => {
    await using scene = await stage({ protocol: messagePack() });
    const invalid: ConnectionError[] = [];
    scene.connection.on('invalidMessage', ({ error }) => invalid.push(error));
    const socket = await scene.connect();
    for (const [, frame] of HOSTILE) socket.send(frame);
    socket.send(pack({ good: true }));
    scene.connection.send({ at: new Date(0) });
    await until(() => scene.messages.length === 1);

    expect(invalid.map(({ code }) => code)).toEqual(HOSTILE.map(() => 'INVALID_MESSAGE'));
    expect(invalid.map(({ details }) => details['cause'])).toEqual(
      HOSTILE.map(([, , why]) => expect.stringContaining(why) as unknown),
    );
    expect(scene.messages).toEqual([{ good: true }]);
    expect(unpack((await socket.nextFrame()) as Uint8Array)).toEqual({ at: new Date(0) });
    expect(scene.states).toEqual(['connecting', 'authenticating', 'open']);
  });
});

test('each protocol tells a connection the types of its messages', () => {
  const url = 'ws://127.0.0.1';

  expectTypeOf(new Connection({ url })).toEqualTypeOf<Connection>();
  expectTypeOf(new Connection({ url, protocol: text() })).toEqualTypeOf<Connection<string>>();
  expectTypeOf(new Connection({ url, protocol: binary() })).toEqualTypeOf<Connection<Uint8Array>>();
  expectTypeOf(new Connection({ url, protocol: json<1, 2>() })).toEqualTypeOf<Connection<1, 2>>();
  expectTypeOf(messagePack<1, 2>()).toEqualTypeOf<Protocol<1, 2>>();
  expectTypeOf(messagePack<1>()).toEqualTypeOf<Protocol<1>>();
});
