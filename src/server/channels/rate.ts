// How often one client may ask for something: so much at once, and so much on average.
import type { Clock } from '../../clock.ts';

export interface RateLimits {
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
}

export class Rate {
  readonly #limits: RateLimits;
  readonly #clock: Clock;
  #tokens: number;
  #filledAtMs: number;

  constructor(limits: RateLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#tokens = limits.messageBurst;
    this.#filledAtMs = clock.now();
  }

  /** Whether once more is not too often. */
  take(): boolean {
    const { messagesPerSecond, messageBurst } = this.#limits;
    if (messagesPerSecond === Infinity) return true;
    const nowMs = this.#clock.now();
    const gained = ((nowMs - this.#filledAtMs) / 1_000) * messagesPerSecond;
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(messageBurst, this.#tokens + gained);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
