// One crawl over plain HTTP: the messages of a WebSocket as lines of JSON, or as server-sent events.
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { CrawlMessage } from '../../crawl/messages.ts';
import { Crawl, type CrawlEnvironment } from './crawl.ts';
import { Outlet } from './outlet.ts';
import type { CrawlJob } from './requests.ts';

export type StreamFormat = 'ndjson' | 'sse';

const CONTENT_TYPES = { ndjson: 'application/x-ndjson', sse: 'text/event-stream' } as const;
const RETRY_MS = 3_000;
/** Shorter than the idle limit of any proxy in use. */
const KEEP_ALIVE_MS = 15_000;

export class StreamedCrawl {
  readonly #response: ServerResponse;
  readonly #format: StreamFormat;
  readonly #environment: CrawlEnvironment;
  readonly #outlet: Outlet;
  readonly #crawl: Crawl;
  #lastEventId = 0;
  #isStuck = false;
  #keepAliveTimer: unknown;

  constructor(response: ServerResponse, format: StreamFormat, job: CrawlJob, environment: CrawlEnvironment) {
    this.#response = response;
    this.#format = format;
    this.#environment = environment;
    this.#outlet = new Outlet({
      sessionId: randomUUID(),
      clock: environment.clock,
      statistics: environment.statistics,
      encode: (message) => this.#encode(message),
      write: (frame, done) => void response.write(frame, done),
      onStuck: () => this.#stuck(),
    });
    this.#crawl = new Crawl(job, this.#outlet, environment);
  }

  /** Resolves when the response is over, one way or the other. */
  async run(): Promise<void> {
    const response = this.#response;
    // Gone already, between the end of its request and here: there would be no `close` to wait for.
    if (response.destroyed) return;
    const isOver = new Promise<void>((resolve) => response.once('close', resolve));
    response.on('error', () => undefined);
    response.once('close', () => this.#crawl.end('gone'));
    response.writeHead(200, {
      'Content-Type': CONTENT_TYPES[this.#format],
      // Proxies that compress or buffer hold the stream back until its end.
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    if (this.#format === 'sse') this.#beginEvents();
    await this.#crawl.run();
    response.end();
    await isOver;
    this.#environment.clock.clearTimeout(this.#keepAliveTimer);
    this.#outlet.close();
  }

  shutDown(): void {
    this.#crawl.end('shutting_down');
  }

  terminate(): void {
    this.#response.destroy();
  }

  #encode(message: CrawlMessage): string {
    const json = JSON.stringify(message);
    if (this.#format === 'ndjson') return `${json}\n`;
    this.#lastEventId += 1;
    // JSON has no line breaks of its own, so one `data` line holds it all.
    return `id: ${this.#lastEventId}\nevent: ${message.message_type}\ndata: ${json}\n\n`;
  }

  #beginEvents(): void {
    this.#response.write(`retry: ${RETRY_MS}\n\n`);
    this.#keepAlive();
  }

  #keepAlive(): void {
    this.#keepAliveTimer = this.#environment.clock.setTimeout(() => {
      if (this.#outlet.pending === 0) this.#response.write(': keep-alive\n\n');
      this.#keepAlive();
    }, KEEP_ALIVE_MS);
  }

  /** The first time the crawl ends, with an error that a client may still read; the next time the connection does. */
  #stuck(): void {
    if (this.#isStuck) this.terminate();
    this.#isStuck = true;
    this.#crawl.end('backpressure');
  }
}
