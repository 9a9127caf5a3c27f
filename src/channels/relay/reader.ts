// The user's side of an answer: what its frames come to.
import { deferred } from '../../deferred.ts';
import { InvalidOptionError } from '../../errors.ts';
import { ChannelError } from '../errors.ts';
import { Subscription } from '../subscription.ts';
import type { ChannelMessage } from '../wire.ts';
import { Latest } from './latest.ts';
import { Fold, readAssistantPayload, type ConversationSnapshot } from './snapshot.ts';

export interface ReaderOptions {
  /** Of the answer to follow. Default: the first one that is heard of. */
  readonly messageId?: string;
  /** Aborting ends the reading with the signal's reason: as a limit for an answer that never ends, `AbortSignal.timeout(…)`. */
  readonly signal?: AbortSignal;
}

/**
 * Follows one answer on a channel.
 *
 * ```ts
 * const reader = new ConversationReader(subscription, { messageId });
 * for await (const { status, text } of reader) render(status, text);
 * const { text, error } = await reader.finished;
 * ```
 *
 * Each frame holds the whole text so far. What is lost in a cut or a gap is therefore made up for by the next frame, and
 * until then `isBehind` says so; a hub repeats what was missed, the end included. With a server that keeps nothing, an end
 * that falls into a cut does not come: limit the wait with a signal.
 *
 * A frame that is older than the newest one, by its timestamp, came late and is passed over, as are copies of a frame. A
 * newer one is believed, even if its text does not begin with the one before: an assistant may start anew.
 */
export class ConversationReader implements AsyncIterable<ConversationSnapshot> {
  readonly #fold: Fold;
  readonly #finished = deferred<ConversationSnapshot>();
  #watchers: readonly Latest<ConversationSnapshot>[] = [];
  /** How new iterators begin: as the others have ended. */
  #ending: ((watcher: Latest<ConversationSnapshot>) => void) | undefined;
  readonly #stop: () => void;

  /** Reads from now on; of a subscription that nobody has read yet, what came before too. */
  constructor(
    source: Subscription | AsyncIterable<ChannelMessage>,
    { messageId, signal }: ReaderOptions = {},
  ) {
    if (typeof (source as Partial<typeof source> | undefined)?.[Symbol.asyncIterator] !== 'function')
      throw new InvalidOptionError('source', 'a subscription, or another iterable of messages', source);
    this.#fold = new Fold(messageId);
    this.#finished.promise.catch(() => undefined);
    const iterator = source[Symbol.asyncIterator]();
    const forget = source instanceof Subscription ? this.#heed(source) : () => undefined;
    const abort = (): void => this.#fail(signal?.reason);
    this.#stop = () => {
      forget();
      signal?.removeEventListener('abort', abort);
      Promise.resolve(iterator.return?.()).catch(() => undefined);
    };
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
    void this.#follow(iterator);
  }

  /** How it stands. */
  get snapshot(): ConversationSnapshot {
    return this.#fold.snapshot;
  }

  /**
   * Resolves with the last snapshot, `completed` or `error`: an assistant that failed has answered too. Rejects with the
   * subscription's failure, with `ANSWER_CUT_OFF` when the messages end before the answer has, or with the reason of the
   * signal.
   */
  get finished(): Promise<ConversationSnapshot> {
    return this.#finished.promise;
  }

  /**
   * Snapshots, beginning with the present one if something has come. Who reads them slowly is given the newest one; the
   * last one is always given. Throws what {@link finished} rejects with. To leave the loop ends nothing.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ConversationSnapshot> {
    const watcher = new Latest<ConversationSnapshot>((left) => {
      this.#watchers = this.#watchers.filter((other) => other !== left);
    });
    if (this.snapshot.status !== 'waiting') watcher.offer(this.snapshot);
    if (this.#ending === undefined) this.#watchers = [...this.#watchers, watcher];
    else this.#ending(watcher);
    return watcher;
  }

  async #follow(messages: AsyncIterator<ChannelMessage>): Promise<void> {
    try {
      for (;;) {
        const next: IteratorResult<ChannelMessage, unknown> = await messages.next();
        if (this.#ending !== undefined) return;
        if (next.done === true) break;
        this.#take(next.value.payload);
      }
      this.#fail(new ChannelError('ANSWER_CUT_OFF'));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #take(payload: unknown): void {
    const frame = readAssistantPayload(payload);
    if (frame === undefined || !this.#fold.take(frame)) return;
    this.#show();
    if (this.snapshot.isFinal)
      this.#end(
        (watcher) => watcher.end(),
        () => this.#finished.resolve(this.snapshot),
      );
  }

  /** Returns what ends it. */
  #heed(subscription: Subscription): () => void {
    const onGap = (): void => this.#note({ isBehind: true, gaps: this.snapshot.gaps + 1 });
    const onChange = ({ state }: { readonly state: string }): void => {
      const isLive = state === 'subscribed';
      this.#note({ isLive, ...(!isLive && { isBehind: true }) });
    };
    this.#fold.note({ isLive: subscription.state === 'subscribed' });
    const forget = [subscription.on('gap', onGap), subscription.on('statechange', onChange)];
    return () => forget.forEach((off) => off());
  }

  #note(change: Parameters<Fold['note']>[0]): void {
    if (this.#fold.note(change)) this.#show();
  }

  #show(): void {
    for (const watcher of this.#watchers) watcher.offer(this.snapshot);
  }

  #fail(reason: unknown): void {
    this.#end(
      (watcher) => watcher.fail(reason),
      () => this.#finished.reject(reason),
    );
  }

  #end(end: (watcher: Latest<ConversationSnapshot>) => void, settle: () => void): void {
    if (this.#ending !== undefined) return;
    this.#ending = end;
    this.#stop();
    for (const watcher of this.#watchers) end(watcher);
    settle();
  }
}
