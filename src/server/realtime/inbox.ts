// Messages that came and have not been taken yet: in order, bounded, and all of them before the end is told.
import type { Clock } from '../../clock.ts';
import { deferred } from '../../deferred.ts';
import { InvalidOptionError } from '../../errors.ts';
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
  #messages: Message[] | undefined;
  /** The bytes of each: one object for both would be one more for each message. */
  #sizes: number[] | undefined;
  /** Where the queue begins in both: `shift()` moves everything, each time. */
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
    return (this.#messages?.length ?? 0) - this.#head;
  }

  push(message: Message, bytes: number): void {
    if (this.#hasEnded) return;
    const receiver = this.#waiting?.shift();
    if (receiver !== undefined) {
      receiver.take(message);
      return;
    }
    this.#messages ??= [];
    this.#sizes ??= [];
    this.#messages.push(message);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    if (this.#isFull) return;
    const { maxQueuedMessages, maxQueuedBytes } = this.#owner.settings.limits;
    if (this.#bytes >= maxQueuedBytes) this.#fill();
    else if (this.#size === Math.ceil(maxQueuedMessages)) setImmediate(() => this.#fillIfMany());
  }

  /** One read brings more small messages than that; a handler that keeps up has taken them before the next one. */
  #fillIfMany(): void {
    const isMany = this.#size >= this.#owner.settings.limits.maxQueuedMessages;
    if (isMany && !this.#isFull && !this.#hasEnded) this.#fill();
  }

  #fill(): void {
    this.#isFull = true;
    this.#owner.pauseReading();
  }

  /** One promise for a message that is here already: promises are most of what receiving costs. */
  next(options: ReceiveOptions = {}): Promise<Message> {
    const { timeoutMs = Infinity } = options;
    if (!(timeoutMs >= 0)) throw new InvalidOptionError('timeoutMs', 'a number of at least 0', timeoutMs);
    const message = options.signal?.aborted === true ? undefined : this.takeNow();
    return message === undefined ? this.#next(options) : Promise.resolve(message);
  }

  async #next({ signal, timeoutMs = Infinity }: ReceiveOptions): Promise<Message> {
    signal?.throwIfAborted();
    if (this.#hasEnded) throw this.#owner.closedError();
    return this.#wait(signal, timeoutMs);
  }

  /** The next one if it is here already. */
  takeNow(): Message | undefined {
    const message = this.#messages?.[this.#head];
    if (message === undefined) return undefined;
    this.#bytes -= this.#sizes?.[this.#head] ?? 0;
    this.#head += 1;
    if (this.#size === 0 || this.#head > 1_000) this.#tidy();
    const { maxQueuedMessages, maxQueuedBytes } = this.#owner.settings.limits;
    if (this.#isFull && this.#size <= maxQueuedMessages / 2 && this.#bytes <= maxQueuedBytes / 2) {
      this.#isFull = false;
      this.#owner.resumeReading();
    }
    return message;
  }

  #tidy(): void {
    const isEmpty = this.#size === 0;
    this.#messages = isEmpty ? undefined : this.#messages?.slice(this.#head);
    this.#sizes = isEmpty ? undefined : this.#sizes?.slice(this.#head);
    this.#head = 0;
  }

  /** The same, but the end is an answer. */
  nextOrEnd(): Promise<Taken<Message>> {
    const message = this.takeNow();
    if (message !== undefined) return Promise.resolve({ done: false, value: message });
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
