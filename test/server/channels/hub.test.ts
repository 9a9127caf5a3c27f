// Routing, order, broker trouble, and the end: a hub, and clients that nobody here wrote.
import { once } from 'node:events';
import { createServer } from 'node:http';
import express from 'express';
import { expect, test } from 'vitest';
import { ChannelClient } from '../../../src/channels/index.ts';
import { deferred } from '../../../src/deferred.ts';
import { InvalidOptionError } from '../../../src/index.ts';
import { createChannelHub, memoryBroker, type ChannelHubOptions } from '../../../src/server/index.ts';
import { PreparedMessage } from '../../../src/server/realtime/prepared-message.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { turn, until } from '../../../src/testing/wait.ts';
import { control, errorLog, FragileBroker, RawClient, serveHub } from './harness.ts';

test('a message goes to the subscribers of its channel, all of them, in order, and to nobody else', async () => {
  await using hub = await serveHub();
  await using publisher = await RawClient.in(hub, 'a');
  await using one = await RawClient.in(hub, 'a', 'b');
  await using two = await RawClient.in(hub, 'a');
  await using other = await RawClient.in(hub, 'b');
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  for (const number of numbers) publisher.publish('a', number);
  await publisher.settled();
  for (const client of [one, two, other]) await client.settled();
  expect(one.payloads).toEqual(numbers);
  expect(two.payloads).toEqual(numbers);
  expect(other.payloads).toEqual([]);
  expect(publisher.payloads).toEqual([]);
});

test('whoever has unsubscribed, or has gone, gets nothing more', async () => {
  await using hub = await serveHub();
  await using publisher = await RawClient.open(hub);
  await using reader = await RawClient.in(hub, 'a', 'b');
  const gone = await RawClient.in(hub, 'a', 'b');
  expect(hub.channels).toEqual(
    new Map([
      ['a', 2],
      ['b', 2],
    ]),
  );
  gone.socket.terminate();
  reader.send(control({ action: 'unsubscribe', channel: 'a' }));
  await until(() => hub.channels.size === 1 && hub.channels.get('b') === 1);
  publisher.publish('a', 1);
  publisher.publish('b', 2);
  await publisher.settled();
  await reader.settled();
  expect(reader.payloads).toEqual([2]);
});

test('with echo the publisher gets its own messages too', async () => {
  await using hub = await serveHub({ echo: true });
  await using client = await RawClient.in(hub, 'a');
  client.publish('a', 'mine');
  expect(await client.next()).toEqual({ channel: 'a', payload: 'mine', seq: 1 });
});

test('the hub itself publishes to all', async () => {
  await using hub = await serveHub();
  await using client = await RawClient.in(hub, 'a');
  expect(await hub.publish('a', { text: 'hello' }, { messageId: 'h-1' })).toEqual({
    seq: 1,
    isDuplicate: false,
  });
  expect(await hub.publish('a', { text: 'hello' }, { messageId: 'h-1' })).toEqual({
    seq: 1,
    isDuplicate: true,
  });
  await client.settled();
  expect(client.payloads).toEqual([{ text: 'hello' }]);
  await expect(hub.publish('subscription', 1)).rejects.toThrow(InvalidOptionError);
  await expect(hub.publish('a', undefined)).rejects.toThrow(InvalidOptionError);
});

test('channels may have the names of what every object has', async () => {
  await using hub = await serveHub({ presence: true });
  for (const channel of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', ' ', '💡', 'a\nb']) {
    await using client = await RawClient.in(hub, channel);
    await hub.publish(channel, { ['__proto__']: channel });
    await until(() => client.payloads.length === 1);
    expect(client.frames.at(-1)).toEqual({ channel, payload: { ['__proto__']: channel }, seq: 1 });
  }
});

test('one message to 1,000 subscribers is framed once', async () => {
  await using hub = await serveHub({ limits: { maxConnectionsPerAddress: 2_000, requestBurst: 2_000 } });
  const readers = await Promise.all(Array.from({ length: 1_000 }, () => RawClient.in(hub, 'a')));
  const frames = new Set<unknown>();
  const original = Object.getOwnPropertyDescriptor(PreparedMessage.prototype, 'sendTo')!;
  const sendTo = original.value as (...parameters: Parameters<PreparedMessage['sendTo']>) => void;
  const spy: typeof sendTo = function (this: PreparedMessage, socket, tcp, done) {
    const write = (frame: Buffer): boolean => {
      frames.add(frame);
      return tcp.write(frame, done);
    };
    sendTo.call(this, socket, { write } as never, done);
  };
  Object.defineProperty(PreparedMessage.prototype, 'sendTo', { ...original, value: spy });
  try {
    await hub.publish('a', 'to all');
  } finally {
    Object.defineProperty(PreparedMessage.prototype, 'sendTo', original);
  }
  await until(() => readers.every(({ payloads }) => payloads.length === 1), { timeoutMs: 10_000 });
  expect(frames.size).toBe(1);
  for (const { socket } of readers) socket.terminate();
}, 30_000);

test('messages of one channel keep their order, however long each takes to be kept', async () => {
  const broker = new FragileBroker();
  const gate = deferred<undefined>();
  broker.beforePublish = (_channel, { payload }) => (payload === '1' ? gate.promise : undefined);
  await using hub = await serveHub({ broker });
  await using reader = await RawClient.in(hub, 'a', 'b');
  await using publisher = await RawClient.open(hub);
  for (const number of [1, 2, 3]) publisher.publish('a', number, `p-${number}`);
  publisher.publish('b', 'free');
  await until(() => reader.payloads.length === 1);
  gate.resolve(undefined);
  await until(() => reader.payloads.length === 4);
  expect(reader.payloads).toEqual(['free', 1, 2, 3]);
});

test('a message with an id that could not be kept closes the session, and nothing overtakes it', async () => {
  const broker = new FragileBroker();
  const { errors, logger } = errorLog();
  await using hub = await serveHub({ broker, logger });
  await using reader = await RawClient.in(hub, 'a');
  const publisher = await RawClient.open(hub);
  let isBroken = true;
  broker.beforePublish = () => {
    if (isBroken) throw new Error('no leader');
  };
  publisher.publish('a', 1, 'p-1');
  publisher.publish('a', 2, 'p-2');
  expect(await publisher.end()).toEqual({ code: 1013, reason: 'The message could not be kept' });
  isBroken = false;
  await using again = await RawClient.open(hub);
  again.publish('a', 1, 'p-1');
  again.publish('a', 2, 'p-2');
  await again.nextFew(2);
  await reader.settled();
  expect(reader.payloads).toEqual([1, 2]);
  expect(broker.published.map(({ messageId }) => messageId)).toEqual(['p-1', 'p-1', 'p-2']);
  expect(errors).toEqual(['broker failed: no leader']);
});

test('our client gets everything through once and in order though the broker fails', async () => {
  const broker = new FragileBroker();
  let count = 0;
  broker.beforePublish = () => {
    count += 1;
    if (count % 5 === 3) throw new Error('no leader');
  };
  await using hub = await serveHub({ broker, logger: errorLog().logger });
  await using reader = await RawClient.in(hub, 'a');
  const retryPolicy = () => ({ action: 'retry', delayMs: 0 }) as const;
  await using client = new ChannelClient({ url: hub.webSocketUrl, retryPolicy, maxRetries: Infinity });
  await client.connect();
  await client.subscribe('a');
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  const outcomes = await Promise.all(numbers.map((number) => client.publish('a', number)));
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(numbers.map(() => 'acknowledged'));
  await reader.settled();
  expect(reader.payloads).toEqual(numbers);
});

test('a message without an id that could not be kept is refused, and the session stays', async () => {
  const broker = new FragileBroker();
  broker.beforePublish = () => Promise.reject(new Error('no leader'));
  await using hub = await serveHub({ broker, logger: errorLog().logger });
  await using client = await RawClient.open(hub);
  client.publish('a', 1);
  expect(await client.next()).toEqual(
    control({
      action: 'error',
      code: 'UNAVAILABLE',
      message: 'The message could not be kept; publish it again.',
      request: 'publish',
      channel: 'a',
    }),
  );
  expect(await client.settled()).toEqual([]);
});

test('a broker that is away is not reported for each message', async () => {
  const broker = new FragileBroker();
  const clock = new VirtualClock();
  broker.beforePublish = () => Promise.reject(new Error('no leader'));
  const { errors, logger } = errorLog();
  await using hub = await serveHub({ broker, logger, clock, heartbeat: false });
  await using client = await RawClient.open(hub);
  for (let count = 0; count < 20; count += 1) client.publish('a', count);
  await client.nextFew(20);
  expect(errors).toEqual(['broker failed: no leader']);
  clock.advance(1_000);
  client.publish('a', 20);
  await client.next();
  expect(errors).toHaveLength(2);
});

test('a channel that cannot be followed is refused, and the next subscription tries anew', async () => {
  const broker = new FragileBroker();
  broker.beforeFollow = () => Promise.reject(new Error('no leader'));
  const { errors, logger } = errorLog();
  await using hub = await serveHub({ broker, logger });
  await using client = await RawClient.open(hub);
  const about = { request: 'subscribe', channel: 'a' };
  const message = 'The channel cannot be read at present.';
  expect(await client.subscribe('a')).toEqual(
    control({ action: 'error', code: 'UNAVAILABLE', message, ...about }),
  );
  expect(hub.channels.size).toBe(0);
  broker.beforeFollow = () => undefined;
  expect((await client.subscribe('a')).payload['action']).toBe('subscribed');
  expect(broker.follows).toHaveLength(2);
  expect(errors).toEqual(['broker failed: no leader']);
});

test('a broker that fails while somebody is given what it missed: it comes back and asks again', async () => {
  const broker = new FragileBroker();
  await using hub = await serveHub({ broker, logger: errorLog().logger });
  await using reader = await RawClient.in(hub, 'a');
  const { epoch } = reader.frames[0]!.payload;
  await hub.publish('a', 1);
  await using client = await RawClient.open(hub);
  broker.beforeReplay = () => Promise.reject(new Error('no leader'));
  expect((await client.subscribe('a', { after: 0, epoch })).payload['code']).toBe('UNAVAILABLE');
  expect(hub.channels.get('a')).toBe(1);
  broker.beforeReplay = () => undefined;
  expect((await client.subscribe('a', { after: 0, epoch })).payload['recovered']).toBe(true);
  expect((await client.next()).payload).toBe(1);
});

test('a channel whose messages are lost closes the sessions that are subscribed to it, for them to recover', async () => {
  const broker = new FragileBroker();
  await using hub = await serveHub({ broker, logger: errorLog().logger, presence: true });
  await using lost = await RawClient.in(hub, 'a');
  await using other = await RawClient.in(hub, 'b');
  const [, options] = broker.follows[0]!;
  options.onLost('the stream is gone');
  expect(await lost.end()).toEqual({ code: 1012, reason: 'Channel lost' });
  expect(hub.channels).toEqual(new Map([['b', 1]]));
  await using again = await RawClient.in(hub, 'a');
  await hub.publish('a', 'here again');
  await until(() => again.payloads.length === 1);
  await other.settled();
  expect(other.closed).toBeUndefined();
});

test('a client that leaves while the broker is asked leaves nothing behind', async () => {
  const broker = new FragileBroker();
  const gate = deferred<undefined>();
  broker.beforeFollow = () => gate.promise;
  await using hub = await serveHub({ broker });
  const client = await RawClient.open(hub);
  client.send(control({ action: 'subscribe', channel: 'a' }));
  await until(() => broker.follows.length === 1);
  client.socket.terminate();
  await until(() => hub.metrics.clients === 0);
  expect(hub.channels.size).toBe(0);
  gate.resolve(undefined);
  await turn();
  expect(hub.metrics).toMatchObject({ clients: 0, channels: 0, subscriptions: 0 });
});

test('a request whose judgement never comes holds nothing of a client that has gone', async () => {
  await using hub = await serveHub({ authorize: () => new Promise(() => undefined) });
  const client = await RawClient.open(hub);
  client.send(control({ action: 'subscribe', channel: 'a' }));
  client.socket.terminate();
  await until(() => hub.metrics.clients === 0);
});

test('at the end what was acknowledged is delivered, and clients are told to come back', async () => {
  const hub = await serveHub();
  await using reader = await RawClient.in(hub, 'a');
  await using publisher = await RawClient.open(hub);
  for (let number = 1; number <= 50; number += 1) publisher.publish('a', number, `p-${number}`);
  await publisher.nextFew(50);
  const closing = hub.close();
  expect(hub.close()).toBe(closing);
  expect(await reader.end()).toEqual({ code: 1001, reason: 'Server shutting down' });
  expect(await publisher.end()).toEqual({ code: 1001, reason: 'Server shutting down' });
  expect(reader.payloads).toHaveLength(50);
  await closing;
  await expect(hub.publish('a', 1)).rejects.toThrow(InvalidOptionError);
});

test('while it ends nothing new is begun: what waits for the broker is waited for', async () => {
  const broker = new FragileBroker();
  const gate = deferred<undefined>();
  const hub = await serveHub({ broker });
  await using reader = await RawClient.in(hub, 'a');
  await using client = await RawClient.open(hub);
  broker.beforePublish = () => gate.promise;
  client.publish('a', 'in time', 'p-1');
  await until(() => broker.published.length === 1);
  const closing = hub.close();
  expect((await client.subscribe('b')).payload['code']).toBe('UNAVAILABLE');
  client.publish('c', 'too late');
  expect((await client.next()).payload['code']).toBe('UNAVAILABLE');
  client.publish('c', 'too late, with an id', 'p-2');
  gate.resolve(undefined);
  expect(await client.next()).toEqual(
    control({ action: 'published', channel: 'a', message_id: 'p-1', seq: 1 }),
  );
  await closing;
  expect(await client.end()).toEqual({ code: 1001, reason: 'Server shutting down' });
  expect(reader.payloads).toEqual(['in time']);
  expect(broker.published).toHaveLength(1);
});

test('a broker that was given outlives the hub, and one of its own does not', async () => {
  const broker = memoryBroker();
  const first = await serveHub({ broker });
  await using reader = await RawClient.in(first, 'a');
  const { epoch } = reader.frames[0]!.payload;
  await first.publish('a', 'kept');
  await first.close();
  await using second = await serveHub({ broker });
  await using client = await RawClient.open(second);
  expect((await client.subscribe('a', { after: 0, epoch })).payload['recovered']).toBe(true);
  expect((await client.next()).payload).toBe('kept');
});

test('a broker that fails to stop keeps neither a client from leaving nor the hub from closing', async () => {
  const broker = new FragileBroker();
  broker.beforeStop = () => Promise.reject(new Error('no leader'));
  const { errors, logger } = errorLog();
  const hub = await serveHub({ broker, logger });
  await using client = await RawClient.in(hub, 'a');
  client.send(control({ action: 'unsubscribe', channel: 'a' }));
  await until(() => errors.length > 0);
  await client.subscribe('b');
  await hub.close();
  expect(errors).toEqual(['broker failed: no leader']);
});

test('hubs that share a broker act as one', async () => {
  const broker = memoryBroker();
  await using one = await serveHub({ broker });
  await using two = await serveHub({ broker });
  await using publisher = await RawClient.open(one);
  await using reader = await RawClient.in(two, 'a');
  publisher.publish('a', 'across', 'p-1');
  expect(await reader.next()).toEqual({ channel: 'a', payload: 'across', seq: 1, message_id: 'p-1' });
});

test('it serves beside what an Express application serves', async () => {
  const app = express();
  app.get('/page', (_request, response) => void response.send('a page'));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hub = createChannelHub({ path: '/channels', healthPath: '/health' }).attach(server);
  await using client = await RawClient.in(hub, 'a');
  expect(await (await fetch(`${hub.url}/page`)).text()).toBe('a page');
  expect(await (await fetch(`${hub.url}/health`)).json()).toEqual({ status: 'ok' });
  await hub.close();
  expect(await client.end()).toEqual({ code: 1001, reason: 'Server shutting down' });
  expect(server.listening).toBe(true);
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

test('its sessions can be looked at', async () => {
  const names = new Set<string>();
  const inspect = {
    attach: (_id: string, { name }: { readonly name: string }) => void names.add(name.split(' ')[0]!),
    next: () => undefined,
  };
  await using hub = await serveHub({ inspect });
  await using client = await RawClient.in(hub, 'a');
  expect(hub.connections.size).toBe(1);
  expect([...names]).toEqual(['/ws']);
  expect(client.closed).toBeUndefined();
});

test.each<[ChannelHubOptions, string]>([
  [{ path: 5 as never }, 'path'],
  [{ authorize: true as never }, 'authorize'],
  [{ broker: { publish: () => undefined } as never }, 'broker'],
  [{ echo: 'yes' as never }, 'echo'],
  [{ publishersMustSubscribe: 1 as never }, 'publishersMustSubscribe'],
  [{ presence: 'yes' as never }, 'presence'],
  [{ presence: { data: {} as never } }, 'presence.data'],
  [{ presence: { maxMembers: 0 } }, 'presence.maxMembers'],
  [{ slowConsumers: 'drop' as never }, 'slowConsumers'],
  [{ metricsPath: true as never }, 'metricsPath'],
  [{ healthPath: null as never }, 'healthPath'],
  [{ limits: 5 as never }, 'limits'],
  [{ limits: { maxChannels: 0 } }, 'limits.maxChannels'],
  [{ limits: { maxConnections: 0 } }, 'limits.maxConnections'],
])('an option that cannot be meant is named: %j', (options, name) => {
  expect(() => createChannelHub(options)).toThrow(InvalidOptionError);
  expect(() => createChannelHub(options)).toThrow(`\`${name}\``);
});

test('a deadline that cannot be meant is refused at once', async () => {
  await using hub = await serveHub();
  expect(() => void hub.close({ deadlineMs: -1 })).toThrow(InvalidOptionError);
});
