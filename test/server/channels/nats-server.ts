// A nats-server of a test's own: on a port that stays its own while it is away, with a store that outlives it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect as connectTo } from '@nats-io/transport-node';
import { until } from '../../../src/testing/wait.ts';
import { freePort, Running } from '../../interop/tools.ts';
import { findTool, type Tool } from '../../support/tools.ts';

const NATS_SERVER: Tool = {
  name: 'nats-server',
  variable: 'NATS_SERVER_PATH',
  candidates: ['/usr/sbin/nats-server', '/usr/bin/nats-server', '/usr/local/bin/nats-server'],
  remedy: 'run "apt-get install -y nats-server"',
};

/** Where nats-server is, if it is there. */
export const findNatsServer = (): string | undefined => findTool('The tests with NATS', NATS_SERVER);

/** Under which servers that are its leaves find what one keeps. */
export const DOMAIN = 'store';

export interface NatsServerOptions {
  readonly credentials?: { readonly user: string; readonly pass: string };
  /** Another server's port for leaves: this one keeps nothing itself. */
  readonly leafOf?: string;
}

export class NatsServer implements AsyncDisposable {
  readonly port: number;
  /** Where other servers may become its leaves. */
  readonly leafPort: number;
  readonly #path: string;
  readonly #argv: readonly string[];
  readonly #store: string;
  #running: Running | undefined;

  private constructor(path: string, store: string, ports: readonly [number, number]) {
    this.#path = path;
    this.#store = store;
    [this.port, this.leafPort] = ports;
    this.#argv = ['-c', join(store, 'nats.conf')];
  }

  /** One that runs. */
  static async start(path: string, options: NatsServerOptions = {}): Promise<NatsServer> {
    const store = await mkdtemp(join(tmpdir(), 'statewire-nats-'));
    const server = new NatsServer(path, store, [await freePort(), await freePort()]);
    await writeFile(join(store, 'nats.conf'), configOf(server, store, options));
    await server.comeBack();
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** What it has said since it was started last. */
  get errors(): string {
    return this.#running?.errors ?? '';
  }

  /** Starts it, with what it has stored. Resolves when it can be asked. */
  async comeBack(): Promise<void> {
    const running = new Running(this.#path, this.#argv);
    this.#running = running;
    await until(() => running.hasEnded || running.errors.includes('Server is ready'), {
      describe: () => `nats-server to start: ${running.errors}`,
      timeoutMs: 9_000,
    });
    if (running.hasEnded) throw new Error(`nats-server ended: ${running.errors}`);
    await canConnect(this.port);
  }

  /** As a crash or a power switch ends it. */
  async kill(): Promise<void> {
    await this.#running?.kill();
    this.#running = undefined;
  }

  /** What it has stored is gone. */
  async forget(): Promise<void> {
    await rm(join(this.#store, 'jetstream'), { recursive: true, force: true });
  }

  /** Asks it about its streams, behind the back of all brokers. */
  async manage<T>(work: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const connection = await connectTo({ servers: this.address });
    try {
      return await work(await jetstreamManager(connection));
    } finally {
      await connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#store, { recursive: true, force: true, maxRetries: 3 });
  }
}

function configOf(
  { port, leafPort }: NatsServer,
  store: string,
  { credentials, leafOf }: NatsServerOptions,
): string {
  const leaves =
    leafOf === undefined
      ? [
          // Told where it is, its leaves would go around whatever is in between.
          `leafnodes { host: 127.0.0.1, port: ${leafPort}, no_advertise: true }`,
          `jetstream { store_dir: ${JSON.stringify(store)}, domain: ${DOMAIN} }`,
        ]
      : [`leafnodes { reconnect: 1, remotes: [ { url: "nats://${leafOf}" } ] }`];
  const { user, pass } = credentials ?? {};
  const authorization =
    credentials === undefined ? [] : [`authorization { user: ${String(user)}, password: ${String(pass)} }`];
  return ['host: 127.0.0.1', `port: ${port}`, ...leaves, ...authorization].join('\n');
}

function canConnect(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
