// A client that asks for a WebSocket: how it is let in, served and seen off. Does what the session's machine says.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Goodbye } from '../../../machines/index.ts';
import { refuseUpgrade } from '../refusals.ts';
import type { Door } from './door.ts';
import type { Life, Release, Report, SessionWorld } from './life.ts';
import type { RealtimeSettings } from './options.ts';
import type { Target } from './places.ts';
import type { ServerLog } from './server-log.ts';
import { WebSocketLink } from './websocket-link.ts';
import { WebSocketSession } from './websocket-session.ts';

/** Serves one client. What it returns is ignored; what it throws is logged. */
export type WebSocketHandler = (socket: WebSocketSession, request: IncomingMessage) => unknown;

export interface WebSocketVisitOptions {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly head: Buffer;
  readonly target: Target;
  readonly handler: WebSocketHandler;
  readonly door: Door;
  readonly webSockets: WebSocketServer;
  readonly settings: RealtimeSettings;
  readonly log: ServerLog;
  readonly onOpen: (session: WebSocketSession, link: WebSocketLink) => void;
}

export class WebSocketVisit implements SessionWorld {
  readonly #options: WebSocketVisitOptions;
  readonly #tcp: Socket;
  #life: Life | undefined;
  #link: WebSocketLink | undefined;
  #session: WebSocketSession | undefined;

  constructor(options: WebSocketVisitOptions) {
    this.#options = options;
    this.#tcp = options.request.socket;
  }

  /** Begins it all. */
  live(life: Life): void {
    this.#life = life;
    life.start();
  }

  gatekeeper(report: Report): Release {
    const { request, target, door } = this.#options;
    const ignore = (): void => undefined;
    const left = (): void => report({ type: 'link.closed', code: 1006, reason: '', cause: 'PEER_LEFT' });
    let isAnswered = false;
    this.#tcp.on('error', ignore);
    this.#tcp.once('close', left);
    const answer = (): void => {
      isAnswered = true;
      this.#tcp.off('close', left);
    };
    void door.judge(request, target).then((verdict) => {
      if (isAnswered) return;
      answer();
      if ('refusal' in verdict) {
        refuseUpgrade(this.#tcp, verdict.refusal);
        report({ type: 'request.refused', status: verdict.refusal.status });
      } else {
        this.#tcp.off('error', ignore);
        report(this.#upgrade(verdict.identity));
      }
    });
    return () => {
      if (isAnswered) return;
      answer();
      refuseUpgrade(this.#tcp, door.impatience);
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
          if (!isOver) report({ type: 'handler.failed' });
          this.#options.log.handlerFailed(this.#options.target, thrown, isOver);
        },
      );
    });
    return () => {
      isOver = true;
      this.#link?.endTraffic();
    };
  }

  watchdog(report: Report): Release {
    return this.#link?.watch(report) ?? (() => undefined);
  }

  goodbye(said: Goodbye): void {
    this.#link?.sayGoodbye(said);
  }

  #upgrade(identity: unknown): Parameters<Report>[0] {
    const { request, head, webSockets } = this.#options;
    webSockets.handleUpgrade(request, this.#tcp, head, (socket) => this.#open(socket, identity));
    // Otherwise `ws` has answered: something in the headers is wrong, or the client has left.
    return this.#link === undefined ? { type: 'request.refused', status: 400 } : { type: 'request.accepted' };
  }

  #open(socket: WebSocket, identity: unknown): void {
    const { id, target, settings, onOpen } = this.#options;
    if (this.#life === undefined) throw new Error('A session was opened that does not live.');
    const link = new WebSocketLink({
      id,
      socket,
      tcp: this.#tcp,
      target,
      identity,
      life: this.#life,
      settings,
    });
    this.#link = link;
    this.#session = new WebSocketSession(link);
    onOpen(this.#session, link);
  }

  async #serve(): Promise<void> {
    if (this.#session !== undefined) await this.#options.handler(this.#session, this.#options.request);
  }
}
