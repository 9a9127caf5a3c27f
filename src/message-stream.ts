// One consumer's view of the incoming messages, as an async iterator with a bounded buffer.
import { ConnectionError, InvalidOptionError } from './errors.ts';
import { deferred, type Deferred } from './deferred.ts';

export interface StreamOptions {
  /** Aborting ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Messages that may wait for the consumer. At the limit the server is slowed down (Node), or, where the platform
   * cannot, the iteration ends with `CONSUMER_TOO_SLOW`.
   *
   * @defaultValue `1_000`
   */
  readonly maxBuffered?: number;
}

/** What a stream asks of the connection that feeds it. */
export interface StreamSource {
  readonly canPause: boolean;
  slowDown(consumer: object): void;
  speedUp(consumer: object): void;
  /** The stream ended, for whatever reason: nothing more is pushed. */
  release(stream: object): void;
}

type Ending = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly reason: unknown };

export class MessageStream<Message> implements AsyncIterableIterator<Message> {
  readonly #source: StreamSource;
  readonly #maxBuffered: number;
  readonly #buffer: Message[] = [];
  readonly #waiting: Deferred<IteratorResult<Message, undefined>>[] = [];
  readonly #forgetSignal: () => void;
  #ending: Ending | undefined;

  constructor(source: StreamSource, { signal, maxBuffered = 1_000 }: StreamOptions = {}) {
    if (!Number.isInteger(maxBuffered) || maxBuffered < 1) {
      throw new InvalidOptionError('maxBuffered', 'a whole number of at least 1', maxBuffered);
    }
    this.#source = source;
    this.#maxBuffered = maxBuffered;
    const abort = () => this.fail(signal?.reason);
    this.#forgetSignal = () => signal?.removeEventListener('abort', abort);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  push(message: Message): void {
    if (this.#ending !== undefined) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: message });
      return;
    }
    this.#buffer.push(message);
    if (this.#buffer.length < this.#maxBuffered) return;
    // What has been read from the socket already comes all the same: the bound is exceeded by one read at most.
    if (this.#source.canPause) this.#source.slowDown(this);
    else if (this.#buffer.length > this.#maxBuffered) {
      this.fail(new ConnectionError('CONSUMER_TOO_SLOW', { details: { maxMessages: this.#maxBuffered } }));
    }
  }

  /** No more messages will come; those that wait are still read. */
  end(): void {
    this.#finish({ kind: 'done' });
  }

  /** The iteration throws `reason` once the messages that wait are read. */
  fail(reason: unknown): void {
    this.#finish({ kind: 'failed', reason });
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#buffer.length > 0) {
      const value = this.#buffer.shift() as Message;
      if (this.#buffer.length <= this.#maxBuffered / 2) this.#source.speedUp(this);
      return Promise.resolve({ done: false, value });
    }
    const ending = this.#ending;
    if (ending === undefined) {
      const waiting = deferred<IteratorResult<Message, undefined>>();
      this.#waiting.push(waiting);
      return waiting.promise;
    }
    // An error is thrown once; after it the iterator is done, as every iterator.
    this.#ending = { kind: 'done' };
    return ending.kind === 'done'
      ? Promise.resolve({ done: true, value: undefined })
      : Promise.reject(ending.reason);
  }

  /** Called by `break`: the consumer has had enough. */
  return(): Promise<IteratorResult<Message, undefined>> {
    this.#buffer.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #finish(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#forgetSignal();
    this.#source.speedUp(this);
    this.#source.release(this);
    const [first, ...others] = this.#waiting.splice(0);
    if (first === undefined) return;
    if (ending.kind === 'failed') {
      this.#ending = { kind: 'done' };
      first.reject(ending.reason);
    } else first.resolve({ done: true, value: undefined });
    for (const other of others) other.resolve({ done: true, value: undefined });
  }
}
