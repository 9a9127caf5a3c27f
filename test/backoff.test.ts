// The backoff strategies, as functions and as iterators.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  customBackoff,
  decorrelatedJitterBackoff,
  exponentialBackoff,
  fixedBackoff,
  fullJitterBackoff,
  listBackoff,
  type Backoff,
} from '../src/backoff.ts';

async function all(backoff: Backoff): Promise<number[]> {
  const delays: number[] = [];
  for await (const delayMs of backoff) delays.push(delayMs);
  return delays;
}

const state = (random = 0, previousMs: number | null = null) => ({ previousMs, random: () => random });

describe('exponentialBackoff (S0-17)', () => {
  it('doubles a second', () => {
    const backoff = exponentialBackoff();

    expect([1, 2, 3, 4, 5].map((attempt) => backoff.delayMs(attempt, state()))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000,
    ]);
  });

  it('has no cap unless it is given one', () => {
    const delays = [exponentialBackoff(), exponentialBackoff({ maxMs: 30_000 })].map((backoff) =>
      backoff.delayMs(21, state()),
    );

    expect(delays).toEqual([1_048_576_000, 30_000]);
  });

  it('takes no chances: the same attempt always waits as long', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, draw) => {
          const backoff = exponentialBackoff({ baseMs: 500, factor: 3 });
          expect(backoff.delayMs(attempt, state(draw, draw))).toBe(500 * 3 ** (attempt - 1));
        },
      ),
    );
  });
});

describe('the iterator (S0-18)', () => {
  it.each([
    ['the default parameters', { maxAttempts: 5 }, [1_000, 2_000, 4_000, 8_000, 16_000]],
    ['other parameters', { baseMs: 500, factor: 3, maxAttempts: 3 }, [500, 1_500, 4_500]],
    ['no retry', { maxAttempts: 0 }, []],
    ['a single retry', { baseMs: 2_000, maxAttempts: 1 }, [2_000]],
    ['a factor below one', { baseMs: 8_000, factor: 0.5, maxAttempts: 3 }, [8_000, 4_000, 2_000]],
    ['a cap', { maxMs: 3_000, maxAttempts: 4 }, [1_000, 2_000, 3_000, 3_000]],
  ])('yields the delays of %s', async (_, options, expected) => {
    expect(await all(exponentialBackoff(options))).toEqual(expected);
  });

  it('begins anew each time', async () => {
    const backoff = exponentialBackoff({ maxAttempts: 2 });

    expect([await all(backoff), await all(backoff)]).toEqual([
      [1_000, 2_000],
      [1_000, 2_000],
    ]);
  });

  it('does not end without a number of attempts', async () => {
    let taken = 0;
    for await (const delayMs of fixedBackoff()) {
      expect(delayMs).toBe(1_000);
      taken += 1;
      if (taken === 1_000) break;
    }
    expect(taken).toBe(1_000);
  });

  it('tells each draw of the one before', async () => {
    const seen: (number | null)[] = [];
    const backoff = customBackoff(
      (attempt, { previousMs }) => {
        seen.push(previousMs);
        return attempt * 10;
      },
      { maxAttempts: 3 },
    );

    expect({ delays: await all(backoff), seen }).toEqual({ delays: [10, 20, 30], seen: [null, 10, 20] });
  });
});

describe('other strategies (S0-31, S0-32)', () => {
  it('takes a function of the attempt', () => {
    const backoff = customBackoff((attempt) => attempt ** 2, { maxMs: 50 });

    expect([1, 2, 7, 8].map((attempt) => backoff.delayMs(attempt, state()))).toEqual([1, 4, 49, 50]);
  });

  it('waits equally long every time', () => {
    expect([1, 2, 9].map((attempt) => fixedBackoff({ delayMs: 250 }).delayMs(attempt, state()))).toEqual([
      250, 250, 250,
    ]);
  });

  it('takes the waits of a list, the last one again and again', async () => {
    expect(await all(listBackoff([5, 10], { maxAttempts: 4 }))).toEqual([5, 10, 10, 10]);
  });

  it('draws between nothing and the exponential wait', () => {
    const backoff = fullJitterBackoff({ baseMs: 1_000, maxMs: 3_000 });

    expect([
      backoff.delayMs(2, state(0)),
      backoff.delayMs(2, state(0.5)),
      backoff.delayMs(9, state(0.5)),
    ]).toEqual([0, 1_000, 1_500]);
  });

  it('draws between the base and a multiple of the wait before, within the cap', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.999_999, noNaN: true }), { minLength: 1, maxLength: 30 }),
        (draws) => {
          const backoff = decorrelatedJitterBackoff();
          let previousMs: number | null = null;
          for (const draw of draws) {
            const delayMs = backoff.delayMs(1, state(draw, previousMs));
            expect(delayMs).toBeGreaterThanOrEqual(500);
            expect(delayMs).toBeLessThanOrEqual(Math.min(10_000, 3 * (previousMs ?? 500)));
            previousMs = delayMs;
          }
        },
      ),
    );
  });

  it('uses the randomness that it is given', async () => {
    const backoff = decorrelatedJitterBackoff({ maxAttempts: 3, random: () => 0.5 });

    expect(await all(backoff)).toEqual([1_000, 1_750, 2_875]);
  });
});
