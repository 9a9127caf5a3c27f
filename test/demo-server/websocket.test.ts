// The WebSocket endpoints of the demo, with `ws` as the client: the whole of each conversation.
import { expect, onTestFinished, test } from 'vitest';
import type { RealtimeServer } from '../../src/server/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { Client } from '../server/realtime/harness.ts';
import { demo } from './demo.ts';

async function open(server: RealtimeServer, path: string): Promise<Client> {
  const client = await Client.open(server, path);
  onTestFinished(() => client[Symbol.asyncDispose]());
  return client;
}

/** Says one thing after the other, and returns everything that came. */
async function conversation(server: RealtimeServer, path: string, said: readonly (string | Buffer)[]) {
  const client = await open(server, path);
  for (const message of said) client.socket.send(message);
  return client;
}

const jsonOf = (message: string | Buffer | undefined): unknown => JSON.parse(String(message));
const text = (message: string | Buffer): message is string => typeof message === 'string';
const timeless = (message: string | Buffer) =>
  text(message) ? message.replace(/"timestamp":[\d.]+/, '') : message.toString('hex');
const closedByUs = { code: 1000, reason: '' };

test('/ws/echo welcomes, and says everything again, text and binary', async () => {
  const server = await demo();
  const client = await conversation(server, '/ws/echo', [
    'hello',
    '',
    'Hello 世界 🚀',
    Buffer.from([0, 255]),
    Buffer.alloc(0),
  ]);
  expect(await client.got(6)).toEqual([
    'Welcome to echo server! Send me a message.',
    'Echo: hello',
    'Echo: ',
    'Echo: Hello 世界 🚀',
    Buffer.concat([Buffer.from('Echo (binary): '), Buffer.from([0, 255])]),
    Buffer.from('Echo (binary): '),
  ]);
});

test('/ws/chat gives a name, and tells everybody what somebody says, that one included', async () => {
  const server = await demo();
  const [one, other] = [await open(server, '/ws/chat'), await open(server, '/ws/chat')];
  const names = [];
  for (const client of [one, other]) {
    const [welcome] = await client.got(1);
    const { username } = jsonOf(welcome) as { readonly username: string };
    expect(username).toMatch(/^[a-z]{8}$/);
    const message = `Welcome ${username}! Type a message to chat.`;
    expect(jsonOf(welcome)).toEqual({ type: 'welcome', username, message });
    names.push(username);
  }
  expect(names[0]).not.toBe(names[1]);
  const before = Date.now() / 1_000;
  for (const message of ['hi', '{"type":"welcome"']) one.socket.send(message);
  await other.got(3);
  other.socket.send('hello');
  await Promise.all([one.got(4), other.got(4)]);
  expect(other.messages.slice(1)).toEqual(one.messages.slice(1));
  const timestamp = expect.toSatisfy((at: number) => at >= before && at <= Date.now() / 1_000) as number;
  const message = { type: 'message', timestamp };
  expect(one.messages.slice(1).map(jsonOf)).toEqual([
    { ...message, username: names[0], message: 'hi', message_number: 1 },
    { ...message, username: names[0], message: '{"type":"welcome"', message_number: 2 },
    { ...message, username: names[1], message: 'hello', message_number: 1 },
  ]);
});

test('/ws/chat sends who talks in bytes away, and the room goes on', async () => {
  const server = await demo();
  const [one, other] = [await open(server, '/ws/chat'), await open(server, '/ws/chat')];
  one.socket.send(Buffer.from('hi'));
  expect(await one.end()).toEqual({ code: 1003, reason: 'Only text messages, please' });
  other.socket.send('still here?');
  expect(jsonOf((await other.got(2))[1])).toMatchObject({ message: 'still here?', message_number: 1 });
});

test('names in the chat come again with the same seed', async () => {
  const namesWith = async (seed: number) => {
    const server = await demo({ seed });
    const welcomes = [];
    for (const client of [await open(server, '/ws/chat'), await open(server, '/ws/chat')])
      welcomes.push(...(await client.got(1)));
    return welcomes;
  };
  expect(await namesWith(7)).toEqual(await namesWith(7));
  expect(await namesWith(8)).not.toEqual(await namesWith(7));
});

interface Told {
  readonly type: string;
  readonly count: number;
  readonly random_value: number;
  readonly random_int: number;
  readonly random_data: string;
}

const isTold = (message: string | Buffer) => text(message) && message.startsWith('{');

test('/ws/stream sends 1,000 messages of three kinds, says so, and closes with 1000', async () => {
  const server = await demo();
  const client = await open(server, '/ws/stream');
  expect(await client.end()).toEqual(closedByUs);
  const [first, ...rest] = client.messages;
  const complete = rest.pop();
  expect(first).toBe('Starting data stream...');
  expect(rest).toHaveLength(1_000);
  const bytesSent = [first!, ...rest].reduce((sum, message) => sum + Buffer.byteLength(message), 0);
  expect(jsonOf(complete)).toEqual({
    type: 'complete',
    total_messages: 1_000,
    messages_sent: 1_001,
    bytes_sent: bytesSent,
  });
  for (const [index, message] of rest.entries()) {
    if (!text(message)) continue;
    const number = isTold(message)
      ? (jsonOf(message) as Told).count
      : Number(/^Message (\d+): /.exec(message)?.[1]);
    expect(number).toBe(index + 1);
  }
});

test('what /ws/stream sends keeps its ranges, up to both ends, in equal parts', async () => {
  const server = await demo();
  const clients = await Promise.all(Array.from({ length: 8 }, () => open(server, '/ws/stream')));
  await Promise.all(clients.map((client) => client.end()));
  const messages = clients.flatMap((client) => client.messages.slice(1, -1));
  const binary = messages.filter((message) => !text(message));
  const told = messages.filter(isTold).map((message) => jsonOf(message) as Told);
  const texts = messages
    .filter((message) => text(message) && !isTold(message))
    .map((message) => String(message));
  for (const { length } of [binary, told, texts])
    expect(Math.abs(length / messages.length - 1 / 3)).toBeLessThan(0.02);
  const ends = (numbers: readonly number[]) => [Math.min(...numbers), Math.max(...numbers)];
  expect(ends(binary.map(({ length }) => length))).toEqual([10, 100]);
  expect(new Set(Buffer.concat(binary as Buffer[])).size).toBe(256);
  const random = texts.map((one) => one.replace(/^Message \d+: /, ''));
  expect(ends(random.map(({ length }) => length))).toEqual([10, 100]);
  expect(random.filter((one) => !/^[A-Za-z\d]+$/.test(one))).toEqual([]);
  expect(ends(told.map((one) => one.random_int))[0]).toBeLessThan(5);
  expect(ends(told.map((one) => one.random_int))[1]).toBeGreaterThan(995);
  expect(told.filter((one) => !(one.random_value >= 0 && one.random_value < 1))).toEqual([]);
  expect(told.filter((one) => !/^[\da-f]{16}$/.test(one.random_data))).toEqual([]);
  expect(Object.keys(told[0]!)).toEqual(['count', 'timestamp', 'random_value', 'random_int', 'random_data']);
});

test('/ws/stream says the same to the same connection of the same seed', async () => {
  const heard = async (seed: number) => {
    const server = await demo({ seed });
    const all = [];
    for (let connection = 1; connection <= 2; connection += 1) {
      const client = await open(server, '/ws/stream');
      await client.end();
      all.push(client.messages.slice(0, -1).map(timeless));
    }
    return all;
  };
  const [one, again, other] = [await heard(7), await heard(7), await heard(8)];
  expect(again).toEqual(one);
  expect(one[1]).not.toEqual(one[0]);
  expect(other[0]).not.toEqual(one[0]);
});

test('/ws/stream pauses for 10 to 100 ms each time, and pings every 30 seconds', async () => {
  const clock = new VirtualClock();
  const server = await demo({ clock, pace: 1 }, { heartbeat: false });
  const client = await open(server, '/ws/stream');
  const pausesMs: number[] = [];
  let pingedAfterMs = 0;
  for (let number = 1; number <= 1_000; number += 1) {
    await until(() => clock.pending === 1 && client.messages.length === number + 1);
    pausesMs.push(clock.nextInMs!);
    clock.runNext();
    if (client.pings.length === 1 && pingedAfterMs === 0) pingedAfterMs = clock.now();
  }
  expect(await client.end()).toEqual(closedByUs);
  expect(pausesMs.filter((ms) => ms < 10 || ms > 100)).toEqual([]);
  expect(Math.min(...pausesMs)).toBeLessThan(11);
  expect(Math.max(...pausesMs)).toBeGreaterThan(99);
  expect(pingedAfterMs).toBeGreaterThanOrEqual(30_000);
  expect(pingedAfterMs).toBeLessThan(30_300);
  expect(client.pings).toHaveLength(Math.floor(clock.now() / 30_000));
});

test('/ws/benchmark sends 10,000 messages of 10 to 1,000 letters, counts them, and closes with 1000', async () => {
  const server = await demo();
  const client = await open(server, '/ws/benchmark');
  expect(await client.end()).toEqual(closedByUs);
  const [start, ...rest] = client.messages;
  const complete = jsonOf(rest.pop()) as Record<string, number>;
  expect(jsonOf(start)).toEqual({ type: 'benchmark_start', message: 'Benchmark starting...' });
  expect(rest).toHaveLength(10_000);
  const lengths = rest.map(({ length }) => length);
  expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([10, 1_000]);
  expect(rest.filter((message) => !/^[A-Za-z]+$/.test(String(message)))).toEqual([]);
  const { elapsed_seconds: seconds, ...others } = complete;
  expect(seconds).toBeGreaterThan(0);
  expect(others).toEqual({
    type: 'benchmark_complete',
    total_messages: 10_000,
    messages_per_second: 10_000 / seconds!,
    bytes_sent: String(start).length + lengths.reduce((sum, length) => sum + length, 0),
  });
});

test('/ws/benchmark rests for a millisecond after each hundred', async () => {
  const clock = new VirtualClock();
  const server = await demo({ clock, pace: 1 });
  const client = await open(server, '/ws/benchmark');
  for (let batch = 1; batch <= 100; batch += 1) {
    await until(() => clock.pending === 1 && client.messages.length === 1 + batch * 100);
    expect(clock.nextInMs).toBe(1);
    clock.runNext();
  }
  await client.end();
  expect(jsonOf(client.messages.at(-1))).toMatchObject({
    elapsed_seconds: 0.1,
    messages_per_second: 100_000,
  });
});

test.each(['/ws/stream', '/ws/benchmark'])(
  'a client that leaves %s in the middle leaves nothing behind',
  async (path) => {
    const clock = new VirtualClock();
    const server = await demo({ clock, pace: 1 }, { clock });
    const client = await open(server, path);
    await client.got(2);
    await until(() => clock.nextInMs !== undefined && clock.nextInMs <= 100);
    client.socket.terminate();
    await until(() => server.connections.size === 0 && clock.pending === 0, {
      describe: () => `no connection and no timer; there are ${server.connections.size} and ${clock.pending}`,
    });
  },
);

test('/ws/client/:client_id welcomes by the id, confirms, and tells the others', async () => {
  const server = await demo();
  const [ann, bob] = [await open(server, '/ws/client/ann'), await open(server, '/ws/client/bob%20b')];
  ann.socket.send('hi');
  expect(await ann.got(2)).toEqual(['Welcome ann!', 'Sent: hi']);
  expect(await bob.got(2)).toEqual(['Welcome bob b!', 'ann: hi']);
});

test('/ws/json does what the action says', async () => {
  const server = await demo();
  const said = [
    { action: 'echo', n: 1 },
    { n: 2 },
    { action: 'ping', timestamp: 12.5 },
    { action: 'ping' },
    { action: 'reverse', text: 'añ🚀' },
    { action: 'reverse', text: 7 },
    { action: 'dance' },
    null,
    [1],
  ];
  const client = await conversation(
    server,
    '/ws/json',
    said.map((one) => JSON.stringify(one)),
  );
  expect((await client.got(said.length)).map(jsonOf)).toEqual([
    { action: 'echo', data: { action: 'echo', n: 1 } },
    { action: 'echo', data: { n: 2 } },
    { action: 'pong', timestamp: 12.5 },
    { action: 'pong', timestamp: null },
    { action: 'reversed', text: '🚀ña' },
    { action: 'reversed', text: '' },
    { action: 'unknown', original: 'dance' },
    { action: 'echo', data: null },
    { action: 'echo', data: [1] },
  ]);
  client.socket.send('{invalid json}');
  expect(await client.end()).toEqual({ code: 1007, reason: 'Only JSON messages, please' });
});

test('/ws/binary answers with the length in four bytes, and the bytes', async () => {
  const server = await demo();
  const sizes = [0, 1, 256, 10_000];
  const client = await conversation(
    server,
    '/ws/binary',
    sizes.map((size) => Buffer.alloc(size, 9)),
  );
  const answers = (await client.got(sizes.length)) as Buffer[];
  expect(answers.map((answer) => answer.readUInt32BE())).toEqual(sizes);
  expect(answers.map((answer) => answer.subarray(4))).toEqual(sizes.map((size) => Buffer.alloc(size, 9)));
  client.socket.send('text');
  expect(await client.end()).toEqual({ code: 1003, reason: 'Only binary messages, please' });
});

test('/ws/counter counts for each client by itself', async () => {
  const server = await demo();
  const commands = [
    'increment',
    'increment',
    'decrement',
    '41',
    'increment',
    'get',
    'what',
    '1.5',
    '-3',
    'reset',
    '',
  ];
  const client = await conversation(server, '/ws/counter', commands);
  const invalid = { error: 'Invalid command' };
  const counters = [1, 2, 1, 41, 42, 42].map((counter) => ({ counter }));
  const answers = [...counters, invalid, invalid, { counter: -3 }, { counter: 0 }, invalid];
  expect((await client.got(commands.length)).map(jsonOf)).toEqual(answers);
  const other = await conversation(server, '/ws/counter', ['get', '99999999999999999999']);
  expect((await other.got(2)).map(jsonOf)).toEqual([{ counter: 0 }, invalid]);
});

test.each([
  ['/ws/iterate', 'Received: Grün 🚀'],
  ['/ws/uppercase', 'GRÜN 🚀'],
  ['/ws/reverse', '🚀 nürG'],
])('%s answers a text with %s', async (path, answer) => {
  const client = await conversation(await demo(), path, ['Grün 🚀']);
  expect(await client.got(1)).toEqual([answer]);
});

test('/ws/chat/:room tells who comes, speaks and goes, in that room alone', async () => {
  const server = await demo();
  const ann = await open(server, '/ws/chat/red%20room?username=ann');
  await ann.got(1);
  const blue = await open(server, '/ws/chat/blue');
  const lobby = await open(server, '/ws/chat');
  await Promise.all([blue.got(1), lobby.got(1)]);
  const bob = await open(server, '/ws/chat/red%20room?username=bob');
  await ann.got(2);
  ann.socket.send('hi');
  await bob.got(2);
  bob.socket.close();
  expect((await ann.got(4)).map(jsonOf)).toEqual([
    { type: 'system', message: 'ann joined the room' },
    { type: 'system', message: 'bob joined the room' },
    { type: 'message', username: 'ann', message: 'hi' },
    { type: 'system', message: 'bob left the room' },
  ]);
  expect(bob.messages.map(jsonOf)).toEqual([
    { type: 'system', message: 'bob joined the room' },
    { type: 'message', username: 'ann', message: 'hi' },
  ]);
  expect(blue.messages.map(jsonOf)).toEqual([{ type: 'system', message: 'anonymous joined the room' }]);
  expect(lobby.messages).toHaveLength(1);
});

test.each([
  [{ seed: -1 }, 'seed'],
  [{ seed: 0.5 }, 'seed'],
  [{ pace: -1 }, 'pace'],
  [{ pace: NaN }, 'pace'],
  [{ pace: Infinity }, 'pace'],
])('%j cannot be meant', async (options, name) => {
  await expect(demo(options)).rejects.toThrow(`\`${name}\``);
});
