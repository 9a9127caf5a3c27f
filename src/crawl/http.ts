// Crawls over plain HTTP: one POST for each request, its answers as lines of NDJSON or as SSE events. The same messages
// and the same account of them as over a WebSocket; only `welcome` is missing, there being no session.
import { systemClock, type Clock } from '../clock.ts';
import { textOf } from '../errors.ts';
import { parseRetryAfter } from '../failures.ts';
import type { RetryOptions } from '../options.ts';
import { checkHeaders, isProvider } from '../providers.ts';
import { Account, type Step } from './account.ts';
import type { CrawlCall } from './crawl.ts';
import { StreamingError, ValidationError } from './errors.ts';
import { CRAWL_MAX_URLS, CRAWL_NDJSON_PATH, CRAWL_SSE_PATH } from './messages.ts';
import { MetricsRecorder } from './metrics.ts';
import { delayBefore, isBusyStatus, maxFruitless } from './patience.ts';
import { endpointOf } from './protocol.ts';
import type { CrawlEvent, CrawlResult } from './results.ts';
import { readNdjson, readSse, type Reader } from './text-streams.ts';
import { checkCall, checkUrls } from './urls.ts';

export interface HttpCrawlOptions extends CrawlCall {
  /** Where the server is: `http:` or `https:`. The path is added to it; a query that it has is kept. */
  readonly baseUrl: string | URL;
  /** The path of the endpoint. Default: `/crawl/stream` for NDJSON, `/crawl/sse` for SSE. */
  readonly path?: string;
  /** Sent as `Authorization: Bearer`. As a function it is asked for each request. Default: none is sent. */
  readonly apiKey?: string | (() => string | Promise<string>);
  /** More headers of each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * URLs in one request, at most. A longer list is asked for in several, one after the other.
   *
   * @defaultValue `100`
   */
  readonly maxUrlsPerRequest?: number;
  /**
   * How long the server may send nothing at all, in milliseconds; then the URLs without a result are asked for again.
   *
   * @defaultValue `60_000`
   */
  readonly crawlIdleMs?: number;
  /**
   * When an answer that was cut short is asked for again, for the URLs without a result: after 2, 4 and 8 s by default.
   * A first request that fails is not repeated unless `initial` is set, or the server answers 429 or 503. `false`: never.
   */
  readonly retry?: Pick<RetryOptions, 'backoff' | 'maxAttempts' | 'initial'> | false;
  /** Default: the platform's `fetch`. */
  readonly fetch?: typeof fetch;
  /** All of time. Default: the platform's clock. */
  readonly clock?: Clock;
}

/**
 * Crawls over NDJSON: the messages of `CrawlClient.crawl()`, but for `welcome`. A consumer that does not read slows the
 * server down.
 *
 * @throws {ValidationError} at the call, as `CrawlClient.crawl()`; the iteration throws what that throws
 */
export const crawlNdjson = (
  urls: Iterable<string | URL>,
  options: HttpCrawlOptions,
): AsyncIterableIterator<CrawlResult, undefined> =>
  crawlOver({ path: CRAWL_NDJSON_PATH, accept: 'application/x-ndjson', read: readNdjson }, urls, options);

/** Crawls over SSE: the same messages as `crawlNdjson()`. @throws {ValidationError} at the call */
export const crawlSse = (
  urls: Iterable<string | URL>,
  options: HttpCrawlOptions,
): AsyncIterableIterator<CrawlResult, undefined> =>
  crawlOver({ path: CRAWL_SSE_PATH, accept: 'text/event-stream', read: readSse }, urls, options);

interface Format {
  readonly path: string;
  readonly accept: string;
  readonly read: Reader;
}

/** How an answer ended before its summary. */
interface Loss {
  readonly reason: unknown;
  /** Whether the server itself asked to be asked later; in how many milliseconds, where it said so. */
  readonly isBusy?: boolean;
  readonly retryAfterMs?: number | undefined;
}

/** Why the iterator ended, when its consumer did not want more. */
const LEFT = Symbol('left');

function crawlOver(
  format: Format,
  urls: Iterable<string | URL>,
  options: HttpCrawlOptions,
): AsyncIterableIterator<CrawlResult, undefined> {
  checkCall(options);
  const list = checkUrls(urls);
  const { baseUrl, path = format.path, fetch: given = globalThis.fetch } = options;
  if (typeof given !== 'function')
    throw new ValidationError('fetch', 'a function: this platform has none', given);
  return new HttpCrawl(list, { ...options, path, fetch: given }, format, endpointOf(baseUrl, path, 'http'));
}

class HttpCrawl implements AsyncIterableIterator<CrawlResult, undefined> {
  readonly #options: HttpCrawlOptions;
  readonly #format: Format;
  readonly #url: string;
  readonly #clock: Clock;
  readonly #account: Account;
  readonly #results: AsyncGenerator<CrawlResult, undefined, undefined>;
  readonly #over = new AbortController();
  #startedAt = 0;
  #hasBegun = false;

  constructor(urls: readonly string[], options: HttpCrawlOptions, format: Format, url: string) {
    const { clock = systemClock, maxUrlsPerRequest = CRAWL_MAX_URLS } = options;
    this.#options = options;
    this.#format = format;
    this.#url = url;
    this.#clock = clock;
    const limits = { maxUrlsPerRequest, maxFruitless: maxFruitless(options) };
    this.#account = new Account(urls, limits, new MetricsRecorder(clock));
    this.#results = this.#run();
  }

  next(): Promise<IteratorResult<CrawlResult, undefined>> {
    return this.#results.next();
  }

  /** Called by `break`: the consumer has had enough, and the request is given up. */
  return(): Promise<IteratorResult<CrawlResult, undefined>> {
    this.#over.abort(LEFT);
    return this.#results.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async *#run(): AsyncGenerator<CrawlResult, undefined, undefined> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const abort = () => this.#over.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    this.#startedAt = this.#clock.now();
    try {
      for (let isOver = false; !isOver;) isOver = yield* this.#request();
    } catch (thrown) {
      if (this.#over.signal.reason === LEFT) return undefined;
      signal?.throwIfAborted();
      throw thrown;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#over.abort(LEFT);
    }
    return undefined;
  }

  /** One request and all that its answer leads to. Returns whether that was the last. */
  async *#request(): AsyncGenerator<CrawlResult, boolean, undefined> {
    const giveUp = new AbortController();
    const abort = () => giveUp.abort(this.#over.signal.reason);
    this.#over.signal.addEventListener('abort', abort, { once: true });
    const watch = new Watch(this.#clock, this.#options.crawlIdleMs ?? 60_000, giveUp);
    let answer: ReadableStream<Uint8Array> | Loss;
    let step: Step | undefined;
    try {
      answer = await this.#post(giveUp.signal, watch);
      if (answer instanceof ReadableStream) step = yield* this.#follow(answer, watch);
    } finally {
      this.#over.signal.removeEventListener('abort', abort);
      watch.rest();
      giveUp.abort(LEFT);
    }
    const cutShort = { reason: watch.complaint ?? 'The answer ended before its summary.' };
    return yield* this.#concluded(step, answer instanceof ReadableStream ? cutShort : answer);
  }

  /** Returns the message that ended the answer, if one did. */
  async *#follow(
    answer: ReadableStream<Uint8Array>,
    watch: Watch,
  ): AsyncGenerator<CrawlResult, Step | undefined, undefined> {
    for await (const event of this.#events(answer, watch)) {
      const step = this.#account.hear(event, true, this.#elapsedMs);
      if (step.tell !== undefined) yield* this.#telling(step.tell);
      if (step.end !== undefined || step.ask !== undefined) return step;
    }
    return undefined;
  }

  /** What follows upon the last message of an answer, or upon the loss of the rest. */
  async *#concluded(last: Step | undefined, loss: Loss): AsyncGenerator<CrawlResult, boolean, undefined> {
    const isDecided = last?.end !== undefined || last?.ask !== undefined;
    const step = isDecided ? last : this.#lost(loss);
    if (!isDecided && step.tell !== undefined) yield* this.#telling(step.tell);
    if (step.end instanceof StreamingError) throw step.end;
    if (step.end === 'completed') return true;
    const delayMs = delayBefore(this.#account.fruitless, this.#options);
    if (!isDecided || step.ask === 'later') await this.#wait(Math.max(delayMs, loss.retryAfterMs ?? 0));
    return false;
  }

  #lost({ reason, isBusy = false }: Loss): Step {
    const { retry = {} } = this.#options;
    const mayRepeat = retry !== false && (this.#hasBegun || isBusy || retry.initial === true);
    if (reason instanceof StreamingError) return { end: reason };
    const text = typeof reason === 'string' ? reason : textOf(reason);
    return mayRepeat
      ? this.#account.lost(text, this.#elapsedMs)
      : this.#account.failed(reason, this.#elapsedMs);
  }

  async #post(signal: AbortSignal, watch: Watch): Promise<ReadableStream<Uint8Array> | Loss> {
    const { options, fetch: post = globalThis.fetch } = this.#options;
    const urls = this.#account.nextRequest();
    let response: Response;
    try {
      response = await post(this.#url, {
        method: 'POST',
        headers: await this.#headers(),
        body: JSON.stringify({ urls, ...(options !== undefined && { options }) }),
        redirect: 'error',
        signal,
      });
    } catch (thrown) {
      this.#over.signal.throwIfAborted();
      return { reason: watch.complaint ?? causeOf(thrown) };
    }
    if (!response.ok || response.body === null) return this.#refusal(response);
    this.#hasBegun = true;
    return response.body;
  }

  async #headers(): Promise<Record<string, string>> {
    const { apiKey, headers } = this.#options;
    const key = isProvider(apiKey) ? await apiKey() : apiKey;
    return checkHeaders({
      'Content-Type': 'application/json',
      Accept: this.#format.accept,
      ...headers,
      ...(key !== undefined && { Authorization: `Bearer ${key}` }),
    });
  }

  async #refusal(response: Response): Promise<Loss> {
    const { status } = response;
    const said = await beginningOf(response).catch(() => '');
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after') ?? undefined);
    if (isBusyStatus(status))
      return { reason: `The server answered with HTTP ${status}.`, isBusy: true, retryAfterMs };
    if (status >= 500) return { reason: `The server answered with HTTP ${status}.` };
    const payload = payloadOf(said);
    const message = typeof payload['message'] === 'string' ? `: ${payload['message']}` : '.';
    return { reason: this.#account.refused(`HTTP ${status}${message}`, payload, { httpStatus: status }) };
  }

  /** The messages of an answer. What breaks it off is no error here: the account knows what is missing. */
  async *#events(
    body: ReadableStream<Uint8Array>,
    watch: Watch,
  ): AsyncGenerator<CrawlEvent, void, undefined> {
    try {
      yield* this.#format.read(watch.through(body));
    } catch (thrown) {
      this.#over.signal.throwIfAborted();
      if (thrown instanceof StreamingError) throw thrown;
    }
  }

  async *#telling(result: CrawlResult): AsyncGenerator<CrawlResult, void, undefined> {
    await this.#options.onMessage?.(result);
    yield result;
  }

  get #elapsedMs(): number {
    return this.#clock.now() - this.#startedAt;
  }

  #wait(delayMs: number): Promise<void> {
    const { signal } = this.#over;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const abort = () => {
        this.#clock.clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = this.#clock.setTimeout(() => {
        signal.removeEventListener('abort', abort);
        resolve();
      }, delayMs);
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}

/** Gives up a request whose answer is waited for too long. While the consumer is busy, nobody waits. */
class Watch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #giveUp: AbortController;
  #timer: unknown;
  /** Why the request was given up, once it was. */
  complaint: string | undefined;

  constructor(clock: Clock, limitMs: number, giveUp: AbortController) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#giveUp = giveUp;
    this.#wind();
  }

  rest(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  async *through(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = body.getReader();
    try {
      for (;;) {
        this.#wind();
        const { done, value } = await reader.read();
        this.rest();
        if (done) return;
        yield value;
      }
    } finally {
      // Not awaited: what the server still sends is of no interest.
      reader.cancel().catch(() => undefined);
    }
  }

  #wind(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => {
      this.complaint = `The server said nothing for ${this.#limitMs} ms.`;
      this.#giveUp.abort(new Error(this.complaint));
    }, this.#limitMs);
  }
}

/** More than any refusal has to say. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** The text of an answer, up to a limit: whoever refuses may go on talking for ever. */
async function beginningOf({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (let bytes = 0; reader !== undefined && bytes < MAX_REFUSAL_BYTES;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.byteLength;
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    reader?.cancel().catch(() => undefined);
  }
  return text;
}

/** `fetch` says no more than "fetch failed"; its cause says why. */
const causeOf = (thrown: unknown): unknown =>
  thrown instanceof TypeError && thrown.cause instanceof Error ? thrown.cause : thrown;

function payloadOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
