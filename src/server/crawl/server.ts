// The crawl server as its user sees it.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebSocket } from 'ws';
import { InvalidOptionError } from '../../errors.ts';
import type { CrawlEnvironment } from './crawl.ts';
import { Routes } from './http.ts';
import { resolveOptions, type CrawlServerOptions, type CrawlServerSettings } from './options.ts';
import { Pages } from './pages.ts';
import type { CrawlJob } from './requests.ts';
import { Session } from './session.ts';
import { newStatistics, snapshot, type CrawlServerStats } from './statistics.ts';
import { StreamedCrawl, type StreamFormat } from './stream.ts';

/** How long a request may take to arrive: its head, and all of it. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const DRAIN_MS = 10_000;
/** After the deadline, for goodbyes to be said. */
const GOODBYE_MS = 1_000;

export interface CloseServerOptions {
  /**
   * How long running crawls may take to end by themselves, in milliseconds, 0 or more. Default: 10,000.
   */
  readonly deadlineMs?: number;
}

/**
 * Starts a crawl server. It fetches pages, extracts what they say and streams the results as they complete, over
 * WebSocket (`GET /crawl/ws`), as lines of JSON (`POST /crawl/stream`) and as server-sent events (`POST /crawl/sse`);
 * `GET /health` says how it is.
 *
 * Of a crawl's options it follows `cache_mode`, `concurrency` and `timeout_secs` (the limit for each page); it ignores
 * `use_spider` (only the URLs that are given are crawled) and `chunking_config`. A redirect is followed within the
 * turn of the host that was asked first. Unlike the server it is modelled on it never drops a message: results that
 * are not read hold up the crawl, and end it with an error after ten minutes.
 *
 * ```ts
 * await using server = await createCrawlServer({ port: 3000, apiKeys: [key] });
 * ```
 *
 * @throws {InvalidOptionError} for an option that cannot be meant. Rejects too when the port cannot be listened at.
 */
export async function createCrawlServer(options: CrawlServerOptions = {}): Promise<CrawlServer> {
  const settings = resolveOptions(options);
  const server = settings.server ?? ownServer();
  const crawlServer = new CrawlServer(server, settings);
  if (settings.server === undefined) {
    server.listen(settings.port, settings.host);
    await once(server, 'listening');
  }
  return crawlServer;
}

const ownServer = (): Server =>
  createServer({
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: HEADERS_MS / 2,
  });

function urlOf(server: Server, { address, family, port }: AddressInfo): string {
  const scheme = 'setSecureContext' in server ? 'https' : 'http';
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

interface Guest {
  /** Ends what still runs and says goodbye. */
  shutDown(): void;
  terminate(): void;
}

/** A crawl server that runs. Made by {@link createCrawlServer}. */
export class CrawlServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #settings: CrawlServerSettings;
  readonly #statistics = newStatistics();
  readonly #pages: Pages;
  readonly #environment: CrawlEnvironment;
  readonly #routes: Routes;
  readonly #sessions = new Set<Session>();
  readonly #streams = new Set<StreamedCrawl>();
  #url: string | undefined;
  #closing: Promise<void> | undefined;
  #onEmpty: () => void = () => undefined;

  /** Use {@link createCrawlServer}. */
  constructor(server: Server, settings: CrawlServerSettings) {
    this.#server = server;
    this.#settings = settings;
    this.#pages = new Pages(settings, this.#statistics);
    this.#environment = { pages: this.#pages, clock: settings.clock, statistics: this.#statistics };
    this.#routes = this.#makeRoutes();
    server.on('request', this.#routes.request);
    server.on('upgrade', this.#routes.upgrade);
  }

  /**
   * `http://host:port`; with a `server` of yours, of where that listens. The last one, after the end.
   *
   * @throws {InvalidOptionError} when yours does not listen at a TCP port yet
   */
  get url(): string {
    const address: AddressInfo | string | null = this.#server.address();
    if (address !== null && typeof address !== 'string') this.#url = urlOf(this.#server, address);
    if (this.#url === undefined)
      throw new InvalidOptionError('server', 'a server that listens at a TCP port', address);
    return this.#url;
  }

  /** A copy of the counts as they are now. */
  get stats(): CrawlServerStats {
    this.#statistics.connections.open = this.#routes.connections;
    return snapshot(this.#statistics);
  }

  /**
   * Ends the server: new requests get a 503, new crawls an error; connections without a crawl are closed with 1001 at
   * once, the others when their crawls are done. What still runs at the deadline is ended with an error. Resolves when
   * nothing is left. Idempotent; the first deadline counts.
   */
  close({ deadlineMs = DRAIN_MS }: CloseServerOptions = {}): Promise<void> {
    if (!(deadlineMs >= 0)) throw new InvalidOptionError('deadlineMs', 'a number of at least 0', deadlineMs);
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #makeRoutes(): Routes {
    return new Routes(
      {
        settings: this.#settings,
        policy: this.#pages.policy,
        isDraining: () => this.#isDraining,
        onSocket: (socket) => this.#greet(socket),
        onStream: (response, format, job) => this.#stream(response, format, job),
        onRefused: ({ status }) => {
          this.#statistics.connections.refused += 1;
          this.#log('Refused a request', { status });
        },
        onLeft: () => this.#left(),
        health: () => ({ connections: this.#routes.connections, crawls: this.#statistics.crawls.running }),
      },
      this.#settings.server === undefined ? 'refuse' : 'leave',
    );
  }

  get #isDraining(): boolean {
    return this.#closing !== undefined;
  }

  #greet(socket: WebSocket): void {
    const session = new Session({
      socket,
      settings: this.#settings,
      environment: this.#environment,
      isDraining: () => this.#isDraining,
    });
    this.#statistics.connections.total += 1;
    this.#log('Connected', { sessionId: session.id });
    this.#sessions.add(session);
    socket.once('close', (closeCode) => {
      this.#log('Disconnected', { sessionId: session.id, closeCode });
      this.#sessions.delete(session);
      this.#left();
    });
    if (this.#isDraining) session.drain();
  }

  async #stream(response: ServerResponse, format: StreamFormat, job: CrawlJob): Promise<void> {
    const stream = new StreamedCrawl(response, format, job, this.#environment);
    this.#statistics.connections.total += 1;
    this.#streams.add(stream);
    await stream.run();
    this.#streams.delete(stream);
    this.#left();
  }

  async #close(deadlineMs: number): Promise<void> {
    const { clock } = this.#settings;
    for (const session of this.#sessions) session.drain();
    const timers = [
      clock.setTimeout(() => this.#eachGuest((guest) => guest.shutDown()), deadlineMs),
      clock.setTimeout(() => this.#eachGuest((guest) => guest.terminate()), deadlineMs + GOODBYE_MS),
      clock.setTimeout(() => this.#onEmpty(), deadlineMs + 2 * GOODBYE_MS),
    ];
    await this.#empty();
    this.#routes.terminate();
    for (const timer of timers) clock.clearTimeout(timer);
    await this.#stopListening();
    await this.#pages.close();
  }

  /** Only now: until the last crawl is done, whoever comes is told so with a 503. */
  async #stopListening(): Promise<void> {
    const server = this.#server;
    server.off('request', this.#routes.request);
    server.off('upgrade', this.#routes.upgrade);
    if (this.#settings.server !== undefined || !server.listening) return;
    const isClosed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await isClosed;
  }

  /** A logger that fails must not cost anybody the connection. */
  #log(message: string, fields: Readonly<Record<string, unknown>>): void {
    try {
      this.#settings.logger?.info(message, fields);
    } catch {
      // There is nobody to tell.
    }
  }

  #eachGuest(act: (guest: Guest) => void): void {
    for (const guest of [...this.#sessions, ...this.#streams]) act(guest);
  }

  #empty(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#left();
    });
  }

  #left(): void {
    const isEmpty = this.#routes.connections === 0 && this.#sessions.size === 0 && this.#streams.size === 0;
    if (isEmpty) this.#onEmpty();
  }
}
