// The verdict after a loss: try again, when, or give up. Pure functions; `src/actors/retry-policy.ts` asks them.
import type { Failure, Phase } from '../machines/index.ts';
import type { Backoff } from './backoff.ts';
import { describe, makeFailure, textOf, toError, type ConnectionError } from './errors.ts';

/** Everything that is known about a loss. */
export interface Loss {
  /** The number of the retry that is to be decided on, from 1, in a row of losses. */
  readonly attempt: number;
  /** Time since the connection was last open, or since `connect()` was called, in milliseconds. */
  readonly elapsedMs: number;
  readonly phase: Phase;
  /** Whether no session was ever open since `connect()` was called. */
  readonly initial: boolean;
  /** The close code received, if there was a socket. */
  readonly closeCode: number | undefined;
  readonly closeReason: string | undefined;
  /** The status of a refused upgrade, where the platform tells. */
  readonly httpStatus: number | undefined;
  /** What the server asked for with `Retry-After`, in milliseconds; at most five minutes. */
  readonly retryAfterMs: number | undefined;
  readonly error: ConnectionError;
  /** How long the lost session was open, in milliseconds; 0 when it never was. */
  readonly stableForMs: number;
  /** Whether the platform says that there is a network. Always true in Node. */
  readonly online: boolean;
  /** Losses in a row with the same code and close code, this one included. */
  readonly repeats: number;
  /** Fresh credentials asked for since a session was last accepted. */
  readonly refreshes: number;
  /** Whether `credentials`, `headers`, `url` or `protocols` is a function, so that asking again can help. */
  readonly canRefresh: boolean;
  /** The wait before the last attempt of this row, in milliseconds. */
  readonly previousDelayMs: number | null;
}

export type Verdict =
  | { readonly action: 'retry'; readonly delayMs: number }
  | { readonly action: 'reauthenticate' }
  | { readonly action: 'waitForNetwork' }
  /** `error` is what the default policy would fail with; a policy of one's own need not give one. */
  | { readonly action: 'stop'; readonly error?: Error };

/** A user's policy: gets the loss and the verdict that would be given without it. Must answer at once. */
export type RetryPolicy = (loss: Loss, verdict: Verdict) => Verdict;

/** A verdict as the machine takes it. */
export type Decision =
  Exclude<Verdict, { action: 'stop' }> | { readonly action: 'stop'; readonly failure: Failure };

export interface RetryRules {
  readonly backoff: Backoff;
  readonly maxAttempts: number;
  readonly maxElapsedMs: number;
  readonly initial: boolean;
}

/** A session that ends sooner than this was refused rather than lost: no immediate retry. */
const REFUSED_WITHIN_MS = 5_000;
/** 1012 and 1013 come to every client at once: none of them should dial in the first second, nor all in the next. */
const SPREAD_FROM_MS = 1_000;
const SPREAD_OVER_MS = 4_000;

/**
 * The default verdict. Of HTTP statuses, for an upgrade and for a request for events alike: 401 and 403 ask for fresh
 * credentials; 404, 408, 425, 429 and 5xx are retried; any other one stops.
 */
export function decide(
  loss: Loss,
  failure: Failure,
  rules: RetryRules | false,
  random: () => number,
): Decision {
  const stop = { action: 'stop', failure } as const;
  if (isHopeless(loss, failure)) return stop;
  if (rules === false) return stop;
  if (failure.cure === 'refresh') {
    if (!loss.canRefresh) return stop;
    if (!wasLetInAndRefused(loss)) return loss.refreshes === 0 ? { action: 'reauthenticate' } : stop;
  }
  if (loss.initial && !rules.initial) return stop;
  if (isExhausted(loss, rules)) return exhausted(loss, failure);
  if (!loss.online) return { action: 'waitForNetwork' };
  return { action: 'retry', delayMs: delayOf(loss, failure, rules, random) };
}

/** Fresh credentials are asked for at once, but neither twice in a row nor in a tight loop. */
const wasLetInAndRefused = (loss: Loss): boolean =>
  loss.phase === 'open' && loss.stableForMs < REFUSED_WITHIN_MS;

const isHopeless = (loss: Loss, { cure }: Failure): boolean =>
  cure === 'stop' || (cure === 'retryOnce' && loss.repeats > 1);

const isExhausted = (loss: Loss, rules: RetryRules): boolean =>
  loss.attempt > rules.maxAttempts || loss.elapsedMs >= rules.maxElapsedMs;

function delayOf(loss: Loss, failure: Failure, rules: RetryRules, random: () => number): number {
  const delayMs = rules.backoff.delayMs(loss.attempt, { previousMs: loss.previousDelayMs, random });
  if (typeof delayMs !== 'number' || !(delayMs >= 0)) {
    throw new TypeError(`Expected the backoff to answer a delay of at least 0 ms, got ${describe(delayMs)}`);
  }
  const hinted = Math.max(delayMs, loss.retryAfterMs ?? 0);
  return failure.cure === 'retryLater'
    ? Math.max(hinted, SPREAD_FROM_MS + random() * SPREAD_OVER_MS)
    : hinted;
}

/** Nothing was tried again yet: the failure itself says more than "gave up after 0 attempts". */
function exhausted(loss: Loss, failure: Failure): Decision {
  const attempts = loss.attempt - 1;
  if (attempts === 0) return { action: 'stop', failure };
  const cause = toError(failure);
  const details = { attempts, elapsedMs: Math.round(loss.elapsedMs), last: textOf(cause) };
  return { action: 'stop', failure: makeFailure('RETRIES_EXHAUSTED', 'stop', { details, cause }) };
}
