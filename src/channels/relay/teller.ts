// Tells a channel how far an answer is: makes its frames, and decides when the text so far is worth one.
import { deferred } from '../../deferred.ts';
import { textOf } from '../../errors.ts';
import { errorPayload, statusPayload, type AssistantPayload, type FrameContext } from '../frames.ts';
import { isPassing } from '../wire.ts';
import type { RelaySettings } from './options.ts';
import { Outlet, type Fate, type FrameOptions } from './outlet.ts';
import { Throttle } from './throttle.ts';

export const STARTED = 'Assistant is processing your request...';
export const RESPONDING = 'Assistant is responding...';

/** Until the last frame is published again, after a hub could not take it. */
const RETRY_MS = 1_000;

export interface TellerWorld {
  readonly settings: RelaySettings;
  readonly publish: (payload: AssistantPayload, options: FrameOptions) => unknown;
}

export class Teller {
  readonly messageId: string;
  threadId: string | null;
  readonly #settings: RelaySettings;
  readonly #outlet: Outlet;
  readonly #throttle: Throttle;
  #text = '';
  #timer: unknown;
  /** Of the newest frame, in microseconds since 1970. */
  #lastUs = 0;
  #lostFrames = 0;

  constructor(messageId: string, threadId: string | null, { settings, publish }: TellerWorld) {
    this.messageId = messageId;
    this.threadId = threadId;
    this.#settings = settings;
    this.#outlet = new Outlet(publish);
    this.#throttle = new Throttle(settings.throttle, settings.clock.now());
  }

  get text(): string {
    return this.#text;
  }

  /** Frames that could not be published. */
  get lostFrames(): number {
    return this.#lostFrames;
  }

  start(): void {
    void this.#push(statusPayload('started', 'status', STARTED, this.#context));
  }

  tool(message: string): void {
    void this.#push(statusPayload('processing', 'tool', message, this.#context));
  }

  /** More text. The first of it is announced. */
  add(delta: string): void {
    if (delta === '') return;
    const { clock } = this.#settings;
    if (this.#text === '') {
      void this.#push(statusPayload('responding', 'status', RESPONDING, this.#context));
      this.#throttle.sent(0, clock.now());
    }
    this.#text += delta;
    this.#tellIfDue();
  }

  /** Tells the whole text, once. */
  complete(): Promise<Fate> {
    this.stop();
    return this.#pushLast(statusPayload('completed', 'response', this.#text, this.#context));
  }

  fail(message: string, details: string): Promise<Fate> {
    this.stop();
    return this.#pushLast(errorPayload(message, details, this.#context));
  }

  /** No text is told any more. */
  stop(): void {
    this.#settings.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Short of what is due, a timer sees to it that a pause in the stream holds nothing back. */
  #tellIfDue(): void {
    const { clock } = this.#settings;
    const waitMs = this.#throttle.waitMs(this.#text.length, clock.now());
    if (waitMs <= 0) this.#tellText();
    else if (waitMs < Infinity)
      this.#timer ??= clock.setTimeout(() => {
        this.#timer = undefined;
        this.#tellIfDue();
      }, waitMs);
  }

  #tellText(): void {
    this.stop();
    this.#throttle.sent(this.#text.length, this.#settings.clock.now());
    void this.#push(statusPayload('in_progress', 'response', this.#text, this.#context));
  }

  get #context(): FrameContext {
    const { messageId, threadId } = this;
    const nowUs = Math.round(this.#settings.now() * 1_000);
    // No two frames bear the same time, and a clock that was set back makes no new one look old: a reader goes by it.
    this.#lastUs = Math.max(nowUs, this.#lastUs + 1);
    return { messageId, threadId, timestamp: this.#lastUs / 1_000_000 };
  }

  /** A refusal that a moment's patience may cure is not the end: somebody waits for this frame. */
  async #pushLast(payload: AssistantPayload): Promise<Fate> {
    const { clock, timeouts } = this.#settings;
    const { lastFrameMs } = timeouts;
    const deadlineMs = clock.now() + lastFrameMs;
    for (;;) {
      const fate = await this.#try(payload, lastFrameMs === Infinity ? {} : { timeoutMs: lastFrameMs });
      const isWorthIt =
        !fate.isPublished && isRefusalOfTheMoment(fate.thrown) && clock.now() + RETRY_MS <= deadlineMs;
      if (!isWorthIt) return this.#count(fate);
      const pause = deferred<undefined>();
      clock.setTimeout(() => pause.resolve(undefined), RETRY_MS);
      await pause.promise;
    }
  }

  async #push(payload: AssistantPayload): Promise<Fate> {
    return this.#count(await this.#try(payload, {}));
  }

  #count(fate: Fate): Fate {
    if (!fate.isPublished) this.#lostFrames += 1;
    return fate;
  }

  async #try(payload: AssistantPayload, options: FrameOptions): Promise<Fate> {
    const fate = await this.#outlet.push(payload, options);
    if (fate.isPublished) return fate;
    const { messageId } = this;
    this.#settings.logger?.warn(`A frame (${payload.status}) was not published: ${textOf(fate.thrown)}`, {
      messageId,
      error: fate.thrown,
    });
    return fate;
  }
}

/** Whether a hub said that it cannot do it now. */
function isRefusalOfTheMoment(thrown: unknown): boolean {
  const { code, payload } = (thrown ?? {}) as { readonly code?: unknown; readonly payload?: unknown };
  const { code: why } = (payload ?? {}) as { readonly code?: unknown };
  return code === 'PUBLISH_REFUSED' && isPassing(why);
}
