// One subscription as its user sees it.
import type { SubscriptionState } from '../../machines/index.ts';
import type { Unsubscribe } from '../emitter.ts';
import type { ConnectionError } from '../errors.ts';
import type { StreamOptions } from '../message-stream.ts';
import type { Consumers } from './consumers.ts';
import type { SubscriptionActor, SubscriptionLife } from './subscription-life.ts';
import type { ChannelMessage, Member, Position } from './wire.ts';

/**
 * Messages that are lost to this subscriber: they are not in the hub's history any more, or came too fast for the client,
 * or before it had a consumer.
 */
export interface Gap {
  readonly channel: string;
  /** The last message before it; absent where the server does not number them. */
  readonly after?: number;
  /** The last one in it. */
  readonly seq?: number;
}

/** Who is subscribed: all who are `present` when the subscription was made, then who joins and who leaves. */
export interface Presence {
  readonly channel: string;
  readonly event: 'present' | 'join' | 'leave';
  readonly members: readonly Member[];
}

/** A listener may be async: what it rejects with is reported like what it throws. */
export type SubscriptionEvents = {
  message: (message: ChannelMessage) => unknown;
  gap: (gap: Gap) => unknown;
  presence: (presence: Presence) => unknown;
  statechange: (change: {
    readonly state: SubscriptionState;
    readonly previous: SubscriptionState;
  }) => unknown;
  /** The server refused it, or the connection gave up. */
  failed: (error: ConnectionError) => unknown;
};

/**
 * The messages of one channel, through as many connections as it takes. Made by `ChannelClient.subscribe()`.
 *
 * ```ts
 * const subscription = await channels.subscribe('user_session_abc123');
 * for await (const { payload } of subscription) console.log(payload);
 * ```
 */
export class Subscription implements AsyncIterable<ChannelMessage>, AsyncDisposable {
  readonly #life: SubscriptionLife;
  readonly #consumers: Consumers;

  /** Made by the client. */
  constructor(life: SubscriptionLife, consumers: Consumers) {
    this.#life = life;
    this.#consumers = consumers;
  }

  get channel(): string {
    return this.#life.channel;
  }

  /** How it is, in one of five words. While the connection is lost it is `subscribing`. */
  get state(): SubscriptionState {
    return this.#life.stateFor(this.#consumers);
  }

  /** Whether the server said so; servers that say nothing about subscriptions are taken to have agreed. */
  get isAcknowledged(): boolean {
    return this.state === 'subscribed' && this.#life.isConfirmed;
  }

  /** The last message seen, as a hub numbers them; `undefined` with servers that do not. */
  get position(): Position | undefined {
    return this.#life.position;
  }

  /** Who is subscribed, where the hub tells. */
  get members(): readonly Member[] {
    return [...this.#life.members.values()];
  }

  /** Why it has failed. */
  get failure(): ConnectionError | undefined {
    return this.state === 'failed' ? this.#life.error : undefined;
  }

  /** The XState actor behind it, for looking: `subscribe`, `getSnapshot`. Its events are not for users to send. */
  get actor(): SubscriptionActor {
    return this.#life.actor;
  }

  /**
   * Adds a listener, and returns the function that removes it. The messages that came before the first consumer was there
   * come to it first, up to 256 of them.
   */
  on<E extends keyof SubscriptionEvents>(event: E, listener: SubscriptionEvents[E]): Unsubscribe {
    return this.#consumers.on(event, listener, 'on');
  }

  once<E extends keyof SubscriptionEvents>(event: E, listener: SubscriptionEvents[E]): Unsubscribe {
    return this.#consumers.on(event, listener, 'once');
  }

  off<E extends keyof SubscriptionEvents>(event: E, listener: SubscriptionEvents[E]): void {
    this.#consumers.emitter.off(event, listener);
  }

  /**
   * The messages from now on, for as many consumers as there are iterators; the first one gets those too that came before
   * it. Ends when the subscription does; throws why it failed.
   */
  messages(options: StreamOptions = {}): AsyncIterableIterator<ChannelMessage> {
    const stream = this.#consumers.messages(options);
    const { state } = this;
    if (state !== 'ended' && state !== 'failed') return stream;
    this.#consumers.flush();
    if (state === 'ended') stream.end();
    else stream.fail(this.#life.error);
    return stream;
  }

  /** The same as {@link messages} without options. Leaving the loop leaves the subscription as it is. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ChannelMessage> {
    return this.messages();
  }

  /**
   * Ends it, or only our part in it while others hold it too. Resolves when the server has been told and has answered, or
   * had `acknowledgementMs` for it. Never rejects.
   */
  unsubscribe(): Promise<void> {
    return this.#life.release(this.#consumers);
  }

  /** `await using subscription = …`: the same as `unsubscribe()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }
}
