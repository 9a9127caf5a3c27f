// The promises of connect() and disconnect(): each settles exactly once, whatever becomes of the connection.
import { deferred, type Deferred } from './deferred.ts';
import { ConnectionError } from './errors.ts';

export class Waiters<Welcome> {
  readonly #opening = new Set<Deferred<Welcome>>();
  readonly #ending = new Set<Deferred<undefined>>();

  /** Whether a `connect()` is still pending. */
  get areOpening(): boolean {
    return this.#opening.size > 0;
  }

  /** Pending until the connection is open, has failed or has ended; `giveUp` takes back an aborted call. */
  untilOpen(): { readonly promise: Promise<Welcome>; readonly giveUp: (reason: unknown) => void } {
    const waiting = deferred<Welcome>();
    this.#opening.add(waiting);
    const giveUp = (reason: unknown) => {
      if (this.#opening.delete(waiting)) waiting.reject(reason);
    };
    return { promise: waiting.promise, giveUp };
  }

  untilEnded(): Promise<void> {
    const waiting = deferred<undefined>();
    this.#ending.add(waiting);
    return waiting.promise;
  }

  opened(welcome: Welcome): void {
    for (const waiting of take(this.#opening)) waiting.resolve(welcome);
    this.ended();
  }

  failed(error: ConnectionError): void {
    for (const waiting of take(this.#opening)) waiting.reject(error);
    this.ended();
  }

  closing(): void {
    for (const waiting of take(this.#opening)) waiting.reject(new ConnectionError('DISCONNECTED'));
  }

  closed(): void {
    this.closing();
    this.ended();
  }

  /** Nothing is being closed any more. */
  ended(): void {
    for (const waiting of take(this.#ending)) waiting.resolve(undefined);
  }
}

function take<Item>(set: Set<Item>): Item[] {
  const items = [...set];
  set.clear();
  return items;
}
