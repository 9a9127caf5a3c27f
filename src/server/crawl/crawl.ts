// One crawl: the order of its messages, its pages side by side, its progress and its summary.
import { setMaxListeners } from 'node:events';
import type { CrawlMessage, CrawlPage } from '../../crawl/messages.ts';
import type { Clock } from '../../clock.ts';
import { deferred, type Deferred } from '../../deferred.ts';
import { abortable } from '../abortable.ts';
import type { Outlet } from './outlet.ts';
import { failedPage, type Pages } from './pages.ts';
import { PageError } from './page-errors.ts';
import type { CrawlJob } from './requests.ts';
import type { CrawlStatistics } from './statistics.ts';
import { envelope, errorMessage, wireTime } from './wire.ts';

/** Why a crawl ends before its time: with its summary, with an error, or without a word to a client that is gone. */
export type EndOfCrawl = 'cancelled' | 'backpressure' | 'shutting_down' | 'gone';

export interface CrawlEnvironment {
  readonly pages: Pages;
  readonly clock: Clock;
  readonly statistics: CrawlStatistics;
}

const LAST_WORDS = {
  backpressure: 'The crawl was aborted: its results are not being read',
  shutting_down: 'The crawl was aborted: the server is shutting down',
} as const;

/** A quarter of the silence that clients bear by default. */
const REMIND_AFTER_MS = 15_000;

export class Crawl {
  readonly #job: CrawlJob;
  readonly #outlet: Outlet;
  readonly #environment: CrawlEnvironment;
  readonly #ending = new AbortController();
  #pausing: Deferred<unknown> | undefined;
  #reminding: unknown;
  #next = 0;
  #successful = 0;
  #failed = 0;

  constructor(job: CrawlJob, outlet: Outlet, environment: CrawlEnvironment) {
    this.#job = job;
    this.#outlet = outlet;
    this.#environment = environment;
    // Every page that is under way listens, and more than ten are no leak.
    setMaxListeners(0, this.#ending.signal);
  }

  get requestId(): string | undefined {
    return this.#job.requestId;
  }

  /** Ends the crawl early. The first reason counts. */
  end(reason: EndOfCrawl): void {
    this.#ending.abort(reason);
  }

  /** Holds the results back, and with them, soon, the fetching of further pages. */
  pause(): void {
    this.#pausing ??= deferred();
  }

  resume(): void {
    this.#pausing?.resolve(undefined);
    this.#pausing = undefined;
  }

  /** Resolves when the last message was handed over, or nobody is left to take it. Never rejects. */
  async run(): Promise<void> {
    const { statistics, clock } = this.#environment;
    const startedAtMs = clock.now();
    statistics.crawls.started += 1;
    statistics.crawls.running += 1;
    try {
      await this.#say(this.#metadata());
      const { urls, concurrency } = this.#job;
      const lanes = Array.from({ length: Math.min(concurrency, urls.length) }, () => this.#lane());
      await Promise.all(lanes);
    } catch {
      this.end('gone');
      statistics.crawls.aborted += 1;
    } finally {
      clock.clearTimeout(this.#reminding);
      statistics.crawls.running -= 1;
    }
    this.#farewell(Math.round(clock.now() - startedAtMs));
  }

  /** One page after the other. The next is begun when the result of the last one has left. */
  async #lane(): Promise<void> {
    const { urls, cacheMode, timeoutMs } = this.#job;
    const { signal } = this.#ending;
    while (this.#next < urls.length) {
      signal.throwIfAborted();
      const index = this.#next;
      this.#next += 1;
      const url = urls[index] as string;
      const page = await this.#environment.pages.crawl(url, { cacheMode, timeoutMs, signal });
      while (this.#pausing !== undefined) await this.#untilEnd(this.#pausing.promise);
      signal.throwIfAborted();
      await this.#report(index, page);
    }
  }

  /** Counts a page and says so in one go: no other result comes between its progress and itself. */
  #report(index: number, page: CrawlPage): Promise<unknown> {
    const message = this.#result(index, page);
    if (this.#outlet.fits(message)) return this.#sayResult(message);
    const tooLarge = new PageError('too_large', { status: page.status });
    return this.#sayResult(this.#result(index, failedPage(page.url, tooLarge, page.processing_time_ms)));
  }

  #sayResult(message: ResultMessage): Promise<unknown> {
    if (message.data.result.error === null) this.#successful += 1;
    else this.#failed += 1;
    return this.#say(message);
  }

  #result(index: number, result: CrawlPage): ResultMessage {
    const completed = this.#successful + this.#failed + 1;
    const successful = this.#successful + (result.error === null ? 1 : 0);
    const progress = { completed, total: this.#job.urls.length, success_rate: successful / completed };
    return envelope('result', { index, result, progress }, this.requestId);
  }

  #metadata(): CrawlMessage {
    return envelope(
      'metadata',
      {
        total_urls: this.#job.urls.length,
        session_id: this.#outlet.sessionId,
        timestamp: wireTime(),
        stream_type: 'crawl',
      },
      this.requestId,
    );
  }

  #farewell(spentMs: number): void {
    const reason = this.#ending.signal.reason as EndOfCrawl | undefined;
    if (reason === 'gone') return;
    const isDone = reason === undefined || reason === 'cancelled';
    const message = isDone
      ? this.#summary(spentMs)
      : errorMessage(reason, LAST_WORDS[reason], this.requestId);
    // Nobody waits for it to arrive, and whoever is gone meanwhile does not miss it.
    this.#outlet.send(message).catch(() => undefined);
  }

  #summary(spentMs: number): CrawlMessage {
    const counts = { total_urls: this.#job.urls.length, successful: this.#successful, failed: this.#failed };
    return envelope('summary', { ...counts, total_processing_time_ms: spentMs }, this.requestId);
  }

  #say(message: CrawlMessage): Promise<unknown> {
    this.#remindLater();
    return this.#untilEnd(this.#outlet.send(message));
  }

  /**
   * A crawl that waits for its turn at a host is not dead: its metadata, once more, say so. Only to clients of the
   * extended protocol, which take no offence at hearing it twice.
   */
  #remindLater(): void {
    const { clock } = this.#environment;
    clock.clearTimeout(this.#reminding);
    if (this.requestId === undefined) return;
    this.#reminding = clock.setTimeout(() => {
      if (this.#pausing === undefined) this.#say(this.#metadata()).catch(() => undefined);
      else this.#remindLater();
    }, REMIND_AFTER_MS);
  }

  /** Whoever does not read must not hold up the end. */
  #untilEnd(leaving: Promise<unknown>): Promise<unknown> {
    return abortable(leaving, this.#ending.signal);
  }
}

type ResultMessage = Extract<CrawlMessage, { message_type: 'result' }>;
