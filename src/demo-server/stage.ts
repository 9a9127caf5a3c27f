// What all demo endpoints share: the seed, the pauses, the time of day, and the server to broadcast with.
import { systemClock, type Clock } from '../clock.ts';
import { InvalidOptionError } from '../errors.ts';
import type { RealtimeServer } from '../server/index.ts';
import { Random } from './random.ts';

export interface DemoRoutesOptions {
  /** For everything random. The same seed gives the same data. A whole number of at least 0. */
  readonly seed: number;
  /**
   * Multiplies every pause of the endpoints; 0 leaves them out. Keep-alives and pings keep their time.
   *
   * @defaultValue `1`
   */
  readonly pace?: number;
  readonly clock?: Clock;
}

export class Stage {
  readonly server: RealtimeServer;
  readonly #seed: number;
  readonly #pace: number;
  readonly #clock: Clock;
  readonly #connections = new Map<string, number>();

  /** @throws {InvalidOptionError} for a figure that cannot be meant */
  constructor(server: RealtimeServer, { seed, pace = 1, clock = systemClock }: DemoRoutesOptions) {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new InvalidOptionError('seed', 'a whole number of at least 0', seed);
    if (!(pace >= 0 && pace < Infinity))
      throw new InvalidOptionError('pace', 'a finite number of at least 0', pace);
    this.server = server;
    this.#seed = seed;
    this.#pace = pace;
    this.#clock = clock;
  }

  get nowMs(): number {
    return this.#clock.now();
  }

  /** A generator for one purpose: it begins anew each time it is asked for. */
  random(...names: readonly (string | number)[]): Random {
    return new Random(this.#seed, ...names);
  }

  /** A generator for the next connection of a route. */
  randomOfNext(route: string): Random {
    const number = (this.#connections.get(route) ?? 0) + 1;
    this.#connections.set(route, number);
    return this.random(route, number);
  }

  /** Waits, times the pace. Rejects with the signal's reason as soon as there is one. */
  async pause(delayMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const pausedMs = delayMs * this.#pace;
    if (pausedMs === 0) return;
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#clock.clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = this.#clock.setTimeout(() => {
        signal.removeEventListener('abort', leave);
        resolve();
      }, pausedMs);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}

/** The time of day in seconds since 1970, with a fraction. */
export const epochSeconds = (): number => Date.now() / 1_000;

export function rounded(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}

export const clamped = (value: number, min: number, max: number): number =>
  Math.min(Math.max(value, min), max);
