// What the robots.txt of each origin says (RFC 9309), remembered for a while.
import robotsParserModule from 'robots-parser';
import type { Clock } from '../../clock.ts';
import type { Fetcher } from './fetcher.ts';
import { PageError, toPageError } from './page-errors.ts';

type Rules = ReturnType<typeof robotsParserModule.default>;
// A CommonJS module whose declaration says `export default`: what is imported is the function itself.
const robotsParser = robotsParserModule as unknown as typeof robotsParserModule.default;

export interface RobotsOptions {
  readonly fetcher: Fetcher;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly ttlMs: number;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly maxCrawlDelayMs: number;
}

/** The rules; none at all, which forbids nothing (RFC 9309 §2.3.1.3); or why everything is forbidden (§2.3.1.4). */
type Verdict = Rules | 'none' | PageError;

interface Entry {
  readonly verdict: Promise<Verdict>;
  expiresAtMs: number;
}

/** RFC 9309 §2.3.1.2: at least five. */
const MAX_REDIRECTS = 5;
const MAX_WILD_CHARACTERS = 32 * 1024;
const MAX_KEPT_RULES = 100_000;
const MAX_ORIGINS = 1_000;
/** How soon a site that answers with an error is asked for its robots.txt again. */
const UNAVAILABLE_TTL_MS = 30_000;

/** RFC 9309 §2.2.2: an unreserved character is the same whether it is percent-encoded or not. */
const withoutNeedlessEncoding = (href: string): string =>
  href.replaceAll(/%(?:2d|2e|5f|7e|3\d|[46][1-9a-f]|[57][0-9a])/gi, decodeURIComponent);

/** Reads each robots.txt once for everybody who asks for it meanwhile. */
export class RobotsRules {
  readonly #options: RobotsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new AbortController();

  constructor(options: RobotsOptions) {
    this.#options = options;
  }

  /** @throws {PageError} when the page may not be fetched */
  async check(url: URL): Promise<void> {
    const verdict = await this.#verdict(url);
    if (verdict === 'none') return;
    if (verdict instanceof PageError) throw verdict;
    if (verdict.isDisallowed(withoutNeedlessEncoding(url.href), this.#options.userAgent) === true)
      throw new PageError('robots_disallowed');
  }

  /** What the host asks for between two fetches, as far as we go along with it. */
  async crawlDelayMs(url: URL): Promise<number> {
    const verdict = await this.#verdict(url);
    if (verdict === 'none' || verdict instanceof PageError) return 0;
    const delayS = verdict.getCrawlDelay(this.#options.userAgent) ?? 0;
    return delayS > 0 ? Math.min(delayS * 1000, this.#options.maxCrawlDelayMs) : 0;
  }

  close(): void {
    this.#closing.abort(new PageError('processing_error'));
    this.#entries.clear();
  }

  #verdict({ origin }: URL): Promise<Verdict> {
    const nowMs = this.#options.clock.now();
    const known = this.#entries.get(origin);
    if (known !== undefined && known.expiresAtMs > nowMs) return known.verdict;
    this.#entries.delete(origin);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= MAX_ORIGINS && oldest !== undefined) this.#entries.delete(oldest);
    const entry: Entry = { verdict: this.#read(origin), expiresAtMs: Infinity };
    this.#entries.set(origin, entry);
    void entry.verdict.then((verdict) => {
      entry.expiresAtMs = this.#options.clock.now() + this.#ttlMs(verdict);
    });
    return entry.verdict;
  }

  /** A host that cannot be reached is asked again by whoever comes next. */
  #ttlMs(verdict: Verdict): number {
    if (!(verdict instanceof PageError)) return this.#options.ttlMs;
    return verdict.type === 'robots_unavailable' ? UNAVAILABLE_TTL_MS : 0;
  }

  /** Never rejects. */
  async #read(origin: string): Promise<Verdict> {
    const { fetcher, clock, timeoutMs, maxBytes } = this.#options;
    const limit = new AbortController();
    const timer = clock.setTimeout(() => limit.abort(new PageError('timeout')), timeoutMs);
    try {
      const signal = AbortSignal.any([limit.signal, this.#closing.signal]);
      const url = new URL('/robots.txt', origin);
      const request = { signal, maxBytes, maxRedirects: MAX_REDIRECTS, whenTooLarge: 'cut' } as const;
      const { status, body } = await fetcher.fetch(url, request);
      if (status >= 500 || status === 429) return new PageError('robots_unavailable');
      return status === 200 ? parse(url, body.toString('utf8')) : 'none';
    } catch (thrown) {
      const error = toPageError(thrown);
      // §2.3.1.2: more redirects than that may be taken for no file at all.
      return error.type === 'too_many_redirects' ? 'none' : error;
    } finally {
      clock.clearTimeout(timer);
    }
  }
}

/**
 * A rule with a wildcard takes time by its own length times that of the URL (measured: 500 KiB of them hold everything up
 * for 3 s). A file with more of that than any site has use for is one that nobody can read.
 */
function parse(url: URL, text: string): Verdict {
  // Line by line: over the whole text this expression takes quadratic time on a run of empty lines.
  const lines = text.split(/[\r\n]+/);
  const wild = lines.filter((line) => line.includes('*') && isRule(line));
  const characters = wild.reduce((sum, { length }) => sum + length, 0);
  return characters > MAX_WILD_CHARACTERS || keptRules(lines) > MAX_KEPT_RULES
    ? new PageError('robots_unavailable')
    : robotsParser(url.href, text);
}

/** Tested line by line: over the whole text such an expression takes quadratic time on a run of empty lines. */
const isRule = (line: string): boolean => /^\s*(?:dis)?allow\s*:/i.test(line);

/** A rule is kept once for each `User-agent` above it: half a megabyte can make hundreds of millions. */
function keptRules(lines: readonly string[]): number {
  let kept = 0;
  let agents = 0;
  let isHead = false;
  for (const line of lines) {
    const [directive = ''] = line.split('#', 1);
    const name = directive
      .slice(0, Math.max(0, directive.indexOf(':')))
      .trim()
      .toLowerCase();
    if (name === '') continue; // the parser skips it, so it ends nothing
    const isAgent = name === 'user-agent';
    if (isAgent) agents = isHead ? agents + 1 : 1;
    else if (name === 'allow' || name === 'disallow') kept += agents;
    isHead = isAgent;
  }
  return kept;
}
