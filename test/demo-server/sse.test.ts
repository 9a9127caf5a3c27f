// The event streams of the demo over real connections: all of it, and what a client gets that comes back.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../testing/leftovers.ts';
import { demo, eventsOf, kindOf, listen, timeless } from './demo.ts';

const TOTALS = [
  ['/sse/time', 'time', 300],
  ['/sse/metrics', 'metrics', 600],
  ['/sse/stocks', 'stock', 1_000],
  ['/sse/logs', 'log', 1_000],
] as const;

const PATHS = TOTALS.map(([path]) => path);

const numberOf = (id: string | undefined) => Number(/\d+$/.exec(id ?? '')?.[0]);

test.each(TOTALS)('%s sends its events %s, %i of them in order, and ends', async (path, type, count) => {
  const server = await demo();
  const events = await eventsOf(server, path);
  const numbers = events.filter(({ event }) => event === type).map(({ id }) => numberOf(id));
  expect(numbers).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  expect(events.every(({ id }) => id !== undefined)).toBe(true);
});

test('what comes beside them is named alert and summary', async () => {
  const server = await demo();
  const others = await Promise.all(
    TOTALS.map(async ([path, type]) => {
      const events = await eventsOf(server, path);
      return new Set(events.map(({ event }) => event).filter((event) => event !== type));
    }),
  );
  expect(others).toEqual([new Set(), new Set(['alert']), new Set(['summary']), new Set(['alert'])]);
});

test('a stream begins with a sign of life and the hint when to come back', async () => {
  const { heard, stop } = await listen(await demo({ pace: 1 }), '/sse/metrics');
  await until(() => heard.text.includes('data: '));
  await stop();
  expect(heard.headers.get('content-type')).toBe('text/event-stream');
  expect(heard.text).toMatch(/^: ping\n\nretry: 1000\n\nevent: metrics\nid: 1\ndata: \{"timestamp":\d/);
});

test('the time comes in all of its formats', async () => {
  const events = await eventsOf(await demo(), '/sse/time');
  const kinds = new Set(events.map(({ data }) => kindOf(data)));
  expect(kinds).toEqual(new Set(['unix', 'iso', 'human', 'detailed']));
});

test.each(PATHS)(
  '%s says the same to everybody and after a restart, but other things with another seed',
  async (path) => {
    const [one, again, other] = await Promise.all([demo(), demo(), demo({ seed: 8 })]);
    const said = await Promise.all(
      [one, one, again, other].map(async (server) => (await eventsOf(server, path)).map(timeless)),
    );
    expect(said[1]).toEqual(said[0]);
    expect(said[2]).toEqual(said[0]);
    expect(said[3]).not.toEqual(said[0]);
  },
);

test.each(PATHS)('%s goes on after any id, without a gap and without a repetition', async (path) => {
  const server = await demo();
  const all = (await eventsOf(server, path)).map(timeless);
  const besides = all.findIndex(({ event }) => event === 'alert' || event === 'summary');
  // The first ones, the last ones, and around an alert or a summary.
  const cuts = [0, 1, 41, besides - 1, besides, besides + 1, all.length - 2].filter((index) => index >= 0);
  for (const cut of cuts) {
    const rest = await eventsOf(server, path, { lastEventId: all[cut]!.id! });
    expect(rest.map(timeless), `after ${all[cut]!.id}`).toEqual(all.slice(cut + 1));
  }
});

test.each(PATHS)(
  '%s is put together without a gap by a client that is cut off again and again',
  async (path) => {
    const all = (await eventsOf(await demo(), path)).map(timeless);
    const heard: typeof all = [];
    for (let part = 1; heard.length < all.length; part += 1) {
      // Each part from a server of its own: as after a restart.
      const server = await demo();
      const lastEventId = heard.at(-1)?.id ?? '';
      const left = all.length - heard.length;
      const events = await eventsOf(server, path, { lastEventId, upTo: Math.min(37 * part, left) });
      heard.push(...events.map(timeless));
    }
    expect(heard).toEqual(all);
  },
);

test.each(TOTALS)('%s goes on with the next numbers when it has ended', async (path, type, count) => {
  const server = await demo();
  const last = (await eventsOf(server, path)).at(-1)!;
  const next = await eventsOf(server, path, { lastEventId: last.id! });
  const numbers = next.filter(({ event }) => event === type).map(({ id }) => numberOf(id));
  expect(numbers).toEqual(Array.from({ length: count }, (_, index) => count + index + 1));
  const again = await eventsOf(server, path, { lastEventId: last.id! });
  expect(again.map(timeless)).toEqual(next.map(timeless));
});

test.each(['nonsense', '0', '-5', '1e3', '007', 'AAPL-', 'a-b-3'])(
  'an id that is none begins at the beginning: %s',
  async (lastEventId) => {
    const [first] = await eventsOf(await demo(), '/sse/metrics', { lastEventId, upTo: 1 });
    expect(numberOf(first?.id)).toBe(1);
  },
);

test('no id is too large to go on from at once', async () => {
  const [first] = await eventsOf(await demo(), '/sse/logs', {
    lastEventId: 'alert-999999999999998',
    upTo: 1,
  });
  expect(first?.id).toBe('999999999999999');
});

test('stocks go on by their number when the symbol is another one, as with another seed', async () => {
  const server = await demo();
  const all = await eventsOf(server, '/sse/stocks', { upTo: 12 });
  const rest = await eventsOf(server, '/sse/stocks', { lastEventId: 'OTHER-10', upTo: 2 });
  expect(rest.map(({ id }) => id)).toEqual(all.slice(10).map(({ id }) => id));
});

test('events come at the pace of their beats, which a factor changes', async () => {
  const clock = new VirtualClock();
  const { heard, stop } = await listen(await demo({ clock, pace: 0.5 }), '/sse/metrics');
  await until(() => heard.text.includes('id: 1\n') && clock.pending === 1);
  clock.advance(499);
  expect(clock.pending).toBe(1);
  clock.advance(1);
  await until(() => heard.text.includes('id: 2\n') && clock.pending === 1);
  expect(clock.nextInMs).toBe(500);
  await stop();
  await until(() => clock.pending === 0, { describe: 'the end of the pause' });
});

test('a stream pings every 30 seconds', async () => {
  const clock = new VirtualClock();
  const server = await demo({ clock, pace: 1_000 }, { clock });
  const { heard, stop } = await listen(server, '/sse/metrics');
  const pings = () => heard.text.split(': ping\n\n').length - 1;
  await until(() => pings() === 1 && heard.text.includes('id: 1\n'));
  clock.advance(29_999);
  await quiet();
  expect(pings()).toBe(1);
  clock.advance(1);
  await until(() => pings() === 2);
  await stop();
  await until(() => server.connections.size === 0);
});

test.each(PATHS)('a client that leaves %s in the middle leaves nothing behind', async (path) => {
  const clock = new VirtualClock();
  const server = await demo({ clock, pace: 1 }, { clock });
  const events = eventsOf(server, path, { upTo: 3 });
  for (let beat = 1; beat < 3; beat += 1) {
    await until(
      () => server.connections.size === 1 && clock.nextInMs !== undefined && clock.nextInMs <= 3_000,
    );
    clock.runNext();
  }
  expect(await events).toHaveLength(3);
  await until(() => server.connections.size === 0 && clock.pending === 0, {
    describe: () => `no connection and no timer; there are ${server.connections.size} and ${clock.pending}`,
  });
});
