// One WebSocket connection: welcome, requests and their answers, its health and its end.
import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import {
  CRAWL_EXTENSIONS,
  CRAWL_PROTOCOL_VERSION,
  type CrawlMessage,
  type StatusData,
} from '../../crawl/messages.ts';
import { Intake } from '../intake.ts';
import type { CrawlEnvironment } from './crawl.ts';
import { Heartbeat } from './heartbeat.ts';
import type { CrawlServerSettings } from './options.ts';
import { Outlet } from './outlet.ts';
import { RequestQueue } from './request-queue.ts';
import { MAX_REQUEST_BYTES, readRequest, unreadable, type ServerRequest } from './requests.ts';
import { encodingOf, envelope, errorMessage, wireTime, type Encoding } from './wire.ts';

const OPERATIONS = ['crawl', 'ping', 'status'] as const;
/** A client that asks without reading the answers is not read either, from this many unread answers on. */
const MAX_UNREAD_MESSAGES = 256;

export interface SessionOptions {
  readonly socket: WebSocket;
  readonly settings: CrawlServerSettings;
  readonly environment: CrawlEnvironment;
  readonly isDraining: () => boolean;
}

export class Session {
  readonly id = randomUUID();
  readonly #socket: WebSocket;
  readonly #settings: CrawlServerSettings;
  readonly #environment: CrawlEnvironment;
  readonly #isDraining: () => boolean;
  readonly #encoding: Encoding;
  readonly #outlet: Outlet;
  readonly #intake: Intake;
  readonly #queue: RequestQueue;
  readonly #heartbeat: Heartbeat;
  readonly #startedAtMs: number;

  constructor({ socket, settings, environment, isDraining }: SessionOptions) {
    this.#socket = socket;
    this.#settings = settings;
    this.#environment = environment;
    this.#isDraining = isDraining;
    this.#encoding = encodingOf(socket.protocol);
    this.#startedAtMs = settings.clock.now();
    this.#outlet = this.#makeOutlet();
    this.#intake = new Intake(socket, settings.clock, () => this.#outlet.pending > MAX_UNREAD_MESSAGES);
    this.#queue = this.#makeQueue();
    this.#listen();
    this.#say(this.#welcome());
    this.#heartbeat = this.#makeHeartbeat();
  }

  /** No new crawls from now on; says goodbye when the last one is done. */
  drain(): void {
    if (this.#queue.isIdle) this.#leave();
  }

  /** Ends what still runs, with an error frame, and says goodbye. */
  shutDown(): void {
    this.#queue.endAll('shutting_down');
    this.drain();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #makeOutlet(): Outlet {
    const { clock } = this.#settings;
    return new Outlet({
      sessionId: this.id,
      clock,
      statistics: this.#environment.statistics,
      encode: (message) => this.#encoding.encode(message),
      write: (frame, done) =>
        this.#socket.send(frame, (error) => {
          done(error);
          if (!error) this.#progressed();
        }),
      onStuck: () => this.#queue.endRunning('backpressure'),
    });
  }

  #makeQueue(): RequestQueue {
    const { crawlsPerConnection, waitingPerConnection } = this.#settings.limits;
    return new RequestQueue({
      outlet: this.#outlet,
      environment: this.#environment,
      maxRunning: crawlsPerConnection,
      maxWaiting: waitingPerConnection,
      onIdle: () => {
        if (this.#isDraining()) this.#leave();
      },
    });
  }

  #makeHeartbeat(): Heartbeat {
    const { clock, pingIntervalMs, pongTimeoutMs } = this.#settings;
    return new Heartbeat({
      clock,
      intervalMs: pingIntervalMs,
      timeoutMs: pongTimeoutMs,
      ping: () => this.#socket.ping(String(Date.now())),
      // Whoever does not read a crawl's results does not see a ping behind them; the outlet counts for how long.
      isExcused: () => this.#queue.isCrawling && this.#outlet.pending > 0,
      onDead: () => this.#socket.terminate(),
    });
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('message', (data, isBinary) => {
      this.#heard();
      this.#environment.statistics.messages.received += 1;
      this.#answer(this.#read(data as Buffer, isBinary));
    });
    socket.on('ping', () => this.#heard());
    socket.on('pong', () => this.#heard());
    // `ws` answers a frame that is too large or malformed with the right close code by itself; `close` follows.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#heartbeat.stop();
      this.#outlet.close();
      this.#intake.stop();
      this.#queue.endAll('gone');
    });
  }

  #heard(): void {
    this.#heartbeat.life();
    this.#intake.took();
  }

  #progressed(): void {
    this.#heartbeat.life();
    this.#intake.relieve();
  }

  #read(data: Buffer, isBinary: boolean): ServerRequest {
    const { policy } = this.#environment.pages;
    const { limits, extensions } = this.#settings;
    if (data.byteLength > MAX_REQUEST_BYTES) return unreadable('is too large for a request');
    let message: unknown;
    try {
      message = this.#encoding.decode(data, isBinary);
    } catch {
      return unreadable('could not be decoded');
    }
    return readRequest(message, { policy, limits, extensions });
  }

  #answer(request: ServerRequest): void {
    switch (request.kind) {
      case 'refused': {
        this.#refuse(request.error.error_type, request.error.message, request.requestId);
        return;
      }
      case 'ping': {
        this.#say(envelope('pong', { timestamp: wireTime(), session_id: this.id }, request.requestId));
        return;
      }
      case 'status': {
        this.#answerStatus(request.requestId);
        return;
      }
      case 'crawl': {
        this.#answerCrawl(request);
        return;
      }
      case 'cancel':
      case 'pause':
      case 'resume': {
        this.#queue[request.kind](request.requestId);
        return;
      }
    }
  }

  #answerStatus(requestId: string | undefined): void {
    const answer = (): void => this.#say(envelope('status', this.#status(), requestId));
    if (requestId !== undefined || this.#queue.isIdle) answer();
    else if (this.#queue.isFull) this.#refuseFull(requestId);
    else
      this.#queue.afterCrawls(() => {
        answer();
        return Promise.resolve();
      });
  }

  #answerCrawl({ job, requestId }: Extract<ServerRequest, { kind: 'crawl' }>): void {
    if (this.#isDraining()) {
      this.#refuse('shutting_down', 'The server is shutting down', requestId);
      return;
    }
    // Without its id: whoever reads this one would take it for the end of the crawl that runs.
    if (requestId !== undefined && this.#queue.has(requestId)) {
      this.#refuse('duplicate_request_id', 'A crawl with this request_id is running', undefined);
      return;
    }
    if (this.#queue.isFull) {
      this.#refuseFull(requestId);
      return;
    }
    this.#queue.crawl(job);
  }

  #refuseFull(requestId: string | undefined): void {
    this.#refuse('too_many_requests', 'Too many requests are waiting on this connection', requestId);
  }

  #refuse(type: string, message: string, requestId: string | undefined): void {
    this.#say(errorMessage(type, message, requestId));
  }

  #welcome(): CrawlMessage {
    const extensions = this.#settings.extensions ? Object.values(CRAWL_EXTENSIONS) : [];
    return envelope('welcome', {
      session_id: this.id,
      server_time: wireTime(),
      protocol_version: CRAWL_PROTOCOL_VERSION,
      supported_operations: [...OPERATIONS, ...extensions],
    });
  }

  #status(): StatusData {
    return {
      session_id: this.id,
      connected_duration_ms: Math.round(this.#settings.clock.now() - this.#startedAtMs),
      is_healthy: this.#outlet.isHealthy,
      message_count: this.#outlet.messages,
      backpressure_count: this.#outlet.backpressure,
    };
  }

  /** A client that is gone is noticed by its `close`, not by a message that did not reach it. */
  #say(message: CrawlMessage): void {
    this.#outlet.send(message).catch(() => undefined);
  }

  #leave(): void {
    this.#socket.close(1001, 'server shutting down');
  }
}
