// The realtime server as its user sees it.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deferred } from '../../deferred.ts';
import { InvalidOptionError } from '../../errors.ts';
import { attachTo } from './attachments.ts';
import { Door } from './door.ts';
import { resolveRealtimeOptions, type RealtimeServerOptions, type RealtimeSettings } from './options.ts';
import { Reception, type HttpHandler, type Place } from './reception.ts';
import { Registry, type RealtimeSession } from './registry.ts';
import { ServerLog } from './server-log.ts';
import { prepareMessage, type Sendable } from './prepared-message.ts';
import type { SseHandler } from './sse-visit.ts';
import type { WebSocketSession } from './websocket-session.ts';
import type { WebSocketHandler } from './websocket-visit.ts';

/** How long a request may take to arrive: its head, and all of it. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const DEADLINE_MS = 10_000;

export interface WebSocketRouteOptions {
  /** In the order of preference; the first one that the client offers is agreed on. Default: none. */
  readonly subprotocols?: readonly string[];
}

export interface CloseRealtimeServerOptions {
  /** How long clients may take to answer the goodbye, in milliseconds, 0 or more. Default: 10,000. */
  readonly deadlineMs?: number;
}

/** Whom a broadcast is for: a path as it was asked for, a route, or a choice. */
export type Audience = string | ((session: WebSocketSession) => boolean);

/** Makes a realtime server: routes for WebSocket, event streams and HTTP. It serves from `listen()` or `attach()` on. */
export const createRealtimeServer = (options: RealtimeServerOptions = {}): RealtimeServer =>
  new RealtimeServer(resolveRealtimeOptions(options));

/** A realtime server. Made by {@link createRealtimeServer}. */
export class RealtimeServer implements AsyncDisposable {
  readonly #settings: RealtimeSettings;
  readonly #log: ServerLog;
  readonly #registry = new Registry();
  readonly #door: Door;
  readonly #reception: Reception;
  readonly #attached = new Map<Server, () => void>();
  #own: Server | undefined;
  /** Settled when it listens, or cannot. */
  #listening: Promise<unknown> | undefined;
  #url: string | undefined;
  #closing: Promise<void> | undefined;

  /** Use {@link createRealtimeServer}. */
  constructor(settings: RealtimeSettings) {
    const log = new ServerLog(settings.logger);
    this.#log = log;
    this.#settings = settings;
    this.#door = new Door(settings, (thrown) => log.hookFailed('authenticate or addressOf', thrown));
    this.#reception = new Reception({ settings, door: this.#door, registry: this.#registry, log });
    if (settings.server !== undefined) this.attach(settings.server);
  }

  /** Open sessions by their ids. */
  get connections(): ReadonlyMap<string, RealtimeSession> {
    return this.#registry.sessions;
  }

  /**
   * `http://host:port`, or `https`. The last one, after the end.
   *
   * @throws {InvalidOptionError} before it listens at a TCP port
   */
  get url(): string {
    for (const server of this.#attached.keys()) this.#url = urlOf(server) ?? this.#url;
    if (this.#url !== undefined) return this.#url;
    throw new InvalidOptionError('server', 'listening at a TCP port: call listen() first', undefined);
  }

  /**
   * Adds a route for WebSockets, such as `/rooms/:id`. The handler is called for each client that was let in.
   *
   * @throws {InvalidOptionError} for a path that is none, or has such a route already
   */
  websocket(
    path: string,
    handler: WebSocketHandler,
    { subprotocols = [] }: WebSocketRouteOptions = {},
  ): this {
    const place = this.#place(path, handler);
    if (place.webSocket !== undefined) throw taken(path);
    place.webSocket = { handler, subprotocols };
    return this;
  }

  /** Adds a route for event streams (`GET`), like {@link websocket}. */
  sse(path: string, handler: SseHandler): this {
    const place = this.#place(path, handler);
    if (place.sse !== undefined) throw taken(path);
    place.sse = handler;
    return this;
  }

  /**
   * Adds an ordinary HTTP route; a path may have that too. Limits, origins and `authenticate` do not apply.
   * A `GET` route answers `HEAD` as well.
   */
  http(method: string, path: string, handler: HttpHandler): this {
    const place = this.#place(path, handler);
    if (!/^[A-Z]+$/.test(method)) throw new InvalidOptionError('method', 'a method such as `GET`', method);
    if (place.http.has(method)) throw taken(path);
    place.http.set(method, handler);
    return this;
  }

  /**
   * Listens at `port` and `host`. Rejects when that is not possible.
   *
   * @throws {InvalidOptionError} with a `server` of yours, which is yours to listen
   */
  async listen(): Promise<this> {
    const { server, port, host } = this.#settings;
    if (server !== undefined || this.#own !== undefined || this.#closing !== undefined)
      throw new InvalidOptionError('listen', 'called once, without `server`, before close()', 'another call');
    this.#own = createServer({
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: HEADERS_MS / 2,
    });
    this.attach(this.#own);
    this.#listening = once(this.#own, 'listening');
    this.#own.listen(port, host);
    await this.#listening;
    // Without a listener an error of accepting, such as ENFILE, would end the process.
    this.#own.on('error', (error) => this.#log.serverFailed(error));
    return this;
  }

  /**
   * Serves the routes on an HTTP server of yours as well: that of Express, Fastify or Hono, or any other. What is for no
   * route goes to its own listeners as before, upgrades included.
   */
  attach(server: Server): this {
    if (this.#closing !== undefined)
      throw new InvalidOptionError('server', 'attached before close()', server);
    if (!this.#attached.has(server)) this.#attached.set(server, attachTo(server, this.#reception));
    return this;
  }

  /**
   * Sends a message to many WebSockets: encoded and framed once. Returns to how many it went. One that reads so slowly
   * that it would miss the message is closed with 1013, for it to come back and ask anew.
   *
   * @throws {InvalidOptionError} for something that cannot be sent
   * @throws what a choice throws; those that it was asked about before have the message
   */
  broadcast(audience: Audience, message: Sendable): number {
    const prepared = prepareMessage(message);
    const isMeant =
      typeof audience === 'string'
        ? ({ path, route }: WebSocketSession) => path === audience || route === audience
        : audience;
    let reached = 0;
    for (const [session, link] of this.#registry.webSockets()) {
      if (!session.isOpen || !isMeant(session)) continue;
      if (link.hasRoomFor(prepared.byteLength)) {
        void link.sendPrepared(prepared);
        reached += 1;
      } else void session.close(1013, 'Too slow to follow');
    }
    return reached;
  }

  /**
   * Ends the server: whoever comes gets a 503, WebSockets are closed with 1001, event streams end. What is still
   * there at the deadline is cut off; HTTP requests are answered until then. Resolves when nothing is left. Servers of
   * yours go on without our routes. Idempotent; the first deadline counts.
   *
   * @throws {InvalidOptionError} at once, for a deadline that is no time
   */
  close({ deadlineMs = DEADLINE_MS }: CloseRealtimeServerOptions = {}): Promise<void> {
    if (!(deadlineMs >= 0)) throw new InvalidOptionError('deadlineMs', 'a number of at least 0', deadlineMs);
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(deadlineMs: number): Promise<void> {
    const { clock } = this.#settings;
    this.#door.close();
    const isEmpty = this.#registry.empty();
    const goodbye = {
      type: 'close',
      code: 1001,
      reason: 'Server shutting down',
      cause: 'SHUTTING_DOWN',
    } as const;
    for (const { life } of this.#registry.guests) life.tell(goodbye);
    const deadline = deferred<undefined>();
    const timer = clock.setTimeout(() => {
      for (const { life } of this.#registry.guests) life.tell({ type: 'terminate', cause: 'SHUTTING_DOWN' });
      this.#reception.cutOff();
      deadline.resolve(undefined);
    }, deadlineMs);
    await isEmpty;
    // Whoever asks all the time must not keep it open for ever.
    await Promise.race([this.#reception.answered(), deadline.promise]);
    await this.#stopListening();
    clock.clearTimeout(timer);
  }

  async #stopListening(): Promise<void> {
    // A server that is closed before it listens would listen afterwards.
    await this.#listening?.catch(() => undefined);
    for (const [server, detach] of this.#attached) {
      this.#url = urlOf(server) ?? this.#url;
      detach();
    }
    this.#attached.clear();
    const server = this.#own;
    if (server?.listening !== true) return;
    const isClosed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await isClosed;
  }

  #place(path: string, handler: unknown): Place {
    if (typeof handler !== 'function') throw new InvalidOptionError('handler', 'a function', handler);
    return this.#reception.places.at(path, () => ({ http: new Map<string, HttpHandler>() }));
  }
}

const taken = (path: string): InvalidOptionError =>
  new InvalidOptionError('path', 'one that has no such route yet', path);

function urlOf(server: Server): string | undefined {
  const bound: AddressInfo | string | null = server.address();
  if (bound === null || typeof bound === 'string') return undefined;
  const scheme = 'setSecureContext' in server ? 'https' : 'http';
  return `${scheme}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}
