// The promises of connect() and disconnect(): each settles exactly once, whatever becomes of the connection.
import { deferred, type Deferred } from './deferred.ts';
import { ConnectionError } from './errors.ts';

/** Shared by all connections for which nobody waits, that is, nearly always. */
const NOBODY: readonly never[] = [];

export class Waiters<Welcome> {
  #opening: readonly Deferred<Welcome>[] = NOBODY;
  #ending: readonly Deferred<undefined>[] = NOBODY;

  /** Whether a `connect()` is still pending. */
  get areOpening(): boolean {
    return this.#opening.length > 0;
  }

  /** Pending until the connection is open, has failed or has ended; `giveUp` takes back an aborted call. */
  untilOpen(): { readonly promise: Promise<Welcome>; readonly giveUp: (reason: unknown) => void } {
    const waiting = deferred<Welcome>();
    this.#opening = [...this.#opening, waiting];
    const giveUp = (reason: unknown) => {
      if (!this.#opening.includes(waiting)) return;
      this.#opening = this.#opening.filter((other) => other !== waiting);
      waiting.reject(reason);
    };
    return { promise: waiting.promise, giveUp };
  }

  untilEnded(): Promise<void> {
    const waiting = deferred<undefined>();
    this.#ending = [...this.#ending, waiting];
    return waiting.promise;
  }

  opened(welcome: Welcome): void {
    for (const waiting of this.#takeOpening()) waiting.resolve(welcome);
    this.ended();
  }

  failed(error: ConnectionError): void {
    for (const waiting of this.#takeOpening()) waiting.reject(error);
    this.ended();
  }

  closing(): void {
    for (const waiting of this.#takeOpening()) waiting.reject(new ConnectionError('DISCONNECTED'));
  }

  closed(): void {
    this.closing();
    this.ended();
  }

  /** Nothing is being closed any more. */
  ended(): void {
    const ending = this.#ending;
    this.#ending = NOBODY;
    for (const waiting of ending) waiting.resolve(undefined);
  }

  #takeOpening(): readonly Deferred<Welcome>[] {
    const opening = this.#opening;
    this.#opening = NOBODY;
    return opening;
  }
}
