// Incoming messages: to listeners and iterators, in order, past the machine, and never more than can be held.
import { describe, expect, test } from 'vitest';
import { binary, CONNECTION_STATES, text, type ConnectionError, type Frame } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet, rejectionOf, stage, watch } from '../support/connected.ts';

async function collect<Item>(items: AsyncIterable<Item>, count = Infinity): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) {
    collected.push(item);
    if (collected.length === count) break;
  }
  return collected;
}

describe('messages', () => {
  test('reach every listener in the order in which they came', async () => {
    await using scene = await stage();
    const others: unknown[] = [];
    scene.connection.on('message', (message) => others.push(message));
    const socket = await scene.connect();
    for (let id = 0; id < 100; id += 1) socket.send({ id });
    await until(() => scene.messages.length === 100);

    expect(scene.messages).toEqual(Array.from({ length: 100 }, (_, id) => ({ id })));
    expect(others).toEqual(scene.messages);
  });

  test('that come in the packet of the upgrade are not lost', async () => {
    await using scene = await stage();
    const connecting = scene.connection.connect();
    const socket = (await scene.server.upgrade()).accept();
    socket.send({ first: true });
    await connecting;
    await until(() => scene.messages.length === 1);

    expect(scene.messages).toEqual([{ first: true }]);
  });

  test('that come right before the end are delivered first', async () => {
    await using scene = await stage();
    const heard: unknown[] = [];
    const socket = await scene.connect();
    scene.connection.on('message', (message) => heard.push(message));
    scene.connection.on('statechange', ({ state }) => heard.push(state));
    socket.send({ last: 'words' });
    socket.drop();
    await scene.until('reconnecting');

    expect(heard).toEqual([{ last: 'words' }, 'reconnecting']);
  });

  test('are not given to the machine, whatever comes and goes', async () => {
    const events: string[] = [];
    await using scene = await stage({
      inspect: (event) => {
        if (event.type === '@xstate.event') events.push(event.event.type);
      },
    });
    const socket = await scene.connect();
    const before = events.length;
    for (let id = 0; id < 200; id += 1) {
      socket.send({ id });
      scene.connection.send({ id });
      void scene.connection.deliver({ id });
    }
    await until(() => scene.messages.length === 200 && socket.frames.length === 400);

    expect(before).toBeGreaterThan(0);
    expect(events.slice(before)).toEqual([]);
    expect(scene.clock.pending).toBeLessThanOrEqual(2);
  });

  test('that cannot be decoded are told with the raw frame, and change nothing', async () => {
    await using scene = await stage();
    const invalid: { frame: Frame; error: ConnectionError }[] = [];
    scene.connection.on('invalidMessage', (told) => invalid.push(told));
    const socket = await scene.connect();
    socket.send('{"half":');
    socket.send(new Uint8Array([0xff, 0xfe]));
    socket.send({ good: true });
    await until(() => scene.messages.length === 1);

    expect(invalid.map(({ frame }) => frame)).toEqual(['{"half":', Buffer.from([0xff, 0xfe])]);
    expect(invalid.map(({ error }) => error.code)).toEqual(['INVALID_MESSAGE', 'INVALID_MESSAGE']);
    expect(scene.states).toEqual(['connecting', 'authenticating', 'open']);
  });

  test('may be texts', async () => {
    await using scene = await stage({ protocol: text() });
    const socket = await scene.connect();
    socket.send('grüße');
    scene.connection.send('zurück');
    await until(() => scene.messages.length === 1);

    expect([scene.messages, await socket.nextFrame()]).toEqual([['grüße'], 'zurück']);
  });

  test('may be bytes', async () => {
    await using scene = await stage({ protocol: binary() });
    const socket = await scene.connect();
    socket.send(new Uint8Array([1, 2, 3]));
    scene.connection.send(new Uint8Array([4, 5]));
    await until(() => scene.messages.length === 1);

    expect([...scene.messages[0]!]).toEqual([1, 2, 3]);
    expect([...((await socket.nextFrame()) as Uint8Array)]).toEqual([4, 5]);
  });
});

describe('messages() as an iterator', () => {
  test('gives every consumer every message', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const consumers = [collect(scene.connection.messages(), 3), collect(scene.connection.messages(), 3)];
    for (let id = 0; id < 3; id += 1) socket.send({ id });

    const expected = [{ id: 0 }, { id: 1 }, { id: 2 }];
    expect(await Promise.all(consumers)).toEqual([expected, expected]);
  });

  test('goes on across a reconnect', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const consumer = collect(scene.connection.messages(), 2);
    socket.send({ id: 1 });
    await until(() => scene.messages.length === 1);
    socket.reset();
    (await scene.reconnect()).send({ id: 2 });

    expect(await consumer).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test('may be begun before connect()', async () => {
    await using scene = await stage();
    const consumer = collect(scene.connection.messages(), 1);
    (await scene.connect()).send({ id: 1 });

    expect(await consumer).toEqual([{ id: 1 }]);
  });

  test('misses nothing when it begins as soon as connect() has resolved', async () => {
    await using scene = await stage();
    const connecting = scene.connection.connect();
    // In one packet with the end of the upgrade, so that they are read before anybody can be told of it.
    const upgrade = await scene.server.upgrade();
    const { socket: tcp } = upgrade.request;
    tcp.cork();
    const socket = upgrade.accept();
    socket.send({ id: 1 });
    socket.send({ id: 2 });
    tcp.uncork();
    await connecting;
    const messages = scene.connection.messages();

    expect(await collect(messages, 2)).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test('has nothing of what came a turn before it', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    socket.send({ id: 1 });
    await until(() => scene.messages.length === 1);
    const consumer = collect(scene.connection.messages(), 1);
    socket.send({ id: 2 });

    expect(await consumer).toEqual([{ id: 2 }]);
  });

  test('ends with disconnect(), after what has come', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const messages = scene.connection.messages();
    socket.send({ id: 1 });
    await until(() => scene.messages.length === 1);
    await scene.connection.disconnect();

    expect(await collect(messages)).toEqual([{ id: 1 }]);
  });

  test('throws the failure with which the connection gives up', async () => {
    await using scene = await stage({ retry: false });
    const socket = await scene.connect();
    const reading = rejectionOf(collect(scene.connection.messages()));
    socket.close(1008, 'no');

    expect(await reading).toMatchObject({ code: 'CLOSED_BY_PEER', details: { closeCode: 1008 } });
  });

  test('ends with the reason of its signal, and leaves the others', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const abort = new AbortController();
    const aborted = rejectionOf(collect(scene.connection.messages({ signal: abort.signal })));
    const other = collect(scene.connection.messages(), 1);
    abort.abort('enough');
    socket.send({ id: 1 });

    expect([await aborted, await other]).toEqual(['enough', [{ id: 1 }]]);
  });

  test('is not filled any more after `break`', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const messages = scene.connection.messages({ maxBuffered: 2 });
    const first = collect(messages, 1);
    socket.send({ id: 0 });
    await first;
    for (let id = 1; id < 50; id += 1) socket.send({ id });
    await until(() => scene.messages.length === 50);

    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  test.each([...CONNECTION_STATES])('may be asked for while %s', async (state) => {
    await using scene = await stage({ retry: { initial: false } });
    const visited = new Map<string, { outcome: unknown }>();
    const visit = () => {
      const now = scene.connection.state;
      if (!visited.has(now)) visited.set(now, watch(collect(scene.connection.messages())));
    };
    visit();
    scene.connection.on('statechange', visit);
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    await failing;
    (await scene.connect()).reset();
    await scene.reconnect();
    await scene.connection.disconnect();
    await quiet();

    expect(visited.has(state)).toBe(true);
    // Whoever began before the failure is told of it; the others end with disconnect(), but for who began after it.
    const expected: unknown = ['idle', 'connecting'].includes(state)
      ? { rejected: expect.objectContaining({ code: 'CONNECT_FAILED' }) as unknown }
      : { resolved: [] };
    if (state !== 'closed') expect(visited.get(state)?.outcome).toEqual(expected);
  });
});

describe('a consumer that is too slow', () => {
  const BODY = 'x'.repeat(10_000);
  const COUNT = 3_000;

  test('slows the server down, in Node, and gets everything in the end', { timeout: 20_000 }, async () => {
    await using scene = await stage<{ id: number }>();
    const socket = await scene.connect();
    const tcp = socket.request.socket;
    const messages = scene.connection.messages({ maxBuffered: 10 });
    for (let id = 0; id < COUNT; id += 1) socket.send({ id, body: BODY });
    await until(() => scene.messages.length >= 10);
    await quiet(200);
    const [held, read] = [tcp.writableLength, scene.messages.length];
    await quiet(200);

    expect(tcp.writableLength).toBe(held);
    expect(held).toBeGreaterThan(1_000_000);
    expect(scene.messages).toHaveLength(read);
    // The bound, and what one read from the socket held beyond it.
    expect(read).toBeLessThan(50);

    const ids = (await collect(messages, COUNT)).map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: COUNT }, (_, id) => id));
    await until(() => tcp.writableLength === 0);
  });

  test('does not keep the server waiting once it has left', async () => {
    await using scene = await stage<{ id: number }>();
    const socket = await scene.connect();
    const messages = scene.connection.messages({ maxBuffered: 1 });
    for (let id = 0; id < COUNT; id += 1) socket.send({ id, body: BODY });
    await until(() => scene.messages.length > 0);
    await messages.return?.();
    await until(() => scene.messages.length === COUNT);

    expect(socket.request.socket.writableLength).toBe(0);
  });

  test('is waited for by the server as long as one of several is slow', async () => {
    await using scene = await stage<{ id: number }>();
    const socket = await scene.connect();
    const [slow, quick] = [scene.connection.messages({ maxBuffered: 1 }), scene.connection.messages()];
    for (let id = 0; id < COUNT; id += 1) socket.send({ id, body: BODY });
    await until(() => scene.messages.length > 0);
    const read = scene.messages.length;
    void collect(quick);
    await quiet(100);
    expect(scene.messages.length).toBe(read);

    await slow.return?.();
    await until(() => scene.messages.length === COUNT);
  });

  test('still holds the server back after a reconnect', async () => {
    await using scene = await stage<{ id: number }>();
    const socket = await scene.connect();
    const messages = scene.connection.messages({ maxBuffered: 1 });
    socket.send({ id: 0 });
    await until(() => scene.messages.length === 1);
    void scene.connection.disconnect();
    await scene.until('closed');
    const again = scene.connection.messages({ maxBuffered: 1 });
    const second = await scene.connect();
    second.send({ id: 1 });
    await until(() => scene.messages.length === 2);
    second.send({ id: 2 });
    await quiet(50);
    expect(scene.messages).toHaveLength(2);

    expect([await collect(messages), (await again.next()).value]).toEqual([[{ id: 0 }], { id: 1 }]);
    await until(() => scene.messages.length === 3);
  });

  test('does not keep disconnect() waiting for the close frame of the peer', async () => {
    await using scene = await stage<{ id: number }>();
    const socket = await scene.connect();
    scene.connection.messages({ maxBuffered: 1 });
    for (let id = 0; id < 100; id += 1) socket.send({ id });
    await until(() => scene.messages.length > 0);

    await scene.connection.disconnect();

    expect(scene.clock.now()).toBe(0);
    expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
  });
});

describe('pause()', () => {
  test('stops reading until each of those who asked for it has let go', async () => {
    await using scene = await stage();
    expect(scene.connection.canPause).toBe(false);
    const socket = await scene.connect();
    expect(scene.connection.canPause).toBe(true);
    const goOn = [scene.connection.pause(), scene.connection.pause()];
    socket.send({ id: 1 });
    await quiet();
    goOn[0]?.();
    goOn[0]?.();
    await quiet();
    expect(scene.messages).toEqual([]);
    goOn[1]?.();
    await until(() => scene.messages.length === 1);
  });

  test('holds for the next link as well', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    const goOn = scene.connection.pause();
    socket.reset();
    const again = await scene.reconnect();
    again.send({ id: 1 });
    await quiet();
    expect(scene.messages).toEqual([]);
    goOn();
    await until(() => scene.messages.length === 1);
  });

  test('does nothing where a platform cannot, or while there is no link', async () => {
    await using scene = await stage();
    const goOn = scene.connection.pause();
    goOn();
    const socket = await scene.connect();
    socket.send({ id: 1 });
    await until(() => scene.messages.length === 1);
  });
});
