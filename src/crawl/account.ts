// What the messages of a crawl lead to, whichever transport carries them: what the consumer is told, when it is over,
// when to ask again and for what. No I/O and no clock of its own: messages in, steps out.
import { redactText } from '../redact.ts';
import { incomplete, StreamingError } from './errors.ts';
import type { SummaryData } from './messages.ts';
import type { MetricsRecorder } from './metrics.ts';
import { told, type CrawlEvent, type CrawlResult } from './results.ts';
import { Tally } from './tally.ts';

/** What a message leads to. */
export interface Step {
  readonly tell?: CrawlResult;
  /** What is left is to be asked for: now, or `later`, because the server is busy. */
  readonly ask?: 'now' | 'later';
  readonly end?: 'completed' | StreamingError;
}

export interface AccountLimits {
  readonly maxUrlsPerRequest: number;
  /** How often in a row it is asked again without a new result. */
  readonly maxFruitless: number;
}

type Of<Type extends CrawlEvent['type']> = Extract<CrawlEvent, { type: Type }>;

/** The server's word that it may work later. */
const PASSING = new Set(['backpressure', 'shutting_down', 'too_many_requests']);

const NOTHING: Step = {};

export class Account {
  readonly #tally: Tally;
  readonly #maxFruitless: number;
  readonly #metrics: MetricsRecorder;
  /** Requests in a row that brought nothing new. */
  #fruitless = 0;
  /** What is told for the first of the requests only. */
  #told: ReadonlySet<CrawlResult['type']> = new Set();

  constructor(
    urls: readonly string[],
    { maxUrlsPerRequest, maxFruitless }: AccountLimits,
    metrics: MetricsRecorder,
  ) {
    this.#tally = new Tally(urls, maxUrlsPerRequest);
    this.#maxFruitless = maxFruitless;
    this.#metrics = metrics;
  }

  /** Whether every URL has its result. */
  get isComplete(): boolean {
    return this.#tally.isComplete;
  }

  /** How often in a row it was asked in vain. */
  get fruitless(): number {
    return this.#fruitless;
  }

  /** The URLs of the next request. */
  nextRequest(): readonly string[] {
    this.#metrics.requests += 1;
    return this.#tally.nextRequest();
  }

  /** @param answers whether a message that may be meant for somebody else is meant for the present request */
  hear(event: CrawlEvent, answers: boolean, elapsedMs: number): Step {
    switch (event.type) {
      case 'unreadable':
        this.#metrics.unreadable += 1;
        return { tell: told({ ...event, type: 'error' }) };
      case 'message':
        return { tell: told(event) };
      case 'welcome':
        return this.#once(told(event));
      case 'error':
        return this.#error(event, answers);
      case 'pong':
      case 'status':
        return NOTHING;
      default:
        return answers ? this.#progress(event, elapsedMs) : NOTHING;
    }
  }

  /** The answers to a request have ended before its summary; what is left is to be asked for again. */
  lost(why: string, elapsedMs: number): Step {
    return this.isComplete ? this.completed(undefined, elapsedMs) : this.#again(why);
  }

  /** It cannot be asked again. */
  failed(reason: unknown, elapsedMs: number): Step {
    if (this.isComplete) return this.completed(undefined, elapsedMs);
    return { end: incomplete(this.#tally.total, this.#tally.missingUrls, reason) };
  }

  completed(said: SummaryData | undefined, elapsedMs: number, timestamp: string | null = null): Step {
    const data = this.#tally.summary(said, elapsedMs);
    return { tell: { type: 'summary', data, timestamp }, end: 'completed' };
  }

  refused(
    said: string,
    payload: unknown,
    details: Readonly<Record<string, string | number>>,
  ): StreamingError {
    const { missingUrls } = this.#tally;
    const explained = { ...details, explanation: redactText(said) };
    return new StreamingError('CRAWL_REFUSED', { details: explained, payload, missingUrls });
  }

  #progress(event: Of<'metadata' | 'result' | 'summary'>, elapsedMs: number): Step {
    switch (event.type) {
      case 'metadata':
        return this.#once({ ...told(event), data: this.#tally.metadata(event.data) });
      case 'result':
        return this.#result(event);
      case 'summary':
        if (this.isComplete) return this.completed(event.data, elapsedMs, event.timestamp);
        return this.#again('The server ended its answers without a new result.');
    }
  }

  #result(event: Of<'result'>): Step {
    const data = this.#tally.result(event.data);
    if (data === undefined) {
      this.#metrics.duplicates += 1;
      return NOTHING;
    }
    if ((data.result.error as unknown) == null) this.#metrics.succeeded += 1;
    else this.#metrics.failed += 1;
    return { tell: { ...told(event), data } };
  }

  #error(event: Of<'error'>, answers: boolean): Step {
    this.#metrics.errorsTold += 1;
    const tell = told(event);
    if (!answers) return { tell };
    const { error_type: errorType, message } = event.data;
    if (PASSING.has(errorType)) return { ...this.#again(message, 'later'), tell };
    return { tell, end: this.refused(message, event.data, { errorType }) };
  }

  /** Counts a request that is over, unless it has brought something, and gives up when there were too many. */
  #again(why: string, when: 'now' | 'later' = 'now'): Step {
    this.#fruitless = this.#tally.hasGained ? 0 : this.#fruitless + 1;
    return this.#fruitless <= this.#maxFruitless ? { ask: when } : this.failed(why, 0);
  }

  #once(tell: CrawlResult): Step {
    if (this.#told.has(tell.type)) return NOTHING;
    this.#told = new Set([...this.#told, tell.type]);
    return { tell };
  }
}
