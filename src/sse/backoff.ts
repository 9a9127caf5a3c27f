// The wait before the next request: the server's `retry:` where it gave one, else the strategy that was given.
import { customBackoff, type Backoff } from '../backoff.ts';
import type { Place } from './place.ts';

/** `retry: 0` from a server that ends each stream at once would be a tight loop. */
const MIN_HINT_MS = 100;
/** As for `Retry-After`. */
const MAX_HINT_MS = 300_000;
/** Doubling goes no further than this, unless the server itself asked for more. */
const MAX_GROWN_MS = 30_000;

/**
 * The hint, between 100 ms and 5 minutes, doubled for each request in a row that opened no stream, and up to half more
 * at random: it is the same for all clients, who would all come back at the same moment.
 */
export const hintedBackoff = (place: Place, unhinted: Backoff): Backoff =>
  customBackoff((attempt, state) => {
    if (place.retryHintMs === undefined) return unhinted.delayMs(attempt, state);
    const baseMs = Math.min(Math.max(place.retryHintMs, MIN_HINT_MS), MAX_HINT_MS);
    const grownMs = Math.min(baseMs * 2 ** place.fruitless, Math.max(baseMs, MAX_GROWN_MS));
    return grownMs * (1 + state.random() / 2);
  });
