// After a loss: the waits, what makes them shorter or longer, when they start over, and when it is given up.
import { describe, expect, test } from 'vitest';
import { exponentialBackoff, fixedBackoff, listBackoff, type Loss, type Verdict } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
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

describe('giving up', () => {
  test('comes after maxAttempts retries in a row, with the last failure as the cause', async () => {
    await using scene = await stage({ retry: { maxAttempts: 2, backoff: listBackoff([10, 20]) } });
    const failing = rejectionOf(scene.connection.connect());
    for (let attempt = 0; attempt < 3; attempt += 1) {
      (await scene.server.upgrade()).refuse(503);
      if (attempt < 2) await scene.retry();
    }

    expect(await failing).toMatchObject({
      code: 'RETRIES_EXHAUSTED',
      details: { attempts: 2, last: 'The server answered the upgrade with HTTP 503.' },
      cause: { code: 'UPGRADE_REJECTED', details: { httpStatus: 503 } },
    });
    expect(scene.states.at(-1)).toBe('failed');
    expect(scene.server.totalConnections).toBe(3);
  });

  test('with maxAttempts 0 comes after the first failure, which is told itself', async () => {
    await using scene = await stage({ retry: { maxAttempts: 0 } });
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).refuse(503);

    expect(await failing).toMatchObject({ code: 'UPGRADE_REJECTED' });
  });

  test('comes at the first loss after maxElapsedMs without a session', async () => {
    await using scene = await stage({
      retry: { maxElapsedMs: 250, backoff: fixedBackoff({ delayMs: 100 }) },
    });
    const failed = until(() => scene.connection.state === 'failed');
    (await scene.connect()).reset();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await scene.retry();
      (await scene.server.upgrade()).destroy();
      await until(() => scene.waits.length === attempt + 2 || scene.connection.state === 'failed');
    }
    await failed;

    expect(scene.connection.actor.getSnapshot().context.failure).toMatchObject({
      code: 'RETRIES_EXHAUSTED',
      details: { elapsedMs: 300, attempts: 3 },
    });
  });

  test('measures maxElapsedMs from connect(), not from an earlier life', async () => {
    await using scene = await stage({ retry: { maxElapsedMs: 1_000 } });
    await scene.connect();
    await scene.connection.disconnect();
    scene.clock.advance(60_000);
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    await scene.until('reconnecting');
    await scene.connection.disconnect();

    expect(await connecting).toMatchObject({ code: 'DISCONNECTED' });
  });

  test('`retry: false` comes with every loss', async () => {
    await using scene = await stage({ retry: false });
    (await scene.connect()).reset();
    await scene.until('failed');

    expect(scene.connection.actor.getSnapshot().context.failure).toMatchObject({ code: 'LINK_LOST' });
    expect(scene.clock.pending).toBe(0);
  });

  test('`initial: false` comes with the first failure of a first dial, and not with later ones', async () => {
    await using scene = await stage({ retry: { initial: false } });
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    expect(await failing).toMatchObject({ code: 'CONNECT_FAILED' });

    (await scene.connect()).reset();
    await scene.retry();
    (await scene.server.upgrade()).destroy();
    await until(() => scene.waits.length === 2);
    await scene.reconnect();

    expect(scene.connection.state).toBe('open');
  });

  test('comes when the same message kills every session', async () => {
    await using scene = await stage();
    let socket = await scene.connect();
    socket.close(1009, 'too big');
    socket = await scene.reconnect();
    socket.close(1009, 'too big');
    await scene.until('failed');

    expect(scene.connection.actor.getSnapshot().context.failure).toMatchObject({
      code: 'CLOSED_BY_PEER',
      details: { closeCode: 1009 },
    });
  });

  test('comes after maxAttempts also where the server lets us in and refuses the token then', async () => {
    let tokens = 0;
    await using scene = await stage({
      credentials: () => (tokens += 1) as never,
      retry: { maxAttempts: 3, backoff: fixedBackoff({ delayMs: 10 }) },
    });
    let socket = await scene.connect();
    for (let loss = 0; loss < 4; loss += 1) {
      socket.close(4401);
      if (loss < 3) socket = await scene.reconnect();
    }
    await scene.until('failed');

    expect(scene.server.totalConnections).toBe(4);
  });
});

describe('a retry policy of the user', () => {
  test('is told everything about the loss, and the verdict that would be given', async () => {
    const asked: [Loss, Verdict][] = [];
    await using scene = await stage({
      retry: { policy: (loss, verdict) => (asked.push([loss, verdict]), verdict) },
    });
    const socket = await scene.connect();
    scene.clock.advance(1_234);
    socket.close(4999, 'moved');
    await scene.until('reconnecting');

    expect(asked).toEqual([
      [
        {
          attempt: 1,
          elapsedMs: 0,
          phase: 'open',
          initial: false,
          closeCode: 4999,
          closeReason: 'moved',
          httpStatus: undefined,
          retryAfterMs: undefined,
          error: expect.objectContaining({ code: 'CLOSED_BY_PEER' }) as unknown,
          stableForMs: 1_234,
          online: true,
          repeats: 1,
          refreshes: 0,
          canRefresh: false,
          previousDelayMs: null,
        },
        { action: 'retry', delayMs: 500 },
      ],
    ]);
  });

  test('has the last word', async () => {
    const verdicts: Verdict[] = [
      { action: 'retry', delayMs: 42 },
      { action: 'waitForNetwork' },
      { action: 'reauthenticate' },
      { action: 'stop' },
    ];
    await using scene = await stage({ retry: { policy: () => verdicts.shift()! } });
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).refuse(400);
    await scene.retry();
    (await scene.server.upgrade()).refuse(400);
    await scene.until('reconnecting');
    scene.surroundings.tell('network.returned');
    (await scene.server.upgrade()).refuse(400);
    (await scene.server.upgrade()).refuse(400);

    expect(await failing).toMatchObject({ code: 'UPGRADE_REJECTED' });
    expect(scene.waits).toEqual([42, null]);
    expect(scene.clock.now()).toBe(42);
  });

  test('is asked of a network that is gone', async () => {
    const online: boolean[] = [];
    await using scene = await stage({
      retry: { policy: (loss, verdict) => (online.push(loss.online), verdict) },
    });
    scene.surroundings.online = false;
    (await scene.connect()).reset();
    await scene.until('reconnecting');

    expect(online).toEqual([false]);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['returns nothing', () => undefined],
    ['returns a promise', () => Promise.resolve({ action: 'stop' })],
    ['returns a promise that rejects', () => Promise.reject(new Error('broken'))],
    ['returns an unknown action', () => ({ action: 'panic' })],
    ['returns a delay that is none', () => ({ action: 'retry', delayMs: Number.NaN })],
    ['returns a negative delay', () => ({ action: 'retry', delayMs: -1 })],
    ['returns a retry without a delay', () => ({ action: 'retry' })],
  ])('that %s is reported once, and the default verdict used', async (_, policy) => {
    const reports: string[] = [];
    await using scene = await stage({ retry: { policy: policy as never } });
    scene.connection.on('error', ({ code }) => reports.push(code));
    (await scene.connect()).reset();
    await scene.until('reconnecting');
    await quiet();

    expect([reports, scene.waits]).toEqual([['RETRY_POLICY_FAILED'], [500]]);
  });

  test.each<[string, () => number]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['returns NaN', () => Number.NaN],
    ['returns a negative delay', () => -5],
    ['returns a string', () => '500' as unknown as number],
  ])('whose backoff %s waits a second instead, and is reported', async (_, delayMs) => {
    const reports: string[] = [];
    await using scene = await stage({ retry: { backoff: { ...doubling, delayMs } } });
    scene.connection.on('error', ({ code }) => reports.push(code));
    (await scene.connect()).reset();
    await scene.until('reconnecting');

    expect([reports, scene.waits]).toEqual([['RETRY_POLICY_FAILED'], [1_000]]);
  });

  test.each([Number.NaN, 'throws'])('whose random is %s does not end the connection', async (draw) => {
    await using scene = await stage({
      random: () => {
        if (draw === 'throws') throw new Error('broken');
        return draw as number;
      },
    });
    scene.connection.on('error', () => undefined);
    (await scene.connect()).close(1012);
    await scene.until('reconnecting');

    expect(scene.waits[0]).toBeGreaterThanOrEqual(0);
    expect(scene.waits[0]).toBeLessThan(60_000);
  });

  test('may end the connection itself', async () => {
    const disconnects: Promise<void>[] = [];
    await using scene = await stage({
      retry: {
        policy: (_, verdict) => {
          disconnects.push(scene.connection.disconnect());
          return verdict;
        },
      },
    });
    (await scene.connect()).reset();
    await scene.until('closed');
    await Promise.all(disconnects);

    expect(scene.clock.pending).toBe(0);
  });
});
