// What becomes of a connection that is lost: real sockets, virtual time.
import { describe, expect, it, vi } from 'vitest';
import {
  AuthenticationError,
  ConnectionFailedError,
  MaxRetriesExceededError,
} from '../../src/coordinator/index.ts';
import { customBackoff } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../testing/leftovers.ts';
import { connected, exhaust, fixture, greet, puppetConnected, rejectionOf, untilState } from './setup.ts';

describe('a lost connection (S0-16, S0-21, S0-22)', () => {
  it('comes back after a second, authenticated as before, with its events', async () => {
    const { client, clock, coordinator, connection, states } = await connected({
      userDetails: { name: 'Ada' },
    });
    const types: unknown[] = [];
    client.on('*', ({ type }) => types.push(type));
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(999);
    expect(client.state).toBe('reconnecting');
    clock.advance(1);
    const second = await coordinator.nextConnection();
    await untilState(client, 'open');
    coordinator.emit({ type: 'call.created' });
    await until(() => types.length === 2);

    expect(second.authPayload).toEqual(connection.authPayload);
    expect(second.authPayload?.user_details).toEqual({ id: 'ada', name: 'Ada' });
    expect(types).toEqual(['connection.ok', 'call.created']);
    expect(client.connectionId).toBe(second.connectionId);
    expect(second.connectionId).not.toBe(connection.connectionId);
    expect(states.slice(3).map(({ state, attempt }) => [state, attempt])).toEqual([
      ['reconnecting', 1],
      ['connecting', 1],
      ['authenticating', 1],
      ['open', 0],
    ]);
  });

  it.each([1000, 1001, 1002, 1005, 1008, 1009, 1011, 3000, 4000, 4403])(
    'is restored when the server closed it with %i',
    async (code) => {
      const { client, clock, coordinator, connection } = await connected();
      connection.socket.close(code);
      await untilState(client, 'reconnecting');
      expect(clock.nextInMs).toBe(1_000);
      clock.advance(1_000);
      await untilState(client, 'open');

      expect([coordinator.totalConnections, coordinator.authAttempts]).toEqual([2, 2]);
    },
  );

  it('is restored after a second or more when the server restarts', async () => {
    const { client, clock, connection } = await connected({ random: () => 0.5 });
    connection.socket.close(1012, 'restart');
    await untilState(client, 'reconnecting');

    expect(clock.nextInMs).toBe(3_000);
  });

  it.each(['reset', 'drop'] as const)('is restored after a %s', async (how) => {
    const { client, clock, coordinator, connection } = await connected();
    connection.socket[how]();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await untilState(client, 'open');

    expect(coordinator.liveConnections).toBe(1);
  });

  it('is final after a 1000 where that was asked for', async () => {
    const { client, clock, coordinator, connection } = await connected({ reconnectOnNormalClose: false });
    connection.socket.close(1000, 'bye');
    await untilState(client, 'failed');
    clock.advance(120_000);
    await quiet();

    expect(client.lastError).toBeInstanceOf(ConnectionFailedError);
    expect([client.connected, coordinator.totalConnections]).toEqual([false, 1]);
  });

  it('is restored after a 1001 even then', async () => {
    const { client, connection } = await connected({ reconnectOnNormalClose: false });
    connection.socket.close(1001);

    await untilState(client, 'reconnecting');
  });

  it('is not connected in between', async () => {
    const { client, connection } = await connected();
    connection.socket.reset();
    await untilState(client, 'reconnecting');

    expect([client.connected, client.connectionId, client.attempt]).toEqual([false, undefined, 1]);
    expect(client.lastError).toBeInstanceOf(ConnectionFailedError);
  });
});

describe('the waits (S0-17, S0-29)', () => {
  it('are exactly 1, 2, 4, 8 and 16 seconds, each before its attempt', async () => {
    const { client, clock, coordinator } = await connected();
    await coordinator.goAway();
    const waits = await exhaust(client, clock);

    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    expect([clock.now(), client.stats.attempts]).toEqual([31_000, 6]);
  });

  it('grow from another base by another factor', async () => {
    const { client, clock, coordinator } = await connected({
      backoffBaseMs: 500,
      backoffFactor: 3,
      maxRetries: 3,
    });
    await coordinator.goAway();

    expect(await exhaust(client, clock)).toEqual([500, 1_500, 4_500]);
  });

  it("come from a strategy of one's own (S0-31)", async () => {
    const backoff = customBackoff((attempt) => attempt * 7);
    const { client, clock, coordinator } = await connected({ backoff, maxRetries: 3 });
    await coordinator.goAway();

    expect(await exhaust(client, clock)).toEqual([7, 14, 21]);
  });

  it('are left to chance as far as was asked for (S0-32)', async () => {
    const draws = [0, 0.5, 0.25];
    const random = () => draws.shift() ?? 0;
    const { client, clock, coordinator } = await connected({ jitter: 1, random, maxRetries: 3 });
    await coordinator.goAway();

    expect(await exhaust(client, clock)).toEqual([1_000, 1_000, 3_000]);
  });

  it('begin again with the first one after each success', async () => {
    const { client, clock, coordinator } = await connected();
    for (let round = 1; round <= 3; round += 1) {
      await coordinator.goAway();
      const waits: unknown[] = [];
      for (let failures = 0; failures < 3; failures += 1) {
        await untilState(client, 'reconnecting');
        waits.push(clock.nextInMs);
        if (failures === 2) await coordinator.comeBack();
        clock.runNext();
      }
      await untilState(client, 'open');
      expect([waits, client.attempt]).toEqual([[1_000, 2_000, 4_000], 0]);
    }
  });

  it('grow when it is the handshake that fails', async () => {
    const { client, clock, server, socket } = await puppetConnected();
    socket.reset();
    const waits: unknown[] = [];
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await untilState(client, 'reconnecting');
      waits.push(clock.nextInMs);
      clock.runNext();
      const next = await server.accept();
      await next.nextFrame();
      if (attempt === 3) next.send(fixture('connection-ok'));
      else next.close(1011);
    }
    await untilState(client, 'open');

    expect(waits).toEqual([1_000, 2_000, 4_000]);
  });
});

describe('exhaustion (S0-20)', () => {
  it('is a state, an event and a rejection', async () => {
    const { client, clock, coordinator, states } = await connected();
    const failed = vi.fn();
    client.connection.on('failed', failed);
    const iteration = rejectionOf(client.listen('*').next());
    await coordinator.goAway();
    await untilState(client, 'reconnecting');
    const waiting = rejectionOf(client.connect());
    await exhaust(client, clock);
    const error = await waiting;

    expect(error).toBeInstanceOf(MaxRetriesExceededError);
    expect(error).toMatchObject({
      code: 'RETRIES_EXHAUSTED',
      message: expect.stringMatching(
        /^Gave up after 5 failed attempts; the last one: .*ECONNREFUSED/,
      ) as string,
      cause: { name: 'ConnectionFailedError', code: 'CONNECT_FAILED' },
    });
    expect(await iteration).toBeInstanceOf(MaxRetriesExceededError);
    expect(client.lastError).toBeInstanceOf(MaxRetriesExceededError);
    expect(states.at(-1)).toMatchObject({ state: 'failed', reason: 'RETRIES_EXHAUSTED' });
    expect(failed.mock.calls).toMatchObject([[{ code: 'RETRIES_EXHAUSTED' }]]);
    expect([client.connected, clock.pending]).toEqual([false, 0]);
  });

  it('comes after five attempts and not one more', async () => {
    const { client, clock, server, socket } = await puppetConnected();
    socket.reset();
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await untilState(client, 'reconnecting');
      clock.runNext();
      (await server.upgrade()).destroy();
    }
    await untilState(client, 'failed');
    clock.advance(120_000);
    await quiet();

    expect(server.totalConnections).toBe(6);
  });

  it('names the reason that every attempt met', async () => {
    const { client, clock, server, socket } = await puppetConnected({ maxRetries: 2 });
    socket.close(1011, 'maintenance');
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      await untilState(client, 'reconnecting');
      expect(client.lastError?.message).toContain('maintenance');
      clock.runNext();
      const next = await server.accept();
      await next.nextFrame();
      next.close(1011, 'maintenance');
    }
    await untilState(client, 'failed');

    expect(client.lastError?.message).toContain('maintenance');
  });

  it('is not for a connection that may not be restored at all: the loss itself is final', async () => {
    const { client, connection } = await connected({ maxRetries: 0 });
    connection.socket.close(1011);
    await untilState(client, 'failed');

    expect(client.lastError).toMatchObject({ name: 'ConnectionFailedError', code: 'CLOSED_BY_PEER' });
  });

  it('leaves a client that connects again, once, when it is told to', async () => {
    const { client, clock, coordinator } = await connected();
    await coordinator.goAway();
    await exhaust(client, clock);
    expect(await rejectionOf(client.connect())).toBeInstanceOf(ConnectionFailedError);
    await coordinator.comeBack();

    expect(await client.connect()).toMatchObject({ type: 'connection.ok' });
    expect(client.attempt).toBe(0);
  });
});

describe('a rejection while reconnecting (S0-19)', () => {
  it('ends the retries with the rejection', async () => {
    const { client, clock, coordinator, connection, states } = await connected();
    coordinator.expireTokens();
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await untilState(client, 'failed');
    clock.advance(120_000);
    await quiet();

    expect(client.lastError).toBeInstanceOf(AuthenticationError);
    expect(client.lastError).toMatchObject({ payload: { error: { code: 40 } } });
    expect(states.at(-1)).toMatchObject({ state: 'failed', reason: 'CREDENTIALS_REJECTED' });
    expect([coordinator.totalConnections, client.connected, clock.pending]).toEqual([2, false, 0]);
  });

  it('is seen also in a bare close with 1000', async () => {
    const { client, clock, server, socket } = await puppetConnected();
    socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    const second = await server.accept();
    await second.nextFrame();
    second.close(1000);
    await untilState(client, 'failed');

    expect(client.lastError).toMatchObject({ name: 'ConnectionFailedError', details: { closeCode: 1000 } });
  });

  it('is not seen in a first frame that cannot be read: that is one attempt more', async () => {
    const { client, clock, server, socket } = await puppetConnected();
    socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await greet(server, 'rubbish');
    await untilState(client, 'reconnecting');
    clock.advance(2_000);
    await greet(server);

    await untilState(client, 'open');
  });
});

describe('the user, meanwhile', () => {
  it('does not have to wait: connect() tries now, and leaves no second attempt behind (S0-16)', async () => {
    const { client, clock, coordinator, connection } = await connected();
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    const welcome = await client.connect();
    clock.advance(20_000);
    await quiet();

    expect(welcome['connection_id']).toBe(client.connectionId);
    expect([coordinator.totalConnections, coordinator.liveConnections]).toEqual([2, 1]);
    await client.disconnect();
    await until(() => coordinator.liveConnections === 0);
  });

  it('ends it all with disconnect() (S0-23)', async () => {
    const { client, clock, coordinator, connection } = await connected();
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    const waiting = client.listen().next();
    await client.disconnect();
    expect([client.state, clock.pending]).toEqual(['closed', 0]);
    clock.advance(120_000);
    await quiet();

    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(coordinator.totalConnections).toBe(1);
  });

  it('ends it all with disconnect() in the middle of an attempt', async () => {
    const { client, clock, server, socket } = await puppetConnected();
    socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    const second = await server.accept();
    await second.nextFrame();
    await client.disconnect();
    await second.closed();

    expect([client.state, clock.pending, second.frames.length]).toEqual(['closed', 0, 1]);
  });
});
