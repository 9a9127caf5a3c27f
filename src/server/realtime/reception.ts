// Every request to a realtime server: which route it is for, and what becomes of it.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { REFUSALS, refuse, refuseUpgrade, type Refusal } from '../refusals.ts';
import { Answering } from './answering.ts';
import type { Claims } from './attachments.ts';
import { Places, type Target } from './places.ts';
import { QueuedResponses } from './queued-responses.ts';
import { SseVisit, type SseHandler } from './sse-visit.ts';
import type { Host } from './visit.ts';
import { makeWebSocketServer, type LinkedWebSocketServer } from './websocket-server.ts';
import { WebSocketVisit, type WebSocketHandler } from './websocket-visit.ts';

/** Answers an HTTP request. What it throws is logged, and answered with a 500 if nothing was answered yet. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse, target: Target) => unknown;

export interface WebSocketRoute {
  readonly handler: WebSocketHandler;
  readonly subprotocols: readonly string[];
}

export interface Place {
  webSocket?: WebSocketRoute;
  sse?: SseHandler;
  readonly http: Map<string, HttpHandler>;
}

type Found = { readonly found: Place; readonly target: Target };

const EVENTS_ARE_ASKED_FOR = /text\/event-stream/i;
const EVENTS_WILL_DO = /text\/(?:event-stream|\*)|\*\/\*/i;

export class Reception implements Claims {
  readonly places = new Places<Place>();
  readonly #host: Host;
  readonly #webSockets: LinkedWebSocketServer;
  readonly #answering = new Answering();
  readonly #queued = new QueuedResponses();
  readonly #subprotocols = new WeakMap<IncomingMessage, readonly string[]>();

  constructor(host: Host) {
    this.#host = host;
    this.#webSockets = makeWebSocketServer(host.settings, (request) => this.#subprotocols.get(request) ?? []);
  }

  /** Resolves when every HTTP request that was handed to a handler is answered. */
  answered(): Promise<void> {
    return this.#answering.none();
  }

  /** Waits no longer for that. */
  cutOff(): void {
    this.#answering.cutOff();
  }

  upgrade(request: IncomingMessage, _tcp: Socket, head: Buffer): boolean {
    for (const { found, target } of this.#find(request) ?? []) {
      if (found.webSocket === undefined) continue;
      this.#enterWebSocket(request, head, target, found.webSocket);
      return true;
    }
    return false;
  }

  request(request: IncomingMessage, response: ServerResponse): boolean {
    for (const { found, target } of this.#find(request) ?? []) {
      const answer = this.#answerOf(found, target, request, response);
      if (answer === undefined) continue;
      answer();
      return true;
    }
    return false;
  }

  strayRequest(request: IncomingMessage, response: ServerResponse): void {
    refuse(response, misfit(this.#find(request), request.method ?? ''));
  }

  strayUpgrade(request: IncomingMessage, tcp: Socket): void {
    tcp.on('error', () => undefined);
    refuseUpgrade(tcp, this.#find(request) === undefined ? badPath() : REFUSALS.notFound());
  }

  #find({ url = '' }: IncomingMessage): readonly Found[] | undefined {
    try {
      return this.places.match(url);
    } catch {
      return undefined;
    }
  }

  /** What this place has for such a request. With both, a page gets the page, and an `EventSource` the events. */
  #answerOf(
    { http, sse }: Place,
    target: Target,
    request: IncomingMessage,
    response: ServerResponse,
  ): (() => void) | undefined {
    const { method = '', headers } = request;
    const handler = http.get(method) ?? (method === 'HEAD' ? http.get('GET') : undefined);
    const accept = headers.accept ?? '*/*';
    const isForEvents =
      method === 'GET' && (handler === undefined ? EVENTS_WILL_DO : EVENTS_ARE_ASKED_FOR).test(accept);
    if (sse !== undefined && isForEvents) return () => this.#enterSse(request, response, target, sse);
    if (handler !== undefined) return () => void this.#callHttp(handler, request, response, target);
    const isPreflight = sse !== undefined && method === 'OPTIONS';
    return isPreflight ? () => this.#answerPreflight(request, response) : undefined;
  }

  async #callHttp(
    handler: HttpHandler,
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
  ): Promise<void> {
    this.#queued.closeWithConnection(request, response);
    this.#answering.add(response);
    try {
      await handler(request, response, target);
    } catch (thrown) {
      this.#host.log.handlerFailed(target, thrown);
      if (response.headersSent) response.destroy();
      else refuse(response, REFUSALS.internal());
    }
  }

  /** A page of another origin asks first when it wants to send a header such as `Last-Event-ID` or `Authorization`. */
  #answerPreflight(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#host.door.isOriginAllowed(request)) {
      refuse(response, REFUSALS.forbiddenOrigin());
      return;
    }
    response
      .writeHead(204, {
        'Access-Control-Allow-Origin': request.headers.origin ?? '*',
        'Access-Control-Allow-Methods': 'GET',
        'Access-Control-Allow-Headers': 'Authorization, Cache-Control, Content-Type, Last-Event-ID',
        Vary: 'Origin',
      })
      .end();
  }

  #enterWebSocket(request: IncomingMessage, head: Buffer, target: Target, route: WebSocketRoute): void {
    const { door } = this.#host;
    const tcp = request.socket;
    const ignore = (): void => undefined;
    tcp.on('error', ignore);
    const entered = flawOf(request) ?? door.enter(request);
    if (typeof entered !== 'function') {
      refuseUpgrade(tcp, entered);
      return;
    }
    tcp.off('error', ignore);
    if (tcp.destroyed) {
      entered();
      return;
    }
    tcp.on('close', entered);
    this.#subprotocols.set(request, route.subprotocols);
    const { handler } = route;
    const host = this.#host;
    const webSockets = this.#webSockets;
    new WebSocketVisit({ id: newId(), request, head, target, handler, host, webSockets }).begin();
  }

  #enterSse(request: IncomingMessage, response: ServerResponse, target: Target, handler: SseHandler): void {
    const host = this.#host;
    this.#queued.closeWithConnection(request, response);
    const entered = host.door.enter(request);
    if (typeof entered !== 'function') {
      refuse(response, entered);
      return;
    }
    response.once('close', entered);
    new SseVisit({ id: newId(), request, response, target, handler, host }).begin();
  }
}

/** Flat: what `randomUUID()` returns is a rope of 17 pieces, which an id that is kept would hold. */
const newId = (): string => Buffer.from(randomUUID(), 'latin1').toString('latin1');

const badPath = (): Refusal => REFUSALS.badRequest('invalid_path', 'The path cannot be decoded');

/** RFC 6455 §4.2.1, as far as `ws` does not look at it, or answers with less than it might. */
function flawOf({ method, headers, httpVersion }: IncomingMessage): Refusal | undefined {
  if (method !== 'GET') return REFUSALS.methodNotAllowed('GET');
  if (httpVersion !== '1.1' || headers.host === undefined)
    return REFUSALS.badRequest('invalid_upgrade', 'An upgrade needs HTTP/1.1 and a Host');
  return headers['sec-websocket-version'] === '13' ? undefined : wrongVersion();
}

/** RFC 6455 §4.4: with the versions that we do speak. */
const wrongVersion = (): Refusal => ({
  ...REFUSALS.upgradeRequired(),
  message: 'Only version 13 of WebSocket is spoken here',
  headers: { ...REFUSALS.upgradeRequired().headers, 'Sec-WebSocket-Version': '13' },
});

/** Why nobody answers. */
function misfit(places: readonly Found[] | undefined, method: string): Refusal {
  if (places === undefined) return badPath();
  if (places.length === 0) return REFUSALS.notFound();
  const methods = new Set(places.flatMap(({ found }) => [...found.http.keys()]));
  const hasSse = places.some(({ found }) => found.sse !== undefined);
  if (hasSse && method === 'GET')
    return { status: 406, error: 'Not Acceptable', message: 'This path speaks text/event-stream' };
  if (hasSse) methods.add('GET');
  if (methods.size > 0) return REFUSALS.methodNotAllowed([...methods].join(', '));
  return REFUSALS.upgradeRequired();
}
