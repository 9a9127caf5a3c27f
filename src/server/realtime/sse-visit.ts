// A client that asks for an event stream: how it is answered, and what its connection is.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SessionFact } from '../../../machines/index.ts';
import { refuse, type Refusal } from '../refusals.ts';
import { SseLink } from './sse-link.ts';
import { SseSession } from './sse-session.ts';
import { Visit, type VisitOptions } from './visit.ts';

/** Serves one client. The stream ends when it returns; what it throws is logged. */
export type SseHandler = (stream: SseSession, request: IncomingMessage) => unknown;

export interface SseVisitOptions extends VisitOptions<SseHandler> {
  readonly response: ServerResponse;
}

export class SseVisit extends Visit<SseSession, SseLink> {
  readonly #response: ServerResponse;

  constructor(options: SseVisitOptions) {
    super(options);
    this.#response = options.response;
  }

  protected get stream(): ServerResponse {
    return this.#response;
  }

  protected turnAway(refusal: Refusal): void {
    refuse(this.#response, refusal);
  }

  protected letIn(request: IncomingMessage, identity: unknown): SessionFact {
    const { id, target, life, host } = this;
    const { settings, registry } = host;
    const response = this.#response;
    this.connection = new SseLink({ id, request, response, target, identity, life, settings });
    this.session = new SseSession(this.connection);
    this.connection.greet(request.headers.origin);
    registry.open(id, this.session);
    return { type: 'request.accepted' };
  }

  sayGoodbye(): void {
    this.connection?.end();
  }
}
