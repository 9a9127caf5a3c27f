// The paths of a crawl server: who is let in where, and with what others are turned away.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import {
  CRAWL_BEARER_SUBPROTOCOL,
  CRAWL_MAX_MESSAGE_BYTES,
  CRAWL_NDJSON_PATH,
  CRAWL_PATH,
  CRAWL_SSE_PATH,
  CRAWL_SUBPROTOCOLS,
} from '../../crawl/messages.ts';
import { accessCheck, isOriginAllowed } from '../access.ts';
import { Admission } from '../admission.ts';
import { readJsonBody } from '../json-body.ts';
import { REFUSALS, refuse, refuseUpgrade, type Refusal } from '../refusals.ts';
import type { CrawlServerSettings } from './options.ts';
import { MAX_REQUEST_BYTES, readCrawlBody, type CrawlJob } from './requests.ts';
import type { StreamFormat } from './stream.ts';

export const HEALTH_PATH = '/health';

const SHUTDOWN_RETRY_S = 30;
const CLOSE_MS = 2_000;
const DEFLATE_THRESHOLD_BYTES = 1024;
const DEFLATE_AT_ONCE = 4;

type Release = () => void;

export interface RoutesOptions {
  readonly settings: CrawlServerSettings;
  readonly policy: Parameters<typeof readCrawlBody>[1]['policy'];
  readonly isDraining: () => boolean;
  readonly onSocket: (socket: WebSocket) => void;
  readonly onStream: (response: ServerResponse, format: StreamFormat, job: CrawlJob) => Promise<void>;
  readonly onRefused: (refused: Refusal) => void;
  /** Called when somebody who was let in has left. */
  readonly onLeft: () => void;
  readonly health: () => object;
}

/** Whether the paths of others are somebody else's to answer. */
type Strangers = 'refuse' | 'leave';

interface Route {
  readonly methods: readonly string[];
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
}

const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?', 1)[0] ?? '';
const addressOf = ({ socket }: IncomingMessage): string => socket.remoteAddress ?? '';

export class Routes {
  readonly #options: RoutesOptions;
  readonly #strangers: Strangers;
  readonly #admission: Admission;
  readonly #access: ReturnType<typeof accessCheck>;
  readonly #webSockets: WebSocketServer;
  readonly #routes: ReadonlyMap<string, Route>;
  /** Upgrade requests without an answer yet: HTTP does not count their sockets among its own. */
  readonly #undecided = new Set<Duplex>();

  constructor(options: RoutesOptions, strangers: Strangers) {
    const { settings } = options;
    this.#options = options;
    this.#strangers = strangers;
    this.#admission = new Admission(settings.limits, settings.clock);
    this.#access = accessCheck(settings.apiKeys, settings.clock, CRAWL_BEARER_SUBPROTOCOL);
    this.#webSockets = webSocketServer(settings.compression);
    const stream = (format: StreamFormat): Route => ({
      methods: ['POST'],
      answer: (request, response) => this.#stream(request, response, format),
    });
    this.#routes = new Map<string, Route>([
      [CRAWL_PATH, { methods: ['GET'], answer: (_request, response) => this.#wantUpgrade(response) }],
      [CRAWL_NDJSON_PATH, stream('ndjson')],
      [CRAWL_SSE_PATH, stream('sse')],
      [HEALTH_PATH, { methods: ['GET', 'HEAD'], answer: (_request, response) => this.#health(response) }],
    ]);
  }

  /** Cuts off those of whom it is not decided yet whether they come in. */
  terminate(): void {
    for (const socket of this.#undecided) socket.destroy();
  }

  get connections(): number {
    return this.#admission.connections;
  }

  /** For the `request` event. */
  readonly request = (request: IncomingMessage, response: ServerResponse): void => {
    const route = this.#routes.get(pathOf(request));
    if (route === undefined && this.#strangers === 'leave') return;
    const refused = refusalOf(route, request);
    if (refused !== undefined) {
      this.#refuse(response, refused);
      return;
    }
    void Promise.resolve(route?.answer(request, response)).catch(() => response.destroy());
  };

  /** For the `upgrade` event. */
  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (pathOf(request) !== CRAWL_PATH && this.#strangers === 'leave') return;
    void this.#upgrade(request, socket, head).catch(() => socket.destroy());
  };

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const ignore = (): void => undefined;
    socket.on('error', ignore);
    this.#undecided.add(socket);
    socket.once('close', () => this.#undecided.delete(socket));
    const isOurs = pathOf(request) === CRAWL_PATH;
    const entered =
      refusalOf(isOurs ? this.#routes.get(CRAWL_PATH) : undefined, request) ?? (await this.#enter(request));
    if (typeof entered !== 'function') {
      this.#options.onRefused(entered);
      refuseUpgrade(socket, entered);
      return;
    }
    this.#undecided.delete(socket);
    socket.once('close', entered);
    if (socket.destroyed) {
      entered();
      return;
    }
    socket.off('error', ignore);
    this.#webSockets.handleUpgrade(request, socket, head, this.#options.onSocket);
  }

  async #stream(request: IncomingMessage, response: ServerResponse, format: StreamFormat): Promise<void> {
    const entered = await this.#enter(request);
    if (typeof entered !== 'function') {
      this.#refuse(response, entered);
      return;
    }
    try {
      const body = await readJsonBody(request, MAX_REQUEST_BYTES);
      if ('refusal' in body) {
        this.#refuse(response, body.refusal);
        return;
      }
      const { settings, policy, onStream } = this.#options;
      const { limits, extensions } = settings;
      const job = readCrawlBody(body.value, { policy, limits, extensions });
      if ('error_type' in job) {
        this.#refuse(response, REFUSALS.badRequest(job.error_type, job.message));
        return;
      }
      await onStream(response, format, job);
    } finally {
      entered();
    }
  }

  /** Everything that is asked of whoever wants to stay, in the order of what it costs us. */
  async #enter(request: IncomingMessage): Promise<Refusal | Release> {
    const { settings, isDraining } = this.#options;
    if (isDraining()) return REFUSALS.shuttingDown(SHUTDOWN_RETRY_S);
    if (!isOriginAllowed(request.headers, settings.allowedOrigins)) return REFUSALS.forbiddenOrigin();
    const entered = this.#admission.request(addressOf(request)) ?? this.#admission.enter(addressOf(request));
    if (typeof entered !== 'function') return entered;
    const leave = (): void => {
      entered();
      this.#options.onLeft();
    };
    const refused = await this.#access(request.headers);
    if (refused === undefined) return leave;
    leave();
    return refused;
  }

  #wantUpgrade(response: ServerResponse): void {
    this.#refuse(response, REFUSALS.upgradeRequired());
  }

  #health(response: ServerResponse): void {
    const isDraining = this.#options.isDraining();
    response
      .writeHead(isDraining ? 503 : 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
      .end(JSON.stringify({ status: isDraining ? 'draining' : 'ok', ...this.#options.health() }));
  }

  #refuse(response: ServerResponse, refused: Refusal): void {
    this.#options.onRefused(refused);
    refuse(response, refused);
  }
}

function refusalOf(route: Route | undefined, { method = '' }: IncomingMessage): Refusal | undefined {
  if (route === undefined) return REFUSALS.notFound();
  return route.methods.includes(method) ? undefined : REFUSALS.methodNotAllowed(route.methods.join(', '));
}

const KNOWN_SUBPROTOCOLS: ReadonlySet<string> = new Set(Object.values(CRAWL_SUBPROTOCOLS));

function webSocketServer(compression: boolean): WebSocketServer {
  // The declarations do not know `closeTimeout` yet.
  const options: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    maxPayload: CRAWL_MAX_MESSAGE_BYTES,
    closeTimeout: CLOSE_MS,
    handleProtocols: (offered) => [...offered].find((name) => KNOWN_SUBPROTOCOLS.has(name)) ?? false,
    perMessageDeflate: compression && {
      threshold: DEFLATE_THRESHOLD_BYTES,
      concurrencyLimit: DEFLATE_AT_ONCE,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    },
  };
  return new WebSocketServer(options);
}
