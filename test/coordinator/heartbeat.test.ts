// Health checks and the watchdog, on virtual time and real sockets.
import { describe, expect, it } from 'vitest';
import { until } from '../../src/testing/wait.ts';
import { connected, fixture, greet, puppetConnected, untilState } from './setup.ts';

describe('health checks (S0-14)', () => {
  it('are sent every interval, with the connection id', async () => {
    const { client, clock, connection } = await connected();
    const sentAt: number[] = [];
    for (let beat = 1; beat <= 4; beat += 1) {
      clock.advance(24_999);
      expect(connection.received).toHaveLength(beat);
      clock.advance(1);
      await until(() => connection.received.length === 1 + beat);
      sentAt.push(clock.now());
      await until(() => client.stats.messagesIn === 1 + beat);
    }

    expect(sentAt).toEqual([25_000, 50_000, 75_000, 100_000]);
    expect(connection.received.slice(1)).toEqual(
      sentAt.map(() => ({ type: 'health.check', client_id: connection.connectionId })),
    );
  });

  it('have no client_id when the first event had no connection id', async () => {
    const { clock, socket } = await puppetConnected({}, { type: 'connection.ok' });
    clock.advance(25_000);

    expect(await socket.nextJson()).toEqual({ type: 'health.check' });
  });

  it('are sent as often, whatever comes in', async () => {
    const { client, clock, coordinator, connection } = await connected({
      healthcheckIntervalMs: 100,
      healthcheckTimeoutMs: 200,
    });
    coordinator.answerHealthChecks = false;
    for (let tenth = 1; tenth <= 35; tenth += 1) {
      coordinator.emit({ type: 'busy' });
      await until(() => client.stats.messagesIn === 1 + tenth);
      clock.advance(10);
    }
    await until(() => connection.received.length === 4);

    expect(connection.received.slice(1)).toHaveLength(3);
    expect(client.state).toBe('open');
  });

  it('take up again after a reconnect, with the new connection id', async () => {
    const { clock, coordinator, connection, client } = await connected();
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    const second = await coordinator.nextConnection();
    await untilState(client, 'open');
    clock.advance(25_000);
    await until(() => second.received.length === 2);

    expect(second.received[1]).toEqual({ type: 'health.check', client_id: second.connectionId });
    expect(connection.received).toHaveLength(1);
  });

  it('are not sent while authenticating', async () => {
    const { client, clock, coordinator, connection } = await connected();
    coordinator.holdAuth();
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await until(() => coordinator.authAttempts === 2);
    clock.advance(14_999);

    expect(client.state).toBe('authenticating');
    expect(coordinator.connections[1]!.received).toHaveLength(1);
  });
});

describe('silence (S0-15, S0-29)', () => {
  it('is death after exactly the health check timeout', async () => {
    const { client, clock, coordinator, states } = await connected();
    coordinator.freeze();
    clock.advance(29_999);
    expect(client.state).toBe('open');
    clock.advance(1);

    expect(states.at(-1)).toMatchObject({
      state: 'reconnecting',
      reason: 'HEARTBEAT_TIMEOUT',
      retryInMs: 1_000,
    });
    expect(client.lastError).toMatchObject({ code: 'HEARTBEAT_TIMEOUT', details: { silentForMs: 30_000 } });
    await until(() => coordinator.liveConnections === 0);
  });

  it.each([1, 5_000, 10_000, 20_000, 24_999])(
    'is counted from the last frame, %i ms after the start',
    async (atMs) => {
      const { client, clock, coordinator } = await connected();
      clock.advance(atMs);
      coordinator.emit({ type: 'last' });
      await until(() => client.stats.messagesIn === 2);
      coordinator.freeze();
      clock.advance(29_999);
      expect(client.state).toBe('open');
      clock.advance(1);

      expect(client.state).toBe('reconnecting');
    },
  );

  it('is counted from the answer to a health check', async () => {
    const { client, clock, coordinator } = await connected();
    clock.advance(25_000);
    await until(() => client.stats.messagesIn === 2);
    coordinator.freeze();
    clock.advance(29_999);
    expect(client.state).toBe('open');
    clock.advance(1);

    expect([client.state, clock.now()]).toEqual(['reconnecting', 55_000]);
  });

  it('is noticed though no health check was due yet', async () => {
    const { client, clock, coordinator } = await connected({ healthcheckTimeoutMs: 10_000 });
    coordinator.freeze();
    clock.advance(9_999);
    expect(client.state).toBe('open');
    clock.advance(1);

    expect(client.state).toBe('reconnecting');
  });

  it('leads to a new connection, on which events go on', async () => {
    const { client, clock, coordinator } = await connected();
    const heard: unknown[] = [];
    client.on('call.created', (event) => heard.push(event));
    coordinator.freeze();
    clock.advance(30_000);
    coordinator.thaw();
    clock.advance(1_000);
    await untilState(client, 'open');
    const event = { ...fixture('call-created'), type: 'call.created' };
    coordinator.emit(event);
    await until(() => heard.length > 0);

    expect(heard).toEqual([event]);
    expect(coordinator.totalConnections).toBe(2);
  });
});

describe('any frame is life (S0-13)', () => {
  it.each<[string, string | Uint8Array]>([
    ['an event', '{"type":"a"}'],
    ['invalid JSON', '{'],
    ['JSON that is no object', '5'],
    ['bytes that are no text', new Uint8Array([0xff])],
  ])('%s', async (_, frame) => {
    const { client, clock, socket } = await puppetConnected();
    for (let tenSeconds = 1; tenSeconds <= 10; tenSeconds += 1) {
      clock.advance(10_000);
      socket.send(frame);
      await until(() => client.lastReceivedAt === clock.now());
    }
    expect(client.state).toBe('open');
    clock.advance(30_000);

    expect(client.state).toBe('reconnecting');
  });

  it('moves lastReceivedAt on', async () => {
    const { client, clock, coordinator } = await connected();
    const seen = [client.lastReceivedAt];
    for (const inMs of [100, 250]) {
      clock.advance(inMs);
      coordinator.emit({ type: 'a' });
      await until(() => client.stats.messagesIn === seen.length + 1);
      seen.push(client.lastReceivedAt);
    }

    expect(seen).toEqual([0, 100, 350]);
  });
});

describe('round trips (S0-35)', () => {
  it('are measured from a health check to the next one that comes in', async () => {
    const { client, clock, socket } = await puppetConnected();
    clock.advance(25_000);
    await socket.nextFrame();
    clock.advance(30);
    socket.send({ type: 'custom' });
    await until(() => client.stats.messagesIn === 2);
    expect(client.stats.rttMs).toBeUndefined();
    clock.advance(50);
    socket.send(fixture('health-check'));
    await until(() => client.stats.messagesIn === 3);
    clock.advance(24_920);
    await socket.nextFrame();
    clock.advance(7);
    socket.send(fixture('health-check'));
    await until(() => client.stats.messagesIn === 4);

    const { rttMs, rttHistogram } = client.stats;
    expect(rttMs).toBe(7);
    expect(rttHistogram).toMatchObject({ count: 2, minMs: 7, maxMs: 80, meanMs: 43.5 });
    expect(rttHistogram.buckets.filter(({ count }) => count > 0)).toEqual([
      { upToMs: 10, count: 1 },
      { upToMs: 100, count: 1 },
    ]);
  });

  it('go on being counted after a reconnect', async () => {
    const { client, clock, server, socket } = await puppetConnected();
    clock.advance(25_000);
    await socket.nextFrame();
    socket.send(fixture('health-check'));
    await until(() => client.stats.rttHistogram.count === 1);
    socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    const second = await greet(server);
    await untilState(client, 'open');
    clock.advance(25_000);
    await second.nextFrame();
    second.send(fixture('health-check'));
    await until(() => client.stats.rttHistogram.count === 2);
  });
});
