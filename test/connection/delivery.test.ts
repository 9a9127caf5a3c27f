// deliver(): exactly one outcome for each message, over real sockets and real cuts.
import { describe, expect, test } from 'vitest';
import type { Protocol } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet, rejectionOf, stage, watch } from '../support/connected.ts';

interface Message {
  readonly id?: string;
  readonly ack?: string;
  readonly body?: string;
}

/** Messages with an id are acknowledged by the server with `{ack: id}`. */
const acknowledging: Protocol<Message> = {
  name: 'acknowledging',
  encode: (message) => JSON.stringify(message),
  decode: (frame) => JSON.parse(String(frame)) as Message,
  acknowledgements: { idOf: ({ id }) => id, acknowledgedBy: ({ ack }) => ack },
};

describe('a delivery', () => {
  test('is flushed when the platform has taken every byte', async () => {
    await using scene = await stage();
    const socket = await scene.connect();

    expect(await scene.connection.deliver({ id: 1 })).toEqual({ outcome: 'flushed' });
    expect(await socket.nextJson()).toEqual({ id: 1 });
  });

  test('waits for the connection', async () => {
    await using scene = await stage();
    const delivery = watch(scene.connection.deliver({ id: 1 }));
    await quiet();
    expect(delivery.outcome).toBe('pending');
    const socket = await scene.connect();

    expect(await socket.nextJson()).toEqual({ id: 1 });
    await until(() => delivery.outcome !== 'pending');
    expect(delivery.outcome).toEqual({ resolved: { outcome: 'flushed' } });
  });

  test('is not known where the link was cut while it was being sent, and waits where it was not', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    socket.freeze();
    const body = 'x'.repeat(100_000);
    const deliveries = Array.from({ length: 80 }, (_, id) => watch(scene.connection.deliver({ id, body })));
    const idsOf = (isThis: (outcome: unknown) => boolean) =>
      deliveries.flatMap(({ outcome }, id) => (isThis(outcome) ? [id] : []));
    await until(() => deliveries.some(({ outcome }) => outcome !== 'pending'));
    await quiet();
    const flushed = idsOf((outcome) => outcome !== 'pending').length;
    socket.reset();
    await scene.until('reconnecting');
    await quiet();

    const unknown = idsOf((outcome) => JSON.stringify(outcome).includes('DELIVERY_UNKNOWN'));
    const waiting = idsOf((outcome) => outcome === 'pending');
    expect(unknown.length).toBeGreaterThan(0);
    expect(waiting.length).toBeGreaterThan(0);
    expect(flushed + unknown.length + waiting.length).toBe(80);

    const second = await scene.reconnect();
    await until(() => second.frames.length === waiting.length);
    expect(second.frames.map((frame) => (JSON.parse(String(frame)) as { id: number }).id)).toEqual(waiting);
  });

  test('that was cancelled is never sent', async () => {
    await using scene = await stage();
    const abort = new AbortController();
    const delivery = rejectionOf(scene.connection.deliver('cancelled', { signal: abort.signal }));
    scene.connection.send('kept');
    abort.abort(new Error('not needed'));
    const socket = await scene.connect();
    await until(() => socket.frames.length > 0);
    await quiet();

    expect(await delivery).toEqual(new Error('not needed'));
    expect(socket.frames).toEqual(['"kept"']);
  });

  test('that has expired is never sent', async () => {
    await using scene = await stage();
    const delivery = rejectionOf(scene.connection.deliver('late', { ttlMs: 100 }));
    scene.connection.send('kept');
    scene.clock.advance(100);
    const socket = await scene.connect();
    await until(() => socket.frames.length > 0);
    await quiet();

    expect(await delivery).toMatchObject({ name: 'DeliveryError', code: 'MESSAGE_EXPIRED' });
    expect(socket.frames).toEqual(['"kept"']);
  });

  test('that has no time limit survives the one of send()', async () => {
    await using scene = await stage({ outbox: { ttlMs: 100 } });
    const delivery = scene.connection.deliver('patient', { ttlMs: Infinity });
    scene.clock.advance(1_000);
    const socket = await scene.connect();

    expect([await delivery, await socket.nextFrame()]).toEqual([{ outcome: 'flushed' }, '"patient"']);
  });

  test.each([Number.NaN, -1, 0, '5', null])('refuses %s as ttlMs', async (ttlMs) => {
    await using scene = await stage();

    const refused = watch(scene.connection.deliver('one', { ttlMs: ttlMs as number }));
    await quiet(2);

    expect(refused.outcome).toMatchObject({ rejected: { code: 'INVALID_OPTION' } });
  });

  test('is refused while closing and once it has ended', async () => {
    await using scene = await stage();
    await scene.connect();
    const disconnected = scene.connection.disconnect();

    expect(await rejectionOf(scene.connection.deliver(1))).toMatchObject({
      code: 'MESSAGE_UNDELIVERED',
      details: { state: 'closing' },
    });
    await disconnected;
    expect(await rejectionOf(scene.connection.deliver(2))).toMatchObject({ details: { state: 'closed' } });
  });

  test('that waits is settled when the connection ends', async () => {
    await using scene = await stage();
    const connecting = rejectionOf(scene.connection.connect());
    const delivery = rejectionOf(scene.connection.deliver(1));
    await scene.connection.disconnect();
    await connecting;

    expect(await delivery).toMatchObject({ code: 'MESSAGE_UNDELIVERED' });
  });

  test('that waits behind a slow link is flushed by disconnect()', async () => {
    await using scene = await stage({ outbox: { highWaterBytes: 1 } });
    const socket = await scene.connect();
    const deliveries = [1, 2, 3].map((id) => scene.connection.deliver({ id, body: 'x'.repeat(100_000) }));
    await scene.connection.disconnect();

    expect(await Promise.all(deliveries)).toEqual(Array(3).fill({ outcome: 'flushed' }));
    expect(socket.frames).toHaveLength(3);
  });
});

describe('with acknowledgements, a delivery', () => {
  test('is acknowledged when the server says so, and the listeners hear it, too', async () => {
    await using scene = await stage<Message>({ protocol: acknowledging });
    const socket = await scene.connect();
    const delivery = watch(scene.connection.deliver({ id: 'a' }));
    await socket.nextFrame();
    await quiet();
    expect(delivery.outcome).toBe('pending');

    socket.send({ ack: 'a' });
    await until(() => delivery.outcome !== 'pending');

    expect(delivery.outcome).toEqual({ resolved: { outcome: 'acknowledged' } });
    expect(scene.messages).toEqual([{ ack: 'a' }]);
  });

  test('is sent again with the same id after a loss, before what is queued', async () => {
    await using scene = await stage<Message>({ protocol: acknowledging });
    const socket = await scene.connect();
    const deliveries = ['a', 'b', 'c'].map((id) => scene.connection.deliver({ id }));
    await until(() => socket.frames.length === 3);
    socket.send({ ack: 'b' });
    await deliveries[1];
    socket.reset();
    await scene.until('reconnecting');
    scene.connection.send({ body: 'later' });
    const second = await scene.reconnect();
    await until(() => second.frames.length === 3);

    expect(second.frames.map((frame) => JSON.parse(String(frame)) as Message)).toEqual([
      { id: 'a' },
      { id: 'c' },
      { body: 'later' },
    ]);
    second.send({ ack: 'c' });
    second.send({ ack: 'a' });
    expect(await Promise.all(deliveries)).toEqual(Array(3).fill({ outcome: 'acknowledged' }));
  });

  test('is acknowledged while closing', async () => {
    await using scene = await stage<Message>({ protocol: acknowledging });
    const socket = await scene.connect();
    const delivery = scene.connection.deliver({ id: 'a' });
    await socket.nextFrame();
    socket.holdClose();
    const disconnected = scene.connection.disconnect();
    await until(() => socket.closeReceived);
    // After its close frame a client may still read.
    socket.send({ ack: 'a' });
    expect(await delivery).toEqual({ outcome: 'acknowledged' });
    socket.answerClose();
    await disconnected;
  });

  test('that was not acknowledged at the end is not known', async () => {
    await using scene = await stage<Message>({ protocol: acknowledging });
    const socket = await scene.connect();
    const delivery = rejectionOf(scene.connection.deliver({ id: 'a' }));
    await socket.nextFrame();
    await scene.connection.disconnect();

    expect(await delivery).toMatchObject({ code: 'DELIVERY_UNKNOWN' });
  });

  test('is neither lost nor told twice over a hundred cuts', async () => {
    await using scene = await stage<Message>({ protocol: acknowledging, retry: { stableAfterMs: 0 } });
    let socket = await scene.connect();
    const outcomes: unknown[] = [];
    const received = new Set<string>();
    for (let cut = 0; cut < 100; cut += 1) {
      for (const half of ['a', 'b']) {
        const id = `${cut}${half}`;
        scene.connection.deliver({ id }).then(
          ({ outcome }) => outcomes.push(outcome),
          (thrown: unknown) => outcomes.push(thrown),
        );
      }
      await until(() => socket.frames.length >= 2);
      for (const frame of socket.frames) received.add((JSON.parse(String(frame)) as { id: string }).id);
      socket.send({ ack: `${cut}a` });
      await until(() => outcomes.length >= cut + 1);
      socket.reset();
      socket = await scene.reconnect();
    }
    await until(() => socket.frames.length >= 100);
    for (const frame of socket.frames) socket.send({ ack: (JSON.parse(String(frame)) as { id: string }).id });
    await until(() => outcomes.length === 200);

    expect(new Set(outcomes)).toEqual(new Set(['acknowledged']));
    expect(received.size).toBe(200);
  });
});
