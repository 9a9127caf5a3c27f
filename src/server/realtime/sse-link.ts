// What one event stream of a server consists of: the response, what goes out, and the counts.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SessionError } from './errors.ts';
import type { Life, Release, Report } from './life.ts';
import type { RealtimeSettings } from './options.ts';
import { Outlet } from './outlet.ts';
import type { Target } from './places.ts';

export interface SseLinkOptions {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: Target;
  readonly identity: unknown;
  readonly life: Life;
  readonly settings: RealtimeSettings;
}

/** A proxy that compresses or collects what passes would hold events back (nginx does, by default). */
const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
  Connection: 'keep-alive',
} as const;

export class SseLink {
  readonly id: string;
  readonly target: Target;
  readonly identity: unknown;
  readonly life: Life;
  readonly lastEventId: string;
  readonly counts = { eventsSent: 0, bytesSent: 0 };
  readonly #response: ServerResponse;
  readonly #settings: RealtimeSettings;
  readonly #outlet: Outlet;
  readonly #endings = new Set<Release>();
  #controller: AbortController | undefined;

  constructor({ id, request, response, target, identity, life, settings }: SseLinkOptions) {
    this.id = id;
    this.target = target;
    this.identity = identity;
    this.life = life;
    this.lastEventId = lastEventIdOf(request);
    this.#response = response;
    this.#settings = settings;
    this.#outlet = new Outlet({
      limits: settings.limits,
      clock: settings.clock,
      socket: request.socket,
      buffered: () => this.bufferedAmount,
      onStuck: () => life.tell({ type: 'terminate', cause: 'CONSUMER_TOO_SLOW' }),
      ending: () => (this.isOpen ? undefined : this.closedError()),
    });
  }

  get isOpen(): boolean {
    return this.life.isOpen && !this.#response.destroyed;
  }

  get bufferedAmount(): number {
    return this.#response.writableLength;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (!this.life.isOpen) this.#controller.abort(this.closedError());
    return this.#controller.signal;
  }

  closedError(): SessionError {
    return new SessionError('SESSION_CLOSED', `closed (${this.life.ending.cause})`);
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
      this.counts.eventsSent += events;
      this.counts.bytesSent += bytes;
      this.#response.write(text, done);
    });
  }

  /** Calls back every `intervalMs`, until the returned function is called or the stream ends. */
  every(intervalMs: number, act: () => void): Release {
    const { clock } = this.#settings;
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
    if (!this.life.isOpen) end();
    else this.#endings.add(end);
    return () => {
      if (this.#endings.delete(end)) end();
    };
  }

  listen(report: Report): Release {
    const response = this.#response;
    response.on('error', () => undefined);
    response.once('close', () => {
      this.#outlet.stop();
      const cause = response.writableFinished ? 'CLOSED' : 'CLOSED_BY_PEER';
      report({ type: 'link.closed', code: 1006, reason: '', cause });
    });
    return () => {
      if (!response.writableFinished) response.destroy();
    };
  }

  endTraffic(): void {
    for (const end of this.#endings) end();
    this.#endings.clear();
    this.#controller?.abort(this.closedError());
  }

  end(): void {
    this.#response.end();
  }
}

/** Node reads headers as Latin-1; clients write this one in UTF-8. */
function lastEventIdOf({ headers }: IncomingMessage): string {
  const given = headers['last-event-id'];
  return typeof given === 'string' ? Buffer.from(given, 'latin1').toString('utf8') : '';
}
