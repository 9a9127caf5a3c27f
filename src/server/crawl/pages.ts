// One URL from the request to its result: cache, robots.txt, a turn at the host, the fetch, the extraction.
import type { CacheMode, CrawlPage } from '../../crawl/messages.ts';
import type { Clock } from '../../clock.ts';
import { abortable } from '../abortable.ts';
import { AddressPolicy } from './addresses.ts';
import { extract, kindOf, type Extracted } from './extract.ts';
import { Fetcher, type Fetched } from './fetcher.ts';
import { HostGates, Slots } from './limiter.ts';
import type { CrawlServerSettings } from './options.ts';
import { cacheKey, PageCache } from './page-cache.ts';
import { httpError, PageError, toPageError } from './page-errors.ts';
import { RobotsRules } from './robots.ts';
import type { CrawlStatistics } from './statistics.ts';

/** RFC 9309 §2.5 asks for at least this much of a robots.txt to be read. */
const MAX_ROBOTS_BYTES = 500 * 1024;
const ROBOTS_TTL_MS = 60 * 60_000;

export interface PageRequest {
  readonly cacheMode: CacheMode;
  /** For this page; not more than the server's own limit. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const mayRead = (mode: CacheMode): boolean => mode === 'read' || mode === 'read_write';
const mayWrite = (mode: CacheMode): boolean => mode === 'write' || mode === 'read_write';

/** Everything that crawls share: limits, rules, cache and connections to sites. */
export class Pages {
  readonly #clock: Clock;
  readonly #settings: CrawlServerSettings;
  readonly #fetcher: Fetcher;
  readonly #robots: RobotsRules | undefined;
  readonly #cache: PageCache | undefined;
  readonly #total: Slots;
  readonly #hosts: HostGates;
  readonly #statistics: CrawlStatistics;
  readonly policy: AddressPolicy;

  constructor(settings: CrawlServerSettings, statistics: CrawlStatistics) {
    const { clock, limits, cache, userAgent, robots } = settings;
    this.#clock = clock;
    this.#settings = settings;
    this.#statistics = statistics;
    this.policy = new AddressPolicy(settings.allowPrivateAddresses, settings.resolveHost);
    this.#fetcher = new Fetcher({
      policy: this.policy,
      userAgent,
      connectMs: limits.connectMs,
      connectionsPerHost: limits.concurrencyPerHost + 1,
    });
    this.#robots = robots
      ? new RobotsRules({
          fetcher: this.#fetcher,
          clock,
          userAgent,
          ttlMs: ROBOTS_TTL_MS,
          timeoutMs: limits.connectMs,
          maxBytes: MAX_ROBOTS_BYTES,
          maxCrawlDelayMs: limits.maxCrawlDelayMs,
        })
      : undefined;
    this.#cache = cache === false ? undefined : new PageCache({ ...cache, clock });
    this.#total = new Slots(limits.concurrency);
    this.#hosts = new HostGates(limits.concurrencyPerHost, clock);
  }

  /** Resolves with what became of the page, whatever that is. Rejects with the signal's reason only. */
  async crawl(asked: string, request: PageRequest): Promise<CrawlPage> {
    const startedAtMs = this.#clock.now();
    const url = new URL(asked);
    const key = this.#cache === undefined ? '' : cacheKey(url);
    const kept = mayRead(request.cacheMode) ? this.#cache?.read(key) : undefined;
    if (kept !== undefined) {
      this.#statistics.pages.cached += 1;
      return { ...kept, url: asked, from_cache: true, gate_decision: 'cached', processing_time_ms: 0 };
    }
    try {
      const { fetched, extracted } = await this.#turn(url, request);
      const page = foundPage(asked, fetched, extracted, {
        processing_time_ms: Math.round(this.#clock.now() - startedAtMs),
        cache_key: key,
      });
      if (fetched.mayBeStored && mayWrite(request.cacheMode)) this.#cache?.write(key, page);
      this.#statistics.pages.crawled += 1;
      return page;
    } catch (thrown) {
      request.signal.throwIfAborted();
      this.#statistics.pages.failed += 1;
      const spentMs = Math.round(this.#clock.now() - startedAtMs);
      return failedPage(asked, thrown instanceof PageError ? thrown : toPageError(thrown), spentMs);
    }
  }

  async close(): Promise<void> {
    this.#robots?.close();
    this.#cache?.clear();
    await this.#fetcher.close();
  }

  async #turn(url: URL, request: PageRequest): Promise<{ fetched: Fetched; extracted: Extracted }> {
    const { hostDelayMs } = this.#settings.limits;
    const crawlDelayMs = await this.#crawlDelayMs(url, request.signal);
    const leaveHost = await this.#hosts.enter(url.host, Math.max(hostDelayMs, crawlDelayMs), request.signal);
    try {
      const leave = await this.#total.acquire(request.signal);
      try {
        const fetched = await this.#fetch(url, request);
        this.#statistics.bytes.fetched += fetched.body.byteLength;
        return { fetched, extracted: await extract(fetched) };
      } finally {
        leave();
      }
    } finally {
      leaveHost();
    }
  }

  #crawlDelayMs(url: URL, signal: AbortSignal): Promise<number> {
    if (this.#robots === undefined || this.policy.isForbiddenHost(url.hostname)) return Promise.resolve(0);
    return abortable(this.#robots.crawlDelayMs(url), signal);
  }

  async #fetch(url: URL, { timeoutMs, signal }: PageRequest): Promise<Fetched> {
    const { maxPageBytes, maxRedirects } = this.#settings.limits;
    const limit = new AbortController();
    const timer = this.#clock.setTimeout(() => limit.abort(new PageError('timeout')), timeoutMs);
    const either = AbortSignal.any([signal, limit.signal]);
    try {
      return await this.#fetcher.fetch(url, {
        signal: either,
        maxBytes: maxPageBytes,
        maxRedirects,
        whenTooLarge: 'fail',
        beforeHop: async (hop) => abortable(this.#robots?.check(hop) ?? Promise.resolve(), either),
        accept: checkAnswer,
      });
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }
}

function checkAnswer(status: number, contentType: string): void {
  if (status < 200 || status >= 300) throw httpError(status);
  try {
    kindOf(contentType);
  } catch {
    throw new PageError('unsupported_content_type', { status });
  }
}

const foundPage = (
  url: string,
  { status }: Fetched,
  { document, qualityScore }: Extracted,
  { processing_time_ms, cache_key }: Pick<CrawlPage, 'processing_time_ms' | 'cache_key'>,
): CrawlPage => ({
  url,
  status,
  from_cache: false,
  gate_decision: 'raw',
  quality_score: qualityScore,
  processing_time_ms,
  document,
  error: null,
  cache_key,
});

/** The result of a URL that has no document. */
export const failedPage = (url: string, error: PageError, spentMs: number): CrawlPage => ({
  url,
  status: error.status,
  from_cache: false,
  gate_decision: 'failed',
  quality_score: 0,
  processing_time_ms: spentMs,
  document: null,
  error: error.toWire(),
  cache_key: '',
});
