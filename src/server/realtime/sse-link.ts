// What one event stream of a server consists of: the response, what goes out, and the counts.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { SessionError } from './errors.ts';
import type { Release, Report } from './life.ts';
import { Outlet } from './outlet.ts';
import { destroyResponse } from './queued-responses.ts';
import { SseChunk, type Done } from './sse-chunk.ts';
import { SessionLink, type LinkFigures, type SessionLinkOptions } from './session-link.ts';

export interface SseLinkOptions extends SessionLinkOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A proxy that compresses or collects what passes would hold events back (nginx does, by default). */
const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
} as const;

/** No chunk grows much longer. */
const CHUNK_BYTES = 16_384;

export class SseLink extends SessionLink {
  readonly lastEventId: string;
  readonly tcp: Duplex;
  eventsSent = 0;
  bytesSent = 0;
  readonly #response: ServerResponse;
  readonly #outlet = new Outlet(this);
  #endings: Set<Release> | undefined;
  #chunk: SseChunk | undefined;

  constructor(options: SseLinkOptions) {
    super(options);
    const { request, response } = options;
    this.lastEventId = lastEventIdOf(request);
    this.tcp = request.socket;
    this.#response = response;
  }

  get isOpen(): boolean {
    return this.life.isOpen && !this.#response.destroyed;
  }

  get bufferedAmount(): number {
    return this.#response.writableLength + (this.#chunk?.byteLength ?? 0);
  }

  get figures(): LinkFigures {
    const { eventsSent, bytesSent, bufferedAmount } = this;
    const nothing = { messagesReceived: 0, bytesReceived: 0, rttMs: undefined };
    return { ...nothing, messagesSent: eventsSent, bytesSent, bufferedBytes: bufferedAmount };
  }

  closedError(): SessionError {
    return new SessionError('SESSION_CLOSED', { how: `closed (${this.life.ending.cause})` });
  }

  /** Answers, so that the client knows at once that it is let in. */
  greet(origin: string | undefined): void {
    const cors = origin === undefined ? {} : { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' };
    this.#response.writeHead(200, { ...HEADERS, ...cors });
    this.#response.flushHeaders();
  }

  /** @param events how many events that is; comments are none */
  write(text: string | Buffer, events: number): Promise<void> {
    const bytes = Buffer.byteLength(text);
    return this.#outlet.send(bytes, (done) => {
      this.eventsSent += events;
      this.bytesSent += bytes;
      this.#gather(text, bytes, done);
    });
  }

  /** What is sent in one turn leaves as one chunk of HTTP. */
  #gather(text: string | Buffer, bytes: number, done: Done | undefined): void {
    if (this.#chunk === undefined) {
      this.#chunk = new SseChunk();
      process.nextTick(flush, this);
    }
    this.#chunk.add(text, bytes, done);
    if (this.#chunk.byteLength >= CHUNK_BYTES) this.flush();
  }

  flush(): void {
    const chunk = this.#chunk;
    this.#chunk = undefined;
    chunk?.writeTo(this.#response);
  }

  /** Calls back every `intervalMs`, until the returned function is called or the stream ends. */
  every(intervalMs: number, act: () => void): Release {
    const { clock } = this.settings;
    let timer: unknown;
    const tick = (): void => {
      act();
      timer = clock.setTimeout(tick, intervalMs);
    };
    timer = clock.setTimeout(tick, intervalMs);
    return this.untilEnd(() => clock.clearTimeout(timer));
  }

  /** Has something ended with the stream, or earlier by the returned function. */
  untilEnd(end: Release): Release {
    this.#endings ??= new Set();
    if (!this.life.isOpen) end();
    else this.#endings.add(end);
    return () => {
      if (this.#endings?.delete(end) === true) end();
    };
  }

  listen(report: Report): void {
    const response = this.#response;
    response.on('error', () => undefined);
    response.once('close', () => {
      this.#outlet.stop();
      const cause = response.writableFinished ? 'CLOSED' : 'CLOSED_BY_PEER';
      report({ type: 'link.closed', code: 1006, reason: '', cause });
    });
  }

  cutOff(): void {
    if (!this.#response.writableFinished) destroyResponse(this.#response);
  }

  /** A client that is gone is noticed by what is sent to it: see `keepAlive()` and `limits.stuckMs`. */
  watch(): void {
    // Nothing to ask for: a stream of events goes one way.
  }

  stopWatching(): void {
    // Nothing was asked for.
  }

  override endTraffic(): void {
    for (const end of this.#endings ?? []) end();
    this.#endings = undefined;
    super.endTraffic();
  }

  end(): void {
    this.flush();
    this.#response.end();
  }
}

function flush(link: SseLink): void {
  link.flush();
}

/** Node reads headers as Latin-1; clients write this one in UTF-8. */
function lastEventIdOf({ headers }: IncomingMessage): string {
  const given = headers['last-event-id'];
  return typeof given === 'string' ? Buffer.from(given, 'latin1').toString('utf8') : '';
}
