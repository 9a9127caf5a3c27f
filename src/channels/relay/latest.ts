// An async iterator of which only the newest value counts: who reads slowly leaves out what is outdated, and nothing piles
// up.
import { deferred, type Deferred } from '../../deferred.ts';

type Result<Value> = IteratorResult<Value, undefined>;
type Ending = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly reason: unknown };

const DONE = { done: true, value: undefined } as const;

export class Latest<Value> implements AsyncIterableIterator<Value> {
  readonly #onReturn: (self: Latest<Value>) => void;
  /** The value that nobody has read yet. */
  #fresh: readonly [Value] | undefined;
  #waiting: readonly Deferred<Result<Value>>[] = [];
  #ending: Ending | undefined;

  constructor(onReturn: (self: Latest<Value>) => void) {
    this.#onReturn = onReturn;
  }

  offer(value: Value): void {
    if (this.#ending !== undefined) return;
    const [first, ...others] = this.#waiting;
    this.#waiting = others;
    if (first === undefined) this.#fresh = [value];
    else first.resolve({ done: false, value });
  }

  /** The newest value is still read. */
  end(): void {
    this.#finish({ kind: 'done' });
  }

  /** Thrown once the newest value is read. */
  fail(reason: unknown): void {
    this.#finish({ kind: 'failed', reason });
  }

  next(): Promise<Result<Value>> {
    const fresh = this.#fresh;
    this.#fresh = undefined;
    if (fresh !== undefined) return Promise.resolve({ done: false, value: fresh[0] });
    const ending = this.#ending;
    if (ending === undefined) {
      const waiting = deferred<Result<Value>>();
      this.#waiting = [...this.#waiting, waiting];
      return waiting.promise;
    }
    this.#ending = { kind: 'done' };
    return ending.kind === 'done' ? Promise.resolve(DONE) : Promise.reject(ending.reason);
  }

  /** Called by `break`. */
  return(): Promise<Result<Value>> {
    this.#fresh = undefined;
    this.end();
    this.#onReturn(this);
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(ending: Ending): void {
    if (this.#ending !== undefined) return;
    const [first, ...others] = this.#waiting;
    this.#waiting = [];
    const isThrown = ending.kind === 'failed' && first !== undefined;
    this.#ending = isThrown ? { kind: 'done' } : ending;
    if (isThrown) first.reject(ending.reason);
    else first?.resolve(DONE);
    for (const other of others) other.resolve(DONE);
  }
}
