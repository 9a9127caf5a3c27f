// Options: what is refused, and with which words; and that the defaults are those of the documentation.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Connection, DEFAULTS, InvalidOptionError } from '../src/index.ts';
import { FakeTransport } from './support/fake-transport.ts';
import { until } from '../src/testing/wait.ts';
import { VirtualClock } from '../src/testing/virtual-clock.ts';

type Row = readonly [name: string, value: unknown];

const made = (options: Record<string, unknown>) => new Connection({ url: 'ws://127.0.0.1:1', ...options });

/** `{ 'retry.backoff': 5 }` as options. */
const optionsOf = (name: string, value: unknown): Record<string, unknown> => {
  const [group = '', key] = name.split('.');
  return { [group]: key === undefined ? value : { [key]: value } };
};

const NUMBERS_ABOVE_0 = [
  ...['heartbeat.intervalMs', 'heartbeat.timeoutMs', 'heartbeat.silenceMs'],
  ...['outbox.maxMessages', 'outbox.maxBytes', 'outbox.ttlMs', 'outbox.highWaterBytes'],
  ...['timeouts.connectMs', 'timeouts.handshakeMs', 'timeouts.closeMs', 'timeouts.providerMs'],
  'timeouts.networkPatienceMs',
];
const NUMBERS_FROM_0 = ['retry.maxAttempts', 'retry.maxElapsedMs', 'retry.stableAfterMs'];
const NO_NUMBERS = [Number.NaN, -1, '5', null, true, {}];

const invalid: readonly Row[] = [
  ...NUMBERS_ABOVE_0.flatMap((name) => [...NO_NUMBERS, 0].map((value): Row => [name, value])),
  ...NUMBERS_FROM_0.flatMap((name) => NO_NUMBERS.map((value): Row => [name, value])),
  ['url', undefined],
  ['url', null],
  ['url', ''],
  ['url', 'example.com'],
  ['url', '/relative'],
  ['url', 'ftp://example.com'],
  ['url', 'wss://'],
  ['url', 5],
  ['url', {}],
  ['protocol', 'json'],
  ['protocol', {}],
  ['protocols', 5],
  ['protocols', ['v1', 5]],
  ['protocols', ['v 1']],
  ['protocols', ['v1', 'v1']],
  ['headers', 'X-A: 1'],
  ['headers', { 'X-A': 'a\r\nb' }],
  ['headers', { 'X-A': 1 }],
  ['headers', null],
  ['resume', 'subscribe'],
  ['retry', true],
  ['retry', null],
  ['retry', 5],
  ['retry.backoff', 5],
  ['retry.backoff', null],
  ['retry.backoff', () => 5],
  ['retry.backoff', { delayMs: 5 }],
  ['retry.initial', 'no'],
  ['retry.policy', 'always'],
  ['heartbeat', true],
  ['heartbeat', 30_000],
  ['heartbeat', null],
  ['outbox', false],
  ['outbox', 5],
  ['outbox.overflow', 'block'],
  ['outbox.overflow', 5],
  ['timeouts', 5],
  ['timeouts', false],
  ['webSocket', 5],
  ['webSocket.WebSocket', 5],
  ['webSocket.createWebSocket', 'ws'],
  ['webSocket.maxPayloadBytes', -1],
  ['webSocket.compression', 'yes'],
  ['transport', {}],
  ['transport', 'ws'],
  ['surroundings', {}],
  ['clock', {}],
  ['clock', Date],
  ['random', 0.5],
  ['logger', true],
  ['logger', { info: () => undefined }],
  ['inspect', true],
];

describe('an option that cannot be meant', () => {
  test.each(invalid.map(([name, value]) => [name, show(value), value] as const))(
    '(%s: %s) is refused with what was expected and what came',
    (name, _, value) => {
      let thrown: unknown;
      try {
        made(optionsOf(name, value));
      } catch (error) {
        thrown = error;
      }

      expect(thrown).toBeInstanceOf(InvalidOptionError);
      const { code, message } = thrown as InvalidOptionError;
      expect(code).toBe('INVALID_OPTION');
      // A part of an option may be named more exactly, such as `headers.X-A`.
      const [group] = name.split('.');
      expect(message).toMatch(/^Expected `[\w.-]+` to be (?!undefined).+, got .+\.$/s);
      expect(message).toContain(name.includes('.') ? `\`${name}\`` : `\`${group ?? ''}`);
    },
  );

  test('(none at all) is refused', () => {
    expect(() => new Connection(undefined as never)).toThrow(InvalidOptionError);
    expect(() => new Connection(null as never)).toThrow(InvalidOptionError);
    expect(() => new Connection({} as never)).toThrow(InvalidOptionError);
  });

  test('is not shown where it may be a secret', () => {
    const secret = 'ftp://user:hunter2@example.com/?token=hunter2';

    expect(() => made({ url: secret })).toThrow(expect.not.stringContaining('hunter2') as string);
    try {
      made({ url: secret });
    } catch (error) {
      expect(JSON.stringify(error) + String(error)).not.toContain('hunter2');
    }
  });
});

describe('options that can be meant', () => {
  test.each([
    ...['retry', 'heartbeat', 'outbox', 'timeouts', 'webSocket', 'protocol', 'logger', 'inspect'],
    ...['headers', 'protocols', 'credentials', 'resume', 'clock', 'random', 'surroundings', 'transport'],
    ...[...NUMBERS_ABOVE_0, ...NUMBERS_FROM_0, 'retry.backoff', 'retry.policy', 'outbox.overflow'],
  ])('may be undefined (%s)', (name) => {
    expect(() => made(optionsOf(name, undefined))).not.toThrow();
  });

  test.each([...NUMBERS_ABOVE_0, ...NUMBERS_FROM_0].filter((name) => name !== 'outbox.ttlMs'))(
    'may be Infinity (%s)',
    (name) => {
      expect(() => made(optionsOf(name, Infinity))).not.toThrow();
    },
  );

  test.each([
    'wss://example.com',
    'ws://[::1]:8080/a?b=c',
    'https://example.com',
    'http://localhost',
    'WSS://EXAMPLE.COM',
  ])('may be this URL (%s)', (url) => {
    expect(() => made({ url })).not.toThrow();
    expect(() => made({ url: new URL(url) })).not.toThrow();
  });

  test('do nothing before connect()', () => {
    const clock = new VirtualClock();
    const transport = new FakeTransport();
    const calls: string[] = [];
    made({ clock, transport, url: () => calls.push('url'), credentials: () => calls.push('credentials') });

    expect([calls, clock.pending, transport.links]).toEqual([[], 0, []]);
  });

  test('are those that were given, whatever becomes of the object they came in', async () => {
    const transport = new FakeTransport();
    const options = { url: 'ws://one.example/', headers: { a: '1' }, transport, clock: new VirtualClock() };
    const connection = made(options);
    options.url = 'ws://two.example/';
    options.headers = { a: '2' };
    connection.connect().catch(() => undefined);
    await until(() => transport.links.length > 0);

    expect(transport.link.target).toEqual({
      url: 'ws://one.example/',
      subprotocols: [],
      headers: { a: '1' },
    });
    await connection.disconnect();
  });
});

describe('the defaults', () => {
  const groupOf: Readonly<Record<string, keyof typeof DEFAULTS>> = {
    RetryOptions: 'retry',
    HeartbeatOptions: 'heartbeat',
    OutboxOptions: 'outbox',
    TimeoutOptions: 'timeouts',
  };

  /** `['retry.maxAttempts', 'Infinity']` for each option whose documentation gives a value. */
  function documented(): Row[] {
    const source = readFileSync(new URL('../src/options.ts', import.meta.url), 'utf8');
    const rows: Row[] = [];
    for (const [, name = '', body = ''] of source.matchAll(/export interface (\w+) \{\n(.*?)\n\}/gs)) {
      const group = groupOf[name];
      if (group === undefined) continue;
      for (const [, value = '', key = ''] of body.matchAll(
        /@defaultValue `([^`]+)`(?:(?!\*\/).)*\*\/\s+readonly (\w+)\?/gs,
      )) {
        rows.push([`${group}.${key}`, value]);
      }
    }
    return rows;
  }

  const valueOf = (text: string): unknown =>
    text.startsWith("'")
      ? text.slice(1, -1)
      : (JSON.parse(text.replaceAll('_', '').replace('Infinity', 'null')) ?? Infinity);

  test('are what the documentation says', () => {
    const said = documented().filter(([name]) => name !== 'retry.backoff');
    const real = Object.entries(DEFAULTS).flatMap(([group, values]) =>
      Object.entries(values as Record<string, unknown>).map(([key, value]): Row => [
        `${group}.${key}`,
        value,
      ]),
    );

    expect(Object.fromEntries(said.map(([name, text]) => [name, valueOf(text as string)]))).toEqual(
      Object.fromEntries(real),
    );
  });

  test('cannot be changed', () => {
    expect(Object.isFrozen(DEFAULTS)).toBe(true);
    expect(Object.values(DEFAULTS).every(Object.isFrozen)).toBe(true);
  });
});

function show(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'function' ? 'a function' : JSON.stringify(value);
}
