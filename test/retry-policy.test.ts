// The default verdict as a pure function: one row per cure, limit and hint.
import { describe, expect, test } from 'vitest';
import type { Cure, Failure } from '../machines/index.ts';
import { exponentialBackoff, fixedBackoff } from '../src/backoff.ts';
import { makeFailure, toError } from '../src/errors.ts';
import { decide, type Decision, type Loss, type RetryRules } from '../src/retry-policy.ts';

const rules: RetryRules = {
  backoff: fixedBackoff({ delayMs: 100 }),
  maxAttempts: Infinity,
  maxElapsedMs: Infinity,
  initial: true,
};

const loss: Loss = {
  attempt: 1,
  elapsedMs: 0,
  phase: 'open',
  initial: false,
  closeCode: 1006,
  closeReason: undefined,
  httpStatus: undefined,
  retryAfterMs: undefined,
  error: toError(makeFailure('LINK_LOST', 'retry')),
  stableForMs: 60_000,
  online: true,
  repeats: 1,
  refreshes: 0,
  canRefresh: true,
  previousDelayMs: null,
};

const failureOf = (cure: Cure): Failure => makeFailure('LINK_LOST', cure, { details: { closeCode: 1006 } });

function verdict(
  cure: Cure,
  own: Partial<Loss> = {},
  ownRules: Partial<RetryRules> | false = {},
  draw = 0,
): Decision {
  const effective = ownRules === false ? false : { ...rules, ...ownRules };
  return decide({ ...loss, ...own }, failureOf(cure), effective, () => draw);
}

const retryIn = (delayMs: number) => ({ action: 'retry', delayMs });
const stop = (cure: Cure) => ({ action: 'stop', failure: failureOf(cure) });
const refresh = { action: 'reauthenticate' };

describe('a failure that a retry may cure', () => {
  test('is retried after the wait of the strategy', () => {
    const backoff = exponentialBackoff({ baseMs: 100 });

    expect([1, 2, 5].map((attempt) => verdict('retry', { attempt }, { backoff }))).toEqual(
      [100, 200, 1_600].map(retryIn),
    );
  });

  test('gives the strategy the wait before and the randomness', () => {
    const seen: unknown[] = [];
    const backoff = {
      ...fixedBackoff(),
      delayMs: (attempt: number, state: { previousMs: number | null; random: () => number }) => (
        seen.push([attempt, state.previousMs, state.random()]),
        7
      ),
    };

    expect(verdict('retry', { attempt: 3, previousDelayMs: 250 }, { backoff }, 0.25)).toEqual(retryIn(7));
    expect(seen).toEqual([[3, 250, 0.25]]);
  });

  test('waits for what the server asked for, where that is longer', () => {
    expect(verdict('retry', { retryAfterMs: 5_000 })).toEqual(retryIn(5_000));
    expect(verdict('retry', { retryAfterMs: 50 })).toEqual(retryIn(100));
  });

  test('waits for the network where there is none', () => {
    expect(verdict('retry', { online: false })).toEqual({ action: 'waitForNetwork' });
  });
});

describe('a server that asked for time', () => {
  test.each([
    [0, 1_000],
    [0.5, 3_000],
    [0.999, 4_996],
  ])('is dialled again after a spread, for a draw of %d', (draw, delayMs) => {
    expect(verdict('retryLater', {}, {}, draw)).toEqual(retryIn(delayMs));
  });

  test('is left alone longer where strategy or hint say so', () => {
    expect(verdict('retryLater', {}, { backoff: fixedBackoff({ delayMs: 9_000 }) })).toEqual(retryIn(9_000));
    expect(verdict('retryLater', { retryAfterMs: 8_000 })).toEqual(retryIn(8_000));
  });
});

describe('a failure that may have been an accident', () => {
  test('is retried once, and the same again is the end', () => {
    expect(verdict('retryOnce', { repeats: 1 })).toEqual(retryIn(100));
    expect(verdict('retryOnce', { repeats: 2 })).toEqual(stop('retryOnce'));
  });
});

describe('a failure that nothing cures', () => {
  test('is the end', () => {
    expect(verdict('stop')).toEqual(stop('stop'));
  });
});

describe('a failure that fresh credentials may cure', () => {
  test('has them asked for at once', () => {
    expect(verdict('refresh', { phase: 'connecting' })).toEqual(refresh);
    expect(verdict('refresh', { phase: 'authenticating' })).toEqual(refresh);
    expect(verdict('refresh', { phase: 'open', stableForMs: 5_000 })).toEqual(refresh);
  });

  test('is the end where there is no function to ask', () => {
    expect(verdict('refresh', { canRefresh: false })).toEqual(stop('refresh'));
  });

  test('is the end where the fresh ones were refused, too', () => {
    expect(verdict('refresh', { phase: 'authenticating', refreshes: 1 })).toEqual(stop('refresh'));
  });

  test('waits where the server accepts and refuses right after', () => {
    expect(verdict('refresh', { stableForMs: 4_999, attempt: 2 })).toEqual(retryIn(100));
  });

  test('grows that wait like any other', () => {
    const backoff = {
      ...fixedBackoff(),
      delayMs: (_: number, { previousMs }: { previousMs: number | null }) => (previousMs ?? 50) * 2,
    };

    expect(verdict('refresh', { stableForMs: 0, attempt: 3, previousDelayMs: 200 }, { backoff })).toEqual(
      retryIn(400),
    );
  });

  test('is bounded by maxAttempts where the server accepts and refuses right after', () => {
    expect(verdict('refresh', { stableForMs: 0, attempt: 4 }, { maxAttempts: 3 })).toMatchObject({
      action: 'stop',
    });
  });
});

describe('the limits', () => {
  test('maxAttempts lets that many retries through', () => {
    expect(verdict('retry', { attempt: 3 }, { maxAttempts: 3 })).toEqual(retryIn(100));
    expect(verdict('retry', { attempt: 4 }, { maxAttempts: 3 })).toMatchObject({
      action: 'stop',
      failure: { code: 'RETRIES_EXHAUSTED', cure: 'stop', details: { attempts: 3 } },
    });
  });

  test('maxElapsedMs lets what is sooner through', () => {
    expect(verdict('retry', { elapsedMs: 999 }, { maxElapsedMs: 1_000 })).toEqual(retryIn(100));
    expect(verdict('retry', { attempt: 2, elapsedMs: 1_000.4 }, { maxElapsedMs: 1_000 })).toMatchObject({
      action: 'stop',
      failure: { code: 'RETRIES_EXHAUSTED', details: { attempts: 1, elapsedMs: 1_000 } },
    });
  });

  test('tell the failure itself where nothing was tried again', () => {
    expect(verdict('retry', { attempt: 1 }, { maxAttempts: 0 })).toEqual(stop('retry'));
  });

  test('`initial: false` ends a first dial only', () => {
    expect(verdict('retry', { initial: true }, { initial: false })).toEqual(stop('retry'));
    expect(verdict('retry', { initial: false }, { initial: false })).toEqual(retryIn(100));
  });

  test.each<Cure>(['retry', 'retryLater', 'retryOnce', 'stop'])('`retry: false` is the end (%s)', (cure) => {
    expect(verdict(cure, {}, false)).toEqual(stop(cure));
  });

  test('the last failure is the cause of RETRIES_EXHAUSTED', () => {
    const decision = verdict('retry', { attempt: 2 }, { maxAttempts: 1 });
    const error = toError((decision as { failure: Failure }).failure);

    expect(error.message).toContain('The link broke off.');
    expect(error.cause).toMatchObject({ code: 'LINK_LOST' });
  });
});
