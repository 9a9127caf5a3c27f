// The live view: one server on 127.0.0.1 that connections tell what happens to them, and that shows it in a browser.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { InspectionEvent } from 'xstate';
import { InvalidOptionError } from '../../src/errors.ts';
import type { Inspected, Inspector } from '../../src/inspection/inspector.ts';
import type { Recording } from '../../src/inspection/recording.ts';
import type { XState4Bridge } from '../../src/inspection/xstate4-bridge.ts';
import { serveXState4 } from '../../src/inspection/xstate4-viewers.ts';
import { redactorOf } from '../../src/redact.ts';
import { Access } from './access.ts';
import { Applications } from './applications.ts';
import { Charts } from './charts.ts';
import { Pages } from './http.ts';
import { LocalApplication } from './local.ts';
import { recordingRoute, showRecording } from './recordings.ts';
import { statelyRoute, tellStately } from './stately.ts';
import { Store } from './store.ts';
import { Viewers } from './viewers.ts';

export interface LiveViewOptions {
  /**
   * 0 takes a free one.
   *
   * @defaultValue `0`
   */
  readonly port?: number;
  /**
   * Events that are kept of each connection; older ones are dropped, and counted.
   *
   * @defaultValue `1_000`
   */
  readonly maxEventsPerConnection?: number;
  /**
   * Connections that are kept. Ended ones are forgotten first, then the one that has been quiet for longest.
   *
   * @defaultValue `2_000`
   */
  readonly maxConnections?: number;
  /**
   * Origins, such as `http://localhost:3000`, of pages that may tell of their connections. Node needs none.
   *
   * @defaultValue `[]`
   */
  readonly allowOrigins?: readonly string[];
  /**
   * What is secret beyond what looks like it, in what other applications tell: names of fields, and patterns. For the
   * connections of this process it is their own option `redact` that counts.
   *
   * @defaultValue `[]`
   */
  readonly redact?: readonly (string | RegExp)[];
  /**
   * Opens `/xstate4` to viewers of @xstate/inspect 0.8, which are shown the connections of this process; the bridge says
   * which of their events are taken. Default: it is closed.
   */
  readonly xstate4?: XState4Bridge;
}

/** A live view that runs. Give it to connections as their option `inspect`. */
export interface LiveView extends Inspector, AsyncDisposable {
  /** Where to look, such as `http://127.0.0.1:4242`. */
  readonly url: string;
  attach(sessionId: string, inspected: Inspected): void;
  /** Adds a recording to the list, as a connection that has ended. */
  show(recording: Recording): void;
  /** Ends the server, and every page's and application's connection to it. */
  close(): Promise<void>;
}

/**
 * Starts a live view. It keeps no process alive.
 *
 * @throws {InvalidOptionError} for a port or a bound that cannot be
 * @throws {Error} what the system says of a port that cannot be listened on, such as `EADDRINUSE`
 */
export async function liveView(options: LiveViewOptions = {}): Promise<LiveView> {
  const { port = 0, maxEventsPerConnection = 1_000, maxConnections = 2_000 } = options;
  whole('port', port, 0, 65_535);
  whole('maxEventsPerConnection', maxEventsPerConnection, 1);
  whole('maxConnections', maxConnections, 1);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return new LiveServer(server, { ...options, maxEventsPerConnection, maxConnections });
}

function whole(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new InvalidOptionError(name, `a whole number ${range}`, value);
}

type Resolved = LiveViewOptions &
  Required<Pick<LiveViewOptions, 'maxEventsPerConnection' | 'maxConnections'>>;

/** The longest frame that is read of an application. A longer one ends its connection to here, and nothing else. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;
const MAX_SOCKETS = 1_000;
const SAMPLE_EVERY_MS = 1_000;

class LiveServer implements LiveView {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });
  readonly #access: Access;
  readonly #store: Store;
  readonly #charts: Charts;
  readonly #xstate4: XState4Bridge | undefined;
  readonly #viewers: Viewers;
  readonly #applications: Applications;
  readonly #local: LocalApplication;
  readonly #sampling: ReturnType<typeof setInterval>;

  constructor(
    server: Server,
    { maxEventsPerConnection, maxConnections, allowOrigins = [], redact = [], xstate4 }: Resolved,
  ) {
    const { port } = server.address() as AddressInfo;
    const redactor = redactorOf({
      names: redact.filter((listed) => typeof listed === 'string'),
      patterns: redact.filter((listed) => typeof listed !== 'string'),
    });
    const store = new Store({ maxEventsPerConnection, maxConnections, redactor });
    const charts = new Charts();
    this.url = `http://127.0.0.1:${port}`;
    this.#server = server;
    this.#access = new Access(port, allowOrigins);
    this.#viewers = new Viewers({ store, charts, version: version() });
    this.#applications = new Applications(store, charts);
    this.#local = new LocalApplication(store, charts);
    this.#sampling = setInterval(() => this.#local.sample(), SAMPLE_EVERY_MS).unref();
    this.#store = store;
    this.#charts = charts;
    this.#xstate4 = xstate4;
    const pages = new Pages(this.#access, [recordingRoute(store), statelyRoute]);
    server.on('request', (request, response) => void pages.answer(request, response));
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    server.on('connection', (socket) => socket.unref());
    server.unref();
  }

  next(event: InspectionEvent): void {
    this.#local.next(event);
    this.#xstate4?.next(event);
  }

  attach(sessionId: string, inspected: Inspected): void {
    this.#local.attach(sessionId, inspected);
    this.#xstate4?.attach?.(sessionId, inspected);
  }

  show(recording: Recording): void {
    showRecording(recording, this.#store, this.#charts);
  }

  async close(): Promise<void> {
    clearInterval(this.#sampling);
    this.#xstate4?.close();
    for (const socket of this.#sockets.clients) socket.terminate();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const path = (request.url ?? '/').split('?', 1)[0];
    if (path === '/live') {
      this.#accept(request, socket, head, {
        refusal: this.#access.refusalOfViewer(request),
        take: (viewer) => this.#viewers.add(viewer),
      });
    } else if (path === '/xstate4' && this.#xstate4 !== undefined) {
      const bridge = this.#xstate4;
      this.#accept(request, socket, head, {
        refusal: this.#access.refusalOfApplication(request),
        take: (viewer) => void serveXState4(viewer, bridge),
      });
    } else if (path === '/frames') {
      this.#accept(request, socket, head, {
        refusal: this.#access.refusalOfViewer(request),
        take: (viewer) => tellStately(viewer, this.#store),
      });
    } else if (path === '/' || path === '/inspect') {
      this.#accept(request, socket, head, {
        refusal: this.#access.refusalOfApplication(request),
        take: (application) => this.#applications.add(application),
      });
    } else refuse(socket, 404, 'There is no WebSocket here: applications connect to / or /inspect.');
  }

  #accept(request: IncomingMessage, socket: Duplex, head: Buffer, door: Door): void {
    if (door.refusal !== undefined) refuse(socket, 403, door.refusal);
    else if (this.#sockets.clients.size >= MAX_SOCKETS) refuse(socket, 503, 'Too many are connected.');
    else {
      this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
        accepted.on('error', () => accepted.terminate());
        door.take(accepted);
      });
    }
  }
}

interface Door {
  readonly refusal: string | undefined;
  readonly take: (socket: WebSocket) => void;
}

const REASONS: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
};

function refuse(socket: Duplex, status: number, reason: string): void {
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(reason) + 1}\r\nConnection: close\r\n\r\n${reason}\n`,
  );
}

/** The package knows itself by name, wherever its files are. */
function version(): string {
  const { version } = createRequire(import.meta.url)('statewire/package.json') as { version: string };
  return version;
}
