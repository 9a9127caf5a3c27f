// How the wait between two attempts grows: strategies as values, usable by a connection and on their own.

import { InvalidOptionError } from './errors.ts';

export interface BackoffState {
  /** The delay drawn before, in milliseconds; `null` for the first of a row. */
  readonly previousMs: number | null;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * A backoff strategy: `delayMs(1)` is the wait before the first retry.
 *
 * It is also an async iterable of its delays, which it yields without waiting; it ends after `maxAttempts`:
 * `for await (const delayMs of exponentialBackoff({ baseMs: 1_000, maxAttempts: 5 })) …` (S0-18).
 */
export interface Backoff extends AsyncIterable<number> {
  /** The wait in milliseconds before retry number `attempt`, counted from 1. */
  delayMs(attempt: number, state: BackoffState): number;
}

export interface BackoffBounds {
  /** The longest wait, in milliseconds. Default: each strategy's own. */
  readonly maxMs?: number;
  /** How many delays the iterator yields. Default: no end. A connection counts by `retry.maxAttempts`. */
  readonly maxAttempts?: number;
  /** Randomness of the iterator, uniform in [0, 1). Default: `Math.random`. A connection uses its own. */
  readonly random?: () => number;
}

export interface ExponentialOptions extends BackoffBounds {
  /** The first wait, in milliseconds. Default 1,000. */
  readonly baseMs?: number;
  /** What each wait is multiplied by. Default 2. */
  readonly factor?: number;
}

/**
 * A strategy of one's own: a function of the retry's number, from 1, to milliseconds (S0-31).
 *
 * @throws {InvalidOptionError} as all strategies here, for a bound that cannot be meant
 */
export function customBackoff(delayMs: Backoff['delayMs'], bounds: BackoffBounds = {}): Backoff {
  const { maxMs = Infinity, maxAttempts = Infinity, random = Math.random } = bounds;
  if (typeof delayMs !== 'function') throw new InvalidOptionError('delayMs', 'a function', delayMs);
  atLeast0({ maxMs, maxAttempts });
  const bounded = (attempt: number, state: BackoffState) => Math.min(delayMs(attempt, state), maxMs);
  return {
    delayMs: bounded,
    // eslint-disable-next-line @typescript-eslint/require-await -- an async iterable, so that a strategy may become one that waits
    async *[Symbol.asyncIterator]() {
      let previousMs: number | null = null;
      for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
        previousMs = bounded(attempt, { previousMs, random });
        yield previousMs;
      }
    },
  };
}

/** `baseMs · factorⁿ⁻¹`: 1, 2, 4, 8, 16 … seconds by default, without jitter and without a cap (S0-17). */
export function exponentialBackoff({
  baseMs = 1_000,
  factor = 2,
  ...bounds
}: ExponentialOptions = {}): Backoff {
  checkGrowth(baseMs, factor);
  return customBackoff((attempt) => baseMs * factor ** (attempt - 1), bounds);
}

/** The same wait every time. Default 1,000 ms. */
export function fixedBackoff({
  delayMs = 1_000,
  ...bounds
}: BackoffBounds & { readonly delayMs?: number } = {}): Backoff {
  atLeast0({ delayMs });
  return customBackoff(() => delayMs, bounds);
}

/** The given waits one after the other; the last one again and again. */
export function listBackoff(delaysMs: readonly number[], bounds: BackoffBounds = {}): Backoff {
  const delays = Array.isArray(delaysMs) ? [...(delaysMs as readonly number[])] : [];
  const last = delays.at(-1);
  if (last === undefined) throw new InvalidOptionError('delaysMs', 'a list of at least one wait', delaysMs);
  atLeast0(Object.fromEntries(delays.map((delay, index) => [`delaysMs[${String(index)}]`, delay])));
  return customBackoff((attempt) => delays[attempt - 1] ?? last, bounds);
}

/** A uniform draw between 0 and the exponential wait, capped at 30 s by default: "full jitter". */
export function fullJitterBackoff({ maxMs = 30_000, ...options }: ExponentialOptions = {}): Backoff {
  const { baseMs = 500, factor = 2, ...bounds } = options;
  checkGrowth(baseMs, factor);
  atLeast0({ maxMs });
  return customBackoff(
    (attempt, { random }) => random() * Math.min(maxMs, baseMs * factor ** (attempt - 1)),
    bounds,
  );
}

/**
 * A uniform draw between `baseMs` and `factor` times the wait before: "decorrelated jitter". The general default.
 *
 * With 500 ms, 3 and a cap of 10 s, the first dials after a server's restart spread over a second, and nobody
 * waits longer than 10 s: of 5,000 clients at most 271 dial within 100 ms, and all are back after 4.1 s.
 */
export function decorrelatedJitterBackoff({ maxMs = 10_000, ...options }: ExponentialOptions = {}): Backoff {
  const { baseMs = 500, factor = 3, ...bounds } = options;
  checkGrowth(baseMs, factor);
  const draw: Backoff['delayMs'] = (_, { previousMs, random }) =>
    baseMs + random() * Math.max(0, factor * (previousMs ?? baseMs) - baseMs);
  return customBackoff(draw, { ...bounds, maxMs });
}

function checkGrowth(baseMs: number, factor: number): void {
  atLeast0({ baseMs });
  if (typeof factor !== 'number' || !(factor > 0))
    throw new InvalidOptionError('factor', 'a number above 0', factor);
}

function atLeast0(values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== 'number' || !(value >= 0))
      throw new InvalidOptionError(name, 'a number of at least 0', value);
  }
}
