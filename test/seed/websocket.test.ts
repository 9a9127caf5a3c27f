// The test plan for WebSocket: eight classes, between our server and our own client, with random data of the ranges
// that the plan names. Figures of speed are no matter of tests; completeness and order are.
import { describe, expect, it } from 'vitest';
import { binary, json, text, type Frame } from '../../src/index.ts';
import { SessionError, type RealtimeServer, type WebSocketSession } from '../../src/server/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { frame, RawSocket } from '../server/realtime/harness.ts';
import { seeded, type RandomData } from './random-data.ts';
import { codeOf, echo, frames, Pace, serve, stay, told, WebSocketClient, webSocketPair } from './scene.ts';

/** Sends each way one after the other, and compares what came there with what was sent. */
async function carry(messages: readonly (string | Buffer)[]): Promise<void> {
  await using pair = await webSocketPair<Frame, Frame>(frames);
  await pair.client.send(messages);
  const atServer: (string | Buffer)[] = [];
  while (atServer.length < messages.length) atServer.push(await pair.session.receive({ timeoutMs: 5_000 }));
  for (const message of messages) await pair.session.send(message);
  const atClient = await pair.client.got(messages.length);

  expect(atServer.map(told)).toEqual(messages.map(told));
  expect(atClient.map(told)).toEqual(messages.map(told));
}

/** Of each size one text and one binary message. */
const ofSizes = (random: RandomData, sizes: readonly number[]): (string | Buffer)[] =>
  sizes.flatMap((size) => [random.printable(size), random.buffer(size)]);

describe('TestWebSocketBasics', () => {
  it(
    'carries ten texts of 10 to 1000 characters each way',
    seeded(async (random) => {
      const sent = random.many(10, () => random.printable(10, 1_000));
      const answered = random.many(10, () => random.printable(10, 1_000));
      await using pair = await webSocketPair(text());
      await pair.client.send(sent);
      const received: string[] = [];
      while (received.length < sent.length) received.push(await pair.session.receiveText());
      for (const answer of answered) await pair.session.sendText(answer);

      expect(received).toEqual(sent);
      expect(await pair.client.got(10)).toEqual(answered);
    }),
  );

  it(
    'carries ten binary messages of 10 to 1000 bytes each way',
    seeded(async (random) => {
      const sent = random.many(10, () => random.buffer(10, 1_000));
      const answered = random.many(10, () => random.buffer(10, 1_000));
      await using pair = await webSocketPair(binary());
      await pair.client.send(sent);
      const received: Buffer[] = [];
      while (received.length < sent.length) received.push(await pair.session.receiveBinary());
      for (const answer of answered) await pair.session.sendBinary(answer);

      expect(received.map(told)).toEqual(sent.map(told));
      expect((await pair.client.got(10)).map(told)).toEqual(answered.map(told));
    }),
  );

  it(
    'carries ten nested objects as JSON each way',
    seeded(async (random) => {
      const object = (index: number) => ({
        index,
        random_int: random.integer(0, 1_000),
        random_float: random.uniform(),
        random_string: random.letters(20),
        nested: { value: random.integer(0, 100), data: random.many(5, () => random.uniform()) },
      });
      const sent = random.many(10, object);
      const answered = random.many(10, object);
      await using pair = await webSocketPair(json());
      await pair.client.send(sent);
      const received: unknown[] = [];
      while (received.length < sent.length) received.push(await pair.session.receiveJson());
      for (const [index, answer] of answered.entries())
        await (index % 2 === 0 ? pair.session.sendJson(answer) : pair.session.send(answer));

      expect(received).toEqual(sent);
      expect(await pair.client.got(10)).toEqual(answered);
    }),
  );
});

describe('TestWebSocketRoutes', () => {
  it(
    'serves three routes of one server, each with its own handler',
    seeded(async (random) => {
      const question = random.printable(10, 100);
      const handlerOf = (name: string) => async (socket: WebSocketSession) => {
        for await (const message of socket) await socket.send(`${name}: ${message.toString()}`);
      };
      const paths = ['/ws/route1', '/ws/route2', '/ws/route3'];
      await using server = await serve((routes) => {
        for (const path of paths) routes.websocket(path, handlerOf(path));
      });
      const clients = await Promise.all(paths.map((path) => WebSocketClient.open(server, path, text())));
      for (const client of clients) client.connection.send(question);

      const answers = await Promise.all(clients.map((client) => client.got(1)));
      expect(answers).toEqual(paths.map((path) => [`${path}: ${question}`]));
    }),
  );

  it('answers WebSocket and GET at one path', async () => {
    await using server = await serve((routes) =>
      routes
        .websocket('/data', (socket) => socket.send('by WebSocket'))
        .http('GET', '/data', (_request, response) => response.end('by GET')),
    );
    await using client = await WebSocketClient.open(server, '/data', text());
    const page = await fetch(`${server.url}/data`);

    expect(await client.got(1)).toEqual(['by WebSocket']);
    expect([page.status, await page.text()]).toEqual([200, 'by GET']);
  });
});

describe('TestWebSocketConcurrency', () => {
  it(
    'keeps apart ten connections that each send ten messages at the same time',
    seeded(async (random) => {
      const pace = new Pace();
      await using server = await serve((routes) => routes.websocket('/', echo));
      const clients = await Promise.all(random.many(10, () => WebSocketClient.open(server, '/', text())));
      const sent = clients.map((_, who) =>
        random.many(10, (n) => `${who}/${n}: ${random.printable(10, 100)}`),
      );
      for (const [who, { connection }] of clients.entries())
        void (async () => {
          for (const message of sent[who]!) {
            connection.send(message);
            await pace.wait(10);
          }
        })();
      const received = (): string[][] => clients.map(({ messages }) => messages);
      await pace.until(() => received().every((messages) => messages.length >= 10), 'all answers');

      expect(received()).toEqual(sent);
      expect(server.connections.size).toBe(10);
      for (const [id, session] of server.connections) expect(session.id).toBe(id);
      expect([...server.connections.values()].map((session) => session.bytesSent).sort()).toEqual(
        sent.map((messages) => messages.join('').length).sort(),
      );
    }),
  );

  it(
    'sends a burst of 100 messages at once, each way, in order',
    seeded(async (random) => {
      const sent = random.many(100, () => random.printable(10, 100));
      await using pair = await webSocketPair(text());
      const deliveries = sent.map((message) => pair.client.connection.deliver(message));
      const sends = sent.map((message) => pair.session.send(message));
      await Promise.all([...deliveries, ...sends]);
      const received: string[] = [];
      while (received.length < sent.length) received.push(await pair.session.receiveText());

      expect(received).toEqual(sent);
      expect(await pair.client.got(100)).toEqual(sent);
    }),
  );
});

describe('TestWebSocketDataTypes', () => {
  it(
    'carries messages of 1, 10, 50, 100 and 125 bytes',
    seeded((random) => carry(ofSizes(random, [1, 10, 50, 100, 125]))),
  );

  it(
    'carries messages of 126, 500, 1000, 10000 and 65535 bytes',
    seeded((random) => carry(ofSizes(random, [126, 500, 1_000, 10_000, 65_535]))),
  );

  it(
    'carries messages of 65536, 100000 and 1000000 bytes',
    seeded((random) => carry(ofSizes(random, [65_536, 100_000, 1_000_000]))),
  );

  it('carries empty messages, text and binary', () => carry(['', Buffer.alloc(0), '', Buffer.alloc(0)]));

  it('carries every script, and control characters', () =>
    carry([
      'Hello 世界',
      'Привет мир',
      'مرحبا بالعالم',
      '🚀🌟💻🔥',
      'Test\n\r\t\x00special',
      'Iñtërnâtiônàlizætiøn',
      '\uFEFFwith a byte order mark',
    ]));
});

describe('TestWebSocketControl', () => {
  it('measures pings with and without payload, each way, and takes a pong that nobody asked for', async () => {
    const clock = new VirtualClock();
    await using pair = await webSocketPair(text(), { client: { clock }, server: { heartbeat: false } });
    const rtts = [await pair.session.ping(), await pair.session.ping('test payload')];
    await pair.session.pong('pong data');
    clock.advance(15_000);
    await until(() => pair.client.connection.stats.rttMs !== undefined);

    expect(rtts).toEqual([expect.any(Number), expect.any(Number)]);
    expect(pair.session.rttMs).toBe(rtts[1]);
    expect([pair.session.isOpen, pair.client.connection.state]).toEqual([true, 'open']);
    expect([pair.session.messagesSent, pair.client.messages]).toEqual([0, []]);
  });

  it.each([
    ['normally', 1_000, 'Normal closure'],
    ['with an error', 1_002, 'Protocol error'],
  ])('closes %s, at whichever end', async (_how, code, reason) => {
    await using byServer = await webSocketPair(text());
    await byServer.session.close(code, reason);
    await using byClient = await webSocketPair({ ...text(), closeWith: { code, reason } });
    await byClient.client.connection.disconnect();
    await until(() => byClient.session.state === 'closed');
    const ending = ({ closeCode, closeReason, closeCause }: WebSocketSession) => [
      closeCode,
      closeReason,
      closeCause,
    ];

    expect(await byServer.client.lost()).toEqual(['CLOSED_BY_PEER', code, reason]);
    expect(ending(byServer.session)).toEqual([code, reason, 'CLOSE_CALLED']);
    expect(ending(byClient.session)).toEqual([code, reason, 'CLOSED_BY_PEER']);
    expect(byClient.client.connection.state).toBe('closed');
  });
});

describe('TestWebSocketPerformance', () => {
  it(
    'brings 10,000 messages of 10 to 100 characters there and back, all of them in order',
    seeded(async (random) => {
      const sent = random.many(10_000, () => random.printable(10, 100));
      await using server = await serve((routes) => routes.websocket('/', echo));
      await using client = await WebSocketClient.open(server, '/', text());
      await client.send(sent);

      expect(await client.got(10_000)).toEqual(sent);
      expect(client.connection.stats).toMatchObject({ messagesOut: 10_000, messagesIn: 10_000 });
    }),
  );

  it('answers 100 messages one at a time, before the next is sent', async () => {
    await using server = await serve((routes) => routes.websocket('/', echo));
    await using client = await WebSocketClient.open(server, '/', text());
    const samples = Array.from({ length: 100 }, (_, n) => `ping ${n}`);
    for (const [n, sample] of samples.entries()) {
      client.connection.send(sample);
      await client.got(n + 1);
    }

    expect(client.messages).toEqual(samples);
  });
});

describe('TestWebSocketErrors', () => {
  it.each(['server', 'client'])('sends nothing after a close by the %s', async (closer) => {
    await using pair = await webSocketPair(text());
    await (closer === 'server' ? pair.session.close() : pair.client.connection.disconnect());
    await until(() => pair.session.state === 'closed');
    await until(() => pair.client.connection.state !== 'open');
    const { session, client } = pair;

    const attempts = [session.send('x'), session.sendBinary(Buffer.of(1)), session.ping(), session.pong()];
    expect(await Promise.all(attempts.map(codeOf))).toEqual(Array(4).fill('SESSION_CLOSED'));
    expect(await codeOf(session.receive())).toBe('SESSION_CLOSED');
    expect(await session.send('x').catch((error: unknown) => error)).toBeInstanceOf(SessionError);
    await session.close(); // once more is no error
    expect(() => client.connection.send('x')).toThrow(
      expect.objectContaining({ code: 'MESSAGE_UNDELIVERED' }) as Error,
    );
    expect(client.messages).toEqual([]);
  });

  it('lets bytes that are no UTF-8 pass as binary only', async () => {
    const bytes = Buffer.of(0xff, 0xfe, 0xfd);
    await carry([bytes]);
    await using pair = await webSocketPair(text());
    await pair.session.sendBinary(bytes);
    await until(() => pair.client.invalid.length === 1);
    expect(pair.client.invalid.map(told)).toEqual(['bytes fffefd']);
    expect(() => pair.session.sendText(bytes as never)).toThrow('Expected `text` to be a string');
    expect([pair.client.messages, pair.client.connection.state]).toEqual([[], 'open']);

    using raw = await RawSocket.open(pair.server, '/');
    raw.write(frame(0x81, bytes));
    await raw.until('880203ef');
    expect(pair.session.isOpen).toBe(true);
  });
});

/** Tells all users who has come. */
const joining = (server: RealtimeServer): RealtimeServer =>
  server.websocket('/chat/:user', async (socket) => {
    server.broadcast('/chat/:user', `User ${socket.params['user']} joined`);
    await stay(socket);
  });

describe('TestWebSocketIntegration', () => {
  it(
    'echoes 100 messages of 10 to 500 characters, text and binary, one after the other',
    seeded(async (random) => {
      await using server = await serve((routes) => routes.websocket('/', echo));
      await using client = await WebSocketClient.open<Frame, Frame>(server, '/', frames);
      const sent = random.many(100, (n) =>
        n % 2 === 0 ? random.printable(10, 500) : random.buffer(10, 500),
      );
      for (const [n, message] of sent.entries()) {
        client.connection.send(message);
        await client.got(n + 1);
      }

      expect(client.messages.map(told)).toEqual(sent.map(told));
    }),
  );

  it(
    'tells everybody who is there of each user who comes, and nobody who has left',
    seeded(async (random) => {
      await using server = await serve(joining);
      const users = random.many(5, (n) => `${n}${random.letters(8)}`);
      const clients: WebSocketClient<string, string>[] = [];
      for (const user of users) {
        const client = await WebSocketClient.open(server, `/chat/${user}`, text());
        clients.push(client);
        await Promise.all(clients.map((each, n) => each.got(clients.length - n)));
      }
      await clients[0]!.connection.disconnect();
      await until(() => server.connections.size === 4);
      const reached = server.broadcast('/chat/:user', 'one has left');
      await Promise.all(clients.slice(1).map((client, n) => client.got(users.length - n)));

      const joined = users.map((user) => `User ${user} joined`);
      expect(clients.map(({ messages }) => messages)).toEqual(
        users.map((_, n) => (n === 0 ? joined : [...joined.slice(n), 'one has left'])),
      );
      expect(reached).toBe(4);
    }),
  );
});
