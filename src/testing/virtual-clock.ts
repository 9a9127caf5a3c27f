// Time that moves only when a test says so.
import { clampDelay } from '../../machines/index.ts';
import type { Clock } from '../clock.ts';
import { InvalidOptionError } from '../errors.ts';

interface Timer {
  readonly callback: () => void;
  readonly dueMs: number;
}

/** How many timers one `advance()` or `jump()` runs before it takes them for an endless loop. */
export const MAX_TIMERS_PER_MOVE = 100_000;

/**
 * A {@link Clock} that stands still until it is moved. It starts at 0 ms.
 *
 * Timers run synchronously, inside the call that moves the clock, in order of their due time and first come first
 * served among equals. A timer that is started in a promise callback is started after that call has returned: move in
 * steps, with {@link runNext} or several `advance()`, and await in between.
 *
 * What a timer throws comes out of the call that moved the clock. The clock then stands at that timer's time, and the
 * timers that were not run yet are still pending.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  /** In the order in which they will run. */
  readonly #timers: Timer[] = [];

  now(): number {
    return this.#nowMs;
  }

  /** Delays are clamped like those of `systemClock`: a negative one to 0, `Infinity` and NaN to 2,147,483,647 ms. */
  setTimeout(callback: () => void, delayMs: number): unknown {
    const timer: Timer = { callback, dueMs: this.#nowMs + clampDelay(delayMs) };
    const before = this.#timers.findLastIndex(({ dueMs }) => dueMs <= timer.dueMs);
    this.#timers.splice(before + 1, 0, timer);
    return timer;
  }

  /** Ignores a timer that has run, was cleared before, or is none. */
  clearTimeout(timer: unknown): void {
    const index = this.#timers.indexOf(timer as Timer);
    if (index >= 0) this.#timers.splice(index, 1);
  }

  /** How many timers wait for their time. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Milliseconds until the next timer is due; `undefined` when none is pending. */
  get nextInMs(): number | undefined {
    const next = this.#timers[0];
    return next && Math.max(next.dueMs - this.#nowMs, 0);
  }

  /**
   * Lets `ms` milliseconds pass. Every timer that becomes due runs at its own due time, those included that are
   * started by such timers.
   *
   * @throws {InvalidOptionError} when `ms` is negative or not finite.
   * @throws {Error} after {@link MAX_TIMERS_PER_MOVE} timers: one that starts itself again with 0 ms never ends.
   */
  advance(ms: number): void {
    const targetMs = this.#nowMs + duration(ms);
    this.#runDue(targetMs);
    this.#nowMs = Math.max(this.#nowMs, targetMs);
  }

  /**
   * Lets `ms` milliseconds pass in which nothing could run: the laptop slept, the process was stopped, a garbage
   * collection took long. The time moves at once; what became due meanwhile runs afterwards, late.
   *
   * @throws like {@link advance}.
   */
  jump(ms: number): void {
    this.#nowMs += duration(ms);
    this.#runDue(this.#nowMs);
  }

  /** Moves to the next timer's time and runs that one timer. Returns `false` when none is pending. */
  runNext(): boolean {
    const next = this.#timers.shift();
    if (!next) return false;
    this.#nowMs = Math.max(this.#nowMs, next.dueMs);
    next.callback();
    return true;
  }

  #runDue(untilMs: number): void {
    for (let ran = 0; (this.#timers[0]?.dueMs ?? Infinity) <= untilMs; ran += 1) {
      if (ran === MAX_TIMERS_PER_MOVE) {
        throw new Error(
          `${ran} timers ran on the way to ${untilMs} ms, and the clock has only reached ${this.#nowMs} ms: ` +
            'is there a timer that starts itself again with too short a delay?',
        );
      }
      this.runNext();
    }
  }
}

function duration(ms: number): number {
  if (!(ms >= 0 && ms < Infinity)) throw new InvalidOptionError('ms', 'a finite number, 0 or more', ms);
  return ms;
}
