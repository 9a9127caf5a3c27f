// The end-to-end and unit cases of the test plan that are no matter of a single class: an application with many routes
// and our own clients, and an endpoint of event streams with its limits and counts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDemoRoutes } from '../../src/demo-server/routes.ts';
import { binary, json, text, type Frame, type Protocol } from '../../src/index.ts';
import {
  REALTIME_DEFAULTS,
  type RealtimeServer,
  type SseSession,
  type WebSocketSession,
} from '../../src/server/index.ts';
import { until } from '../../src/testing/wait.ts';
import { refusalOf } from '../server/realtime/harness.ts';
import { seeded } from './random-data.ts';
import { frames, serve, SseClient, stay, WebSocketClient } from './scene.ts';

let server: RealtimeServer;
const log: string[] = [];

beforeAll(async () => {
  server = await serve((routes) => {
    addDemoRoutes(routes, { seed: 7, pace: 0 })
      .http('GET', '/health', (_request, response) => response.end('{"status":"healthy"}'))
      .http('GET', '/connections', (_request, response) =>
        response.end(JSON.stringify([...routes.connections.values()].map(({ path }) => path))),
      )
      .websocket('/ws/logged', async (socket: WebSocketSession) => {
        log.push('connect');
        for await (const message of socket) log.push(`message ${message.toString()}`);
        log.push('disconnect');
      });
  });
});
afterAll(() => server.close({ deadlineMs: 0 }));

/** What a route answers to each message. */
async function ask<In, Out>(
  path: string,
  protocol: Protocol<In, Out>,
  messages: readonly Out[],
  count = messages.length,
) {
  await using client = await WebSocketClient.open(server, path, protocol);
  await client.send(messages);
  return [...(await client.got(count))];
}

const page = async (path: string): Promise<unknown> => (await fetch(server.url + path)).json();

describe('an application', () => {
  it('answers HTTP beside its WebSockets, and knows who is connected', async () => {
    expect(await page('/health')).toEqual({ status: 'healthy' });
    expect(await page('/connections')).toEqual([]);
    await using client = await WebSocketClient.open(server, '/ws/client/tracked', text());
    await client.got(1);
    expect(await page('/connections')).toEqual(['/ws/client/tracked']);
    await client.connection.disconnect();
    await until(() => server.connections.size === 0);
    expect(await page('/connections')).toEqual([]);
  });

  it('upgrades no path that it does not have', async () => {
    expect((await refusalOf(server, '/ws/nowhere')).status).toBe(404);
    const client = new WebSocketClient(server, '/ws/nowhere', text());
    const failure: unknown = await client.connection.connect().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'UPGRADE_REJECTED', details: { httpStatus: 404 } });
  });

  it(
    'echoes one, five and ten messages of 5 to 500 characters, and 64 bytes',
    seeded(async (random) => {
      for (const count of [1, 5, 10]) {
        const sent = random.many(count, () => random.printable(5, 500));
        const [welcome, ...answers] = await ask('/ws/echo', text(), sent, count + 1);
        expect(welcome).toBe('Welcome to echo server! Send me a message.');
        expect(answers).toEqual(sent.map((message) => `Echo: ${message}`));
      }
      const bytes = random.buffer(64);
      const [, answer] = await ask<Frame, Frame>('/ws/echo', frames, [bytes], 2);
      expect(answer).toEqual(Buffer.concat([Buffer.from('Echo (binary): '), bytes]));
    }),
  );

  it(
    'answers 50 messages sent at once in their order',
    seeded(async (random) => {
      const sent = random.many(50, (n) => `${n}: ${random.letters(20)}`);
      expect(await ask('/ws/uppercase', text(), sent)).toEqual(sent.map((message) => message.toUpperCase()));
      expect(await ask('/ws/reverse', text(), sent)).toEqual(
        sent.map((message) => Array.from(message).reverse().join('')),
      );
    }),
  );

  it(
    'answers binary messages of 1 to 10000 bytes with their length',
    seeded(async (random) => {
      const sent = [1, 10, 100, 1_000, 10_000].map((size) => random.buffer(size));
      const answers = (await ask('/ws/binary', binary(), sent)).map((bytes) => Buffer.from(bytes));
      expect(answers.map((bytes) => bytes.readUInt32BE())).toEqual([1, 10, 100, 1_000, 10_000]);
      expect(answers.map((bytes) => bytes.toString('hex', 4))).toEqual(
        sent.map((bytes) => bytes.toString('hex')),
      );
    }),
  );

  it(
    'keeps three clients, and what each of them has counted, apart',
    seeded(async (random) => {
      const commands = random.many(3, () =>
        random.many(20, () => random.pick(['increment', 'decrement', 'reset', '5'])),
      );
      const expected = commands.map((list) => {
        let counter = 0;
        const meant: Record<string, () => number> = {
          increment: () => counter + 1,
          decrement: () => counter - 1,
          reset: () => 0,
          5: () => 5,
        };
        return list.map((command) => ({ counter: (counter = meant[command]!()) }));
      });
      const counted = await Promise.all(commands.map((list) => ask('/ws/counter', text(), list)));
      expect(counted.map((answers) => answers.map((answer): unknown => JSON.parse(answer)))).toEqual(
        expected,
      );
    }),
  );

  it(
    'answers actions in JSON with what was sent',
    seeded(async (random) => {
      const word = random.letters(20);
      const timestamp = random.integer(0, 1_000_000);
      const sent = [
        { action: 'echo', word },
        { action: 'ping', timestamp },
        { action: 'reverse', text: word },
      ];
      expect(await ask<unknown, unknown>('/ws/json', json(), sent)).toEqual([
        { action: 'echo', data: sent[0] },
        { action: 'pong', timestamp },
        { action: 'reversed', text: Array.from(word).reverse().join('') },
      ]);
    }),
  );

  it('takes texts and JSON in turn', async () => {
    const sent = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? `text ${n}` : JSON.stringify({ n })));
    expect(await ask('/ws/iterate', text(), sent)).toEqual(sent.map((message) => `Received: ${message}`));
  });

  it('hears of each connection, message and end, in this order', async () => {
    await using client = await WebSocketClient.open(server, '/ws/logged', text());
    await client.send(['one', 'two']);
    await client.connection.disconnect();
    await until(() => log.includes('disconnect'));
    expect(log).toEqual(['connect', 'message one', 'message two', 'disconnect']);
  });

  it('lets users of one room hear each other, and no other room', async () => {
    const open = (path: string) => WebSocketClient.open(server, path, json());
    await using ann = await open('/ws/chat/red?username=ann');
    await ann.got(1);
    await using blue = await open('/ws/chat/blue?username=carl');
    await using bob = await open('/ws/chat/red?username=bob');
    await ann.got(2);
    bob.connection.send('hello');
    await ann.got(3);
    await blue.got(1);

    const joined = (username: string) => ({ type: 'system', message: `${username} joined the room` });
    expect(ann.messages).toEqual([
      ...[joined('ann'), joined('bob'), { type: 'message', username: 'bob', message: '"hello"' }],
    ]);
    expect(blue.messages).toEqual([joined('carl')]);
  });
});

describe('an endpoint of event streams', () => {
  const streamsOf = (given: RealtimeServer): SseSession[] => [...given.connections.values()] as SseSession[];
  const staying = (options: Parameters<typeof serve>[1] = {}) =>
    serve((routes) => routes.sse('/', stay), options);

  it('has the limits of its documentation', () => {
    expect(REALTIME_DEFAULTS).toMatchObject({
      heartbeat: { intervalMs: 30_000, timeoutMs: 5_000 },
      limits: { maxConnections: 10_000, maxMessageBytes: 16 * 1024 * 1024, fragmentBytes: 65_536 },
    });
  });

  it('serves a handler that does nothing', async () => {
    await using own = await serve((routes) => routes.sse('/', () => undefined));
    await using client = await SseClient.open(own.url);
    expect([await client.ended(), client.raw]).toEqual(['STREAM_ENDED', '']);
  });

  it('knows each of ten clients by an id of its own, and by the place where it is', async () => {
    await using own = await staying();
    const clients = await Promise.all(
      Array.from({ length: 10 }, (_, n) => SseClient.open(own.url, { lastEventId: `event-${n}` })),
    );
    const streams = streamsOf(own);

    expect(new Set(streams.map(({ id }) => id)).size).toBe(10);
    expect(streams.map(({ lastEventId }) => lastEventId).sort()).toEqual(clients.map((_, n) => `event-${n}`));
  });

  it('refuses one too many, and takes another when one has gone', async () => {
    await using own = await staying({ limits: { maxConnections: 2 } });
    const [first] = [await SseClient.open(own.url), await SseClient.open(own.url)];
    const third = new SseClient(own.url);
    const refusal: unknown = await third.connection.connect().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'STREAM_REFUSED', details: { httpStatus: 503 } });
    await first.connection.disconnect();
    await until(() => own.connections.size === 1);
    await third.connection.connect();
    expect(own.connections.size).toBe(2);
  });

  it('closes all five of its streams', async () => {
    await using own = await staying();
    const clients = await Promise.all(Array.from({ length: 5 }, () => SseClient.open(own.url)));
    await until(() => own.connections.size === 5);
    await Promise.all(streamsOf(own).map((stream) => stream.close()));
    const endings = await Promise.all(clients.map((client) => client.ended()));

    expect([own.connections.size, new Set(endings)]).toEqual([0, new Set(['STREAM_ENDED'])]);
  });

  it(
    'counts right while twenty streams are written to at once',
    seeded(async (random) => {
      await using own = await staying();
      const clients = await Promise.all(random.many(20, () => SseClient.open(own.url)));
      await until(() => own.connections.size === 20);
      const texts = random.many(10, () => random.letters(20));
      const sends = streamsOf(own).flatMap((stream) => texts.map((each) => stream.sendText(each)));
      await Promise.all(sends);
      await Promise.all(clients.map((client) => client.got(10)));

      const counts = streamsOf(own).map(({ eventsSent, bytesSent }) => [eventsSent, bytesSent]);
      expect(counts).toEqual(Array(20).fill([10, 10 * 'data: 12345678901234567890\n\n'.length]));
      expect(clients.map(({ events }) => events.map(({ data }) => data))).toEqual(Array(20).fill(texts));
      await Promise.all(clients.map(({ connection }) => connection.disconnect()));
    }),
  );
});
