// The protocols that need no agreement: what goes out, what comes in, and what they refuse.
import { describe, expect, test } from 'vitest';
import { binary, json, jsonOf, text, type Frame } from '../src/index.ts';

const bytes = (...values: number[]) => new Uint8Array(values);
const utf8 = (string: string) => new TextEncoder().encode(string);

describe('text', () => {
  test('takes strings as they are', () => {
    expect(text.encode('grüße \u0000')).toBe('grüße \u0000');
    expect(text.decode('grüße')).toBe('grüße');
  });

  test('reads bytes as UTF-8, and refuses what is none', () => {
    expect(text.decode(utf8('grüße'))).toBe('grüße');
    expect(() => text.decode(bytes(0xff))).toThrow(TypeError);
  });
});

describe('binary', () => {
  test('takes bytes as they are', () => {
    const message = bytes(0, 255);

    expect(binary.encode(message)).toBe(message);
    expect(binary.decode(message)).toEqual(message);
  });

  test('reads texts as UTF-8', () => {
    expect(binary.decode('ü')).toEqual(bytes(0xc3, 0xbc));
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
    expect(json.encode(message)).toBe(frame);
    expect(json.decode(frame)).toEqual(message);
    expect(json.decode(utf8(frame))).toEqual(message);
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
    expect(() => json.encode(message)).toThrow(TypeError);
  });

  test.each<[string, Frame]>([
    ['nothing', ''],
    ['no bytes', bytes()],
    ['half a value', '{"a":'],
    ['two values', '{}{}'],
    ['no UTF-8', bytes(0x22, 0xff, 0x22)],
    ['a word', 'undefined'],
  ])('refuses to read %s', (_, frame) => {
    expect(() => json.decode(frame)).toThrow();
  });

  test('leaves prototypes alone, whatever comes', () => {
    const message = json.decode(
      '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}',
    );

    expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  test('refuses what is nested too deeply without breaking', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    let outcome: unknown = 'read';
    try {
      json.decode(deep);
    } catch (thrown) {
      outcome = thrown instanceof Error;
    }

    expect(['read', true]).toContain(outcome);
  });

  test('has the types of one’s messages', () => {
    const typed = jsonOf<{ in: number }, { out: number }>();

    expect(typed.decode('{"in":1}').in).toBe(1);
    expect(typed.encode({ out: 1 })).toBe('{"out":1}');
  });
});
