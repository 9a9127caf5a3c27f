// One clock for the machine's timers and everybody else's, so that a test can hold all of time in its hand.
import { clampDelay } from '../machines/index.ts';

/** Monotonic time and timers, in milliseconds. `statewire/testing` has a virtual one. */
export interface Clock {
  /** Milliseconds since an arbitrary origin; never goes back, unlike the wall clock. */
  now(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The platform's clock: `performance.now()` and `setTimeout`, with delays clamped to what a timer can hold. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, clampDelay(delayMs)),
  clearTimeout: (timer) => {
    clearTimeout(timer as ReturnType<typeof setTimeout>);
  },
};
