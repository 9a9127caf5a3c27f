// `stats`: what is counted and measured over all sessions of a connection.
import { describe, expect, test } from 'vitest';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { until } from '../../src/testing/wait.ts';
import { rejectionOf, stage } from '../support/connected.ts';

describe('stats', () => {
  test('are all there before anything has happened', async () => {
    await using scene = await stage();

    expect({ ...scene.connection.stats, rttHistogram: undefined }).toEqual({
      waitingMessages: 0,
      bufferedBytes: 0,
      messagesIn: 0,
      messagesOut: 0,
      bytesIn: 0,
      bytesOut: 0,
      attempts: 0,
      reconnects: 0,
      rttMs: undefined,
      rttHistogram: undefined,
      connectTimings: undefined,
      downtimeMs: 0,
      droppedMessages: 0,
      expiredMessages: 0,
      invalidMessages: 0,
      lastCloseCode: undefined,
      lastCloseReason: undefined,
      lastReceivedAt: undefined,
    });
  });

  test('count messages in and out, over all sessions', async () => {
    await using scene = await stage();
    let socket = await scene.connect();
    for (let session = 1; session <= 3; session += 1) {
      socket.send({ id: 1 });
      socket.send('rubbish');
      scene.connection.send({ id: 2 });
      void scene.connection.deliver({ id: 3 });
      await until(() => scene.messages.length === session && socket.frames.length === 2);
      socket.reset();
      socket = await scene.reconnect();
    }

    expect(scene.connection.stats).toMatchObject({
      messagesIn: 3,
      messagesOut: 6,
      invalidMessages: 3,
      attempts: 4,
      reconnects: 3,
    });
  });

  test('count the bytes of the wire, and never lose any', async () => {
    await using scene = await stage();
    await using proxy = await FaultProxy.listen(scene.server.url);
    await using other = await stage({ url: proxy.url });
    const connecting = other.connection.connect();
    let socket = await scene.server.accept();
    await connecting;
    const seen: number[] = [];
    for (let session = 1; session <= 2; session += 1) {
      socket.send({ body: 'x'.repeat(1_000) });
      other.connection.send({ body: 'y'.repeat(2_000) });
      await until(() => other.messages.length === session && socket.frames.length === 1);
      seen.push(other.connection.stats.bytesIn);
      socket.close(1011);
      await other.until('reconnecting');
      expect(other.connection.stats.bytesIn).toBeGreaterThanOrEqual(seen.at(-1)!);
      await other.retry();
      socket = await scene.server.accept();
      await other.until('open');
    }
    await other.connection.disconnect();
    const { bytesIn, bytesOut } = other.connection.stats;

    expect(bytesIn).toBeGreaterThan(2_000);
    expect(bytesIn).toBeLessThanOrEqual(proxy.stats.bytesToClient);
    expect(bytesOut).toBeGreaterThan(4_000);
    expect(bytesOut).toBeLessThan(6_000);
    await proxy.close();
  });

  test('measure the time without a session after a loss, the present outage included', async () => {
    await using scene = await stage({ heartbeat: false });
    const socket = await scene.connect();
    scene.clock.advance(60_000);
    socket.reset();
    await scene.until('reconnecting');
    scene.clock.advance(200);
    expect(scene.connection.stats.downtimeMs).toBe(200);
    scene.clock.advance(300);
    await scene.server.accept();
    await scene.until('open');
    scene.clock.advance(60_000);

    expect(scene.connection.stats.downtimeMs).toBe(500);
  });

  test('measure no downtime before the first session, nor after the end', async () => {
    await using scene = await stage();
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    await scene.retry();
    await scene.connection.disconnect();
    await connecting;
    scene.clock.advance(60_000);

    expect(scene.connection.stats.downtimeMs).toBe(0);
  });

  test('measure the downtime of a session that was refused and opened with fresh credentials', async () => {
    const downtimes: number[] = [];
    await using scene = await stage({ credentials: () => 'fresh' as never });
    scene.connection.on('reconnected', ({ downtimeMs }) => downtimes.push(downtimeMs));
    const socket = await scene.connect();
    scene.clock.advance(10_000);
    socket.close(4401);
    const upgrade = await scene.server.upgrade();
    scene.clock.advance(300);
    upgrade.accept();
    await scene.until('open');

    expect([downtimes, scene.connection.stats.downtimeMs]).toEqual([[300], 300]);
  });

  test('keep the last close code and reason', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    socket.close(4321, 'bye for now');
    await scene.reconnect();

    expect(scene.connection.stats).toMatchObject({ lastCloseCode: 4321, lastCloseReason: 'bye for now' });
  });

  test('tell when the last frame came, and how long opening took', async () => {
    await using scene = await stage();
    scene.clock.advance(1_000);
    const connecting = scene.connection.connect();
    const upgrade = await scene.server.upgrade();
    scene.clock.advance(25);
    const socket = upgrade.accept();
    await connecting;
    scene.clock.advance(75);
    socket.send({ id: 1 });
    await until(() => scene.messages.length === 1);

    expect(scene.connection.stats.lastReceivedAt).toBe(1_100);
    expect(scene.connection.stats.connectTimings).toMatchObject({ totalMs: 25 });
  });

  test('hold the round trips of all heartbeats', async () => {
    await using scene = await stage({ heartbeat: { intervalMs: 1_000, timeoutMs: 1_000 } });
    const socket = await scene.connect();
    for (const rttMs of [3, 30, 300]) {
      scene.clock.advance(1_000);
      await socket.nextPing();
      scene.clock.advance(rttMs);
      socket.pong();
      await until(() => scene.connection.stats.rttMs === rttMs);
    }

    expect(scene.connection.stats.rttHistogram).toMatchObject({
      count: 3,
      minMs: 3,
      maxMs: 300,
      meanMs: 111,
    });
  });

  test('are a picture of that moment', async () => {
    await using scene = await stage();
    const before = scene.connection.stats;
    await scene.connect();

    expect([before.attempts, scene.connection.stats.attempts]).toEqual([0, 1]);
  });
});
