// Subscriptions: what the server is told, what it may answer, and who gets the messages.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ChannelError, type ChannelMessage, type Subscription } from '../../src/channels/index.ts';
import { InvalidOptionError } from '../../src/index.ts';
import { turn, until } from '../../src/testing/wait.ts';
import { FakeTransport } from '../support/fake-transport.ts';
import { quiet, rejectionOf, watch } from '../support/connected.ts';
import { warnings } from '../support/warnings.ts';
import { heardBy, nextIs, reply, stage, subscribed, subscribeFrame, unsubscribeFrame } from './stage.ts';

const plain = (channel: string): string => reply({ action: 'subscribed', channel });

describe('subscribing', () => {
  it('is the frame of the seed, and done with the word of the server', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscribing = watch(scene.client.subscribe('user_session_abc123'));
    await nextIs(
      socket,
      '{"channel":"subscription","payload":{"action":"subscribe","channel":"user_session_abc123"}}',
    );
    expect(subscribing.outcome).toBe('pending');
    socket.send(plain('user_session_abc123'));
    await until(() => subscribing.outcome !== 'pending');
    const { resolved: subscription } = subscribing.outcome as { resolved: Subscription };

    expect([subscription.channel, subscription.state, subscription.isAcknowledged]).toEqual([
      'user_session_abc123',
      'subscribed',
      true,
    ]);
    expect([subscription.position, subscription.failure, subscription.members]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    expect(scene.client.channels).toEqual(['user_session_abc123']);
    expect(socket.frames).toHaveLength(1);
  });

  it('is done when the server has said nothing for acknowledgementMs', async () => {
    await using scene = await stage({ acknowledgementMs: 700 });
    const socket = await scene.connect();
    const subscribing = watch(scene.client.subscribe('a'));
    await nextIs(socket, subscribeFrame('a'));
    scene.clock.advance(699);
    await turn();
    expect(subscribing.outcome).toBe('pending');
    scene.clock.advance(1);
    await until(() => subscribing.outcome !== 'pending');
    const { resolved: subscription } = subscribing.outcome as { resolved: Subscription };

    expect([subscription.state, subscription.isAcknowledged]).toEqual(['subscribed', false]);
    socket.send(subscribed('a', 7));
    await until(() => subscription.isAcknowledged);
    expect(subscription.position).toEqual({ seq: 7, epoch: 'e1' });
  });

  it('hears a refusal that comes late', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.assume(socket, 'a');
    socket.send(
      reply({ action: 'error', code: 'NOT_ALLOWED', message: 'no', request: 'subscribe', channel: 'a' }),
    );
    await until(() => subscription.state === 'failed');

    expect(subscription.failure?.code).toBe('SUBSCRIPTION_REFUSED');
    expect(scene.client.channels).toEqual([]);
  });

  it('hears late that the server cannot do it now, and asks again', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.assume(socket, 'a');
    socket.send(
      reply({ action: 'error', code: 'UNAVAILABLE', message: 'broker', request: 'subscribe', channel: 'a' }),
    );
    await until(() => subscription.state === 'subscribing');
    scene.clock.advance(1_000);
    await nextIs(socket, subscribeFrame('a'));
    socket.send(subscribed('a'));
    await until(() => subscription.isAcknowledged);
  });

  it.each(['UNAVAILABLE', 'RATE_LIMITED'] as const)('is repeated after %s', async (code) => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscribing = scene.client.subscribe('a');
    for (let count = 0; count < 2; count += 1) {
      await nextIs(socket, subscribeFrame('a'));
      socket.send(reply({ action: 'error', code, message: 'later', request: 'subscribe', channel: 'a' }));
      await until(() => scene.client.connection.stats.messagesIn === count + 1);
      scene.clock.advance(1_000);
    }
    await nextIs(socket, subscribeFrame('a'));
    socket.send(subscribed('a'));

    expect((await subscribing).state).toBe('subscribed');
  });

  it.each([
    ['a hub', { code: 'NOT_ALLOWED', request: 'subscribe' }, 'NOT_ALLOWED: members only'],
    ['a server that only says that', {}, 'members only'],
  ] as const)('rejects when it is refused by %s', async (_, more, explanation) => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscribing = rejectionOf(scene.client.subscribe('a'));
    await nextIs(socket, subscribeFrame('a'));
    socket.send(reply({ action: 'error', message: 'members only', channel: 'a', ...more }));
    const error = (await subscribing) as ChannelError;

    expect(error).toBeInstanceOf(ChannelError);
    expect([error.name, error.code, error.message]).toEqual([
      'ChannelError',
      'SUBSCRIPTION_REFUSED',
      `The server refused the subscription to a: ${explanation}`,
    ]);
    expect(error.payload).toEqual({ action: 'error', message: 'members only', channel: 'a', ...more });
    expect(scene.logged).toEqual([error.message]);
    expect(scene.client.channels).toEqual([]);
  });

  it('rejects when it is refused, though the logger fails', async () => {
    const warned = warnings();
    const broken = (): never => {
      throw new Error('the disk is full');
    };
    await using scene = await stage({ logger: { debug: broken, info: broken, warn: broken, error: broken } });
    const socket = await scene.connect();
    const subscribing = rejectionOf(scene.client.subscribe('a'));
    await nextIs(socket, subscribeFrame('a'));
    socket.send(reply({ action: 'error', message: 'members only', channel: 'a' }));

    expect(await subscribing).toMatchObject({ code: 'SUBSCRIPTION_REFUSED' });
    expect(warned.length).toBeGreaterThan(0);
  });

  it('that has no room among what waits is asked for again', async () => {
    const transport = new FakeTransport();
    await using scene = await stage({ transport, outbox: { highWaterBytes: 10, maxMessages: 1 } });
    const connecting = scene.client.connect();
    await until(() => transport.links.length === 1);
    const { link } = transport;
    link.open();
    await connecting;
    const first = scene.client.subscribe('a');
    link.receive(plain('a'));
    await first;
    link.bufferedBytes = 1_000;
    const published = scene.client.publish('a', 1);
    const subscribing = scene.client.subscribe('b');
    await quiet();
    link.drain();
    scene.clock.advance(1_000);
    link.receive(plain('b'));
    link.drain();
    await Promise.all([published, subscribing]);

    expect(link.sent.slice(1)).toEqual(['{"channel":"a","payload":1}', subscribeFrame('b')]);
  });

  it('again after a refusal asks again', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const refused = rejectionOf(scene.client.subscribe('a'));
    await nextIs(socket, subscribeFrame('a'));
    socket.send(reply({ action: 'error', message: 'no', channel: 'a', request: 'subscribe' }));
    await refused;

    expect((await scene.subscribe(socket, 'a')).state).toBe('subscribed');
  });

  it('may be asked for by a listener who hears that it has failed', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const first = await scene.subscribe(socket, 'a');
    const again = new Promise<Subscription>((resolve) =>
      first.on('failed', () => resolve(scene.client.subscribe('a'))),
    );
    socket.send(reply({ action: 'error', message: 'no', channel: 'a', request: 'subscribe' }));
    await until(() => socket.frames.length === 2);
    socket.send(subscribed('a'));

    expect((await again).state).toBe('subscribed');
  });

  it('rejects after subscribeTimeoutMs, a reconnect included, and is given up', async () => {
    await using scene = await stage({ acknowledgementMs: 10_000, maxRetries: Infinity });
    const socket = await scene.connect();
    const subscribing = rejectionOf(scene.client.subscribe('a'));
    await nextIs(socket, subscribeFrame('a'));
    socket.reset();
    const again = await scene.reconnect();
    await nextIs(again, subscribeFrame('a'));
    scene.clock.advance(4_000);
    const error = (await subscribing) as ChannelError;
    await nextIs(again, unsubscribeFrame('a'));

    expect([error.code, error.details]).toEqual(['SUBSCRIPTION_TIMEOUT', { channel: 'a', limitMs: 5_000 }]);
    expect(error).toBeInstanceOf(ChannelError);
    expect(scene.client.channels).toEqual([]);
  });

  it('rejects with the reason of a signal, and is given up', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const abort = new AbortController();
    const subscribing = rejectionOf(scene.client.subscribe('a', { signal: abort.signal }));
    await nextIs(socket, subscribeFrame('a'));
    abort.abort('enough');

    expect(await subscribing).toBe('enough');
    await nextIs(socket, unsubscribeFrame('a'));
    expect(await rejectionOf(scene.client.subscribe('b', { signal: abort.signal }))).toBe('enough');
    await quiet();
    expect(socket.frames).toHaveLength(2);
  });

  it('that is given up before there is a connection is never asked for', async () => {
    await using scene = await stage();
    const connecting = scene.client.connect();
    const abort = new AbortController();
    const subscribing = rejectionOf(scene.client.subscribe('a', { signal: abort.signal }));
    abort.abort('enough');
    await subscribing;
    const socket = await scene.server.accept();
    await connecting;
    await quiet();

    expect(socket.frames).toEqual([]);
  });

  it('while connecting is the first thing that is said', async () => {
    await using scene = await stage();
    const connecting = scene.client.connect();
    const subscribing = scene.client.subscribe('a');
    const socket = await scene.server.accept();
    await connecting;
    await nextIs(socket, subscribeFrame('a'));
    socket.send(plain('a'));

    expect((await subscribing).state).toBe('subscribed');
  });

  it.each(['', 'subscription', 'x'.repeat(201), 5, undefined, null])(
    'to (%o) is a wrong argument',
    async (channel) => {
      await using scene = await stage();
      await scene.connect();

      expect(await rejectionOf(scene.client.subscribe(channel as string))).toBeInstanceOf(InvalidOptionError);
    },
  );
});

describe('a channel that is subscribed to twice', () => {
  it('is asked for once, and ended with the last one', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const first = await scene.subscribe(socket, 'a');
    const second = await scene.client.subscribe('a');
    const heard = [heardBy(first), heardBy(second)];
    const changes: unknown[] = [];
    first.on('statechange', (change) => changes.push(change));
    socket.send({ channel: 'a', payload: 1 });
    await until(() => heard.every(({ length }) => length === 1));
    await first.unsubscribe();
    socket.send({ channel: 'a', payload: 2 });
    await until(() => heard[1]?.length === 2);

    expect(heard).toEqual([[1], [1, 2]]);
    expect([first.state, second.state, first.isAcknowledged]).toEqual(['ended', 'subscribed', false]);
    expect(changes).toEqual([{ state: 'ended', previous: 'subscribed' }]);
    expect(await first.messages().next()).toEqual({ done: true, value: undefined });
    expect(socket.frames).toHaveLength(1);

    const ending = second.unsubscribe();
    await nextIs(socket, unsubscribeFrame('a'));
    expect(second.state).toBe('unsubscribing');
    socket.send(reply({ action: 'unsubscribed', channel: 'a' }));
    await ending;
    expect(second.state).toBe('ended');
  });

  it('at the same time is asked for once', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const both = Promise.all([scene.client.subscribe('a'), scene.client.subscribe('a')]);
    await nextIs(socket, subscribeFrame('a'));
    socket.send(plain('a'));
    await both;
    await quiet();

    expect(socket.frames).toHaveLength(1);
    expect(scene.client.channels).toEqual(['a']);
  });

  it('lives on for the one when the other one gives up', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const abort = new AbortController();
    const given = rejectionOf(scene.client.subscribe('a', { signal: abort.signal }));
    const kept = scene.client.subscribe('a');
    await nextIs(socket, subscribeFrame('a'));
    abort.abort('enough');
    await given;
    socket.send(plain('a'));

    expect((await kept).state).toBe('subscribed');
    expect(socket.frames).toHaveLength(1);
  });
});

describe('unsubscribing', () => {
  it('is the frame of the seed, and done when the server has answered', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    const ending = watch(subscription.unsubscribe());
    await nextIs(socket, '{"channel":"subscription","payload":{"action":"unsubscribe","channel":"a"}}');
    await turn();
    expect([ending.outcome, scene.client.channels]).toEqual(['pending', []]);
    socket.send(reply({ action: 'unsubscribed', channel: 'a' }));
    await until(() => ending.outcome !== 'pending');

    expect(subscription.state).toBe('ended');
  });

  it('is done when the server says nothing, and whoever calls it again waits as well', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    const endings = [
      watch(subscription.unsubscribe()),
      watch(subscription.unsubscribe()),
      watch(scene.client.unsubscribe('a')),
    ];
    await nextIs(socket, unsubscribeFrame('a'));
    expect(endings.map(({ outcome }) => outcome)).toEqual(['pending', 'pending', 'pending']);
    scene.clock.advance(500);
    await until(() => endings.every(({ outcome }) => outcome !== 'pending'));
    await subscription.unsubscribe();

    expect(socket.frames).toHaveLength(2);
  });

  it('ends all that there are to a channel', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const all = [await scene.subscribe(socket, 'a'), await scene.client.subscribe('a')];
    const ending = scene.client.unsubscribe('a');
    await nextIs(socket, unsubscribeFrame('a'));
    socket.send(reply({ action: 'unsubscribed', channel: 'a' }));
    await ending;

    expect(all.map(({ state }) => state)).toEqual(['ended', 'ended']);
    await scene.client.unsubscribe('a');
    await scene.client.unsubscribe('b');
    expect(socket.frames).toHaveLength(2);
  });

  it('and subscribing anew does not keep the one who left waiting', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const first = await scene.subscribe(socket, 'a', subscribed('a', 5));
    const states: string[] = [];
    first.on('statechange', ({ state, previous }) => states.push(`${previous} → ${state}`));
    const ending = watch(first.unsubscribe());
    const subscribing = scene.client.subscribe('a');
    await until(() => ending.outcome !== 'pending');
    await nextIs(socket, unsubscribeFrame('a'));
    await nextIs(socket, subscribeFrame('a'));
    socket.send(reply({ action: 'unsubscribed', channel: 'a' }));
    socket.send(subscribed('a', 6));
    const second = await subscribing;

    expect([first.state, second.state, second.position]).toEqual([
      'ended',
      'subscribed',
      { seq: 6, epoch: 'e1' },
    ]);
    expect(states).toEqual(['subscribed → unsubscribing', 'unsubscribing → ended']);
  });

  it('is not undone by an answer to what was asked before', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const abort = new AbortController();
    const given = rejectionOf(scene.client.subscribe('a', { signal: abort.signal }));
    abort.abort('enough');
    await given;
    socket.send(subscribed('a'));
    socket.send({ channel: 'a', payload: 'late', seq: 1 });
    socket.send(reply({ action: 'unsubscribed', channel: 'a' }));
    await quiet();

    expect(scene.client.channels).toEqual([]);
    expect(await scene.client.publish('a', 1).catch((error: unknown) => (error as ChannelError).code)).toBe(
      'NOT_SUBSCRIBED',
    );
  });

  it('says nothing while the connection is lost, nor afterwards', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    socket.reset();
    await scene.inState('reconnecting');
    await subscription.unsubscribe();
    const again = await scene.reconnect();
    await quiet();

    expect([subscription.state, again.frames]).toEqual(['ended', []]);
  });

  it('ends with the connection when its frame still waits: the next session is not told', async () => {
    const transport = new FakeTransport();
    await using scene = await stage({ transport, outbox: { highWaterBytes: 10 } });
    const connecting = scene.client.connect();
    await until(() => transport.links.length === 1);
    transport.link.open();
    await connecting;
    const subscribing = scene.client.subscribe('a');
    transport.link.receive(plain('a'));
    const subscription = await subscribing;
    transport.link.bufferedBytes = 1_000;
    const ending = subscription.unsubscribe();
    transport.link.end();
    await ending;
    const anew = scene.client.subscribe('a');
    await scene.retry();
    await until(() => transport.links.length === 2);
    transport.link.open();
    await scene.inState('open');
    transport.link.receive(plain('a'));
    await anew;
    await quiet();

    expect(transport.link.sent).toEqual([subscribeFrame('a')]);
  });

  it('is what the end of a block does', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const over = (async () => {
      await using subscription = await scene.subscribe(socket, 'a');
      expect(subscription.state).toBe('subscribed');
    })();
    await nextIs(socket, unsubscribeFrame('a'));
    scene.clock.advance(500);
    await over;
  });
});

describe('a message', () => {
  it('comes to the subscription of its channel, and to no other', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const heard = [heardBy(await scene.subscribe(socket, 'a')), heardBy(await scene.subscribe(socket, 'b'))];
    const all: unknown[] = [];
    scene.client.on('message', (message) => all.push(message));
    for (const channel of ['a', 'b', 'c', 'a']) socket.send({ channel, payload: { on: channel } });
    await until(() => heard[0]?.length === 2);

    expect(heard).toEqual([[{ on: 'a' }, { on: 'a' }], [{ on: 'b' }]]);
    expect(all).toEqual([
      { channel: 'a', payload: { on: 'a' } },
      { channel: 'b', payload: { on: 'b' } },
      { channel: 'a', payload: { on: 'a' } },
    ]);
  });

  it('that comes with the acknowledgement reaches the first consumer', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscribing = scene.client.subscribe('a');
    await nextIs(socket, subscribeFrame('a'));
    socket.send(subscribed('a', 4));
    socket.send({ channel: 'a', payload: 'first', seq: 5 });
    socket.send({ channel: 'a', payload: 'second', seq: 6 });
    const subscription = await subscribing;
    await until(() => subscription.position?.seq === 6);
    const messages = subscription.messages();

    expect(await messages.next()).toEqual({
      done: false,
      value: { channel: 'a', payload: 'first', seq: 5 },
    });
    expect(await messages.next()).toMatchObject({ value: { payload: 'second' } });
  });

  it('that came before the end is read after it', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    socket.send({ channel: 'a', payload: 'last', seq: 1 });
    await until(() => subscription.position?.seq === 1);
    await scene.client.disconnect();
    const read: unknown[] = [];
    for await (const { payload } of subscription) read.push(payload);

    expect(read).toEqual(['last']);
  });

  it('is kept for the first consumer up to 256 times; then there is a gap', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    for (let seq = 1; seq <= 300; seq += 1) socket.send({ channel: 'a', payload: seq, seq });
    await until(() => subscription.position?.seq === 300);
    const told: unknown[] = [];
    subscription.on('message', ({ payload }) => told.push(payload));
    subscription.on('gap', (gap) => told.push(gap));
    await until(() => told.length > 0);

    expect(told.slice(0, 2)).toEqual([{ channel: 'a', after: 0, seq: 44 }, 45]);
    expect(told.at(-1)).toBe(300);
    expect(told).toHaveLength(257);
  });

  it('comes to listeners that are added and removed, and to one that listens once', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    const heard: unknown[] = [];
    const removed = ({ payload }: ChannelMessage): unknown => heard.push(['removed', payload]);
    subscription.on('message', ({ payload }) => heard.push(['on', payload]));
    subscription.once('message', ({ payload }) => heard.push(['once', payload]));
    subscription.on('message', removed);
    subscription.off('message', removed);
    const wholeClient: unknown[] = [];
    const stop = scene.client.on('message', ({ payload }) => wholeClient.push(payload));
    scene.client.once('message', ({ payload }) => wholeClient.push(['once', payload]));
    const off = (): never => expect.fail('was removed');
    scene.client.on('message', off);
    scene.client.off('message', off);
    socket.send({ channel: 'a', payload: 1 });
    socket.send({ channel: 'a', payload: 2 });
    await until(() => heard.length === 3);
    stop();
    socket.send({ channel: 'a', payload: 3 });
    await until(() => heard.length === 4);

    expect(heard).toEqual([
      ['on', 1],
      ['once', 1],
      ['on', 2],
      ['on', 3],
    ]);
    expect(wholeClient).toEqual([1, ['once', 1], 2]);
  });

  it('reaches the other listeners though one throws, which is logged', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    subscription.on('message', () => {
      throw new Error('broken');
    });
    subscription.on('message', () => Promise.reject(new Error('broken later')));
    const heard = heardBy(subscription);
    socket.send({ channel: 'a', payload: 1 });
    socket.send({ channel: 'a', payload: 2 });
    await until(() => scene.logged.length === 4);

    expect(heard).toEqual([1, 2]);
    expect(scene.logged[0]).toMatch(/message.*broken/);
  });

  it('that nobody can read changes nothing', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const heard = heardBy(await scene.subscribe(socket, 'a'));
    for (const nonsense of [
      'no json',
      '[]',
      '5',
      '{"channel":5,"payload":1}',
      '{"channel":"a"}',
      '{"channel":"","payload":1}',
      new Uint8Array([0xff, 0xfe]),
    ])
      socket.send(nonsense);
    socket.send({ channel: 'subscription', payload: 5 });
    socket.send({ channel: 'subscription', payload: { action: 'presence', channel: 'a', event: 'join' } });
    socket.send({ channel: 'subscription', payload: { action: 'dance', channel: 'a' } });
    socket.send({ channel: 'a', payload: null });
    await until(() => heard.length === 1);

    expect(scene.client.connection.stats.invalidMessages).toBe(7);
    expect(scene.logged).toHaveLength(9);
    expect(heard).toEqual([null]);
    expect(scene.client.state).toBe('open');
  });
});

describe('a hub', () => {
  it('is asked for what came after the last message, and a copy is not delivered twice', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a', subscribed('a', 10));
    const heard = heardBy(subscription);
    socket.send({ channel: 'a', payload: 'eleven', seq: 11 });
    socket.send({ channel: 'a', payload: 'fourteen', seq: 14, message_id: 'x-1' });
    await until(() => heard.length === 2);
    expect(subscription.position).toEqual({ seq: 14, epoch: 'e1' });
    socket.reset();
    const again = await scene.reconnect();
    expect(subscription.state).toBe('subscribing');
    await nextIs(
      again,
      '{"channel":"subscription","payload":{"action":"subscribe","channel":"a","after":14,"epoch":"e1"}}',
    );
    again.send(subscribed('a', 14, 'e1', { recovered: true }));
    for (const [seq, payload] of [
      [14, 'fourteen'],
      [15, 'fifteen'],
      [15, 'fifteen'],
      [16, 'sixteen'],
    ])
      again.send({ channel: 'a', payload, seq });
    await until(() => heard.length === 4);

    expect(heard).toEqual(['eleven', 'fourteen', 'fifteen', 'sixteen']);
  });

  it('tells of a gap, after which the numbers go on, or begin anew', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a', subscribed('a', 10));
    const told: unknown[] = [];
    subscription.on('gap', (gap) => told.push(gap));
    subscription.on('message', ({ payload }) => told.push(payload));
    const all: unknown[] = [];
    scene.client.on('gap', (gap) => all.push(gap));
    socket.send(reply({ action: 'gap', channel: 'a', after: 10, seq: 20 }));
    socket.send({ channel: 'a', payload: 'late', seq: 19 });
    socket.send({ channel: 'a', payload: 'next', seq: 21 });
    await until(() => told.length === 2);
    socket.reset();
    const again = await scene.reconnect();
    await nextIs(again, subscribeFrame('a', { after: 21, epoch: 'e1' }));
    again.send(subscribed('a', 3, 'e2', { recovered: false }));
    again.send(reply({ action: 'gap', channel: 'a', after: 0, seq: 3 }));
    again.send({ channel: 'a', payload: 'of another age', seq: 4 });
    await until(() => told.length === 4);

    expect(told).toEqual([
      { channel: 'a', after: 10, seq: 20 },
      'next',
      { channel: 'a', after: 0, seq: 3 },
      'of another age',
    ]);
    expect(all).toHaveLength(2);
    expect(subscription.position).toEqual({ seq: 4, epoch: 'e2' });
  });

  it('tells who is there, who comes and who goes', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    const events: unknown[] = [];
    subscription.on('presence', ({ event, members }) => events.push([event, members.map(({ id }) => id)]));
    const tell = (event: 'present' | 'join' | 'leave', ...ids: string[]): void =>
      socket.send(
        reply({ action: 'presence', channel: 'a', event, members: ids.map((id) => ({ id, data: { id } })) }),
      );
    tell('present', 'ada', 'bob');
    tell('join', 'cyd');
    tell('leave', 'ada');
    await until(() => events.length === 3);

    expect(events).toEqual([
      ['present', ['ada', 'bob']],
      ['join', ['cyd']],
      ['leave', ['ada']],
    ]);
    expect(subscription.members).toEqual([
      { id: 'bob', data: { id: 'bob' } },
      { id: 'cyd', data: { id: 'cyd' } },
    ]);
    tell('present', 'eve');
    await until(() => subscription.members.length === 1);
  });

  it('that does not know of what is to end, has ended it', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    const ending = subscription.unsubscribe();
    const refusal = { action: 'error', code: 'NOT_SUBSCRIBED', message: 'unknown' } as const;
    socket.send(reply({ ...refusal, request: 'unsubscribe', channel: 'a' }));
    await ending;
    const anew = await scene.client.subscribe('b', { signal: AbortSignal.abort() }).catch(() => 'aborted');

    expect([subscription.state, anew]).toEqual(['ended', 'aborted']);
    expect(scene.logged).toEqual([]);
  });
});

describe('a consumer', () => {
  it('reads to the end, and out of the loop the subscription stays', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    for (const payload of [1, 2, 3]) socket.send({ channel: 'a', payload });
    const read: unknown[] = [];
    for await (const { payload } of subscription) if (read.push(payload) === 2) break;

    expect(read).toEqual([1, 2]);
    expect(subscription.state).toBe('subscribed');
  });

  it('that is slow has the socket paused, until it has caught up', async () => {
    const transport = new FakeTransport();
    await using scene = await stage({ transport });
    const connecting = scene.client.connect();
    await until(() => transport.links.length === 1);
    const { link } = transport;
    link.open();
    await connecting;
    const subscribing = scene.client.subscribe('a');
    link.receive(plain('a'));
    const subscription = await subscribing;
    const messages = subscription.messages({ maxBuffered: 2 });
    await turn();
    for (const payload of [1, 2]) link.receive(JSON.stringify({ channel: 'a', payload }));
    expect(link.isPaused).toBe(true);
    await messages.next();
    expect(link.isPaused).toBe(false);
    for (const payload of [3, 4]) link.receive(JSON.stringify({ channel: 'a', payload }));
    expect(link.isPaused).toBe(true);
    await messages.return?.();

    expect(link.isPaused).toBe(false);
  });

  it('that is slow where nothing can be paused is told so', async () => {
    const transport = new FakeTransport();
    await using scene = await stage({ transport });
    const connecting = scene.client.connect();
    await until(() => transport.links.length === 1);
    const { link } = transport;
    Object.assign(link, { pause: undefined, resume: undefined });
    link.open();
    await connecting;
    const subscribing = scene.client.subscribe('a');
    link.receive(plain('a'));
    const messages = (await subscribing).messages({ maxBuffered: 1 });
    await turn();
    for (const payload of [1, 2]) link.receive(JSON.stringify({ channel: 'a', payload }));
    await messages.next();
    await messages.next();

    expect(await rejectionOf(messages.next())).toMatchObject({ code: 'CONSUMER_TOO_SLOW' });
  });
});

describe('an inspector', () => {
  it('sees each subscription as a machine of its own', async () => {
    const names = new Map<string, string>();
    const states: [string | undefined, unknown][] = [];
    await using scene = await stage({
      inspect: {
        attach: (sessionId, { name, stats, now }) => {
          names.set(sessionId, name);
          expect([stats.messagesIn, now]).toEqual([0, 0]);
        },
        next: (event) => {
          if (event.type !== '@xstate.snapshot') return;
          const { sessionId } = event.actorRef;
          const { value } = event.snapshot as { value?: unknown };
          if (value !== undefined && names.has(sessionId)) states.push([names.get(sessionId), value]);
        },
      },
      name: 'the client',
    });
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');

    expect([...names.values()]).toEqual(['the client', 'a']);
    expect(subscription.actor.getSnapshot().value).toEqual({ subscribed: 'confirmed' });
    expect(states.filter(([name]) => name === 'a').map(([, value]) => value)).toEqual([
      { subscribing: 'waiting' },
      { subscribing: 'waiting' },
      { subscribing: 'asking' },
      { subscribed: 'confirmed' },
    ]);
  });

  it('may hold what it is shown weakly', async () => {
    const shown: WeakRef<object>[] = [];
    await using scene = await stage({
      inspect: { attach: (_, inspected) => void shown.push(new WeakRef(inspected)), next: () => undefined },
    });
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    await quiet();

    expect(shown.map((inspected) => inspected.deref() !== undefined)).toEqual([true, true]);
  });

  it('that throws disturbs nothing, and is logged', async () => {
    await using scene = await stage({
      inspect: () => {
        throw new Error('blind');
      },
    });
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');

    expect(subscription.state).toBe('subscribed');
    expect(new Set(scene.logged)).toEqual(new Set(['A listener of "inspect" failed: blind.']));
  });
});

describe('a secret', () => {
  it('that the server says back is not repeated in errors, logs or inspections', async () => {
    const seen: string[] = [];
    const keep = (message: string, fields?: object): void => void seen.push(message, JSON.stringify(fields));
    await using scene = await stage({
      headers: { Authorization: 'Bearer hunter2hunter2' },
      logger: { debug: keep, info: keep, warn: keep, error: keep },
      inspect: (event) => {
        if (event.type === '@xstate.event') seen.push(JSON.stringify(event.event));
      },
    });
    const socket = await scene.connect();
    const refused = rejectionOf(scene.client.subscribe('a'));
    await nextIs(socket, subscribeFrame('a'));
    const message = 'the token hunter2hunter2 is not welcome';
    socket.send(reply({ action: 'error', message, channel: 'a', request: 'subscribe' }));
    const error = (await refused) as ChannelError;
    socket.send(reply({ action: 'error', message, code: 'BAD_FRAME' }));
    await until(() => seen.join().includes('BAD_FRAME'));

    expect(error.message).toContain('is not welcome');
    expect(`${error.message} ${JSON.stringify(error.payload)} ${seen.join()}`).not.toContain('hunter2');
  });
});
