// The last so many of what was added, each with a number that it keeps.

export class Ring<Item> {
  readonly #size: number;
  /** The kept ones, from `#head` on. */
  #items: (Item | undefined)[] = [];
  #head = 0;
  #first = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** The number of the oldest item that is kept: so many came before it and are gone. */
  get first(): number {
    return this.#first;
  }

  /** The number that the next item gets: so many were added. */
  get end(): number {
    return this.#first + this.#items.length - this.#head;
  }

  get last(): Item | undefined {
    return this.#items.at(-1);
  }

  /** Returns what had to go. */
  add(item: Item): Item | undefined {
    this.#items.push(item);
    return this.end - this.#first > this.#size ? this.shift() : undefined;
  }

  /** Lets the oldest item go, and returns it. */
  shift(): Item | undefined {
    if (this.end === this.#first) return undefined;
    const gone = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    this.#first += 1;
    // To move the others up each time would cost as much as there are.
    if (this.#head >= this.#size) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return gone;
  }

  /** What is kept from this number on, at most so many. */
  from(number: number, count = Infinity): Item[] {
    const start = this.#head + Math.max(0, number - this.#first);
    return this.#items.slice(start, start + count) as Item[];
  }
}
