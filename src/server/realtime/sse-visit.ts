// A client that asks for an event stream: how it is let in, served and seen off. Does what the session's machine says.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuse } from '../refusals.ts';
import type { Door } from './door.ts';
import type { Life, Release, Report, SessionWorld } from './life.ts';
import type { RealtimeSettings } from './options.ts';
import type { Target } from './places.ts';
import type { ServerLog } from './server-log.ts';
import { SseLink } from './sse-link.ts';
import { SseSession } from './sse-session.ts';

/** Serves one client. The stream ends when it returns; what it throws is logged. */
export type SseHandler = (stream: SseSession, request: IncomingMessage) => unknown;

export interface SseVisitOptions {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: Target;
  readonly handler: SseHandler;
  readonly door: Door;
  readonly settings: RealtimeSettings;
  readonly log: ServerLog;
  readonly onOpen: (session: SseSession) => void;
}

export class SseVisit implements SessionWorld {
  readonly #options: SseVisitOptions;
  #life: Life | undefined;
  #link: SseLink | undefined;
  #session: SseSession | undefined;

  constructor(options: SseVisitOptions) {
    this.#options = options;
  }

  /** Begins it all. */
  live(life: Life): void {
    this.#life = life;
    life.start();
  }

  gatekeeper(report: Report): Release {
    const { request, response, target, door } = this.#options;
    const left = (): void => report({ type: 'link.closed', code: 1006, reason: '', cause: 'PEER_LEFT' });
    let isAnswered = false;
    response.once('close', left);
    const answer = (): void => {
      isAnswered = true;
      response.off('close', left);
    };
    void door.judge(request, target).then((verdict) => {
      if (isAnswered) return;
      answer();
      if ('refusal' in verdict) {
        refuse(response, verdict.refusal);
        report({ type: 'request.refused', status: verdict.refusal.status });
      } else {
        this.#open(verdict.identity);
        report({ type: 'request.accepted' });
      }
    });
    return () => {
      if (isAnswered) return;
      answer();
      refuse(response, door.impatience);
    };
  }

  link(report: Report): Release {
    return this.#link?.listen(report) ?? (() => undefined);
  }

  handler(report: Report): Release {
    let isOver = false;
    queueMicrotask(() => {
      void this.#serve().then(
        () => report({ type: 'handler.returned' }),
        (thrown: unknown) => {
          this.#options.log.handlerFailed(this.#options.target, thrown, isOver);
          report({ type: 'handler.failed' });
        },
      );
    });
    return () => {
      isOver = true;
      this.#link?.endTraffic();
    };
  }

  /** A client that is gone is noticed by what is sent to it: see `keepAlive()` and `limits.stuckMs`. */
  watchdog(): Release {
    return () => undefined;
  }

  goodbye(): void {
    this.#link?.end();
  }

  #open(identity: unknown): void {
    const { id, request, response, target, settings, onOpen } = this.#options;
    if (this.#life === undefined) throw new Error('A session was opened that does not live.');
    this.#link = new SseLink({ id, request, response, target, identity, life: this.#life, settings });
    this.#session = new SseSession(this.#link);
    this.#link.greet(request.headers.origin);
    onOpen(this.#session);
  }

  async #serve(): Promise<void> {
    if (this.#session !== undefined) await this.#options.handler(this.#session, this.#options.request);
  }
}
