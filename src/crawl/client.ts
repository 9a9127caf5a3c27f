// The crawl client: crawls as streams, over as few connections as the server allows, and questions about them.
import * as platform from '#platform';
import { Emitter, type Unsubscribe } from '../emitter.ts';
import { ConnectionError, textOf } from '../errors.ts';
import { Crawl, type CrawlCall } from './crawl.ts';
import type { CrawlConnection } from './lane.ts';
import { MetricsRecorder, type CrawlMetrics } from './metrics.ts';
import { resolveOptions, type CrawlClientOptions } from './options.ts';
import { Pool } from './pool.ts';
import { ask, type AskOptions } from './question.ts';
import type { CrawlResult } from './results.ts';
import { checkCall, checkUrls } from './urls.ts';

export interface PingAnswer {
  /** From the question to its answer, in milliseconds; connecting is not in it. */
  readonly latencyMs: number;
  readonly sessionId: string;
  /** The server's clock (RFC 3339). */
  readonly serverTime: string;
}

/** A connection, as the server sees it. */
export interface ServerStatus {
  readonly sessionId: string;
  readonly isHealthy: boolean;
  readonly messageCount: number;
  readonly connectedDurationMs: number;
  readonly backpressureCount: number;
}

export type CrawlClientEvents = {
  /** A connection is about to be opened: for listeners to its life. */
  connection: (connection: CrawlConnection) => unknown;
};

/**
 * A client of a crawl server.
 *
 * ```ts
 * await using client = new CrawlClient({ baseUrl: 'http://localhost:3000', apiKey });
 * for await (const { type, data } of client.crawl(['https://example.com'])) console.log(type, data);
 * ```
 */
export class CrawlClient implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #metrics: MetricsRecorder;
  readonly #emitter = new Emitter<CrawlClientEvents>({
    listenerFailed: (event, thrown) => this.#report(event, thrown),
  });

  /**
   * @throws {ValidationError} or {InvalidOptionError}, for an option that cannot be meant, and where the platform has no
   *   WebSocket; nothing has happened then
   */
  constructor(options: CrawlClientOptions) {
    const { settings, connectionOptions } = resolveOptions(options);
    this.#metrics = new MetricsRecorder(settings.clock);
    this.#pool = new Pool(settings, this.#metrics, connectionOptions, ({ connection }) =>
      this.#emitter.emit('connection', connection),
    );
  }

  /**
   * Crawls a list of URLs: `welcome`, `metadata`, a `result` for each URL as it completes, `summary`. Each place in the
   * list has its result exactly once, however often the connection was lost meanwhile. Nothing happens before the
   * iteration begins; leaving it, by `break` or `return()`, ends the crawl.
   *
   * The iteration throws:
   * - `StreamingError` `CRAWL_INCOMPLETE` when the server could not be reached, or not again, with `missingUrls`;
   * - `StreamingError` `CRAWL_REFUSED` after an `error` message that answers this crawl;
   * - what `onMessage` throws, and the signal's reason.
   *
   * @throws {ValidationError} at the call, for an empty list, or one with what is no HTTP URL
   */
  crawl(urls: Iterable<string | URL>, call: CrawlCall = {}): AsyncIterableIterator<CrawlResult, undefined> {
    checkCall(call);
    return new Crawl(this.#pool, checkUrls(urls), call);
  }

  /**
   * Asks for a sign of life. Where the server answers one request at a time, it is asked over a connection that is free.
   *
   * @throws {StreamingError} `ANSWER_MISSING` without an answer, or with another one
   */
  async ping(options: AskOptions = {}): Promise<PingAnswer> {
    const { data, latencyMs } = await ask(this.#pool, 'ping', options);
    this.#metrics.latency.record(latencyMs);
    return { latencyMs, sessionId: data.session_id, serverTime: data.timestamp };
  }

  /**
   * Asks the server how it sees the present connection, and makes one when there is none. Where the server answers one
   * request at a time, the answer comes after what it is doing.
   *
   * @throws {StreamingError} `ANSWER_MISSING` without an answer, or with another one
   */
  async status(options: AskOptions = {}): Promise<ServerStatus> {
    const { data } = await ask(this.#pool, 'status', options);
    return {
      sessionId: data.session_id,
      isHealthy: data.is_healthy,
      messageCount: data.message_count,
      connectedDurationMs: data.connected_duration_ms,
      backpressureCount: data.backpressure_count,
    };
  }

  /** Counters and measurements since the client was made. */
  get metrics(): CrawlMetrics {
    return this.#metrics.report(this.#pool.traffic);
  }

  /** The connections that there are now: their states, events, statistics and recordings. */
  get connections(): readonly CrawlConnection[] {
    return this.#pool.lanes.map(({ connection }) => connection);
  }

  /** Adds a listener, and returns the function that removes it. */
  on<Event extends keyof CrawlClientEvents>(event: Event, listener: CrawlClientEvents[Event]): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  off<Event extends keyof CrawlClientEvents>(event: Event, listener: CrawlClientEvents[Event]): void {
    this.#emitter.off(event, listener);
  }

  /** Ends running crawls and closes all connections (1000). Never rejects. Crawling afterwards opens new ones. */
  disconnect(): Promise<void> {
    return this.#pool.close();
  }

  /** `await using client = …`: the same as `disconnect()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  #report(event: string, thrown: unknown): void {
    const details = { event, cause: textOf(thrown) };
    platform.reportUncaught(new ConnectionError('LISTENER_FAILED', { details, cause: thrown }));
  }
}

type OneShotOptions = Omit<CrawlClientOptions, 'maxConnections' | 'keepOpenMs'>;

/** Opens a connection only to ping the server; `connectMs` is how long opening took. @throws what `ping()` throws */
export async function pingCrawlServer(
  options: OneShotOptions,
): Promise<PingAnswer & { readonly connectMs: number }> {
  await using client = new CrawlClient({ retry: false, ...options });
  const answer = await client.ping();
  const connectMs = client.connections[0]?.stats.connectTimings?.totalMs ?? 0;
  return { ...answer, connectMs };
}

/** Opens a connection only to ask for its status: that of a fresh one. @throws what `status()` throws */
export async function crawlServerStatus(options: OneShotOptions): Promise<ServerStatus> {
  await using client = new CrawlClient({ retry: false, ...options });
  return await client.status();
}
