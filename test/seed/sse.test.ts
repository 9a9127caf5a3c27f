// The test plan for server-sent events: nine classes, between our server and our own client, with random data of the
// ranges that the plan names. Figures of speed are no matter of tests; completeness and order are.
import { describe, expect, it } from 'vitest';
import type { SseSession } from '../../src/server/index.ts';
import type { SseEvent } from '../../src/sse/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { turn, until } from '../../src/testing/wait.ts';
import { errorLog } from '../server/realtime/harness.ts';
import { seeded, type RandomData } from './random-data.ts';
import { codeOf, Pace, serve, SseClient, ssePair, stay } from './scene.ts';

const message = <Data>(data: Data, id = '') => ({ event: 'message', data, id });

/** Sends texts, and compares what came with what was sent. */
async function carry(texts: readonly string[], expected = texts): Promise<void> {
  await using pair = await ssePair();
  for (const text of texts) await pair.stream.sendText(text);
  expect(await pair.client.got(texts.length)).toEqual(expected.map((text) => message(text)));
}

describe('TestSSEBasics', () => {
  it(
    'carries ten texts',
    seeded((random) => carry(random.many(10, (n) => `Event ${n}: ${random.letters(50)}`))),
  );

  it(
    'carries ten objects as JSON',
    seeded(async (random) => {
      const objects = random.many(10, (index) => ({
        index,
        random_int: random.integer(0, 1_000),
        random_float: random.uniform(),
        random_string: random.letters(20),
        timestamp: random.uniform(1.6e9, 1.8e9),
        nothing: null,
        unicode: 'größer',
      }));
      await using pair = await ssePair<unknown>({ client: { decode: 'json' } });
      for (const [index, object] of objects.entries())
        await (index % 2 === 0 ? pair.stream.sendJson(object) : pair.stream.send({ data: object }));

      expect(await pair.client.got(10)).toEqual(objects.map((object) => message(object)));
      expect(pair.client.raw).toContain('größer');
    }),
  );

  it(
    'names events by five types',
    seeded(async (random) => {
      const types = ['message', 'update', 'alert', 'notification', 'heartbeat'];
      const sent = types.map((event) => ({ event, data: random.letters(20), id: '' }));
      await using pair = await ssePair();
      const alerts: unknown[] = [];
      pair.client.connection.onEvent('alert', (event) => alerts.push(event));
      for (const { event, data } of sent) await pair.stream.sendText(data, { event });

      expect(await pair.client.got(5)).toEqual(sent);
      expect(alerts).toEqual([sent[2]]);
    }),
  );

  it(
    'gives events ids, and is told the last one when the client comes back',
    seeded(async (random) => {
      const sent = random.many(10, (n) => message(random.letters(20), `evt-${String(n).padStart(4, '0')}`));
      await using pair = await ssePair();
      for (const { data, id } of sent) await pair.stream.send({ data, id });
      await pair.client.got(10);
      await pair.client.connection.disconnect();
      await until(() => pair.server.connections.size === 0);
      await pair.client.connection.connect();
      const [again] = pair.server.connections.values();

      expect(pair.client.events).toEqual(sent);
      expect([pair.client.connection.lastEventId, (again as SseSession).lastEventId]).toEqual([
        'evt-0009',
        'evt-0009',
      ]);
    }),
  );

  it('has the client wait 1, 5, 10 and 30 seconds, as the events say', async () => {
    const hints = [1_000, 5_000, 10_000, 30_000];
    const clock = new VirtualClock();
    const left = [...hints];
    await using server = await serve((routes) =>
      routes.sse('/', (stream) => stream.sendJson({ left: left.length }, { retryMs: left.shift()! })),
    );
    await using client = await SseClient.open<unknown>(server.url, {
      ...{ clock, random: () => 0, retry: {}, decode: 'json' },
    });
    for (const [index, hintMs] of hints.entries()) {
      await until(() => client.plans.length > index);
      if (index < 3) clock.advance(hintMs);
    }
    await client.connection.disconnect();

    expect(client.plans).toEqual(hints);
    expect(client.events).toEqual([4, 3, 2, 1].map((count) => message({ left: count })));
  });
});

describe('TestSSEKeepAlive', () => {
  it('pings at once and every 100 ms, of which the client hears no event', async () => {
    const clock = new VirtualClock();
    await using pair = await ssePair({ server: { clock } });
    const stop = pair.stream.keepAlive(100);
    for (let pings = 1; pings < 10; pings += 1) clock.advance(100);
    stop();
    clock.advance(1_000);
    await pair.stream.ping();
    await pair.client.heard(': ping\n\n'.repeat(11));

    expect(pair.client.raw).toBe(': ping\n\n'.repeat(11));
    expect(pair.client.connection.stats).toMatchObject({ bytesIn: 88, messagesIn: 0 });
    expect([pair.stream.eventsSent, pair.stream.bytesSent, pair.client.events]).toEqual([0, 88, []]);
  });

  it('pings every 30 seconds where nothing else is said, until it is closed', async () => {
    const clock = new VirtualClock();
    await using pair = await ssePair({ server: { clock } });
    pair.stream.keepAlive();
    clock.advance(29_999);
    expect(pair.stream.bytesSent).toBe(8);
    clock.advance(1);
    expect(pair.stream.bytesSent).toBe(16);
    await pair.stream.close();
    expect(clock.pending).toBe(0);
  });

  it('sends comments, of which the client hears no event', async () => {
    const comments = ['Keep-alive', 'Connection active', 'Heartbeat', 'Ping'];
    await using pair = await ssePair();
    for (const comment of comments) await pair.stream.sendComment(comment);
    await pair.stream.sendText('after them');

    expect(await pair.client.got(1)).toEqual([message('after them')]);
    expect(pair.client.raw).toBe(
      ': Keep-alive\n\n: Connection active\n\n: Heartbeat\n\n: Ping\n\ndata: after them\n\n',
    );
  });

  it.each(['returns', 'throws'])('is kept alive in a scope, and closed when that %s', async (how) => {
    const clock = new VirtualClock();
    const { errors, logger } = errorLog();
    let sent = 0;
    const handler = async (given: SseSession): Promise<void> => {
      await using stream = given;
      stream.keepAlive(1_000);
      for (; sent < 5; sent += 1) {
        await new Promise<void>((resolve) => void clock.setTimeout(resolve, 500));
        await stream.sendText(`event ${sent}`);
      }
      if (how === 'throws') throw new Error('no more');
    };
    await using server = await serve((routes) => routes.sse('/', handler), { clock, logger });
    await using client = await SseClient.open(server.url);
    for (let n = 1; n <= 5; n += 1) {
      await until(() => clock.pending === 2);
      clock.advance(500);
      await until(() => sent === n);
    }

    expect(await client.ended()).toBe('STREAM_ENDED');
    const event = (n: number): string => `data: event ${n}\n\n`;
    const ping = ': ping\n\n';
    expect(client.raw).toBe(ping + event(0) + ping + event(1) + event(2) + ping + event(3) + event(4));
    expect([clock.pending, server.connections.size]).toEqual([0, 0]);
    expect(errors.map(([, { error }]) => error)).toEqual(how === 'throws' ? ['no more'] : []);
  });
});

describe('TestSSEDataTypes', () => {
  it(
    'carries events of 1, 10, 50 and 100 bytes',
    seeded((random) => carry([1, 10, 50, 100].map((size) => random.printable(size)))),
  );

  it(
    'carries events of 1000, 10000 and 100000 bytes',
    seeded((random) => carry([1_000, 10_000, 100_000].map((size) => random.printable(size)))),
  );

  it('carries several lines, whatever ends them, and JSON with line ends in it', async () => {
    const lines = 'Line 1\nLine 2\nLine 3\nLine 4';
    await carry(
      [lines, lines.replaceAll('\n', '\r\n'), lines.replaceAll('\n', '\r'), `\n${lines}\n`, '\n\n'],
      [lines, lines, lines, `\n${lines}\n`, '\n\n'],
    );
    await using pair = await ssePair<unknown>({ client: { decode: 'json' } });
    await pair.stream.sendJson({ text: lines, ends: '\r\n' });
    expect(await pair.client.got(1)).toEqual([message({ text: lines, ends: '\r\n' })]);
  });

  it('carries every script', () =>
    carry(['Hello 世界', 'Привет мир', 'مرحبا بالعالم', '🚀🌟💻🔥', 'Iñtërnâtiônàlizætiøn', '\uFEFFmarked']));

  it('carries line ends, tabs, quotes, backslashes, NUL, colons and leading spaces', () =>
    carry(['a\nb', 'a\tb', '"quoted" and \'quoted\'', 'back\\slash', 'a\0b', ': no comment', '  x ', '']));
});

describe('TestSSEConcurrency', () => {
  it(
    'serves ten connections that each get ten events 100 ms apart',
    seeded(async (random) => {
      const pace = new Pace();
      const sent = random.many(10, (who) => random.many(10, (n) => `${who}/${n}: ${random.letters(20)}`));
      await using server = await serve((routes) =>
        routes.sse('/:who', async (stream) => {
          for (const text of sent[Number(stream.params['who'])]!) {
            await stream.sendText(text);
            await pace.wait(100);
          }
        }),
      );
      const clients = await Promise.all(sent.map((_, who) => SseClient.open(`${server.url}/${who}`)));
      await pace.until(
        () => clients.every(({ failure }) => failure !== undefined),
        'the ends of the streams',
      );

      expect(clients.map(({ events }) => events.map(({ data }) => data))).toEqual(sent);
      expect(pace.nowMs).toBe(1_000);
    }),
  );

  it(
    'broadcasts an event to all who are there',
    seeded(async (random) => {
      const streams = new Set<SseSession>();
      await using server = await serve((routes) =>
        routes.sse('/', async (stream) => {
          streams.add(stream);
          await stay(stream);
          streams.delete(stream);
        }),
      );
      const clients = await Promise.all(random.many(5, () => SseClient.open(server.url)));
      await until(() => streams.size === 5);
      const first = random.letters(50);
      await Promise.all([...streams].map((stream) => stream.sendText(first)));
      await Promise.all(clients.map((client) => client.got(1)));
      await clients[0]!.connection.disconnect();
      await until(() => streams.size === 4);
      const second = random.letters(50);
      await Promise.all([...streams].map((stream) => stream.sendText(second)));
      await Promise.all(clients.slice(1).map((client) => client.got(2)));

      const both = [message(first), message(second)];
      expect(clients.map(({ events }) => events)).toEqual([[message(first)], both, both, both, both]);
    }),
  );
});

describe('TestSSEPerformance', () => {
  it(
    'brings 10,000 events, all of them in order',
    seeded(async (random) => {
      const sent = random.many(10_000, (n) => `${n} ${random.letters(20)}`);
      await using pair = await ssePair();
      for (const [n, data] of sent.entries()) await pair.stream.send({ data, id: String(n) });
      const received = await pair.client.got(10_000);

      expect(received.map(({ data }) => data)).toEqual(sent);
      expect(received.map(({ id }) => Number(id))).toEqual([...sent.keys()]);
      expect(pair.stream.eventsSent).toBe(10_000);
    }),
  );

  it('brings 100 events one at a time, each before the next is sent', async () => {
    await using pair = await ssePair();
    for (let n = 0; n < 100; n += 1) {
      await pair.stream.sendText(`sample ${n}`);
      const received = await pair.client.got(n + 1);
      expect(received.at(-1)).toEqual(message(`sample ${n}`));
    }
    expect(pair.client.events).toHaveLength(100);
  });

  it(
    'brings a burst of 1000 events that nobody waited for',
    seeded(async (random) => {
      const sent = random.many(1_000, () => random.printable(10, 100));
      await using pair = await ssePair();
      await Promise.all(sent.map((text) => pair.stream.sendText(text)));

      expect(await pair.client.got(1_000)).toEqual(sent.map((text) => message(text)));
    }),
  );
});

describe('TestSSELifecycle', () => {
  it('is open from the answer on, and known by its id', async () => {
    await using pair = await ssePair();
    const { stream, server, client } = pair;

    expect([stream.isOpen, stream.state, client.connection.state]).toEqual([true, 'open', 'open']);
    expect(server.connections.get(stream.id)).toBe(stream);
    expect([stream.eventsSent, stream.bytesSent, stream.lastEventId]).toEqual([0, 0, '']);
  });

  it('is closed for both ends, after what was sent, and is known no more', async () => {
    await using pair = await ssePair();
    void pair.stream.sendText('last');
    await pair.stream.close();

    expect(await pair.client.ended()).toBe('STREAM_ENDED');
    expect(pair.client.events).toEqual([message('last')]);
    expect([pair.stream.isOpen, pair.stream.state, pair.stream.closeCause]).toEqual([
      ...[false, 'closed', 'CLOSE_CALLED'],
    ]);
    expect(pair.server.connections.size).toBe(0);
  });

  it.each(['server', 'client'])('sends nothing after a close by the %s', async (closer) => {
    await using pair = await ssePair();
    await (closer === 'server' ? pair.stream.close() : pair.client.connection.disconnect());
    await until(() => pair.stream.state === 'closed');
    const { stream } = pair;

    const attempts = [stream.send('x'), stream.sendJson({}), stream.sendComment('x'), stream.ping()];
    expect(await Promise.all(attempts.map(codeOf))).toEqual(Array(4).fill('SESSION_CLOSED'));
    expect([stream.eventsSent, stream.bytesSent, pair.client.raw]).toEqual([0, 0, '']);
  });

  it('may be closed twice', async () => {
    await using pair = await ssePair();
    await Promise.all([pair.stream.close(), pair.stream.close()]);
    await pair.stream.close();

    expect(await pair.client.ended()).toBe('STREAM_ENDED');
    expect(pair.stream.closeCause).toBe('CLOSE_CALLED');
  });
});

describe('TestSSEStats', () => {
  it('counts events, and no comments', async () => {
    await using pair = await ssePair();
    const counts: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      await pair.stream.sendText(`Event ${n}`);
      await pair.stream.sendComment('not counted');
      counts.push(pair.stream.eventsSent);
    }

    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await pair.client.got(10)).toHaveLength(10);
    expect(pair.client.connection.stats.messagesIn).toBe(10);
  });

  it('counts the bytes of all that it sends', async () => {
    await using pair = await ssePair();
    await pair.stream.sendText('Test data');
    const afterOne = pair.stream.bytesSent;
    await pair.stream.send({ event: 'größer', id: '1', retryMs: 1_000, data: { ü: '世界' } });
    await pair.stream.ping();
    await until(() => pair.client.connection.stats.bytesIn === pair.stream.bytesSent);

    expect(afterOne).toBe('data: Test data\n\n'.length);
    expect(pair.stream.bytesSent).toBe(Buffer.byteLength(pair.client.raw));
  });
});

interface Paced {
  readonly event: string;
  readonly data: unknown;
  readonly afterMs: number;
}

/** Sends each event, then waits as long as that asks for; compares all of it, and the time that went by. */
async function play(events: readonly Paced[]): Promise<void> {
  const pace = new Pace();
  await using server = await serve((routes) =>
    routes.sse('/', async (stream) => {
      for (const [n, { event, data, afterMs }] of events.entries()) {
        await stream.sendJson(data, { event, id: String(n + 1) });
        await pace.wait(afterMs);
      }
    }),
  );
  await using client = await SseClient.open<unknown>(server.url, { decode: 'json' });
  await pace.until(() => client.failure !== undefined, 'the end of the stream');

  const expected = events.map(({ event, data }, n): SseEvent<unknown> => ({ event, data, id: `${n + 1}` }));
  expect(client.events).toEqual(expected);
  expect(await client.ended()).toBe('STREAM_ENDED');
  expect(pace.nowMs).toBeCloseTo(events.reduce((totalMs, { afterMs }) => totalMs + afterMs, 0));
}

const rounded = (value: number): number => Number(value.toFixed(2));

function ticks(random: RandomData): Paced[] {
  const symbols = ['AAPL', 'GOOGL', 'MSFT', 'AMZN'] as const;
  const prices = new Map<string, number>(symbols.map((symbol) => [symbol, random.uniform(100, 500)]));
  return random.many(50, () => {
    const symbol = random.pick(symbols);
    const change = random.gauss(0, 1);
    const price = prices.get(symbol)! + change;
    prices.set(symbol, price);
    const data = { symbol, price: rounded(price), change: rounded(change) };
    return { event: 'tick', data, afterMs: random.uniform(100, 500) };
  });
}

describe('TestSSEIntegration', () => {
  it(
    'streams the time, ten times 100 ms apart',
    seeded((random) => {
      const startMs = random.integer(1.6e12, 1.8e12);
      const time = (n: number) => ({ timestamp: startMs + n * 100, count: n });
      return play(random.many(10, (n) => ({ event: 'time', data: time(n), afterMs: 100 })));
    }),
  );

  it(
    'streams metrics, ten times 500 ms apart',
    seeded((random) => {
      const percent = (): number => random.uniform(0, 100);
      const metrics = () => ({ cpu: percent(), memory: percent(), disk: percent() });
      return play(random.many(10, () => ({ event: 'metrics', data: metrics(), afterMs: 500 })));
    }),
  );

  it(
    'streams a log of 20 lines, errors slower than the rest',
    seeded((random) =>
      play(
        random.many(20, (n) => {
          const level = random.pick(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']);
          const data = { level, message: `Log ${n}: ${random.printable(20)}` };
          return { event: 'log', data, afterMs: level === 'ERROR' ? 2_000 : 200 };
        }),
      ),
    ),
  );

  it(
    'streams 50 prices of stocks, at random times',
    seeded((random) => play(ticks(random))),
  );
});

describe('TestSSEErrorHandling', () => {
  it('carries JSON that is none as the text that it is, and goes on where it is read as JSON', async () => {
    await carry(['{invalid json}']);
    await using pair = await ssePair<unknown>({ client: { decode: 'json' } });
    await pair.stream.sendText('{invalid json}', { id: '1' });
    await pair.stream.sendJson('after it');

    expect(await pair.client.got(1)).toEqual([message('after it', '1')]);
    expect(pair.client.invalid).toEqual(['{invalid json}']);
    expect(() => pair.stream.sendJson(() => 1)).toThrow('Expected `value`');
    expect(() => pair.stream.sendText({} as never)).toThrow('Expected `text`');
    expect([pair.client.connection.state, pair.stream.isOpen]).toEqual(['open', true]);
  });

  it('takes null as a value, and undefined for a field that is not there', async () => {
    await using pair = await ssePair<unknown>({ client: { decode: 'json' } });
    await pair.stream.sendJson(null);
    await pair.stream.sendJson({ value: null });
    await pair.stream.send({ event: undefined, id: undefined, retryMs: undefined, data: null });
    await pair.stream.send({ data: undefined });
    await pair.stream.sendJson('last');
    await pair.client.got(4);
    await turn();

    expect(pair.client.events.map(({ data }) => data)).toEqual([null, { value: null }, null, 'last']);
    expect(pair.client.raw).toBe('data: null\n\ndata: {"value":null}\n\ndata: null\n\n\ndata: "last"\n\n');
    expect(() => pair.stream.send({ event: null as never, data: '' })).toThrow('Expected `event`');
    expect(() => pair.stream.send({ id: null as never, data: '' })).toThrow('Expected `id`');
  });
});
