// send(): written, queued or refused by the state, within bounds, in order.
import { describe, expect, test } from 'vitest';
import { binary, json, text, type Protocol } from '../../src/index.ts';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet, rejectionOf, stage, watch } from '../support/connected.ts';

const codeOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (thrown) {
    return (thrown as { code?: unknown }).code;
  }
  return 'nothing was thrown';
};

describe('send()', () => {
  test('writes at once while open', async () => {
    await using scene = await stage();
    const socket = await scene.connect();

    expect(scene.connection.send({ id: 1 })).toBe(true);

    expect(await socket.nextJson()).toEqual({ id: 1 });
    expect(scene.connection.stats.messagesOut).toBe(1);
  });

  test('queues before connect(), while connecting and while reconnecting, and keeps the order', async () => {
    await using scene = await stage();
    scene.connection.send(1);
    const connecting = scene.connection.connect();
    scene.connection.send(2);
    const socket = await scene.server.accept();
    await connecting;
    scene.connection.send(3);
    await until(() => socket.frames.length === 3);
    socket.reset();
    await scene.until('reconnecting');
    scene.connection.send(4);
    await scene.retry();
    scene.connection.send(5);
    const second = await scene.server.accept();
    await scene.until('open');
    scene.connection.send(6);
    await until(() => second.frames.length === 3);

    expect(socket.frames).toEqual(['1', '2', '3']);
    expect(second.frames).toEqual(['4', '5', '6']);
  });

  test('keeps the order where a listener of `open` sends', async () => {
    await using scene = await stage();
    scene.connection.send('queued');
    scene.connection.on('open', () => scene.connection.send('sent in open'));
    const socket = await scene.connect();
    scene.connection.send('sent after');
    await until(() => socket.frames.length === 3);

    expect(socket.frames).toEqual(['"queued"', '"sent in open"', '"sent after"']);
  });

  test('is refused while closing and once it has ended', async () => {
    await using scene = await stage({ retry: false });
    const socket = await scene.connect();
    socket.holdClose();
    const disconnected = scene.connection.disconnect();
    expect(codeOf(() => scene.connection.send(1))).toBe('MESSAGE_UNDELIVERED');
    await until(() => socket.closeReceived);
    socket.answerClose();
    await disconnected;
    expect(codeOf(() => scene.connection.send(2))).toBe('MESSAGE_UNDELIVERED');
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    await failing;
    expect(codeOf(() => scene.connection.send(3))).toBe('MESSAGE_UNDELIVERED');

    expect(socket.frames).toEqual([]);
  });

  test('flushes what waits before the close frame of disconnect()', async () => {
    await using scene = await stage({ outbox: { highWaterBytes: 1 } });
    const socket = await scene.connect();
    for (let id = 0; id < 500; id += 1) scene.connection.send({ id, body: 'x'.repeat(1_000) });
    await scene.connection.disconnect();

    expect(socket.frames).toHaveLength(500);
    expect(socket.closeReceived).toEqual({ code: 1000, reason: '' });
  });

  test.each([
    ['text', text(), 5],
    ['text', text(), undefined],
    ['binary', binary(), {}],
    ['json', json(), undefined],
    ['json', json(), 1n],
  ])('refuses what %s cannot express, and sends what comes after', async (_, protocol, message) => {
    await using scene = await stage({ protocol: protocol as Protocol<unknown> });
    expect(() => scene.connection.send(message)).toThrow(TypeError);
    const socket = await scene.connect();
    expect(() => scene.connection.send(message)).toThrow(TypeError);
    scene.connection.send('good');
    await until(() => socket.frames.length > 0);

    expect(socket.frames).toHaveLength(1);
    expect(scene.connection.stats.messagesOut).toBe(1);
  });

  test('tells of what is lost when the connection ends', async () => {
    await using scene = await stage({ retry: false });
    const dropped: unknown[] = [];
    scene.connection.on('dropped', ({ message, error }) => dropped.push([message, error.code]));
    const failing = rejectionOf(scene.connection.connect());
    scene.connection.send('never sent');
    (await scene.server.upgrade()).destroy();
    await failing;

    expect(dropped).toEqual([['never sent', 'MESSAGE_UNDELIVERED']]);
    expect(scene.connection.stats).toMatchObject({ messagesOut: 0, droppedMessages: 1 });
  });

  test('writes nothing of an earlier life', async () => {
    await using scene = await stage();
    const connecting = rejectionOf(scene.connection.connect());
    scene.connection.send('old');
    await scene.connection.disconnect();
    await connecting;
    const socket = await scene.connect();
    scene.connection.send('new');
    await until(() => socket.frames.length > 0);

    expect(socket.frames).toEqual(['"new"']);
  });

  test('takes a bound that is reached for what it is', async () => {
    await using scene = await stage({ outbox: { maxMessages: 2 } });
    scene.connection.send(1);
    scene.connection.send(2);
    expect(codeOf(() => scene.connection.send(3))).toBe('OUTBOX_FULL');
    const socket = await scene.connect();
    await until(() => socket.frames.length === 2);

    expect(scene.connection.send(4)).toBe(true);
    expect(scene.connection.state).toBe('open');
  });

  test('never sends what has expired', async () => {
    await using scene = await stage({ outbox: { ttlMs: 1_000 } });
    const dropped: unknown[] = [];
    scene.connection.on('dropped', ({ message, error }) =>
      dropped.push([message, error.code, error.message]),
    );
    scene.connection.send('late');
    scene.clock.advance(1_000);
    scene.connection.send('in time');
    const socket = await scene.connect();
    await until(() => socket.frames.length > 0);
    await quiet();

    expect(socket.frames).toEqual(['"in time"']);
    expect(dropped).toEqual([
      ['late', 'MESSAGE_EXPIRED', 'The message was not sent within 1000 ms and never will be.'],
    ]);
    expect(scene.connection.stats.expiredMessages).toBe(1);
  });

  test('leaves half of nothing to a server that cuts in the middle of a frame', async () => {
    await using scene = await stage();
    await using proxy = await FaultProxy.listen(scene.server.url);
    await using other = await stage<string>({ url: proxy.url });
    const connecting = other.connection.connect();
    const socket = await scene.server.accept();
    await connecting;
    proxy.cutAfter(1_000, { direction: 'toServer', times: 1 });
    other.connection.send('x'.repeat(5_000));
    await other.until('reconnecting');
    await socket.closed();

    expect(socket.frames).toEqual([]);
    await other.connection.disconnect();
    await proxy.close();
  });
});

describe('back-pressure', () => {
  const BODY = 'x'.repeat(100_000);

  test('send() returns false when the server does not read; drained() and `drain` tell when it does', async () => {
    await using scene = await stage({ outbox: { highWaterBytes: 200_000, maxBytes: 1e9, maxMessages: 1e6 } });
    let drains = 0;
    scene.connection.on('drain', () => (drains += 1));
    const socket = await scene.connect();
    socket.freeze();
    let sent = 0;
    do {
      sent += 1;
      if (sent % 50 === 0) await quiet(2);
    } while ((scene.connection.send(BODY) || sent < 100) && sent < 2_000);
    expect(sent).toBeLessThan(2_000);
    const drained = watch(scene.connection.drained());
    await quiet();
    expect([drained.outcome, drains]).toEqual(['pending', 0]);

    socket.thaw();
    await until(() => drained.outcome !== 'pending');
    await until(() => socket.frames.length === sent);

    expect(drained.outcome).toEqual({ resolved: undefined });
    expect(drains).toBeGreaterThan(0);
  });

  test('is bounded by maxBytes where nobody waits', async () => {
    await using scene = await stage({ outbox: { highWaterBytes: 100_000, maxBytes: 1_000_000 } });
    const socket = await scene.connect();
    socket.freeze();
    let thrown: unknown;
    for (let sent = 0; sent < 5_000 && thrown === undefined; sent += 1) {
      if (sent % 50 === 0) await quiet(2);
      const code = codeOf(() => scene.connection.send(BODY));
      if (code !== 'nothing was thrown') thrown = code;
    }

    expect(thrown).toBe('OUTBOX_FULL');
    expect(scene.connection.state).toBe('open');
    socket.thaw();
  });

  test('drained() rejects when the connection ends', async () => {
    await using scene = await stage({ outbox: { highWaterBytes: 10 } });
    scene.connection.send('x'.repeat(20));
    const drained = rejectionOf(scene.connection.drained());
    await scene.connection.disconnect();

    expect(await drained).toMatchObject({ code: 'MESSAGE_UNDELIVERED' });
  });
});
