// Our server and our own clients, connected, each end in the test's hand, with what it has heard. Ends with its scope.
import {
  Connection,
  type ConnectionError,
  type ConnectionOptions,
  type Frame,
  type Protocol,
} from '../../src/index.ts';
import {
  createRealtimeServer,
  type RealtimeServer,
  type RealtimeServerOptions,
  type SseSession,
  type WebSocketSession,
} from '../../src/server/index.ts';
import { SseConnection, type SseEvent, type SseOptions } from '../../src/sse/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { stay } from '../server/realtime/harness.ts';

export { codeOf, echo, stay } from '../server/realtime/harness.ts';

/** No test is about the limits of who may come how often. */
const UNLIMITED = { requestBurst: 1_000_000, maxConnectionsPerAddress: 10_000 };

export async function serve(
  addRoutes: (server: RealtimeServer) => void,
  options: RealtimeServerOptions = {},
): Promise<RealtimeServer> {
  const server = createRealtimeServer({ ...options, limits: { ...UNLIMITED, ...options.limits } });
  addRoutes(server);
  return server.listen();
}

/** Every frame as it is. */
export const frames: Protocol<Frame> = {
  name: 'frames',
  heartbeat: { probe: 'ping' },
  encode: (frame) => frame,
  decode: (frame) => frame,
};

/** All of a message as text: to compare a megabyte byte by byte takes vitest a second. */
export const told = (message: string | Uint8Array): string =>
  typeof message === 'string' ? `text ${message}` : `bytes ${Buffer.from(message).toString('hex')}`;

/** A `Connection`, with what it was told. It does not come back after a loss. */
export class WebSocketClient<Incoming, Outgoing> implements AsyncDisposable {
  readonly connection: Connection<Incoming, Outgoing>;
  readonly messages: Incoming[] = [];
  readonly invalid: Frame[] = [];
  failure: ConnectionError | undefined;

  constructor(
    server: RealtimeServer,
    path: string,
    protocol: Protocol<Incoming, Outgoing>,
    options: Partial<ConnectionOptions<Incoming, Outgoing>> = {},
  ) {
    const url = server.url.replace('http', 'ws') + path;
    this.connection = new Connection({ url, protocol, retry: false, ...options });
    this.connection.on('message', (message) => this.messages.push(message));
    this.connection.on('invalidMessage', ({ frame }) => this.invalid.push(frame));
    this.connection.on('failed', (error) => (this.failure = error));
  }

  static async open<Incoming, Outgoing>(
    ...args: ConstructorParameters<typeof WebSocketClient<Incoming, Outgoing>>
  ): Promise<WebSocketClient<Incoming, Outgoing>> {
    const client = new WebSocketClient(...args);
    await client.connection.connect();
    return client;
  }

  /** Sends no faster than the connection takes it. */
  async send(messages: Iterable<Outgoing>): Promise<void> {
    for (const message of messages) if (!this.connection.send(message)) await this.connection.drained();
  }

  async got(count: number): Promise<Incoming[]> {
    await until(() => this.messages.length >= count, {
      describe: () => `${count} messages; there came ${this.messages.length}`,
    });
    return this.messages;
  }

  /** The close code and the reason with which the connection failed. */
  async lost(): Promise<unknown[]> {
    const { code, details } = await until(() => this.failure, { describe: 'the end of the connection' });
    return [code, details['closeCode'], details['closeReason']];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.connection.disconnect();
  }
}

interface PairOptions<Client> {
  readonly server?: RealtimeServerOptions;
  readonly client?: Client;
}

/** One client, and its session at the server. */
export async function webSocketPair<Incoming, Outgoing>(
  protocol: Protocol<Incoming, Outgoing>,
  options: PairOptions<Partial<ConnectionOptions<Incoming, Outgoing>>> = {},
) {
  const server = await serve((routes) => routes.websocket('/', stay), options.server);
  const client = await WebSocketClient.open(server, '/', protocol, options.client);
  const session = (await firstOf(server)) as WebSocketSession;
  const end = (): Promise<void> => server.close({ deadlineMs: 0 });
  return { server, client, session, [Symbol.asyncDispose]: end };
}

async function firstOf(server: RealtimeServer) {
  return until(() => [...server.connections.values()][0], { describe: 'a session' });
}

/** An `SseConnection`, with what it was told, and all of the text that came. */
export class SseClient<Data> implements AsyncDisposable {
  readonly connection: SseConnection<Data>;
  readonly events: SseEvent<Data>[] = [];
  readonly invalid: Frame[] = [];
  readonly plans: (number | null)[] = [];
  readonly #decoder = new TextDecoder();
  raw = '';
  failure: ConnectionError | undefined;

  constructor(url: string, options: Partial<SseOptions<Data>> = {}) {
    const request = (...args: Parameters<typeof fetch>): Promise<Response> => this.#fetch(...args);
    this.connection = new SseConnection<Data>({ url, retry: false, fetch: request, ...options });
    this.connection.on('message', (event) => this.events.push(event));
    this.connection.on('invalidMessage', ({ frame }) => this.invalid.push(frame));
    this.connection.on('reconnecting', ({ retryInMs }) => this.plans.push(retryInMs));
    this.connection.on('failed', (error) => (this.failure = error));
  }

  static async open<Data = string>(
    ...args: ConstructorParameters<typeof SseClient<Data>>
  ): Promise<SseClient<Data>> {
    const client = new SseClient(...args);
    await client.connection.connect();
    return client;
  }

  async got(count: number): Promise<SseEvent<Data>[]> {
    await until(() => this.events.length >= count, {
      describe: () => `${count} events; there came ${this.events.length}`,
    });
    return this.events;
  }

  async heard(raw: string): Promise<void> {
    await until(() => this.raw.length >= raw.length, { describe: () => `${raw}; there came ${this.raw}` });
  }

  async ended(): Promise<unknown> {
    const { code } = await until(() => this.failure, { describe: 'the end of the stream' });
    return code;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.connection.disconnect();
  }

  async #fetch(...args: Parameters<typeof fetch>): Promise<Response> {
    const response = await fetch(...args);
    const listen = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        this.raw += this.#decoder.decode(chunk, { stream: true });
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body?.pipeThrough(listen) ?? null, response);
  }
}

export async function ssePair<Data = string>(options: PairOptions<Partial<SseOptions<Data>>> = {}) {
  const server = await serve((routes) => routes.sse('/', stay), options.server);
  const client = await SseClient.open<Data>(server.url, options.client);
  const stream = (await firstOf(server)) as SseSession;
  const end = (): Promise<void> => server.close({ deadlineMs: 0 });
  return { server, client, stream, [Symbol.asyncDispose]: end };
}

/** Time in which handlers wait, and which passes only while a test waits for what comes of it. */
export class Pace {
  readonly #clock = new VirtualClock();

  get nowMs(): number {
    return this.#clock.now();
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.setTimeout(resolve, delayMs));
  }

  async until(condition: () => boolean, describe: string): Promise<void> {
    const tryOn = (): boolean => {
      this.#clock.runNext();
      return condition();
    };
    await until(tryOn, { describe });
  }
}
