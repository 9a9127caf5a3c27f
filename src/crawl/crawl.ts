// One crawl over a WebSocket: an iterator that asks for what has no result yet, each time that there is a session to ask
// in, and gives its consumer one stream, whatever became of the connections under it.
import { Account, type Step } from './account.ts';
import { StreamingError } from './errors.ts';
import { Inbox } from './inbox.ts';
import type { Guest, Lane } from './lane.ts';
import type { CrawlOptions } from './messages.ts';
import type { CrawlOutcome } from './metrics.ts';
import type { CrawlSettings } from './options.ts';
import { delayBefore } from './patience.ts';
import type { Pool } from './pool.ts';
import type { CrawlEvent, CrawlResult } from './results.ts';

export interface CrawlCall {
  /** What the server is asked to do; it ignores what it does not know. */
  readonly options?: CrawlOptions;
  /** Called with each message, and awaited, before it is yielded. What it throws ends the crawl. */
  readonly onMessage?: (message: CrawlResult) => unknown;
  /** Aborting ends the crawl with the signal's reason, and tells the server. */
  readonly signal?: AbortSignal;
}

/** Messages that may still come after the server was told to hold them back: beyond, it does not do as it was told. */
const MAX_ON_THE_WAY = 1_000;

/** Why the iterator ended, when its consumer did not want more. */
const LEFT = Symbol('left');

const NOTHING: Step = {};

export class Crawl implements AsyncIterableIterator<CrawlResult, undefined>, Guest {
  readonly #settings: CrawlSettings;
  readonly #pool: Pool;
  readonly #call: CrawlCall;
  readonly #account: Account;
  readonly #inbox: Inbox<CrawlEvent>;
  readonly #results: AsyncGenerator<CrawlResult, undefined, undefined>;
  #lane: Lane | undefined;
  /** The last one that has come; it may not have been read yet. */
  #lastWelcome: CrawlEvent | undefined;
  /** `turnedAway`: the server wants to be asked later. */
  #request: 'none' | 'underWay' | 'turnedAway' | 'over' = 'none';
  #requestId: string | undefined;
  #startedAt = 0;
  #resumed: () => void = () => undefined;

  constructor(pool: Pool, urls: readonly string[], call: CrawlCall) {
    const { settings, metrics } = pool;
    this.#settings = settings;
    this.#pool = pool;
    this.#call = call;
    this.#account = new Account(urls, settings, metrics);
    this.#inbox = new Inbox(settings.clock, settings.maxBuffered, {
      full: () => this.#slowDown(),
      roomy: () => this.#speedUp(),
    });
    this.#results = this.#run();
  }

  next(): Promise<IteratorResult<CrawlResult, undefined>> {
    return this.#results.next();
  }

  /** Called by `break`: the consumer has had enough. */
  return(): Promise<IteratorResult<CrawlResult, undefined>> {
    this.#inbox.end(LEFT, 'dropped');
    return this.#results.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  admitted(lane: Lane): void {
    this.#lane = lane;
  }

  receive(event: CrawlEvent): Promise<unknown> | undefined {
    if (event.type === 'welcome') this.#lastWelcome = event;
    const room = this.#inbox.push(event);
    const isHeldBack =
      this.#lane?.canPause === true && this.#inbox.size < this.#settings.maxBuffered + MAX_ON_THE_WAY;
    return isHeldBack ? undefined : room;
  }

  fail(reason: unknown): void {
    this.#inbox.end(reason);
  }

  async *#run(): AsyncGenerator<CrawlResult, undefined, undefined> {
    const { signal } = this.#call;
    signal?.throwIfAborted();
    const abort = () => {
      this.#inbox.end(signal?.reason, 'dropped');
      this.#leave();
    };
    signal?.addEventListener('abort', abort, { once: true });
    this.#startedAt = this.#settings.clock.now();
    this.#pool.metrics.started();
    let outcome: CrawlOutcome = 'cancelled';
    try {
      this.#pool.enter(this);
      for (let step = NOTHING; step.end === undefined;) {
        step = await this.#step();
        // A consumer may leave with the summary in its hand.
        if (step.end === 'completed') outcome = 'completed';
        if (step.tell !== undefined) yield* this.#telling(step.tell);
        if (step.end instanceof StreamingError) throw step.end;
      }
    } catch (thrown) {
      if (thrown === LEFT) return undefined;
      if (signal?.aborted !== true) outcome = 'failed';
      throw thrown;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#pool.metrics.ended(outcome);
      this.#leave();
    }
    return undefined;
  }

  async *#telling(result: CrawlResult): AsyncGenerator<CrawlResult, void, undefined> {
    const { clock } = this.#settings;
    const since = clock.now();
    await this.#call.onMessage?.(result);
    yield result;
    this.#pool.metrics.slowness.record(clock.now() - since);
  }

  /** Awaits a message, or the end of the patience with one, and does what it leads to. */
  async #step(): Promise<Step> {
    let step: Step;
    try {
      const event = await this.#inbox.next(this.#patienceMs);
      step = event === undefined ? this.#waitedInVain() : this.#hear(event);
    } catch (thrown) {
      if (thrown === LEFT || this.#call.signal?.aborted === true) throw thrown;
      step = this.#account.failed(thrown, this.#elapsedMs);
    }
    if (step.end !== undefined) this.#request = 'over';
    else if (step.ask === 'later') this.#request = 'turnedAway';
    else if (step.ask === 'now') this.#ask();
    return step;
  }

  get #elapsedMs(): number {
    return this.#settings.clock.now() - this.#startedAt;
  }

  get #patienceMs(): number {
    const isLater = this.#request === 'turnedAway';
    return isLater ? delayBefore(this.#account.fruitless, this.#settings) : this.#settings.crawlIdleMs;
  }

  #hear(event: CrawlEvent): Step {
    const answers = this.#request === 'underWay' && event.requestId === this.#requestId;
    const step = this.#account.hear(event, answers, this.#elapsedMs);
    if (event.type !== 'welcome' || event !== this.#lastWelcome) return step;
    // A session, the first one or another: everything without a result is to be asked for.
    if (this.#request === 'none') return { ...step, ask: 'now' };
    return { ...step, ...this.#account.lost('The sessions ended without a new result.', this.#elapsedMs) };
  }

  #waitedInVain(): Step {
    const lane = this.#lane;
    if (lane?.isListening !== true) return NOTHING;
    if (this.#request === 'turnedAway') return { ask: 'now' };
    if (lane.isShared || this.#account.isComplete) {
      lane.tell(this, 'cancel');
      return this.#account.lost(
        `The server said nothing for ${this.#settings.crawlIdleMs} ms.`,
        this.#elapsedMs,
      );
    }
    lane.restart();
    return NOTHING;
  }

  #ask(): void {
    const { options } = this.#call;
    const data = { urls: this.#account.nextRequest(), ...(options !== undefined && { options }) };
    this.#request = 'underWay';
    this.#requestId = this.#lane?.ask(this, { request_type: 'crawl', data });
    if (this.#inbox.isFull) this.#lane?.tell(this, 'pause');
  }

  #leave(): void {
    this.#pool.leave(this, this.#request === 'underWay' ? 'underWay' : 'done');
    this.#lane = undefined;
  }

  #slowDown(): void {
    this.#resumed = this.#pool.metrics.waits();
    this.#lane?.tell(this, 'pause');
  }

  #speedUp(): void {
    this.#resumed();
    this.#lane?.tell(this, 'resume');
  }
}
