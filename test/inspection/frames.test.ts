// The frames that are told: in the format of @statelyai/inspect, plain, bounded, and without secrets, whatever is in it.
import { describe, expect, test } from 'vitest';
import { createActor, createMachine, fromPromise } from 'xstate';
import { actorFrame, eventFrame, sampleFrame, shown, snapshotFrame } from '../../src/inspection/frames.ts';
import { fingerprintOf } from '../../src/inspection/recording.ts';
import { redactorOf } from '../../src/redact.ts';

const redactor = redactorOf({ names: ['plate'] });
const facts = { sessionId: 'x:1', rootId: 'x:0', at: 1_795_250_768_148 };
const envelope = { _version: '0.7.2', createdAt: '1795250768148', id: null, rootId: 'x:0', sessionId: 'x:1' };

test('an actor is told with its chart, whose keys are sorted, and its snapshot', () => {
  const machine = createMachine({
    id: 'light',
    context: { plate: 'secret', cars: 2 },
    initial: 'red',
    states: { red: { tags: ['stop'], on: { go: { target: 'green', actions: () => undefined } } }, green: {} },
  });
  const actor = createActor(machine).start();
  const told = JSON.parse(actorFrame(facts, { actor, snapshot: actor.getSnapshot() }, redactor)) as Record<
    string,
    string
  >;

  expect(told).toEqual({
    ...envelope,
    type: '@xstate.actor',
    name: 'light',
    parentId: null,
    definition:
      '{"id":"light","initial":"red","states":{"green":{},"red":{"on":{"go":{"actions":{"type":"actions"},"target":"green"}},"tags":["stop"]}}}',
    snapshot: {
      status: 'active',
      value: 'red',
      context: { plate: '***', cars: 2 },
      tags: ['stop'],
      children: {},
      historyValue: {},
    },
  });
  expect(fingerprintOf(JSON.parse(told['definition']!))).toMatch(/^[0-9a-f]{8}$/);
});

test('an actor without a chart is told without its input', () => {
  const actor = createActor(
    fromPromise(() => new Promise(() => undefined)),
    { input: { token: 'secret' } },
  );
  const frame = actorFrame(facts, { actor, name: 'fetcher', snapshot: actor.getSnapshot() }, redactor);

  expect(JSON.parse(frame)).toMatchObject({
    name: 'fetcher',
    definition: '{"id":"fetcher"}',
    snapshot: { status: 'active' },
  });
  expect(frame).not.toContain('secret');
});

test('events, snapshots and figures are told as they are, but the first event without its input', () => {
  expect(
    JSON.parse(eventFrame(facts, { event: { type: 'go', plate: 'B 1' }, sourceId: 'x:2' }, redactor)),
  ).toEqual({
    ...envelope,
    type: '@xstate.event',
    sourceId: 'x:2',
    event: { type: 'go', plate: '***' },
  });
  const init = { type: 'xstate.init', input: { any: 'secret' } };
  expect(
    JSON.parse(snapshotFrame(facts, { event: init, snapshot: { status: 'done', output: 7 } }, redactor)),
  ).toEqual({
    ...envelope,
    type: '@xstate.snapshot',
    event: { type: 'xstate.init' },
    snapshot: { status: 'done', output: 7 },
  });
  const sample = { at: 1 } as Parameters<typeof sampleFrame>[1];
  expect(JSON.parse(sampleFrame(facts, sample))).toEqual({
    ...envelope,
    type: 'statewire.sample',
    sample: { at: 1 },
  });
});

class Account {
  readonly owner = 'ada';
  #balance = 7;
  get balance(): number {
    return this.#balance;
  }
}

const circle: Record<string, unknown> = { name: 'round' };
circle['self'] = circle;

describe('what is shown', () => {
  test.each<[string, unknown, unknown]>([
    ['a circle', circle, { name: 'round', self: '… (itself)' }],
    ['a function', { run: function run() {} }, { run: 'ƒ run' }],
    ['a BigInt', 7n, '7n'],
    ['a symbol', Symbol('x'), 'Symbol(x)'],
    ['no number', [NaN, Infinity, -0], ['NaN', 'Infinity', -0]],
    ['nothing in a list', [undefined, null], [null, null]],
    [
      'an error',
      new TypeError('bad', { cause: new Error('why') }),
      { name: 'TypeError', message: 'bad', cause: { name: 'Error', message: 'why' } },
    ],
    ['a class', new Account(), { owner: 'ada' }],
    ['a class that shows nothing', new WeakMap(), '… (WeakMap)'],
    ['a Map', new Map([['a', 1]]), [['a', 1]]],
    ['a Set', new Set([1]), [1]],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['no date', new Date(NaN), 'Invalid Date'],
    ['bytes', new Uint8Array(5), '… (Uint8Array of 5 bytes)'],
    ['a URL', new URL('https://ada:pw@example.com/?key=1'), 'https://example.com/?key=***'],
    [
      'what cannot be read',
      {
        get bad(): never {
          throw new Error('no');
        },
      },
      '… (cannot be read)',
    ],
    ['a revoked proxy', revoked(), '… (cannot be read)'],
    [
      'an actor',
      { child: createActor(createMachine({ id: 'm' }), { id: 'kid' }) },
      { child: { xstate$$type: 1, id: 'kid' } },
    ],
    ['a long text', 'x'.repeat(100_000), '… (text of 100000 characters)'],
  ])('of %s can be JSON', (_, value, expected) => {
    expect(shown(value, redactor)).toEqual(expected);
    expect(() => JSON.stringify(shown(value, redactor))).not.toThrow();
  });

  test('stays below 64 KiB, and is made in no time, of whatever there is', () => {
    const values = [
      Array.from({ length: 1_000_000 }, (_, index) => index),
      Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`key ${index}`, { index }])),
      Array.from({ length: 100 }, () => 'x'.repeat(10_000)),
      Array.from({ length: 200 }).reduce<object>((inner) => ({ inner }), {}),
    ];
    const startedAt = performance.now();
    for (const value of values) expect(JSON.stringify(shown(value, redactor)).length).toBeLessThan(65_536);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  test('keeps a key that is named like a prototype', () => {
    const given = JSON.parse('{"__proto__":{"polluted":true}}') as unknown;

    expect(JSON.stringify(shown(given, redactor))).toBe('{"__proto__":{"polluted":true}}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
