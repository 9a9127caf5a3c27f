// The way out for the frames of one answer: one at a time and in order. A text that waits while another one is on its way
// gives place to a newer one, which says all that it says; nothing else is ever left out.
import { deferred, type Deferred } from '../../deferred.ts';
import type { AssistantPayload } from '../frames.ts';

/** What becomes of the frames: a `ChannelClient`, a `ChannelHub`, or anything else that publishes. */
export interface FramePublisher {
  /**
   * What it returns is awaited before the next frame of the same answer. What it throws is logged, and the answer goes
   * on. It must come to an end in some time; a `ChannelClient` does after `timeoutMs`.
   */
  publish(channel: string, payload: AssistantPayload, options: FrameOptions): unknown;
}

export interface FrameOptions {
  /** As in `ChannelClient.publish()`; given with the last frame. */
  readonly timeoutMs?: number;
  /** As in `ChannelHub.publish()`; not given. */
  readonly messageId?: string;
}

/** What became of one frame. */
export type Fate = { readonly isPublished: true } | { readonly isPublished: false; readonly thrown: unknown };

interface Waiting {
  readonly payload: AssistantPayload;
  readonly options: FrameOptions;
  readonly fate: Deferred<Fate>;
}

const PUBLISHED: Fate = { isPublished: true };

export class Outlet {
  readonly #publish: (payload: AssistantPayload, options: FrameOptions) => unknown;
  #waiting: readonly Waiting[] = [];
  #pumping: Promise<void> | undefined;

  constructor(publish: (payload: AssistantPayload, options: FrameOptions) => unknown) {
    this.#publish = publish;
  }

  /** Resolves with what became of it; never rejects. Of a text that gave place to a newer one, nothing is heard. */
  push(payload: AssistantPayload, options: FrameOptions = {}): Promise<Fate> {
    const fate = deferred<Fate>();
    const { status } = payload;
    const saysItAll = status === 'in_progress' || status === 'completed';
    const others = saysItAll
      ? this.#waiting.filter(({ payload: other }) => other.status !== 'in_progress')
      : this.#waiting;
    this.#waiting = [...others, { payload, options, fate }];
    this.#pumping ??= this.#pump();
    return fate.promise;
  }

  async #pump(): Promise<void> {
    for (;;) {
      const [next, ...others] = this.#waiting;
      if (next === undefined) break;
      this.#waiting = others;
      next.fate.resolve(await this.#send(next));
    }
    this.#pumping = undefined;
  }

  async #send({ payload, options }: Waiting): Promise<Fate> {
    try {
      await this.#publish(payload, options);
      return PUBLISHED;
    } catch (thrown) {
      return { isPublished: false, thrown };
    }
  }
}
