// What a hub has done since it was made, as numbers that only rise.
import type { Published } from './broker.ts';

export class Tally {
  /** Messages that were taken, once each. */
  published = 0;
  /** Publications that had come before. */
  duplicates = 0;
  /** Messages that were handed to a subscriber. */
  delivered = 0;
  /** Messages that came again after a reconnect. */
  replayed = 0;
  /** Messages that a slow subscriber did not get. */
  dropped = 0;
  /** Times that a subscriber was told that it missed something. */
  gaps = 0;
  /** Clients that were disconnected because they were too slow. */
  slow = 0;
  /** What was not done, by the code that was answered. */
  readonly refused = new Map<string, number>();

  count({ isDuplicate }: Published): void {
    if (isDuplicate) this.duplicates += 1;
    else this.published += 1;
  }

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }
}
