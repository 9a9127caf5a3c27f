// Coming back: what was missed comes first, in order and once, or it is said what is gone.
import { expect, test } from 'vitest';
import { ChannelClient } from '../../../src/channels/index.ts';
import { deferred } from '../../../src/deferred.ts';
import { createChannelHub, memoryBroker } from '../../../src/server/index.ts';
import { turn, until } from '../../../src/testing/wait.ts';
import { control, DeafClient, errorLog, FragileBroker, RawClient, serveHub } from './harness.ts';

type Hub = Awaited<ReturnType<typeof serveHub>>;

/** Publishes the numbers from 1 on. Returns the epoch of the channel. */
async function fill(hub: Hub, count: number, channel = 'a'): Promise<string> {
  await using reader = await RawClient.in(hub, channel);
  for (let number = 1; number <= count; number += 1) await hub.publish(channel, number);
  return String(reader.frames[0]!.payload['epoch']);
}

const subscribed = (details: object) => control({ action: 'subscribed', channel: 'a', ...details });
const gap = (after: number, seq: number) => control({ action: 'gap', channel: 'a', after, seq });
const message = (number: number) => ({ channel: 'a', payload: number, seq: number });

test('everything after the last message that was seen comes again', async () => {
  await using hub = await serveHub();
  const epoch = await fill(hub, 5);
  await using client = await RawClient.open(hub);
  expect(await client.subscribe('a', { after: 2, epoch })).toEqual(
    subscribed({ seq: 2, epoch, recovered: true }),
  );
  await hub.publish('a', 6);
  expect(await client.settled()).toEqual([3, 4, 5, 6].map(message));
  expect(hub.metrics).toMatchObject({ replayed: 3, gaps: 0 });
});

test('whoever has seen everything gets nothing again', async () => {
  await using hub = await serveHub();
  const epoch = await fill(hub, 5);
  await using client = await RawClient.open(hub);
  expect(await client.subscribe('a', { after: 5, epoch })).toEqual(
    subscribed({ seq: 5, epoch, recovered: true }),
  );
  await hub.publish('a', 6);
  expect(await client.settled()).toEqual([message(6)]);
});

test('what the history does not reach is a gap, and the rest comes', async () => {
  await using hub = await serveHub({ broker: memoryBroker({ maxMessages: 3 }) });
  const epoch = await fill(hub, 10);
  await using client = await RawClient.open(hub);
  expect(await client.subscribe('a', { after: 2, epoch })).toEqual(
    subscribed({ seq: 7, epoch, recovered: false }),
  );
  expect(await client.settled()).toEqual([gap(2, 7), ...[8, 9, 10].map(message)]);
  expect(hub.metrics.gaps).toBe(1);
});

test('the oldest message of the history is exactly as far as it reaches', async () => {
  await using hub = await serveHub({ broker: memoryBroker({ maxMessages: 3 }) });
  const epoch = await fill(hub, 10);
  await using just = await RawClient.open(hub);
  expect((await just.subscribe('a', { after: 7, epoch })).payload).toMatchObject({ seq: 7, recovered: true });
  await using late = await RawClient.open(hub);
  expect((await late.subscribe('a', { after: 6, epoch })).payload).toMatchObject({
    seq: 7,
    recovered: false,
  });
});

test('without a history everything is a gap', async () => {
  await using hub = await serveHub({ broker: memoryBroker({ maxMessages: 0 }) });
  const epoch = await fill(hub, 4);
  await using client = await RawClient.open(hub);
  expect(await client.subscribe('a', { after: 1, epoch })).toEqual(
    subscribed({ seq: 4, epoch, recovered: false }),
  );
  expect(await client.settled()).toEqual([gap(1, 4)]);
});

test('a position of another epoch is worth nothing: what there is comes, after a gap', async () => {
  await using hub = await serveHub();
  const epoch = await fill(hub, 2);
  await using client = await RawClient.open(hub);
  expect(await client.subscribe('a', { after: 1, epoch: 'of another hub' })).toEqual(
    subscribed({ seq: 0, epoch, recovered: false }),
  );
  expect(await client.settled()).toEqual([gap(0, 0), message(1), message(2)]);
});

test('a position that nobody has given is treated like one of another epoch', async () => {
  await using hub = await serveHub();
  const epoch = await fill(hub, 2);
  await using client = await RawClient.open(hub);
  const answer = await client.subscribe('a', { after: Number.MAX_SAFE_INTEGER, epoch });
  expect(answer).toEqual(subscribed({ seq: 0, epoch, recovered: false }));
  expect(await client.settled()).toEqual([gap(0, 0), message(1), message(2)]);
});

test('a message that another hub has handed on before this one heard of it is not a gap, and does not come twice', async () => {
  const shared = memoryBroker();
  await using ahead = await serveHub({ broker: shared });
  // This hub hears of messages when it is told to.
  const late: (() => void)[] = [];
  const lagging = new FragileBroker();
  lagging.publish = shared.publish.bind(shared);
  lagging.replay = shared.replay.bind(shared);
  lagging.follow = (channel, options) =>
    shared.follow(channel, { ...options, onMessage: (stored) => late.push(() => options.onMessage(stored)) });
  await using behind = await serveHub({ broker: lagging });
  await using witness = await RawClient.in(behind, 'a');
  const epoch = await fill(ahead, 3);
  await using client = await RawClient.open(behind);
  expect(await client.subscribe('a', { after: 2, epoch })).toEqual(
    subscribed({ seq: 2, epoch, recovered: true }),
  );
  for (const hear of late) hear();
  expect(await client.settled()).toEqual([message(3)]);
  expect((await witness.settled()).map(({ payload }) => payload)).toEqual([1, 2, 3]);
});

test('a position that is none is refused', async () => {
  await using hub = await serveHub();
  await using client = await RawClient.open(hub);
  for (const from of [
    { after: 1 },
    { epoch: 'e' },
    { after: -1, epoch: 'e' },
    { after: '1', epoch: 'e' },
    { after: 1.5, epoch: 'e' },
  ]) {
    const { payload } = await client.subscribe('a', from);
    expect(payload).toMatchObject({ code: 'BAD_FRAME', request: 'subscribe', channel: 'a' });
  }
  expect(hub.channels.size).toBe(0);
});

test('subscribing again while subscribed changes nothing', async () => {
  await using hub = await serveHub();
  await using client = await RawClient.in(hub, 'a');
  const { epoch } = client.frames[0]!.payload;
  expect(await client.subscribe('a')).toEqual(subscribed({ seq: 0, epoch }));
  await hub.publish('a', 1);
  expect(await client.settled()).toEqual([message(1)]);
  expect(hub.metrics).toMatchObject({ subscriptions: 1, delivered: 1 });
});

test('subscribing again with a position begins anew from there', async () => {
  await using hub = await serveHub();
  await using client = await RawClient.in(hub, 'a');
  const { epoch } = client.frames[0]!.payload;
  for (const number of [1, 2, 3]) await hub.publish('a', number);
  expect(await client.settled()).toEqual([1, 2, 3].map(message));
  expect(await client.subscribe('a', { after: 1, epoch })).toEqual(
    subscribed({ seq: 1, epoch, recovered: true }),
  );
  await hub.publish('a', 4);
  expect(await client.settled()).toEqual([2, 3, 4].map(message));
  expect(hub.metrics.subscriptions).toBe(1);
});

test('subscribe, unsubscribe and subscribe in one packet end in one subscription', async () => {
  const broker = new FragileBroker();
  broker.beforeFollow = turn;
  await using hub = await serveHub({ broker });
  await using client = await RawClient.open(hub);
  const actions = ['subscribe', 'unsubscribe', 'subscribe', 'unsubscribe', 'subscribe'];
  client.sendAtOnce(actions.map((action) => control({ action, channel: 'a' })));
  const frames = await client.settled();
  expect(frames.map(({ payload }) => payload['action'])).toEqual([
    ...['subscribed', 'unsubscribed', 'subscribed', 'unsubscribed', 'subscribed'],
  ]);
  await hub.publish('a', 1);
  expect((await client.settled()).map(({ payload }) => payload)).toEqual([1]);
  expect(hub.channels).toEqual(new Map([['a', 1]]));
});

test('messages that are published while a replay is under way come after it, once', async () => {
  const broker = new FragileBroker();
  await using hub = await serveHub({ broker });
  await using keeper = await RawClient.in(hub, 'a');
  const epoch = await fill(hub, 3);
  let gate = deferred<undefined>();
  let asked = 0;
  broker.beforeReplay = () => {
    asked += 1;
    return gate.promise;
  };
  await using client = await RawClient.open(hub);
  client.send(control({ action: 'subscribe', channel: 'a', after: 1, epoch }));
  await until(() => asked === 1);
  for (const number of [4, 5]) await hub.publish('a', number);
  const first = gate;
  gate = deferred();
  first.resolve(undefined);
  await until(() => asked === 2);
  await hub.publish('a', 6);
  gate.resolve(undefined);
  await until(() => client.payloads.includes(6));
  await hub.publish('a', 7);
  await until(() => client.payloads.includes(7));
  expect(client.frames).toEqual([
    subscribed({ seq: 1, epoch, recovered: true }),
    ...[2, 3, 4, 5, 6, 7].map(message),
  ]);
  expect(keeper.payloads).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('unsubscribing while a replay is under way ends it', async () => {
  const broker = new FragileBroker();
  await using hub = await serveHub({ broker });
  await using keeper = await RawClient.in(hub, 'a');
  const epoch = await fill(hub, 3);
  const gates = [deferred<undefined>(), deferred<undefined>()];
  let asked = 0;
  broker.beforeReplay = () => gates[asked++]!.promise;
  await using client = await RawClient.open(hub);
  client.send(control({ action: 'subscribe', channel: 'a', after: 1, epoch }));
  await until(() => asked === 1);
  await hub.publish('a', 4);
  gates[0]!.resolve(undefined);
  await until(() => asked === 2);
  client.send(control({ action: 'unsubscribe', channel: 'a' }));
  expect(await client.settled()).toEqual([
    subscribed({ seq: 1, epoch, recovered: true }),
    ...[2, 3].map(message),
    control({ action: 'unsubscribed', channel: 'a' }),
  ]);
  gates[1]!.resolve(undefined);
  await hub.publish('a', 5);
  await until(() => keeper.payloads.length === 5);
  expect(await client.settled()).toEqual([]);
});

test('a replay waits for a client that does not read, and nothing piles up for it', async () => {
  const count = 300;
  await using hub = await serveHub({
    broker: memoryBroker({ maxMessages: count, maxBytes: Infinity }),
    limits: { maxWaitingMessages: 5, maxWaitingBytes: 100_000 },
  });
  await using keeper = await RawClient.in(hub, 'a');
  const { epoch } = keeper.frames[0]!.payload;
  for (let number = 1; number <= count; number += 1) {
    await hub.publish('a', 'x'.repeat(60_000));
    await until(() => keeper.payloads.length === number);
  }
  using deaf = await DeafClient.in(hub);
  deaf.send(control({ action: 'subscribe', channel: 'a', after: 0, epoch }));
  await until(() => hub.metrics.replayed > 10);
  for (let turns = 0; turns < 100; turns += 1) await turn();
  expect(hub.metrics.replayed).toBeLessThan(count);
  for (const { bufferedAmount } of hub.connections.values()) expect(bufferedAmount).toBeLessThan(200_000);
  deaf.listen();
  await until(() => deaf.bytesReceived > count * 60_000 && deaf.frames().length === count + 1);
  const sequence = deaf
    .frames()
    .slice(1)
    .map((frame) => ('seq' in frame ? frame.seq : undefined));
  expect(sequence).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  expect(hub.metrics).toMatchObject({ replayed: count, dropped: 0, slow: 0, gaps: 0 });
}, 30_000);

test("a client's own messages do not come back to it after a reconnect", async () => {
  await using hub = await serveHub();
  await using other = await RawClient.in(hub, 'a');
  const retryPolicy = () => ({ action: 'retry', delayMs: 0 }) as const;
  await using client = new ChannelClient({ url: hub.webSocketUrl, retryPolicy, maxRetries: Infinity });
  await client.connect();
  const subscription = await client.subscribe('a');
  const heard: unknown[] = [];
  subscription.on('message', ({ payload }) => heard.push(payload));
  await client.publish('a', 'mine');
  other.publish('a', 'before');
  await until(() => heard.length === 1);
  const session = [...hub.connections.values()].at(-1);
  if (session !== undefined && 'terminate' in session) session.terminate();
  other.publish('a', 'meanwhile');
  await other.settled();
  await client.publish('a', 'mine again');
  other.publish('a', 'after');
  await until(() => heard.length === 3);
  expect(heard).toEqual(['before', 'meanwhile', 'after']);
});

test('the history of a broker in memory is bounded in messages, bytes, age and channels', async () => {
  const { VirtualClock } = await import('../../../src/testing/virtual-clock.ts');
  const clock = new VirtualClock();
  const broker = memoryBroker({ maxMessages: 5, maxBytes: 100, maxAgeMs: 1_000, maxIdleChannels: 2, clock });
  const publish = (channel: string, payload: string, messageId?: string) =>
    broker.publish(channel, { payload, messageId, publisher: '' });
  const kept = async (channel: string) => {
    const { messages, isComplete } = await broker.replay(channel, { after: 0, upTo: Infinity });
    return [messages.map(({ seq }) => seq), isComplete];
  };
  for (let count = 0; count < 8; count += 1) await publish('a', '1');
  expect(await kept('a')).toEqual([[4, 5, 6, 7, 8], false]);
  await publish('a', 'x'.repeat(99));
  expect(await kept('a')).toEqual([[8, 9], false]);
  await publish('a', 'x'.repeat(101));
  expect(await kept('a')).toEqual([[], false]);
  await publish('a', '1');
  clock.advance(1_000);
  await publish('a', '2');
  expect(await kept('a')).toEqual([[11, 12], false]);
  clock.advance(1);
  expect(await kept('a')).toEqual([[12], false]);
  const before = await broker.follow('b', { onMessage: () => undefined, onLost: () => undefined });
  await publish('b', '1');
  await publish('c', '1');
  await publish('a', '3');
  await publish('d', '1');
  expect(await kept('b')).toEqual([[1], true]);
  expect(await kept('a')).toEqual([[12, 13], false]);
  expect((await publish('c', '1')).seq).toBe(1);
  await before.stop();
});

test('a broker in memory holds no more than it may, whatever is published', async () => {
  const broker = memoryBroker({ maxTotalBytes: 10_000 });
  const followed = await broker.follow('followed', { onMessage: () => undefined, onLost: () => undefined });
  const publish = (channel: string, messageId: string) =>
    broker.publish(channel, { payload: 'x'.repeat(1_000), messageId, publisher: '' });
  const kept = async (channel: string) =>
    (await broker.replay(channel, { after: 0, upTo: Infinity })).messages.length;
  for (let count = 0; count < 4; count += 1) await publish('followed', `f-${count}`);
  for (let count = 0; count < 50; count += 1) await publish(`idle ${count}`, 'p-1');
  expect(await kept('followed')).toBe(4);
  expect(await kept('idle 49')).toBe(1);
  expect(await kept('idle 40')).toBe(0);
  for (let count = 4; count < 100; count += 1) await publish('followed', `f-${count}`);
  expect(await kept('followed')).toBeLessThan(10);
  expect(await publish('followed', 'f-99')).toEqual({ seq: 100, isDuplicate: true });
  await followed.stop();
});

test('what is published twice under one id is kept once, among the last 10,000 ids of its channel', async () => {
  const broker = memoryBroker();
  const heard: number[] = [];
  await broker.follow('a', { onMessage: ({ seq }) => heard.push(seq), onLost: () => undefined });
  const publish = (channel: string, messageId: string) =>
    broker.publish(channel, { payload: '1', messageId, publisher: '' });
  expect(await publish('a', 'p-0')).toEqual({ seq: 1, isDuplicate: false });
  expect(await publish('b', 'p-0')).toEqual({ seq: 1, isDuplicate: false });
  for (let count = 1; count < 10_000; count += 1) await publish('a', `p-${count}`);
  expect(await publish('a', 'p-0')).toEqual({ seq: 1, isDuplicate: true });
  await publish('a', 'p-10000');
  expect(await publish('a', 'p-0')).toEqual({ seq: 10_002, isDuplicate: false });
  expect(heard).toHaveLength(10_002);
});

test('a logger that fails changes nothing', async () => {
  const broker = new FragileBroker();
  broker.beforePublish = () => Promise.reject(new Error('no leader'));
  const { logger } = errorLog();
  const failing = {
    ...logger,
    error: () => {
      throw new Error('full');
    },
  };
  await using hub = await serveHub({ broker, logger: failing });
  await using client = await RawClient.open(hub);
  client.publish('a', 1);
  expect((await client.next()).payload['code']).toBe('UNAVAILABLE');
});

test('`history` says what is kept, unless a broker does', async () => {
  await using hub = await serveHub({ history: { maxMessages: 1 } });
  await using client = await RawClient.in(hub, 'a');
  const { epoch } = client.frames[0]!.payload;
  for (const number of [1, 2]) await hub.publish('a', number);
  await using late = await RawClient.open(hub);
  late.send(control({ action: 'subscribe', channel: 'a', after: 0, epoch }));
  expect((await late.nextFew(3)).map(({ payload }) => payload)).toMatchObject([
    { action: 'subscribed', recovered: false, seq: 1 },
    { action: 'gap', after: 0, seq: 1 },
    2,
  ]);
  expect(() => createChannelHub({ broker: memoryBroker(), history: {} })).toThrow(
    'Expected `history` to be absent beside `broker`, which keeps what it keeps, got an object.',
  );
});
