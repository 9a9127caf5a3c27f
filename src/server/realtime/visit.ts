// A client from its request to its end: judged, let in, served and seen off. Does what the session's machine says.
import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import type { Goodbye, SessionFact } from '../../../machines/index.ts';
import type { Refusal } from '../refusals.ts';
import type { Inspector } from '../../inspection/inspector.ts';
import type { Door } from './door.ts';
import { inspectedOf } from './inspected.ts';
import { Life, type Report, type SessionWorld } from './life.ts';
import type { RealtimeSettings } from './options.ts';
import type { Target } from './places.ts';
import type { Registry } from './registry.ts';
import { isEndOfSession, type ServerLog } from './server-log.ts';
import type { SessionLink } from './session-link.ts';
import type { Watch } from './watched-course.ts';

/** The server whose guest it is. */
export interface Host {
  readonly door: Door;
  readonly settings: RealtimeSettings;
  readonly log: ServerLog;
  readonly registry: Registry;
}

export interface VisitOptions<Handler> {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly target: Target;
  readonly handler: Handler;
  readonly host: Host;
}

type Handler<Session> = (session: Session, request: IncomingMessage) => unknown;

export abstract class Visit<
  Session = unknown,
  Link extends SessionLink = SessionLink,
> implements SessionWorld {
  protected readonly id: string;
  protected readonly target: Target;
  protected readonly host: Host;
  readonly life: Life;
  connection: Link | undefined;
  session: Session | undefined;
  readonly #handler: Handler<Session>;
  #request: IncomingMessage | undefined;
  /** While the client waits for its answer. */
  #stopListening: (() => void) | undefined;

  constructor({ id, request, target, handler, host }: VisitOptions<Handler<Session>>) {
    this.id = id;
    this.target = target;
    this.host = host;
    this.#handler = handler;
    this.#request = request;
    const { clock, limits, inspect: inspector } = host.settings;
    this.life = new Life(this, { limits, clock, watch: inspector && this.#watchedBy(inspector) });
  }

  /** What tells that the client has left before it was answered. */
  protected abstract get stream(): Writable;
  protected abstract turnAway(refusal: Refusal): void;
  /** Answers, and makes the connection and the session. */
  protected abstract letIn(request: IncomingMessage, identity: unknown): SessionFact;
  abstract sayGoodbye(said: Goodbye): void;

  /** Begins it all. */
  begin(): void {
    const { id, life, target, host } = this;
    host.registry.begin(id, this);
    host.log.info('Asked for a session', { id, route: target.route });
    life.start();
  }

  judge(report: Report): void {
    const { stream } = this;
    const left = (): void => report({ type: 'link.closed', code: 1006, reason: '', cause: 'PEER_LEFT' });
    stream.once('close', left);
    this.#stopListening = () => stream.off('close', left);
    void this.#judged().then(
      (fact) => {
        if (fact !== undefined) report(fact);
      },
      (thrown: unknown) => this.#failed(thrown, report),
    );
  }

  stopJudging(): void {
    if (this.#answered()) this.turnAway(this.host.door.impatience);
  }

  hold(report: Report): void {
    this.connection?.listen(report);
  }

  letGo(): void {
    this.connection?.cutOff();
  }

  /** Later: the user's code does not run inside a transition. */
  serve(report: Report): void {
    queueMicrotask(() => this.#callHandler(report));
  }

  stopServing(): void {
    this.connection?.endTraffic();
  }

  watch(report: Report): void {
    this.connection?.watch(report);
  }

  stopWatching(): void {
    this.connection?.stopWatching();
  }

  over(crash?: unknown): void {
    const { id, life, target, host } = this;
    const { code, cause } = life.ending;
    host.registry.end(id);
    this.#request = undefined;
    if (crash !== undefined) host.log.sessionFailed(target, crash);
    const fields = { id, route: target.route, closeCode: code, cause, status: life.status };
    host.log.info('Session ended', fields);
  }

  /** It could be neither let in nor turned away. */
  #failed(thrown: unknown, report: Report): void {
    this.host.log.sessionFailed(this.target, thrown);
    this.stream.destroy();
    report({ type: 'request.refused', status: 500 });
  }

  /** Returns whether it was not answered yet: from now on it is. */
  #answered(): boolean {
    const stopListening = this.#stopListening;
    this.#stopListening = undefined;
    stopListening?.();
    return stopListening !== undefined;
  }

  async #judged(): Promise<SessionFact | undefined> {
    const request = this.#request;
    if (request === undefined) return undefined;
    const verdict = await this.host.door.judge(request, this.target);
    if (!this.#answered()) return undefined;
    if (!('refusal' in verdict)) return this.letIn(request, verdict.identity);
    this.turnAway(verdict.refusal);
    return { type: 'request.refused', status: verdict.refusal.status };
  }

  /** An idle session has no use for the headers of its request: only the handler may keep them. */
  #callHandler(report: Report): void {
    const { session } = this;
    const request = this.#request;
    this.#request = undefined;
    if (session === undefined || request === undefined) return;
    const failed = (thrown: unknown): void => {
      // A handler that hears that its session is over, and lets the error pass, has not failed. A link that is closing
      // already ends the session by itself, and says why.
      if (this.connection?.isOpen !== true && isEndOfSession(thrown)) return;
      this.host.log.handlerFailed(this.target, thrown);
      report({ type: 'handler.failed' });
    };
    try {
      const outcome = this.#handler(session, request);
      void Promise.resolve(outcome).then(() => report({ type: 'handler.returned' }), failed);
    } catch (thrown) {
      failed(thrown);
    }
  }

  #watchedBy(inspector: Inspector): Watch {
    const { id, target, host } = this;
    return {
      inspector,
      inspected: inspectedOf(`${target.route} ${id}`, host.settings.clock, () => this.connection),
      onFailed: (thrown) => host.log.hookFailed('inspect', thrown),
    };
  }
}
