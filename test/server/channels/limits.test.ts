// Who may do what, and how much of it; and frames that are none.
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { deferred } from '../../../src/deferred.ts';
import { AccessRefused, type ChannelHub } from '../../../src/server/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { until } from '../../../src/testing/wait.ts';
import { control, errorLog, FragileBroker, RawClient, serveHub } from './harness.ts';

const codes = (frames: readonly { readonly payload: Readonly<Record<string, unknown>> }[]): unknown[] =>
  frames.map(({ payload }) => payload['code'] ?? payload['action'] ?? payload);

/** The status with which an upgrade is refused. */
const statusOf = (hub: ChannelHub, headers: Record<string, string>): Promise<number | undefined> =>
  new Promise((resolve) => {
    const socket = new WebSocket(hub.webSocketUrl, { headers });
    socket.on('error', () => undefined);
    socket.on('unexpected-response', (request, { statusCode }) => {
      resolve(statusCode);
      request.destroy();
    });
    socket.on('open', () => {
      resolve(101);
      socket.terminate();
    });
  });

test.each<[string | Buffer, string]>([
  ['', 'BAD_FRAME'],
  ['hello', 'BAD_FRAME'],
  ['null', 'BAD_FRAME'],
  ['5', 'BAD_FRAME'],
  ['"text"', 'BAD_FRAME'],
  ['[{"channel":"a","payload":1}]', 'BAD_FRAME'],
  ['{}', 'BAD_FRAME'],
  ['{"channel":"a"}', 'BAD_FRAME'],
  ['{"payload":1}', 'BAD_FRAME'],
  ['{"channel":"","payload":1}', 'BAD_FRAME'],
  ['{"channel":5,"payload":1}', 'BAD_FRAME'],
  ['{"channel":"a","payload":1', 'BAD_FRAME'],
  ['{"channel":"a","payload":1,"message_id":5}', 'BAD_FRAME'],
  ['{"channel":"a","payload":1,"message_id":""}', 'BAD_FRAME'],
  [`{"channel":"a","payload":1,"message_id":"${'x'.repeat(201)}"}`, 'BAD_FRAME'],
  ['{"channel":"a","payload":1,"message_id":"\\ud800"}', 'BAD_FRAME'],
  [`{"channel":"a","payload":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, 'BAD_FRAME'],
  ['{"channel":"subscription","payload":null}', 'BAD_FRAME'],
  ['{"channel":"subscription","payload":"subscribe"}', 'BAD_FRAME'],
  ['{"channel":"subscription","payload":[]}', 'BAD_FRAME'],
  ['{"channel":"subscription","payload":{}}', 'BAD_FRAME'],
  ['{"channel":"subscription","payload":{"action":"toString","channel":"a"}}', 'BAD_FRAME'],
  ['{"channel":"subscription","payload":{"action":"published","channel":"a"}}', 'BAD_FRAME'],
  ['{"channel":"subscription","payload":{"__proto__":{"action":"ping"}}}', 'BAD_FRAME'],
  ['{"channel":"subscription","payload":{"action":"subscribe"}}', 'BAD_CHANNEL'],
  ['{"channel":"subscription","payload":{"action":"subscribe","channel":["a"]}}', 'BAD_CHANNEL'],
  ['{"channel":"subscription","payload":{"action":"subscribe","channel":"subscription"}}', 'BAD_CHANNEL'],
  ['{"channel":"subscription","payload":{"action":"unsubscribe","channel":""}}', 'BAD_CHANNEL'],
  [`{"channel":"${'x'.repeat(201)}","payload":1}`, 'BAD_CHANNEL'],
  ['{"channel":"\\udc00","payload":1}', 'BAD_CHANNEL'],
  [Buffer.from('{"channel":"a","payload":1}'), 'BAD_FRAME'],
])('%.70s is answered, and the connection stays', async (frame, code) => {
  const { errors, logger } = errorLog();
  await using hub = await serveHub({ logger });
  await using client = await RawClient.open(hub);
  client.send(frame);
  expect(codes(await client.settled())).toEqual([code]);
  client.publish('a', 'well', 'p-1');
  expect(codes(await client.settled())).toEqual(['published']);
  expect(errors).toEqual([]);
});

test('what is nested deeply but not too deeply passes through', async () => {
  await using hub = await serveHub();
  await using reader = await RawClient.in(hub, 'a');
  await using client = await RawClient.open(hub);
  const payload = `${'['.repeat(500)}{"__proto__":[]}${']'.repeat(500)}`;
  client.send(`{"channel":"a","payload":${payload}}`);
  await reader.next();
  expect(reader.texts[1]).toBe(`{"channel":"a","payload":${payload},"seq":1}`);
});

test('one channel more than allowed is refused, and there is room again when one is left', async () => {
  await using hub = await serveHub({ limits: { maxChannels: 2 } });
  await using client = await RawClient.in(hub, 'a', 'b');
  expect((await client.subscribe('c')).payload).toEqual({
    action: 'error',
    code: 'TOO_MANY_CHANNELS',
    message: 'No more than 2 channels.',
    request: 'subscribe',
    channel: 'c',
  });
  expect((await client.subscribe('b')).payload['action']).toBe('subscribed');
  client.send(control({ action: 'unsubscribe', channel: 'a' }));
  await client.next();
  expect((await client.subscribe('c')).payload['action']).toBe('subscribed');
});

test('a frame that is larger than the connection allows closes it', async () => {
  await using hub = await serveHub({ limits: { maxPublishBytes: 100 } });
  await using client = await RawClient.open(hub);
  client.publish('a', 'x'.repeat(1_000));
  expect(codes(await client.settled())).toEqual(['MESSAGE_TOO_LARGE']);
  client.publish('a', 'x'.repeat(1_600));
  expect((await client.end()).code).toBe(1009);
});

test('the size of a frame counts in bytes', async () => {
  await using hub = await serveHub({ limits: { maxPublishBytes: 100 } });
  await using client = await RawClient.open(hub);
  client.publish('a', 'x'.repeat(54), 'p');
  client.publish('a', 'ü'.repeat(27), 'q');
  client.publish('a', 'ü'.repeat(28), 'r');
  expect(codes(await client.settled())).toEqual(['published', 'published', 'MESSAGE_TOO_LARGE']);
});

test('frames beyond the rate are refused, good and bad ones, and time gives room again', async () => {
  const clock = new VirtualClock();
  await using hub = await serveHub({
    clock,
    heartbeat: false,
    limits: { messagesPerSecond: 10, messageBurst: 3 },
  });
  await using client = await RawClient.open(hub);
  client.publish('a', 1, 'p-1');
  client.send('bad');
  client.publish('a', 2, 'p-2');
  client.publish('a', 3);
  expect(codes(await client.nextFew(4))).toEqual(['published', 'BAD_FRAME', 'published', 'RATE_LIMITED']);
  expect(client.frames.at(-1)?.payload).toEqual({
    action: 'error',
    code: 'RATE_LIMITED',
    message: 'Too many frames; send fewer, or wait a moment.',
    request: 'publish',
    channel: 'a',
  });
  // It is read no faster than it may send.
  client.send(control({ action: 'subscribe', channel: 'b' }));
  client.send(control({ action: 'subscribe', channel: 'c' }));
  await until(() => [...hub.connections.values()].some(({ state }) => state === 'open'));
  clock.advance(100);
  expect(codes(await client.nextFew(2))).toEqual(['subscribed', 'RATE_LIMITED']);
  expect(client.frames.at(-1)?.payload).toMatchObject({ request: 'subscribe', channel: 'c' });
  clock.advance(10_000);
  for (let count = 0; count < 4; count += 1) client.send(control({ action: 'ping' }));
  expect(codes(await client.nextFew(4))).toEqual(['pong', 'pong', 'pong', 'RATE_LIMITED']);
});

test('a flood of bad frames is answered no faster than the rate allows', async () => {
  await using hub = await serveHub({ limits: { messagesPerSecond: 100, messageBurst: 10 } });
  await using client = await RawClient.open(hub);
  for (let count = 0; count < 5_000; count += 1) client.send('x');
  const startedAtMs = performance.now();
  await until(() => client.frames.length >= 30);
  const elapsedMs = performance.now() - startedAtMs;
  expect(hub.metrics.refused['BAD_FRAME']).toBeLessThan(10 + elapsedMs / 10 + 10);
  expect(client.frames.length).toBeLessThan(10 + elapsedMs / 5 + 20);
});

test('everybody is let in who is known, and nobody else: before the upgrade', async () => {
  await using hub = await serveHub({
    authenticate: ({ headers }) => {
      if (headers['x-user'] === 'banned') throw new AccessRefused(403, 'Not you');
      return headers['x-user'];
    },
  });
  expect(await statusOf(hub, {})).toBe(401);
  expect(await statusOf(hub, { 'X-User': 'banned' })).toBe(403);
  expect(await statusOf(hub, { 'X-User': 'ann' })).toBe(101);
  expect(await statusOf(hub, { 'X-User': 'ann', Origin: 'https://evil.example' })).toBe(403);
});

test('pages of listed origins may connect', async () => {
  await using hub = await serveHub({ origins: ['https://good.example'] });
  expect(await statusOf(hub, { Origin: 'https://good.example' })).toBe(101);
  expect(await statusOf(hub, { Origin: 'https://evil.example' })).toBe(403);
});

test('who may subscribe and who may publish is judged for each channel, by identity', async () => {
  const { errors, logger } = errorLog();
  await using hub = await serveHub({
    logger,
    authenticate: ({ headers }) => headers['x-user'],
    authorize: ({ action, channel, identity }) => {
      if (channel === 'broken') throw new Error('the database is away');
      if (channel === 'truthy') return 'yes' as never;
      return action === 'subscribe' || identity === 'ann';
    },
  });
  await using ann = await RawClient.open(hub, { headers: { 'X-User': 'ann' } });
  await using bob = await RawClient.open(hub, { headers: { 'X-User': 'bob' } });
  expect((await bob.subscribe('a')).payload['action']).toBe('subscribed');
  bob.publish('a', 'no', 'p-1');
  expect((await bob.next()).payload).toEqual({
    action: 'error',
    code: 'NOT_ALLOWED',
    message: 'Not allowed to publish here.',
    request: 'publish',
    channel: 'a',
    message_id: 'p-1',
  });
  ann.publish('a', 'yes');
  expect((await bob.next()).payload).toBe('yes');
  for (const channel of ['broken', 'truthy']) {
    expect((await ann.subscribe(channel)).payload).toEqual({
      action: 'error',
      code: 'NOT_ALLOWED',
      message: 'Not allowed to subscribe here.',
      request: 'subscribe',
      channel,
    });
  }
  expect(errors).toEqual(['authorize failed: the database is away']);
  expect(hub.metrics.refused).toEqual({ NOT_ALLOWED: 3 });
});

test('a publication is judged after the subscription before it, however long that takes', async () => {
  const gate = deferred<boolean>();
  const judged: string[] = [];
  await using hub = await serveHub({
    publishersMustSubscribe: true,
    authorize: async ({ action, channel }) => {
      judged.push(`${action} ${channel}`);
      return action === 'publish' || gate.promise;
    },
  });
  await using other = await RawClient.open(hub);
  await using client = await RawClient.open(hub);
  client.send(control({ action: 'subscribe', channel: 'a' }));
  client.publish('a', 1, 'p-1');
  client.publish('b', 1, 'p-2');
  client.send(control({ action: 'ping' }));
  await until(() => judged.length === 1);
  // The others do not wait for it.
  expect(await other.settled()).toEqual([]);
  expect(client.frames).toEqual([]);
  gate.resolve(true);
  const answers = ['subscribed', 'published', 'NOT_SUBSCRIBED', 'pong'];
  expect(codes(await client.nextFew(4))).toEqual(answers);
  expect(judged).toEqual(['subscribe a', 'publish a']);
});

test('no more than 256 publications of a client wait for the broker', async () => {
  const broker = new FragileBroker();
  const gate = deferred<undefined>();
  broker.beforePublish = () => gate.promise;
  await using hub = await serveHub({ broker, limits: { messageBurst: 2_000 } });
  await using client = await RawClient.open(hub);
  for (let count = 0; count < 300; count += 1) client.publish(`channel ${count}`, count, `p-${count}`);
  client.send(control({ action: 'ping' }));
  await until(() => broker.published.length === 256);
  await using other = await RawClient.open(hub);
  await other.settled();
  expect(client.frames).toEqual([]);
  expect(broker.published).toHaveLength(256);
  gate.resolve(undefined);
  await until(() => client.frames.length === 301);
  expect(broker.published).toHaveLength(300);
});

test('publications that will be acknowledged, and goodbyes, wait for their turn in place of being refused', async () => {
  const clock = new VirtualClock();
  await using hub = await serveHub({
    clock,
    heartbeat: false,
    limits: { messagesPerSecond: 10, messageBurst: 2 },
  });
  await using client = await RawClient.open(hub);
  for (let n = 1; n <= 4; n += 1) client.publish('a', n, `p-${n}`);
  client.send(control({ action: 'unsubscribe', channel: 'a' }));
  expect(codes(await client.nextFew(2))).toEqual(['published', 'published']);
  for (const code of ['published', 'published', 'unsubscribed']) {
    await until(() => clock.pending > 0);
    clock.advance(100);
    expect(codes(await client.nextFew(1))).toEqual([code]);
  }
  expect(hub.metrics).toMatchObject({ published: 4, refused: {} });
});

test('an answer that takes a while is announced, so that nobody takes the hub for a server without answers', async () => {
  const clock = new VirtualClock();
  const verdict = deferred<boolean>();
  await using hub = await serveHub({ clock, heartbeat: false, authorize: () => verdict.promise });
  await using client = await RawClient.open(hub);
  client.send(control({ action: 'subscribe', channel: 'a' }));
  await until(() => clock.nextInMs === 100);
  clock.advance(100);
  expect(await client.nextFew(1)).toEqual([control({ action: 'pending', channel: 'a' })]);
  verdict.resolve(true);
  expect(codes(await client.nextFew(1))).toEqual(['subscribed']);
});
