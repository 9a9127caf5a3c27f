// One client of the mock crawl server: its requests, answered one at a time.
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { CRAWL_PROTOCOL_VERSION, type CrawlPage } from '../crawl/messages.ts';
import type { CloseInfo } from './puppet-socket.ts';
import { resetSocket } from './port.ts';

/** What the server of a connection does. */
export interface MockCrawlHabits {
  readonly pages: (url: string) => Partial<CrawlPage>;
  readonly order: (indexes: readonly number[]) => readonly number[];
  readonly sends: (index: number) => boolean;
  readonly sendsSummary: boolean;
  readonly checksUrls: boolean;
  readonly pingIntervalMs: number;
  /** Resolves when the next result may be sent; to one who is gone it goes without being counted. */
  readonly permit: (isGone: () => boolean) => Promise<void>;
}

/** A crawl request, and its place among all that came to any server. */
export interface MockCrawl {
  readonly urls: readonly string[];
  readonly options: unknown;
  readonly order: number;
}

const MAX_URLS = 100;
const MAX_URL_LENGTH = 2_048;
/** Anywhere in a URL, as the real server has it: `10.` is in `/v10.2` too. */
const FORBIDDEN =
  /localhost|127\.0\.0\.1|0\.0\.0\.0|::1|169\.254\.|10\.|172\.16\.|192\.168\.|\.(?:exe|bat|cmd|scr|vbs|js)/;

let crawlsBefore = 0;

export class MockCrawlConnection {
  readonly request: IncomingMessage;
  readonly sessionId: string;
  /** Every text message received, as it came. */
  readonly received: string[] = [];
  /** Every crawl that was asked for, the refused ones included. */
  readonly crawls: MockCrawl[] = [];
  readonly #ws: WebSocket;
  readonly #habits: MockCrawlHabits;
  readonly #openedAt = Date.now();
  readonly #pings: NodeJS.Timeout;
  readonly #pending: string[] = [];
  #activity: 'idle' | 'answering' | 'crawling' = 'idle';
  #sent = 0;
  #pongs: string[] = [];
  #end: CloseInfo | undefined;

  /** Made by `MockCrawlServer`. */
  constructor(ws: WebSocket, request: IncomingMessage, sessionId: string, habits: MockCrawlHabits) {
    this.#ws = ws;
    this.request = request;
    this.sessionId = sessionId;
    this.#habits = habits;
    ws.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    ws.on('ping', (payload) => ws.pong(payload));
    ws.on('pong', (payload) => this.#pongs.push(payload.toString()));
    ws.on('error', () => undefined);
    ws.on('close', (code, reason) => this.#ended({ code, reason: reason.toString() }));
    this.#say('welcome', {
      session_id: sessionId,
      server_time: timestamp(),
      protocol_version: CRAWL_PROTOCOL_VERSION,
      supported_operations: ['crawl', 'ping', 'status'],
    });
    this.#ping();
    this.#pings = setInterval(() => this.#ping(), habits.pingIntervalMs);
  }

  /** The client's close frame, or 1006 when there was none; `undefined` as long as the connection exists. */
  get end(): CloseInfo | undefined {
    return this.#end;
  }

  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  /** Whether a crawl is being answered, so that nothing is read. */
  get isCrawling(): boolean {
    return this.#activity === 'crawling';
  }

  /** The payloads of the pongs received. */
  get pongs(): readonly string[] {
    return this.#pongs;
  }

  /** How many messages were sent. */
  get sent(): number {
    return this.#sent;
  }

  /** Bytes that the client has not taken. */
  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /** Sends text or bytes as they are, anything else as JSON. */
  send(message: string | object): void {
    const isFrame = typeof message === 'string' || message instanceof Uint8Array;
    this.#ws.send(isFrame ? message : JSON.stringify(message));
  }

  close(code: number, reason = ''): void {
    // Else the client's answer would never be read.
    this.#ws.resume();
    this.#ws.close(code, reason);
  }

  /** Ends the TCP connection with RST. */
  reset(): void {
    resetSocket(this.request.socket);
  }

  #ended(end: CloseInfo): void {
    this.#end = end;
    clearInterval(this.#pings);
  }

  #ping(): void {
    if (this.#activity !== 'crawling' && !this.isClosed) this.#ws.ping(String(Date.now()));
  }

  #say(type: string, data: object): void {
    if (this.isClosed) return;
    this.#sent += 1;
    this.#ws.send(JSON.stringify({ message_type: type, data, timestamp: timestamp() }));
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) return;
    const text = data.toString();
    this.received.push(text);
    this.#pending.push(text);
    if (this.#activity === 'idle') void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    this.#activity = 'answering';
    for (let text = this.#pending.shift(); text !== undefined; text = this.#pending.shift())
      await this.#answer(text);
    this.#activity = 'idle';
  }

  async #answer(text: string): Promise<void> {
    const { request_type: type, data } = parse(text);
    if (typeof type !== 'string' || data === undefined) return; // only written to the server's log
    if (type === 'ping') this.#say('pong', { timestamp: timestamp(), session_id: this.sessionId });
    else if (type === 'status') this.#say('status', this.#status());
    else if (type === 'crawl') await this.#crawl(data as { urls?: unknown; options?: unknown });
    else this.#refuse('unknown_request', `Unknown request type: ${type}`);
  }

  #status(): object {
    return {
      session_id: this.sessionId,
      connected_duration_ms: Date.now() - this.#openedAt,
      is_healthy: true,
      message_count: this.#sent,
      backpressure_count: 0,
    };
  }

  async #crawl({ urls, options }: { readonly urls?: unknown; readonly options?: unknown }): Promise<void> {
    if (!Array.isArray(urls)) return;
    const list = urls as string[];
    crawlsBefore += 1;
    this.crawls.push({ urls: list, options, order: crawlsBefore });
    const objection = objectionTo(list, this.#habits.checksUrls);
    if (objection !== undefined) {
      this.#refuse('validation_error', objection);
      return;
    }
    this.#activity = 'crawling';
    this.#ws.pause();
    await this.#answerCrawl(list);
    this.#ws.resume();
    this.#activity = 'answering';
  }

  async #answerCrawl(urls: readonly string[]): Promise<void> {
    const { order, pages, permit, sends, sendsSummary } = this.#habits;
    const about = { session_id: this.sessionId, timestamp: timestamp(), stream_type: 'crawl' };
    this.#say('metadata', { total_urls: urls.length, ...about });
    let completed = 0;
    let successful = 0;
    for (const index of order([...urls.keys()])) {
      await permit(() => this.isClosed);
      if (this.isClosed) return;
      const url = urls[index] ?? '';
      const result = { ...foundPage(url), ...pages(url) };
      completed += 1;
      if (result.error === null) successful += 1;
      const progress = { completed, total: urls.length, success_rate: successful / completed };
      if (sends(index)) this.#say('result', { index, result, progress });
    }
    const failed = completed - successful;
    if (sendsSummary)
      this.#say('summary', { total_urls: urls.length, successful, failed, total_processing_time_ms: 5_000 });
  }

  #refuse(errorType: string, message: string): void {
    this.#say('error', { error_type: errorType, message });
  }
}

// With nanoseconds, as Rust prints it.
const timestamp = (): string => new Date().toISOString().replace('Z', '000000+00:00');

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function objectionTo(urls: readonly string[], checksUrls: boolean): string | undefined {
  if (urls.length === 0) return 'Validation error: At least one URL is required';
  if (urls.length > MAX_URLS) return `Validation error: Too many URLs: ${urls.length} (maximum: ${MAX_URLS})`;
  const bad = checksUrls ? urls.findIndex((url) => !isAllowed(url)) : -1;
  return bad < 0
    ? undefined
    : `Invalid URL: ${urls[bad] ?? ''} - URL ${bad + 1} validation failed: not allowed`;
}

const isAllowed = (url: string): boolean =>
  /^https?:\/\//.test(url) &&
  url.length <= MAX_URL_LENGTH &&
  url.split('%').length <= 21 &&
  !FORBIDDEN.test(url);

const foundPage = (url: string): CrawlPage => ({
  url,
  status: 200,
  from_cache: false,
  gate_decision: 'raw',
  quality_score: 0.95,
  processing_time_ms: 150,
  document: { url, title: `The page at ${url}`, text: 'Some text.', links: [], media: [] },
  error: null,
  cache_key: url,
});
