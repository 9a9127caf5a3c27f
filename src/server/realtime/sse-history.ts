// The last events of a stream that many follow: formatted once, kept within bounds, given again to who comes back.
import { randomBytes } from 'node:crypto';
import { systemClock, type Clock } from '../../clock.ts';
import { InvalidOptionError } from '../../errors.ts';
import { formatEvent, type SseEvent } from './sse-format.ts';

export interface SseHistoryOptions {
  /**
   * Events to keep; the oldest go first.
   *
   * @defaultValue `1_000`
   */
  readonly maxEvents?: number;
  /**
   * How long an event is kept, in milliseconds.
   *
   * @defaultValue `300_000`
   */
  readonly ttlMs?: number;
  /** What `ttlMs` is measured with, for tests. Default: the platform's clock. */
  readonly clock?: Clock;
}

/** An event with its id, as it goes to everybody. */
export interface KeptEvent {
  readonly event: SseEvent & { readonly id: string };
  readonly text: Buffer;
  readonly publishedAtMs: number;
}

export interface Missed {
  /** What was published after that id. */
  readonly events: readonly KeptEvent[];
  /** False when that id is not known any more: these are all that are kept, and there were others. */
  readonly isComplete: boolean;
}

/** What a stream needs of a history in order to follow it. */
export interface Followed {
  /** The number that the next event will have. */
  readonly nextNumber: number;
  /** Where a client goes on that has seen `lastEventId`; at the next event if it has seen none. */
  numberAfter(lastEventId: string): number;
  /** An event by its number; `undefined` when it is not there yet, `'gone'` when it is kept no more. */
  at(number: number): KeptEvent | 'gone' | undefined;
  onPublished(listener: () => void): () => void;
}

/**
 * A bounded history of events.
 *
 * ```ts
 * const ticks = createSseHistory({ maxEvents: 500 });
 * server.sse('/ticks', (stream) => stream.follow(ticks));
 * ticks.publish({ event: 'tick', data: { price: 180 } });
 * ```
 *
 * @throws {InvalidOptionError} for a figure below 1
 */
export const createSseHistory = (options: SseHistoryOptions = {}): SseHistory => new SseHistory(options);

/** Made by {@link createSseHistory}. */
export class SseHistory implements Followed {
  readonly #maxEvents: number;
  readonly #ttlMs: number;
  readonly #clock: Clock;
  /** So that an id of an earlier life of this process is not taken for one of ours. */
  readonly #run = randomBytes(4).toString('hex');
  readonly #listeners = new Set<() => void>();
  readonly #numbers = new Map<string, number>();
  readonly #events = new Map<number, KeptEvent>();
  #first = 0;
  #next = 0;

  constructor({ maxEvents = 1_000, ttlMs = 300_000, clock = systemClock }: SseHistoryOptions) {
    for (const [name, value] of Object.entries({ maxEvents, ttlMs }))
      if (!(value >= 1)) throw new InvalidOptionError(name, 'a number of at least 1', value);
    this.#maxEvents = maxEvents;
    this.#ttlMs = ttlMs;
    this.#clock = clock;
  }

  /** Events that are kept. */
  get size(): number {
    this.#forget();
    return this.#events.size;
  }

  get nextNumber(): number {
    return this.#next;
  }

  /**
   * Keeps an event and sends it to all followers. Returns its id: the one given, which must not come twice while it is
   * kept, or one that it is given.
   *
   * @throws {InvalidOptionError} for a field that would break out of its line
   */
  publish(given: SseEvent): string {
    const { id = `${this.#run}-${this.#next}` } = given;
    const event = { ...given, id };
    const text = Buffer.from(formatEvent(event));
    this.#events.set(this.#next, { event, text, publishedAtMs: this.#clock.now() });
    this.#numbers.set(id, this.#next);
    this.#next += 1;
    this.#forget();
    for (const listener of this.#listeners) listener();
    return id;
  }

  /** What somebody has missed who saw `lastEventId` last; nothing, for one who has seen none. */
  after(lastEventId: string): Missed {
    this.#forget();
    const isComplete = lastEventId === '' || this.#numbers.has(lastEventId);
    const from = this.numberAfter(lastEventId);
    const events = [...this.#events].filter(([number]) => number >= from).map(([, event]) => event);
    return { events, isComplete };
  }

  numberAfter(lastEventId: string): number {
    this.#forget();
    if (lastEventId === '') return this.#next;
    const number = this.#numbers.get(lastEventId);
    return number === undefined ? this.#first : number + 1;
  }

  at(number: number): KeptEvent | 'gone' | undefined {
    return this.#events.get(number) ?? (number < this.#first ? 'gone' : undefined);
  }

  onPublished(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #forget(): void {
    const oldestMs = this.#clock.now() - this.#ttlMs;
    for (const [number, { event, publishedAtMs }] of this.#events) {
      if (this.#events.size <= this.#maxEvents && publishedAtMs >= oldestMs) return;
      this.#events.delete(number);
      if (this.#numbers.get(event.id) === number) this.#numbers.delete(event.id);
      this.#first = number + 1;
    }
  }
}

export interface Follower {
  readonly lastEventId: string;
  readonly write: (event: KeptEvent) => Promise<void>;
  readonly untilEnd: (end: () => void) => () => void;
  readonly fellBehind: () => void;
}

/** Takes one event after the other at the pace of the follower: the history is the only buffer there is. */
export async function follow(history: Followed, follower: Follower): Promise<void> {
  let isOver = false;
  let wake = (): void => undefined;
  const isOn = (): boolean => !isOver;
  const leave = history.onPublished(() => wake());
  follower.untilEnd(() => {
    isOver = true;
    wake();
  });
  try {
    let number = history.numberAfter(follower.lastEventId);
    while (isOn()) {
      const event = history.at(number);
      if (event === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else if (event === 'gone' || !(await isWritten(follower, event))) break;
      else number += 1;
    }
  } finally {
    leave();
  }
  if (isOn()) follower.fellBehind();
}

const isWritten = ({ write }: Follower, event: KeptEvent): Promise<boolean> =>
  write(event).then(
    () => true,
    () => false,
  );
