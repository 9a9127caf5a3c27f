// A retry policy or a backoff of the user: what it is told, and what becomes of its answer, or of its failure.
import { describe, expect, test } from 'vitest';
import { exponentialBackoff, type Loss, type Verdict } from '../../src/index.ts';
import { quiet, rejectionOf, stage } from '../support/connected.ts';

const doubling = exponentialBackoff({ baseMs: 100 });

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
