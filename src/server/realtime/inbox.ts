// Messages that came and have not been taken yet: in order, bounded, and all of them before the end is told.
import type { Clock } from '../../clock.ts';
import { deferred, type Deferred } from '../../deferred.ts';
import { SessionError } from './errors.ts';

export interface ReceiveOptions {
  /** Aborting rejects this call with the signal's reason; the message then goes to the next one. */
  readonly signal?: AbortSignal;
  /** Rejects with `RECEIVE_TIMEOUT` when no message has come by then, in milliseconds. Default: no limit. */
  readonly timeoutMs?: number;
}

export interface InboxOptions {
  readonly clock: Clock;
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** No more until `onRoom`; what was read already still comes. */
  readonly onFull: () => void;
  readonly onRoom: () => void;
  /** Why there is nothing more to take. */
  readonly ending: () => Error;
}

interface Parcel<Message> {
  readonly message: Message;
  readonly bytes: number;
}

export class Inbox<Message> {
  readonly #options: InboxOptions;
  readonly #waiting = new Set<Deferred<Message>>();
  #parcels: Parcel<Message>[] = [];
  /** Where the queue begins in `#parcels`: `shift()` moves everything, each time. */
  #head = 0;
  #bytes = 0;
  #isFull = false;
  #hasEnded = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  get #size(): number {
    return this.#parcels.length - this.#head;
  }

  push(message: Message, bytes: number): void {
    if (this.#hasEnded) return;
    const [receiver] = this.#waiting;
    if (receiver !== undefined) {
      this.#waiting.delete(receiver);
      receiver.resolve(message);
      return;
    }
    this.#parcels.push({ message, bytes });
    this.#bytes += bytes;
    const { maxMessages, maxBytes, onFull } = this.#options;
    if (this.#isFull || (this.#size < maxMessages && this.#bytes < maxBytes)) return;
    this.#isFull = true;
    onFull();
  }

  async next({ signal, timeoutMs }: ReceiveOptions = {}): Promise<Message> {
    signal?.throwIfAborted();
    const parcel = this.#take();
    if (parcel !== undefined) return parcel.message;
    if (this.#hasEnded) throw this.#options.ending();
    const receiver = deferred<Message>();
    this.#waiting.add(receiver);
    return signal === undefined && timeoutMs === undefined
      ? receiver.promise
      : this.#within(receiver, signal, timeoutMs);
  }

  /** The same, but the end is an answer. */
  async nextOrEnd(): Promise<IteratorResult<Message, undefined>> {
    try {
      return { done: false, value: await this.next() };
    } catch {
      return { done: true, value: undefined };
    }
  }

  /** Nothing more comes; what is here is still taken. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const receiver of this.#waiting) {
      receiver.promise.catch(() => undefined);
      receiver.reject(this.#options.ending());
    }
    this.#waiting.clear();
  }

  #take(): Parcel<Message> | undefined {
    const parcel = this.#parcels[this.#head];
    if (parcel === undefined) return undefined;
    this.#head += 1;
    this.#bytes -= parcel.bytes;
    if (this.#size === 0 || this.#head > 1_000) {
      this.#parcels = this.#parcels.slice(this.#head);
      this.#head = 0;
    }
    const { maxMessages, maxBytes, onRoom } = this.#options;
    if (this.#isFull && this.#size <= maxMessages / 2 && this.#bytes <= maxBytes / 2) {
      this.#isFull = false;
      onRoom();
    }
    return parcel;
  }

  async #within(
    receiver: Deferred<Message>,
    signal: AbortSignal | undefined,
    timeoutMs = Infinity,
  ): Promise<Message> {
    const { clock } = this.#options;
    const giveUp = (reason: unknown): void => {
      if (this.#waiting.delete(receiver)) receiver.reject(reason);
    };
    const abort = (): void => giveUp(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const timer =
      timeoutMs < Infinity
        ? clock.setTimeout(() => giveUp(new SessionError('RECEIVE_TIMEOUT', timeoutMs)), timeoutMs)
        : undefined;
    try {
      return await receiver.promise;
    } finally {
      signal?.removeEventListener('abort', abort);
      clock.clearTimeout(timer);
    }
  }
}
