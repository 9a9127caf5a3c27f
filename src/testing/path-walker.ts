// Walks a real connection along a generated path, against a real server that waits for every step.
import type { Connection } from '../connection.ts';
import type { RetryPolicy, Verdict } from '../retry-policy.ts';
import type { Surroundings } from '../platform/platform.ts';
import { edgeOf, eventName, statePath, type ConnectionPath, type PathStep } from './paths.ts';
import type { PuppetServer, PuppetSocket } from './puppet-server.ts';
import type { VirtualClock } from './virtual-clock.ts';
import { until } from './wait.ts';

/** What the server of a protocol says, for the three things that only the protocol knows. */
export interface ServerScript {
  /** Lets the client in. For a protocol without a handshake: nothing. */
  accept(socket: PuppetSocket): void | Promise<void>;
  /** Refuses the client. */
  reject(socket: PuppetSocket): void | Promise<void>;
  /** Answers a heartbeat probe. Default: a pong. */
  answerProbe?(socket: PuppetSocket): void | Promise<void>;
}

/** Options that the connection under test must be made with, so that the walker has hold of time and of verdicts. */
export interface WalkerOptions {
  readonly url: string;
  readonly clock: VirtualClock;
  readonly surroundings: Surroundings;
  readonly retry: { readonly policy: RetryPolicy; readonly stableAfterMs: number };
  readonly heartbeat: { readonly intervalMs: number; readonly timeoutMs: number };
  readonly timeouts: {
    readonly connectMs: number;
    readonly handshakeMs: number;
    readonly closeMs: number;
    readonly networkPatienceMs: number;
  };
}

/** What the walker needs of a connection, whatever its protocol. */
type Walked = Pick<Connection, 'disconnect' | 'actor' | 'state'> & { connect(): Promise<unknown> };

const RETRY_DELAY_MS = 1_000;
const LIMITS = { connectMs: 2_000, handshakeMs: 3_000, closeMs: 4_000, networkPatienceMs: 60_000 };
const HEARTBEAT = { intervalMs: 30_000, timeoutMs: 10_000 };
const STABLE_AFTER_MS = 5_000;

/** How far the clock moves for each delay of the chart. */
const PASSING_MS: Readonly<Record<string, number>> = {
  'after connectTimeout': LIMITS.connectMs,
  'after handshakeTimeout': LIMITS.handshakeMs,
  'after closeTimeout': LIMITS.closeMs,
  'after stable': STABLE_AFTER_MS,
  'after backoff': RETRY_DELAY_MS,
  'after networkPatience': LIMITS.networkPatienceMs,
};

/**
 * Takes one connection along one path of `connectionPaths()`.
 *
 * ```ts
 * const walker = new PathWalker(server, clock, script, (options) => new Connection({ ...options, protocol }));
 * for await (const step of walker.walk(path)) expect(server.connections).toBeLessThanOrEqual(1);
 * await walker.end();
 * ```
 */
export class PathWalker {
  readonly connection: Walked;
  readonly #server: PuppetServer;
  readonly #clock: VirtualClock;
  readonly #script: ServerScript;
  readonly #world = new PuppetSurroundings();
  readonly #visited: string[] = [];
  #socket: PuppetSocket | undefined;
  /** What the retry policy does when it is asked next. */
  #decide: () => Verdict = () => ({ action: 'stop' });

  constructor(
    server: PuppetServer,
    clock: VirtualClock,
    script: ServerScript,
    create: (options: WalkerOptions) => Walked,
  ) {
    this.#server = server;
    this.#clock = clock;
    this.#script = script;
    this.connection = create({
      url: server.url,
      clock,
      surroundings: this.#world,
      retry: { policy: () => this.#decide(), stableAfterMs: STABLE_AFTER_MS },
      heartbeat: HEARTBEAT,
      timeouts: LIMITS,
    });
    this.connection.actor.subscribe(({ value }) => this.#visited.push(statePath(value)));
  }

  /** Yields each step once the connection has taken it; throws when it went elsewhere. */
  async *walk(path: ConnectionPath): AsyncGenerator<PathStep, void, undefined> {
    for (const [index, step] of path.steps.entries()) {
      if (step.to === 'deciding') this.#prepareVerdict(path.steps[index + 1]);
      this.#visited.length = 0;
      // The verdict is given within the step that asks for it: its states were visited already.
      if (step.from === 'deciding') this.#visited.push(statePath(this.connection.actor.getSnapshot().value));
      else await this.#provoke(step);
      await until(() => this.#visited.includes(step.to), {
        describe: () => `${edgeOf(step)}; visited instead: ${this.#visited.join(', ') || 'nothing'}`,
      });
      yield step;
    }
  }

  /** Ends the connection, wherever the path has left it. Resolves once the server has seen the end of its last socket. */
  async end(): Promise<void> {
    const disconnected = this.connection.disconnect();
    this.#clock.advance(LIMITS.closeMs);
    await disconnected;
    await until(() => this.#server.connections === 0, { describe: 'the end of the last socket' });
  }

  #prepareVerdict(next: PathStep | undefined): void {
    const type = next?.event.type ?? 'verdict.stop';
    this.#decide = () => {
      if (type === 'disconnect') void this.connection.disconnect();
      if (type === 'verdict.retry') return { action: 'retry', delayMs: RETRY_DELAY_MS };
      if (type === 'verdict.reauthenticate') return { action: 'reauthenticate' };
      return { action: type === 'verdict.waitForNetwork' ? 'waitForNetwork' : 'stop' };
    };
  }

  async #provoke(step: PathStep): Promise<void> {
    const name = eventName(step.event.type);
    const passingMs = PASSING_MS[name];
    if (passingMs !== undefined) {
      this.#clock.advance(passingMs);
      return;
    }
    const act = this.#acts[name];
    if (act === undefined) throw new Error(`The walker cannot provoke ${edgeOf(step)}.`);
    await act(step);
  }

  readonly #acts: Readonly<Record<string, (step: PathStep) => void | Promise<void>>> = {
    connect: () => {
      this.connection.connect().catch(() => undefined);
    },
    disconnect: () => {
      this.#socket?.holdClose();
      void this.connection.disconnect();
    },
    'socket.opened': async () => {
      this.#socket = await this.#server.accept();
    },
    'socket.closed': (step) => this.#endSocket(step.from),
    'handshake.accepted': () => this.#script.accept(this.#liveSocket()),
    'handshake.rejected': () => this.#script.reject(this.#liveSocket()),
    'heartbeat.doubted': () => this.#world.tell('network.returned'),
    'heartbeat.answered': async () => {
      const socket = this.#liveSocket();
      if (this.#script.answerProbe !== undefined) await this.#script.answerProbe(socket);
      else {
        await socket.nextPing();
        socket.pong();
      }
    },
    'heartbeat.missed': () => this.#clock.advance(HEARTBEAT.timeoutMs),
    'network.returned': () => this.#world.tell('network.returned'),
    'page.returned': () => this.#world.tell('page.returned'),
  };

  async #endSocket(from: string): Promise<void> {
    if (from === 'online.connecting') {
      (await this.#server.upgrade()).destroy();
      return;
    }
    const socket = this.#liveSocket();
    if (from.startsWith('online.closing')) {
      await until(() => socket.closeReceived, { describe: "the client's close frame" });
      socket.answerClose();
    } else socket.drop();
  }

  #liveSocket(): PuppetSocket {
    if (this.#socket === undefined) throw new Error('No socket was accepted on this path yet.');
    return this.#socket;
  }
}

/** A network and a page that return when a test says so. */
export class PuppetSurroundings implements Surroundings {
  readonly #listeners = new Set<(event: 'network.returned' | 'page.returned') => void>();
  online = true;

  isOnline(): boolean {
    return this.online;
  }

  subscribe(listener: (event: 'network.returned' | 'page.returned') => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: 'network.returned' | 'page.returned'): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
