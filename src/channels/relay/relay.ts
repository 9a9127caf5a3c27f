// The relay as its user sees it: one object for all answers, and one for each of them.
import type { RelayState } from '../../../machines/index.ts';
import { InvalidOptionError, textOf } from '../../errors.ts';
import { guardInspector, type GuardedInspector } from '../../inspection/guard.ts';
import { ConversationLife, type RelayActor, type RelayOutcome } from './life.ts';
import { resolveRelayOptions, type RelayOptions, type RelaySettings, type RunSource } from './options.ts';
import type { FramePublisher } from './outlet.ts';
import { Teller } from './teller.ts';

export interface AnswerRequest {
  /** Where the frames are published. */
  readonly channel: string;
  /** Of the request that is answered: the same in all frames. One answer at a time has it. */
  readonly messageId: string;
  /** If it is known; the events of the run may tell it later. */
  readonly threadId?: string | null;
  /** What the assistant says. */
  readonly run: RunSource;
  /** Aborting ends the answer with an error frame. */
  readonly signal?: AbortSignal;
}

/**
 * Tells channels what an assistant does: that it has started, the tools that it uses, the text so far, and the end.
 *
 * ```ts
 * const relay = new AssistantRelay(channels, { tools: { get_weather }, submitToolOutputs });
 * const { outcome, text } = await relay.answer({ channel, messageId, run }).finished;
 * ```
 */
export class AssistantRelay implements AsyncDisposable {
  readonly #publisher: FramePublisher;
  readonly #settings: RelaySettings;
  readonly #inspector: GuardedInspector | undefined;
  readonly #conversations = new Map<string, Conversation>();

  /**
   * @param publisher a `ChannelClient` that is subscribed to the channels, a `ChannelHub`, or anything that publishes
   * @throws {InvalidOptionError} for an option that cannot be meant
   */
  constructor(publisher: FramePublisher, options: RelayOptions = {}) {
    if (typeof (publisher as Partial<FramePublisher> | undefined)?.publish !== 'function')
      throw new InvalidOptionError('publisher', 'an object with publish()', publisher);
    this.#publisher = publisher;
    this.#settings = resolveRelayOptions(options);
    const { inspect, logger } = this.#settings;
    const onFailed = (thrown: unknown): void =>
      logger?.error(`The inspector failed: ${textOf(thrown)}`, { error: thrown });
    this.#inspector = inspect === undefined ? undefined : guardInspector(inspect, onFailed);
  }

  /** The answers that have not ended yet, by their `messageId`. */
  get conversations(): ReadonlyMap<string, Conversation> {
    return this.#conversations;
  }

  /**
   * Begins to relay an answer: its first frame is published in this call. Others may be relayed at the same time.
   *
   * @throws {InvalidOptionError} for a request that cannot be meant, and for a `messageId` that is being answered
   */
  answer(request: AnswerRequest): Conversation {
    const { channel, messageId, threadId = null, run, signal } = checked(request);
    if (this.#conversations.has(messageId))
      throw new InvalidOptionError('messageId', 'one that is not being answered already', messageId);
    const settings = this.#settings;
    const teller = new Teller(messageId, threadId, {
      settings,
      publish: (payload, options) => this.#publisher.publish(channel, payload, options),
    });
    const abort = (): void => life.cancel(signal?.reason);
    const life = new ConversationLife(run, teller, {
      settings,
      inspector: this.#inspector,
      ended: () => {
        this.#conversations.delete(messageId);
        signal?.removeEventListener('abort', abort);
      },
    });
    const conversation = new Conversation(channel, life);
    this.#conversations.set(messageId, conversation);
    life.start();
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
    return conversation;
  }

  /** Cancels all answers, and resolves when their readers have been told. Never rejects. */
  async close(reason: unknown = new Error('The relay ends.')): Promise<void> {
    const conversations = [...this.#conversations.values()];
    for (const conversation of conversations) conversation.cancel(reason);
    await Promise.all(conversations.map(({ finished }) => finished));
  }

  /** `await using relay = …`: the same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** One answer. Made by {@link AssistantRelay.answer}. */
export class Conversation {
  readonly channel: string;
  readonly #life: ConversationLife;

  /** Made by the relay. */
  constructor(channel: string, life: ConversationLife) {
    this.channel = channel;
    this.#life = life;
  }

  get messageId(): string {
    return this.#life.teller.messageId;
  }

  /** `null` until it is known. */
  get threadId(): string | null {
    return this.#life.teller.threadId;
  }

  /** How it is, in one of seven words. */
  get state(): RelayState {
    return this.#life.state;
  }

  /** All that has come so far, published or not. */
  get text(): string {
    return this.#life.teller.text;
  }

  /** How it ended, when its last frame is published or could not be. Never rejects. */
  get finished(): Promise<RelayOutcome> {
    return this.#life.finished;
  }

  /** The XState actor behind it, for looking: `subscribe`, `getSnapshot`. Its events are not for users to send. */
  get actor(): RelayActor {
    return this.#life.actor;
  }

  /** Ends it with an error frame; once its end is being published, nothing happens any more. */
  cancel(reason: unknown = new Error('cancel() was called')): void {
    this.#life.cancel(reason);
  }
}

function checked(request: AnswerRequest): AnswerRequest {
  const { channel, messageId, threadId, run } = request;
  for (const [name, value] of Object.entries({ channel, messageId }))
    if (typeof value !== 'string' || value === '')
      throw new InvalidOptionError(name, 'a string that is not empty', value);
  if (threadId !== undefined && threadId !== null && typeof threadId !== 'string')
    throw new InvalidOptionError('threadId', 'a string or null', threadId);
  const isRun =
    typeof run === 'function' || typeof (run as Partial<typeof run>)[Symbol.asyncIterator] === 'function';
  if (!isRun) throw new InvalidOptionError('run', 'an async iterable, or a function that returns one', run);
  return request;
}
