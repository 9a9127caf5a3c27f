// A client that asks for a WebSocket: how it is answered, and what its connection is.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Goodbye, SessionFact } from '../../../machines/index.ts';
import { refuseUpgrade, type Refusal } from '../refusals.ts';
import { Visit, type VisitOptions } from './visit.ts';
import { WebSocketLink } from './websocket-link.ts';
import type { LinkedWebSocket, LinkedWebSocketServer } from './websocket-server.ts';
import { WebSocketSession } from './websocket-session.ts';

/** Serves one client. What it returns is ignored; what it throws is logged. */
export type WebSocketHandler = (socket: WebSocketSession, request: IncomingMessage) => unknown;

export interface WebSocketVisitOptions extends VisitOptions<WebSocketHandler> {
  /** What the client sent after its request. */
  readonly head: Buffer;
  readonly webSockets: LinkedWebSocketServer;
}

export class WebSocketVisit extends Visit<WebSocketSession, WebSocketLink> {
  readonly #tcp: Socket;
  readonly #webSockets: LinkedWebSocketServer;
  #head: Buffer | undefined;

  constructor(options: WebSocketVisitOptions) {
    super(options);
    this.#tcp = options.request.socket;
    this.#head = options.head;
    this.#webSockets = options.webSockets;
    this.#tcp.on('error', ignore);
  }

  protected get stream(): Socket {
    return this.#tcp;
  }

  protected turnAway(refusal: Refusal): void {
    refuseUpgrade(this.#tcp, refusal);
  }

  protected letIn(request: IncomingMessage, identity: unknown): SessionFact {
    const head = this.#head ?? Buffer.alloc(0);
    this.#head = undefined;
    this.#webSockets.handleUpgrade(request, this.#tcp, head, (socket) => this.#open(socket, identity));
    // `ws` listens itself from now on.
    this.#tcp.off('error', ignore);
    // Without a connection `ws` has answered: something in the headers is wrong, or the client has left.
    return this.connection === undefined
      ? { type: 'request.refused', status: 400 }
      : { type: 'request.accepted' };
  }

  sayGoodbye(said: Goodbye): void {
    this.connection?.sayGoodbye(said);
  }

  #open(socket: LinkedWebSocket, identity: unknown): void {
    const { id, target, life, host } = this;
    const { settings, registry } = host;
    this.connection = new WebSocketLink({ id, socket, tcp: this.#tcp, target, identity, life, settings });
    this.session = new WebSocketSession(this.connection);
    registry.open(id, this.session);
  }
}

function ignore(): void {
  // An error of a socket is followed by its end, which is what counts.
}
