// What waits for the consumer of one crawl: a queue with one reader, which tells when it is full and when it has room.
import type { Clock } from '../clock.ts';
import { deferred, type Deferred } from '../deferred.ts';

export interface InboxEvents {
  /** The queue has reached its bound. */
  full(): void;
  /** It has come down to half of it. */
  roomy(): void;
}

export class Inbox<Item> {
  readonly #clock: Clock;
  readonly #maxItems: number;
  readonly #events: InboxEvents;
  #items: Item[] = [];
  #reader: Deferred<Item | undefined> | undefined;
  /** Present from the moment that the queue was full until there is room. */
  #room: Deferred<undefined> | undefined;
  #end: { readonly reason: unknown } | undefined;

  constructor(clock: Clock, maxItems: number, events: InboxEvents) {
    this.#clock = clock;
    this.#maxItems = maxItems;
    this.#events = events;
  }

  /** How many wait. */
  get size(): number {
    return this.#items.length;
  }

  /** Whether it has been full and has no room yet. */
  get isFull(): boolean {
    return this.#room !== undefined;
  }

  /** Resolves once there is room for more. */
  push(item: Item): Promise<void> | undefined {
    if (this.#end !== undefined) return undefined;
    const reader = this.#takeReader();
    if (reader !== undefined) {
      reader.resolve(item);
      return undefined;
    }
    this.#items.push(item);
    if (this.#items.length >= this.#maxItems && this.#room === undefined) {
      this.#room = deferred();
      this.#events.full();
    }
    return this.#room?.promise;
  }

  /** No more will come: `next()` rejects with the reason once what waits is read; at once when it is dropped. */
  end(reason: unknown, waiting: 'read' | 'dropped' = 'read'): void {
    if (waiting === 'dropped') this.#items = [];
    else if (this.#end !== undefined) return;
    this.#end = { reason };
    this.#makeRoom();
    this.#takeReader()?.reject(reason);
  }

  /** The next item, or `undefined` after `limitMs` milliseconds without one. One call at a time. */
  async next(limitMs: number): Promise<Item | undefined> {
    const item = this.#items.shift();
    if (this.#items.length <= this.#maxItems / 2) this.#makeRoom();
    if (item !== undefined) return item;
    if (this.#end !== undefined) throw this.#end.reason;
    const reader = deferred<Item | undefined>();
    this.#reader = reader;
    const timer = this.#clock.setTimeout(() => this.#takeReader()?.resolve(undefined), limitMs);
    try {
      return await reader.promise;
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  /** Whoever answers the reader takes it, so that nothing is given to one that has its answer. */
  #takeReader(): Deferred<Item | undefined> | undefined {
    const reader = this.#reader;
    this.#reader = undefined;
    return reader;
  }

  #makeRoom(): void {
    if (this.#room === undefined) return;
    this.#room.resolve(undefined);
    this.#room = undefined;
    this.#events.roomy();
  }
}
