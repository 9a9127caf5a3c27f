// Questions to NATS, so many at once: asked all together, the last would have its answer after the time that one may take.

const AT_ONCE = 64;

export class Turns {
  #free = AT_ONCE;
  #waiting: (() => void)[] = [];

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  /** Nobody waits for the answers any more: what has not been asked never is. */
  end(): void {
    this.#waiting = [];
  }
}
