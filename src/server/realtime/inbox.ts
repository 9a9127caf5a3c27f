// Messages that came and have not been taken yet: in order, bounded, and all of them before the end is told.
import type { Clock } from '../../clock.ts';
import { deferred } from '../../deferred.ts';
import { SessionError } from './errors.ts';

export interface ReceiveOptions {
  /** Aborting rejects this call with the signal's reason; the message then goes to the next one. */
  readonly signal?: AbortSignal;
  /** Rejects with `RECEIVE_TIMEOUT` when no message has come by then, in milliseconds. Default: no limit. */
  readonly timeoutMs?: number;
}

/** Whose messages they are. */
export interface InboxOwner {
  readonly settings: {
    readonly clock: Clock;
    readonly limits: { readonly maxQueuedMessages: number; readonly maxQueuedBytes: number };
  };
  /** No more until `resumeReading()`; what was read already still comes. */
  pauseReading(): void;
  resumeReading(): void;
  /** Why there is nothing more to take. */
  closedError(): Error;
}

interface Parcel<Message> {
  readonly message: Message;
  readonly bytes: number;
}

type Taken<Message> = IteratorResult<Message, undefined>;

interface Receiver<Message> {
  readonly take: (message: Message) => void;
  readonly end: () => void;
}

/** What an idle session holds is counted: most of this is made when it is needed. */
export class Inbox<Message> {
  readonly #owner: InboxOwner;
  /** Whoever asked, in the order in which they asked. */
  #waiting: Receiver<Message>[] | undefined;
  #parcels: Parcel<Message>[] | undefined;
  /** Where the queue begins in `#parcels`: `shift()` moves everything, each time. */
  #head = 0;
  #bytes = 0;
  #isFull = false;
  #hasEnded = false;

  constructor(owner: InboxOwner) {
    this.#owner = owner;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  get #size(): number {
    return (this.#parcels?.length ?? 0) - this.#head;
  }

  push(message: Message, bytes: number): void {
    if (this.#hasEnded) return;
    const receiver = this.#waiting?.shift();
    if (receiver !== undefined) {
      receiver.take(message);
      return;
    }
    this.#parcels ??= [];
    this.#parcels.push({ message, bytes });
    this.#bytes += bytes;
    const { maxQueuedMessages, maxQueuedBytes } = this.#owner.settings.limits;
    if (this.#isFull || (this.#size < maxQueuedMessages && this.#bytes < maxQueuedBytes)) return;
    this.#isFull = true;
    this.#owner.pauseReading();
  }

  async next({ signal, timeoutMs = Infinity }: ReceiveOptions = {}): Promise<Message> {
    signal?.throwIfAborted();
    const parcel = this.#take();
    if (parcel !== undefined) return parcel.message;
    if (this.#hasEnded) throw this.#owner.closedError();
    return this.#wait(signal, timeoutMs);
  }

  /** The same, but the end is an answer. */
  nextOrEnd(): Promise<Taken<Message>> {
    const parcel = this.#take();
    if (parcel !== undefined) return Promise.resolve({ done: false, value: parcel.message });
    if (this.#hasEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#expect(new Turn(resolve)));
  }

  /** Nothing more comes; what is here is still taken. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const receiver of this.#waiting ?? []) receiver.end();
    this.#waiting = undefined;
  }

  #expect(receiver: Receiver<Message>): void {
    // The first `push()` to an empty list makes room for 17.
    if (this.#waiting === undefined) this.#waiting = [receiver];
    else this.#waiting.push(receiver);
  }

  /** Returns whether it was waiting still. */
  #forget(receiver: Receiver<Message>): boolean {
    const index = this.#waiting?.indexOf(receiver) ?? -1;
    if (index >= 0) this.#waiting?.splice(index, 1);
    return index >= 0;
  }

  #take(): Parcel<Message> | undefined {
    const parcel = this.#parcels?.[this.#head];
    if (parcel === undefined) return undefined;
    this.#head += 1;
    this.#bytes -= parcel.bytes;
    if (this.#size === 0 || this.#head > 1_000) {
      this.#parcels = this.#size === 0 ? undefined : this.#parcels?.slice(this.#head);
      this.#head = 0;
    }
    const { maxQueuedMessages, maxQueuedBytes } = this.#owner.settings.limits;
    if (this.#isFull && this.#size <= maxQueuedMessages / 2 && this.#bytes <= maxQueuedBytes / 2) {
      this.#isFull = false;
      this.#owner.resumeReading();
    }
    return parcel;
  }

  async #wait(signal: AbortSignal | undefined, timeoutMs: number): Promise<Message> {
    const { clock } = this.#owner.settings;
    const { promise, resolve, reject } = deferred<Message>();
    const receiver = { take: resolve, end: () => reject(this.#owner.closedError()) };
    const giveUp = (reason: unknown): void => {
      if (this.#forget(receiver)) reject(reason);
    };
    const abort = (): void => giveUp(signal?.reason);
    const isLimited = timeoutMs < Infinity;
    const late = (): void => giveUp(new SessionError('RECEIVE_TIMEOUT', { limitMs: timeoutMs }));
    this.#expect(receiver);
    signal?.addEventListener('abort', abort, { once: true });
    const timer = isLimited ? clock.setTimeout(late, timeoutMs) : undefined;
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
      clock.clearTimeout(timer);
    }
  }
}

/** One turn of a loop over the messages. */
class Turn<Message> implements Receiver<Message> {
  readonly #resolve: (taken: Taken<Message>) => void;

  constructor(resolve: (taken: Taken<Message>) => void) {
    this.#resolve = resolve;
  }

  take(message: Message): void {
    this.#resolve({ done: false, value: message });
  }

  end(): void {
    this.#resolve({ done: true, value: undefined });
  }
}
