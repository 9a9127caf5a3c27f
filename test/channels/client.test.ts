// The life of a channel client: how it connects, gives up, comes back, notices a dead link, and leaves.
import { describe, expect, it } from 'vitest';
import { CHANNEL_DEFAULTS, ChannelClient, ChannelError } from '../../src/channels/index.ts';
import { ConnectionError } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet, rejectionOf, watch } from '../support/connected.ts';
import { heardBy, nextIs, reply, stage, subscribed, subscribeFrame, unsubscribeFrame } from './stage.ts';

describe('the defaults', () => {
  it('are those of the service that is replaced', () => {
    expect(CHANNEL_DEFAULTS).toEqual({
      url: 'ws://localhost:8080/ws',
      maxRetries: 3,
      retryDelayMs: 1_000,
      pingIntervalMs: 30_000,
      pongTimeoutMs: 10_000,
      subscribeTimeoutMs: 5_000,
      acknowledgementMs: 500,
      sendTimeoutMs: 5_000,
      echo: false,
    });
  });

  it('are used by a client that is given nothing, or undefined', async () => {
    for (const options of [undefined, { url: undefined, maxRetries: undefined } as never]) {
      await using client = new ChannelClient(options);
      expect(client.state).toBe('idle');
      expect(client.channels).toEqual([]);
    }
  });
});

describe('an option that cannot be meant', () => {
  it.each<[string, unknown]>([
    ['maxRetries', 0],
    ['maxRetries', 1.5],
    ['maxRetries', '3'],
    ['retryDelayMs', -1],
    ['retryDelayMs', Number.NaN],
    ['acknowledgementMs', -1],
    ['pingIntervalMs', 0],
    ['pongTimeoutMs', 0],
    ['subscribeTimeoutMs', 0],
    ['sendTimeoutMs', 'soon'],
    ['echo', 1],
    ['url', 'https://example.com:99999'],
  ])('%s: %o is refused by its name', (name, value) => {
    expect(() => new ChannelClient({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        details: expect.objectContaining({ name: `\`${name}\`` }) as unknown,
      }),
    );
  });

  it.each([null, 'ws://localhost', 5])('(options: %o) is refused', (options) => {
    expect(() => new ChannelClient(options as never)).toThrow(/Expected an object for `options`|`options`/);
  });
});

describe('connecting', () => {
  it('is tried three times with two waits of a second, and then rejects with the failure', async () => {
    await using scene = await stage();
    await scene.server.goAway();
    const connecting = rejectionOf(scene.client.connect());
    await scene.retry();
    await until(() => scene.waits.length === 2);
    await scene.retry();
    const error = (await connecting) as ConnectionError;

    expect(scene.waits).toEqual([1_000, 1_000]);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe('CONNECT_FAILED');
    expect(scene.client.connection.stats.attempts).toBe(3);
    expect(scene.client.state).toBe('failed');
    await scene.server.comeBack();
  });

  it('is tried as often as it is told', async () => {
    await using scene = await stage({ maxRetries: 1 });
    await scene.server.goAway();
    const error = (await rejectionOf(scene.client.connect())) as ConnectionError;

    expect([error.code, scene.waits]).toEqual(['CONNECT_FAILED', []]);
    await scene.server.comeBack();
  });

  it('succeeds with the second attempt, which the server takes', async () => {
    await using scene = await stage();
    const connecting = scene.client.connect();
    (await scene.server.upgrade()).refuse(503);
    await scene.retry();
    const socket = await scene.server.accept();
    await connecting;

    expect(scene.waits).toEqual([1_000]);
    expect(socket.frames).toEqual([]);
  });

  it('twice is one connection', async () => {
    await using scene = await stage();
    const both = Promise.all([scene.client.connect(), scene.client.connect()]);
    await scene.server.accept();
    await both;
    await scene.client.connect();

    expect(scene.server.totalConnections).toBe(1);
  });

  it('rejects with the reason of a signal', async () => {
    await using scene = await stage();
    const abort = new AbortController();
    const connecting = watch(scene.client.connect({ signal: abort.signal }));
    await scene.server.upgrade();
    abort.abort('enough');
    await until(() => connecting.outcome !== 'pending');

    expect(connecting.outcome).toEqual({ rejected: 'enough' });
    expect(scene.client.state).toBe('closed');
  });

  it('lets a retry policy of the user have the last word', async () => {
    const asked: unknown[] = [];
    await using scene = await stage({
      retryPolicy: (loss, verdict) => {
        asked.push([loss.attempt, verdict.action]);
        return { action: 'stop' };
      },
    });
    const connecting = rejectionOf(scene.client.connect());
    (await scene.server.upgrade()).refuse(503);

    expect(((await connecting) as ConnectionError).code).toBe('UPGRADE_REJECTED');
    expect(asked).toEqual([[1, 'retry']]);
  });

  it('times out when nobody answers', async () => {
    await using scene = await stage({ maxRetries: 1, timeouts: { connectMs: 700 } });
    const connecting = rejectionOf(scene.client.connect());
    await scene.server.upgrade();
    scene.clock.advance(700);

    expect(((await connecting) as ConnectionError).code).toBe('CONNECT_TIMEOUT');
  });
});

describe('a lost connection', () => {
  it('comes back by itself, and all channels are subscribed to before anything queued is sent', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a', reply({ action: 'subscribed', channel: 'a' }));
    await scene.assume(socket, 'b');
    const asking = scene.client.subscribe('c');
    await nextIs(socket, subscribeFrame('c'));
    socket.reset();
    await scene.inState('reconnecting');
    const published = scene.client.publish('b', { n: 1 });
    const waiting = scene.client.subscribe('d');
    const again = await scene.reconnect();
    await published;
    await until(() => again.frames.length === 5);

    expect(again.frames).toEqual([
      ...['a', 'b', 'c', 'd'].map((channel) => subscribeFrame(channel)),
      '{"channel":"b","payload":{"n":1}}',
    ]);
    scene.clock.advance(500);
    expect((await asking).state).toBe('subscribed');
    expect((await waiting).isAcknowledged).toBe(false);
  });

  it('is tried three times, and then has failed: nothing is subscribed to', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    const failures: string[] = [];
    subscription.on('failed', ({ code }) => failures.push(code));
    const read = watch(subscription.messages().next());
    await scene.server.goAway();
    for (const count of [1, 2, 3]) {
      await until(() => scene.waits.length === count);
      await scene.retry();
    }
    await scene.inState('failed');
    await until(() => read.outcome !== 'pending');

    expect(scene.waits).toEqual([1_000, 1_000, 1_000]);
    expect(failures).toEqual(['RETRIES_EXHAUSTED']);
    expect(read.outcome).toMatchObject({ rejected: { code: 'RETRIES_EXHAUSTED' } });
    expect([subscription.state, subscription.failure?.code]).toEqual(['failed', 'RETRIES_EXHAUSTED']);
    expect(scene.client.channels).toEqual([]);
    await scene.server.comeBack();
  });

  it('that had failed is subscribed to again when the client is told to connect', async () => {
    await using scene = await stage({ maxRetries: 1 });
    const first = await scene.connect();
    const subscription = await scene.subscribe(first, 'a');
    const heard = heardBy(subscription);
    await scene.server.goAway();
    await scene.retry();
    await scene.inState('failed');
    await scene.server.comeBack();
    const socket = await scene.connect();
    await nextIs(socket, subscribeFrame('a', { after: 0, epoch: 'e1' }));
    socket.send(subscribed('a'));
    socket.send({ channel: 'a', payload: 'again', seq: 1 });
    await until(() => heard.length === 1);

    expect([subscription.state, subscription.failure, heard]).toEqual(['subscribed', undefined, ['again']]);
  });
});

describe('a silent link', () => {
  it('is pinged after 30 s, and lost 10 s later; then the client connects again', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    await scene.subscribe(socket, 'a');
    socket.freeze();
    scene.clock.advance(39_999);
    expect(scene.client.state).toBe('open');
    scene.clock.advance(1);
    const again = await scene.reconnect();

    expect(scene.states.slice(-4)).toEqual(['reconnecting', 'connecting', 'authenticating', 'open']);
    await nextIs(again, subscribeFrame('a', { after: 0, epoch: 'e1' }));
    socket.thaw();
    expect(socket.pings).toBe(0);
  });

  it('lives on when it answers', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    socket.autoPong(true);
    for (const count of [1, 2]) {
      scene.clock.advance(30_000);
      await until(() => socket.pings === count);
      await until(() => scene.client.connection.stats.rttMs === 0);
      await quiet();
    }
    scene.clock.advance(20_000);

    expect(scene.client.state).toBe('open');
  });
});

describe('disconnecting', () => {
  it('unsubscribes from each channel, and closes with 1000', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const a = await scene.subscribe(socket, 'a');
    await scene.assume(socket, 'b');
    const changes: unknown[] = [];
    a.on('statechange', (change) => changes.push(change));
    const read = a.messages().next();
    await scene.client.disconnect();

    expect(socket.frames.slice(2)).toEqual([unsubscribeFrame('a'), unsubscribeFrame('b')]);
    expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
    expect(scene.client.channels).toEqual([]);
    expect(changes).toEqual([{ state: 'ended', previous: 'subscribed' }]);
    expect(await read).toEqual({ done: true, value: undefined });
  });

  it('is legal at any time, and any number of times', async () => {
    await using scene = await stage();
    await scene.client.disconnect();
    await scene.client.disconnect();
    const socket = await scene.connect();
    await Promise.all([scene.client.disconnect(), scene.client.disconnect()]);
    await scene.client.disconnect();

    expect(socket.frames).toEqual([]);
    expect(scene.client.state).toBe('closed');
  });

  it('while the connection is lost forgets all channels', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    const waiting = watch(scene.client.subscribe('b'));
    socket.reset();
    await scene.inState('reconnecting');
    await scene.client.disconnect();
    await until(() => waiting.outcome !== 'pending');

    expect(scene.client.channels).toEqual([]);
    expect(subscription.state).toBe('ended');
    expect(waiting.outcome).toMatchObject({ rejected: { code: 'NOT_SUBSCRIBED' } });
    const again = await scene.connect();
    await scene.client.subscribe('a', { signal: AbortSignal.abort() }).catch(() => undefined);
    expect(again.frames).toEqual([]);
  });

  it('forgets all channels even when the client is told to connect again meanwhile', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const subscription = await scene.subscribe(socket, 'a');
    const leaving = scene.client.disconnect();
    const again = await scene.connect();
    await leaving;
    await quiet();

    expect([subscription.state, scene.client.channels, again.frames]).toEqual(['ended', [], []]);
  });

  it('is what the end of a block does', async () => {
    await using scene = await stage();
    {
      await using client = scene.client;
      const connecting = client.connect();
      await scene.server.accept();
      await connecting;
    }

    expect(scene.client.state).toBe('closed');
  });
});

describe('a client that is not connected', () => {
  it.each([
    ['subscribe()', (client: ChannelClient) => client.subscribe('a')],
    ['publish()', (client: ChannelClient) => client.publish('a', 1)],
    ['publish()', (client: ChannelClient) => client.sendError('a', new Error('x'))],
  ] as const)('says so to %s', async (what, call) => {
    await using scene = await stage();
    const error = (await rejectionOf(call(scene.client))) as ChannelError;

    expect(error).toBeInstanceOf(ChannelError);
    expect([error.code, error.message]).toEqual([
      'NOT_CONNECTED',
      `Not connected: ${what} needs a connection, and the client is idle.`,
    ]);
  });

  it('does nothing when it is told to unsubscribe', async () => {
    await using scene = await stage();
    await scene.client.unsubscribe('a');

    expect(scene.client.state).toBe('idle');
  });
});
