// Waiting in tests: for a condition that comes true, and for the next item of a list that grows.
import { InvalidOptionError } from '../errors.ts';

// Taken when this file is loaded, so that a test which replaces the global timers can still wait for real sockets.
const soon = setImmediate;
const now = performance.now.bind(performance);

/** Waits for one turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => void soon(resolve));

export interface UntilOptions {
  /** What is waited for, for the error message; a function is called only then. Default: the condition's source. */
  readonly describe?: string | (() => string);
  /** Real milliseconds to wait, 0 or more; `Infinity` waits for ever. Default: 5000. */
  readonly timeoutMs?: number;
}

/** What is left of a type when the falsy values are taken away. */
export type Truthy<T> = Exclude<T, false | 0 | 0n | '' | null | undefined>;

/**
 * Waits until a condition returns something truthy, and resolves with it. The condition is tried at once and then in
 * each turn of the event loop, so it should be cheap.
 *
 * @throws {Error} when the condition has not come true in time; and what the condition throws, at once.
 * @throws {InvalidOptionError} when `timeoutMs` is negative or not a number.
 */
export async function until<T>(condition: () => T, options: UntilOptions = {}): Promise<Truthy<T>> {
  const { describe = () => condition.toString(), timeoutMs = 5000 } = options;
  if (!(timeoutMs >= 0)) throw new InvalidOptionError('timeoutMs', '0 or more', timeoutMs);
  const deadline = now() + timeoutMs;
  for (;;) {
    const value = condition();
    if (value) return value as Truthy<T>;
    if (now() >= deadline) {
      const what = typeof describe === 'string' ? describe : describe();
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.`);
    }
    await turn();
  }
}

/** Everything that came in, in order; whoever asks for the next item gets one that nobody else gets. */
export class Inbox<T> {
  readonly items: T[] = [];
  readonly #describe: string;
  #asked = 0;

  /** @param describe what an item is, for the error message of a wait in vain. */
  constructor(describe: string) {
    this.#describe = describe;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** The first item that nobody has asked for yet. */
  async next(): Promise<T> {
    const index = this.#asked;
    this.#asked += 1;
    await until(() => index < this.items.length, {
      describe: () => `${this.#describe}, after ${index} that came before`,
    });
    return this.items[index] as T;
  }
}
