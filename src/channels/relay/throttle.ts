// When the text so far is worth another frame: so many new characters, or so long after the last one.

export interface ThrottleOptions {
  /**
   * New characters (UTF-16) that are worth a frame at once; `Infinity`: only time counts.
   *
   * @defaultValue `10`
   */
  readonly minChars?: number;
  /**
   * For fewer characters, after the last frame, in milliseconds; `Infinity`: only characters count. They do not wait
   * longer than that, even if nothing follows them.
   *
   * @defaultValue `1_000`
   */
  readonly maxWaitMs?: number;
}

export class Throttle {
  readonly #minChars: number;
  readonly #maxWaitMs: number;
  #sentChars = 0;
  #sentAtMs: number;

  constructor({ minChars, maxWaitMs }: Required<ThrottleOptions>, nowMs: number) {
    this.#minChars = minChars;
    this.#maxWaitMs = maxWaitMs;
    this.#sentAtMs = nowMs;
  }

  /** How long a text of so many characters has to wait: 0 when it is due, `Infinity` when there is nothing new in it. */
  waitMs(chars: number, nowMs: number): number {
    const fresh = chars - this.#sentChars;
    if (fresh <= 0) return Infinity;
    if (fresh >= this.#minChars) return 0;
    return Math.max(0, this.#sentAtMs + this.#maxWaitMs - nowMs);
  }

  sent(chars: number, nowMs: number): void {
    this.#sentChars = chars;
    this.#sentAtMs = nowMs;
  }
}
