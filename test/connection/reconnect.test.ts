// After a loss: the waits, what makes them shorter or longer, and when they start over.
import { describe, expect, test } from 'vitest';
import { exponentialBackoff, fixedBackoff } from '../../src/index.ts';
import { quiet, rejectionOf, stage } from '../support/connected.ts';

const doubling = exponentialBackoff({ baseMs: 100 });

describe('the waits', () => {
  test('follow the backoff strategy, and the attempts are counted', async () => {
    await using scene = await stage({ retry: { backoff: doubling } });
    void scene.connection.connect().catch(() => undefined);
    for (let attempt = 0; attempt < 4; attempt += 1) {
      (await scene.server.upgrade()).destroy();
      await scene.until('reconnecting');
      expect(scene.changes.at(-1)).toEqual({
        state: 'reconnecting',
        previous: 'connecting',
        reason: 'CONNECT_FAILED',
        attempt: attempt + 1,
        retryInMs: 100 * 2 ** attempt,
      });
      await scene.retry();
    }

    expect(scene.connection.stats).toMatchObject({ attempts: 5, reconnects: 0 });
  });

  test('last to the millisecond', async () => {
    await using scene = await stage({ retry: { backoff: fixedBackoff({ delayMs: 1_000 }) } });
    (await scene.connect()).reset();
    await scene.until('reconnecting');

    scene.clock.advance(999);
    expect(scene.connection.state).toBe('reconnecting');
    scene.clock.advance(1);

    expect(scene.connection.state).toBe('connecting');
  });

  test('are decorrelated jitter from half a second by default', async () => {
    await using scene = await stage({ random: () => 0.5 });
    const connecting = rejectionOf(scene.connection.connect());
    for (let attempt = 0; attempt < 5; attempt += 1) {
      (await scene.server.upgrade()).destroy();
      await scene.retry();
    }
    await scene.connection.disconnect();
    await connecting;

    // 500 + 0.5 · (3 · before − 500)
    expect(scene.waits).toEqual([1_000, 1_750, 2_875, 4_562.5, 7_093.75]);
  });

  test('tell the listeners of `reconnecting` what was lost, and of `reconnected` what it took', async () => {
    await using scene = await stage();
    const events: unknown[] = [];
    scene.connection.on('reconnecting', ({ error, ...plan }) => events.push({ ...plan, code: error.code }));
    scene.connection.on('reconnected', (recovery) => events.push(recovery));
    scene.connection.on('open', ({ isReconnect }) => events.push({ isReconnect }));
    (await scene.connect()).close(1011, 'oops');
    await scene.reconnect();

    expect(events).toEqual([
      { isReconnect: false },
      { attempt: 1, retryInMs: 500, code: 'CLOSED_BY_PEER' },
      { isReconnect: true },
      { welcome: undefined, attempt: 1, downtimeMs: 500 },
    ]);
  });

  test('start over after a session that held for stableAfterMs', async () => {
    await using scene = await stage({ retry: { backoff: doubling, stableAfterMs: 3_000 } });
    let socket = await scene.connect();
    for (const heldMs of [2_999, 2_999, 3_000, 2_999]) {
      scene.clock.advance(heldMs);
      socket.reset();
      socket = await scene.reconnect();
    }

    expect(scene.waits).toEqual([100, 200, 100, 200]);
  });

  test('start over at once with a stableAfterMs of 0', async () => {
    await using scene = await stage({ retry: { backoff: doubling, stableAfterMs: 0 } });
    let socket = await scene.connect();
    for (let loss = 0; loss < 3; loss += 1) {
      socket.reset();
      socket = await scene.reconnect();
    }

    expect(scene.waits).toEqual([100, 100, 100]);
  });

  test('start over with the next connect() after the end', async () => {
    await using scene = await stage({ retry: { backoff: doubling } });
    const first = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    await scene.until('reconnecting');
    await scene.connection.disconnect();
    await first;
    const second = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    await scene.until('reconnecting');
    await scene.connection.disconnect();
    await second;

    expect(scene.waits).toEqual([100, 100]);
  });

  test('survive a delay that no timer can hold', async () => {
    await using scene = await stage({ retry: { backoff: fixedBackoff({ delayMs: Infinity }) } });
    (await scene.connect()).reset();
    await scene.until('reconnecting');

    scene.clock.advance(24 * 3_600_000);

    expect(scene.connection.state).toBe('reconnecting');
    expect(scene.server.totalConnections).toBe(1);
  });

  test('never make two attempts at a time', async () => {
    await using scene = await stage();
    let socket = await scene.connect();
    for (let loss = 0; loss < 20; loss += 1) {
      socket.reset();
      await scene.until('reconnecting');
      void scene.connection.connect();
      scene.surroundings.tell('network.returned');
      scene.surroundings.tell('page.returned');
      scene.clock.advance(10_000);
      socket = await scene.server.accept();
      await scene.until('open');
      expect(scene.server.connections).toBe(1);
    }

    expect(scene.server.totalConnections).toBe(21);
  });
});

describe('a hint of the server', () => {
  test('(Retry-After in seconds) makes the wait longer', async () => {
    await using scene = await stage();
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).refuse(503, { 'Retry-After': '7' });
    await scene.until('reconnecting');
    await scene.connection.disconnect();
    await connecting;

    expect(scene.waits).toEqual([7_000]);
  });

  test.each(['0', '-5', 'soon', '1.5', '', 'rubbish 2099'])(
    '(Retry-After: %s) that means nothing is ignored',
    async (value) => {
      await using scene = await stage();
      const connecting = rejectionOf(scene.connection.connect());
      (await scene.server.upgrade()).refuse(429, { 'Retry-After': value });
      await scene.until('reconnecting');
      await scene.connection.disconnect();
      await connecting;

      expect(scene.waits).toEqual([500]);
    },
  );

  test('(Retry-After) is honoured for five minutes at most', async () => {
    await using scene = await stage();
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).refuse(503, { 'Retry-After': '86400' });
    await scene.until('reconnecting');
    await scene.connection.disconnect();
    await connecting;

    expect(scene.waits).toEqual([300_000]);
  });

  test('(Retry-After) does not make the wait shorter', async () => {
    await using scene = await stage({ retry: { backoff: fixedBackoff({ delayMs: 20_000 }) } });
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).refuse(503, { 'Retry-After': '1' });
    await scene.until('reconnecting');
    await scene.connection.disconnect();
    await connecting;

    expect(scene.waits).toEqual([20_000]);
  });

  test.each([1012, 1013])('(close code %i) spreads the clients over some seconds', async (code) => {
    const waits: (number | null)[] = [];
    for (const draw of [0, 0.5, 0.999]) {
      await using scene = await stage({
        random: () => draw,
        retry: { backoff: fixedBackoff({ delayMs: 0 }) },
      });
      (await scene.connect()).close(code);
      await scene.until('reconnecting');
      waits.push(...scene.waits);
    }

    expect(waits).toEqual([1_000, 3_000, 4_996]);
  });
});

describe('a return', () => {
  test.each([
    ['network.returned', 'NETWORK_RETURNED'],
    ['page.returned', 'PAGE_RETURNED'],
  ] as const)('(%s) ends the wait at once', async (event, reason) => {
    await using scene = await stage();
    (await scene.connect()).reset();
    await scene.until('reconnecting');

    scene.surroundings.tell(event);
    await scene.server.accept();
    await scene.until('open');

    expect(scene.clock.now()).toBe(0);
    expect(scene.changes.at(-3)).toMatchObject({ state: 'connecting', reason });
  });

  test('is waited for while the platform says that it is offline', async () => {
    await using scene = await stage({ timeouts: { networkPatienceMs: 20_000 } });
    scene.surroundings.online = false;
    (await scene.connect()).reset();
    await scene.until('reconnecting');
    expect(scene.changes.at(-1)).toMatchObject({ state: 'reconnecting', retryInMs: null });

    scene.clock.advance(19_999);
    expect(scene.connection.state).toBe('reconnecting');
    scene.clock.advance(1);

    expect(scene.connection.state).toBe('connecting');
  });

  test('is not listened to after the end', async () => {
    await using scene = await stage();
    (await scene.connect()).reset();
    await scene.until('reconnecting');
    await scene.connection.disconnect();

    scene.surroundings.tell('network.returned');
    await quiet();

    expect([scene.connection.state, scene.server.totalConnections]).toEqual(['closed', 1]);
  });
});
