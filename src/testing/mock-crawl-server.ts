// A stand-in for the crawl server that the protocol comes from: the same frames in the same order, its habits included,
// and faults on demand. It crawls nothing: what a URL gives is made up.
import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { CRAWL_PATH, type CrawlPage } from '../crawl/messages.ts';
import { MockCrawlConnection, type MockCrawlHabits } from './mock-crawl-connection.ts';
import { Port } from './port.ts';
import { Inbox } from './wait.ts';

export { MockCrawlConnection } from './mock-crawl-connection.ts';

export interface MockCrawlServerOptions {
  /** What the server lets in, by `Authorization: Bearer` or `X-API-Key`; anybody else gets a 401. Default: everybody. */
  readonly apiKey?: string;
  /** What is known of a page; the rest is made up. Default: nothing, so that every URL is a page that was found. */
  readonly pages?: (url: string) => Partial<CrawlPage>;
  /** The order in which the pages of a request are ready. Default: as asked. */
  readonly order?: (indexes: readonly number[]) => readonly number[];
  /** Whether a result of this index is sent; a server under backpressure drops some. Default: all are. */
  readonly sends?: (index: number) => boolean;
  /** Whether the summary is sent, which may be dropped as well. Default: true. */
  readonly sendsSummary?: boolean;
  /** Whether URLs are checked as by the real server, which takes no private addresses. Default: true. */
  readonly checksUrls?: boolean;
  /** How often a protocol ping is sent, in milliseconds; the first one follows the welcome. Default: 30,000. */
  readonly pingIntervalMs?: number;
}

interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * A crawl server on 127.0.0.1 for tests and demonstrations.
 *
 * It says `welcome` at once, and a protocol ping. Requests are answered strictly one at a time: while a crawl is
 * running nothing is read, so that pings, of either kind, wait for its summary. What it cannot read, and binary frames,
 * it passes over in silence. It never closes a connection of its own accord.
 *
 * ```ts
 * await using server = await MockCrawlServer.listen();
 * const client = new CrawlClient({ baseUrl: server.url });
 * server.hold(); // the next results wait …
 * server.release(2); // … for this
 * ```
 */
export class MockCrawlServer implements AsyncDisposable {
  readonly #port: Port;
  readonly #ws = new WebSocketServer({ noServer: true, clientTracking: false, autoPong: false });
  readonly #options: MockCrawlServerOptions;
  readonly #connections: MockCrawlConnection[] = [];
  readonly #accepted = new Inbox<MockCrawlConnection>('a client');
  #refusal: Refusal | undefined;
  /** Results that may be sent. */
  #permits = Infinity;
  #waiting: { readonly isGone: () => boolean; readonly go: () => void }[] = [];

  private constructor(options: MockCrawlServerOptions) {
    this.#options = options;
    const http = createServer((_request, response) => response.writeHead(404).end());
    http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#port = new Port(http);
  }

  /** Listens on a free port of 127.0.0.1. */
  static async listen(options: MockCrawlServerOptions = {}): Promise<MockCrawlServer> {
    const server = new MockCrawlServer(options);
    await server.comeBack();
    return server;
  }

  /** `http://127.0.0.1:port`: the base URL. The same after `comeBack()`. */
  get url(): string {
    return `http://${this.#port.authority}`;
  }

  /** All connections in order of arrival, those that have ended included. */
  get connections(): readonly MockCrawlConnection[] {
    return this.#connections;
  }

  /** How many connections exist now. */
  get liveConnections(): number {
    return this.#connections.filter(({ isClosed }) => !isClosed).length;
  }

  /** How many TCP connections exist now, upgraded or not. */
  get sockets(): number {
    return this.#port.live;
  }

  /** The next connection. Rejects after five seconds. */
  nextConnection(): Promise<MockCrawlConnection> {
    return this.#accepted.next();
  }

  /** The URLs of every crawl request so far, of all connections, in order of their coming. */
  get requestedUrls(): readonly (readonly string[])[] {
    return this.#connections
      .flatMap(({ crawls }) => crawls)
      .sort((a, b) => a.order - b.order)
      .map(({ urls }) => urls);
  }

  /** Results wait from now on, for `release()`. */
  hold(): void {
    this.#permits = 0;
  }

  /** Lets so many results go; by default all, now and later. */
  release(results = Infinity): void {
    this.#permits += results;
    while (this.#permits > 0) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      if (!waiting.isGone()) this.#permits -= 1;
      waiting.go();
    }
  }

  /** Answers upgrades with this HTTP status, such as 429 or 503, until `accept()`. */
  refuse(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.#refusal = { status, headers };
  }

  accept(): void {
    this.#refusal = undefined;
  }

  /** Goes down: the port refuses connections and every connection is destroyed without a close frame. */
  goAway(): Promise<void> {
    return this.#port.goAway();
  }

  /** Listens again on the same port. */
  comeBack(): Promise<void> {
    return this.#port.comeBack();
  }

  /** Ends everything; resolves when no socket is left. Idempotent. */
  close(): Promise<void> {
    return this.#port.goAway();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#refusal ?? this.#refusalOf(request);
    if (refusal !== undefined) {
      const { status, headers } = refusal;
      const lines = Object.entries({ Connection: 'close', 'Content-Length': '0', ...headers });
      const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${text}\r\n`);
      return;
    }
    this.#ws.handleUpgrade(request, socket, head, (ws) => {
      const connection = new MockCrawlConnection(ws, request, randomUUID(), this.#habits());
      this.#connections.push(connection);
      this.#accepted.push(connection);
    });
  }

  #refusalOf({ url = '', headers }: IncomingMessage): Refusal | undefined {
    const { apiKey } = this.#options;
    if (new URL(url, 'http://127.0.0.1').pathname !== CRAWL_PATH) return { status: 404, headers: {} };
    const given = headers['x-api-key'] ?? headers.authorization?.replace(/^Bearer /, '');
    const isLetIn = apiKey === undefined || given === apiKey;
    return isLetIn ? undefined : { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } };
  }

  #habits(): MockCrawlHabits {
    const {
      pages = () => ({}),
      order = (indexes: readonly number[]) => indexes,
      sends = () => true,
    } = this.#options;
    const { sendsSummary = true, checksUrls = true, pingIntervalMs = 30_000 } = this.#options;
    return {
      pages,
      order,
      sends,
      sendsSummary,
      checksUrls,
      pingIntervalMs,
      permit: (isGone: () => boolean) => this.#permit(isGone),
    };
  }

  #permit(isGone: () => boolean): Promise<void> {
    if (this.#permits > 0) {
      this.#permits -= 1;
      return Promise.resolve();
    }
    return new Promise((go) => {
      this.#waiting.push({ isGone, go });
    });
  }
}
