// How long a crawl waits before it tries again, and for whom it waits though it has not begun.
import { exponentialBackoff } from '../backoff.ts';
import type { RetryOptions } from '../options.ts';
import type { Loss, Verdict } from '../retry-policy.ts';

/** 2, 4, 8 … seconds. */
export const crawlBackoff = exponentialBackoff({ baseMs: 2_000 });

export const CRAWL_MAX_ATTEMPTS = 3;

export interface Patience {
  readonly retry?: Pick<RetryOptions, 'backoff' | 'maxAttempts'> | false | undefined;
  readonly random?: (() => number) | undefined;
}

/** The wait before an attempt, counted from 1, in milliseconds. */
export function delayBefore(attempt: number, { retry, random = Math.random }: Patience): number {
  const { backoff = crawlBackoff } = retry || {};
  return backoff.delayMs(Math.max(1, attempt), { previousMs: null, random });
}

/** How often in a row a crawl is asked for again without a new result. */
export const maxFruitless = ({ retry }: Patience): number =>
  retry === false ? 0 : (retry?.maxAttempts ?? CRAWL_MAX_ATTEMPTS);

/** HTTP statuses by which a server asks to be asked later. */
export const isBusyStatus = (status: number | undefined): boolean => status === 429 || status === 503;

/** A first attempt is not repeated, but for a server that asks for it. */
export function unlessBusy(loss: Loss, verdict: Verdict, patience: Patience): Verdict {
  const { httpStatus, initial, attempt, retryAfterMs = 0 } = loss;
  const isFinal = verdict.action !== 'stop' || !initial || !isBusyStatus(httpStatus);
  if (isFinal || attempt > maxFruitless(patience)) return verdict;
  return { action: 'retry', delayMs: Math.max(retryAfterMs, delayBefore(attempt, patience)) };
}
