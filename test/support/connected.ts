// A connection, a server and a clock that a test holds in its hand. At the end nothing may be left of them.
import { expect } from 'vitest';
import { Connection, type ConnectionOptions, type StateChange } from '../../src/index.ts';
import { PuppetSurroundings } from '../../src/testing/path-walker.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { turn, until } from '../../src/testing/wait.ts';

type Options<Incoming, Outgoing, Welcome, Credentials> = Partial<
  ConnectionOptions<Incoming, Outgoing, Welcome, Credentials>
>;

/** Longer than any time limit for the end of a connection. */
const CLOSE_MS = 60_000;

export class Scene<Incoming, Outgoing, Welcome, Credentials> implements AsyncDisposable {
  readonly server: PuppetServer;
  readonly clock = new VirtualClock();
  readonly surroundings = new PuppetSurroundings();
  readonly connection: Connection<Incoming, Outgoing, Welcome, Credentials>;
  /** Every state change so far. */
  readonly changes: StateChange[] = [];
  readonly messages: Incoming[] = [];

  constructor(server: PuppetServer, options: Options<Incoming, Outgoing, Welcome, Credentials>) {
    this.server = server;
    this.connection = new Connection<Incoming, Outgoing, Welcome, Credentials>({
      url: server.url,
      clock: this.clock,
      surroundings: this.surroundings,
      random: () => 0,
      ...options,
    });
    this.connection.on('statechange', (change) => this.changes.push(change));
    this.connection.on('message', (message) => this.messages.push(message));
  }

  /** The states entered so far, in order. */
  get states(): string[] {
    return this.changes.map(({ state }) => state);
  }

  /** The waits that were planned so far, in milliseconds. */
  get waits(): (number | null)[] {
    return this.changes.filter(({ state }) => state === 'reconnecting').map(({ retryInMs }) => retryInMs);
  }

  /** Connects without a handshake, and returns the server's end. */
  async connect(): Promise<PuppetSocket> {
    const connecting = this.connection.connect();
    const socket = await this.server.accept();
    await connecting;
    return socket;
  }

  /** Waits until the connection is in this state. */
  until(state: Connection['state']): Promise<unknown> {
    return until(() => this.connection.state === state, {
      describe: () => `the state ${state} after ${this.states.join(', ')}`,
    });
  }

  /** Lets the wait before the next attempt pass. */
  async retry(): Promise<void> {
    await this.until('reconnecting');
    this.clock.advance(this.changes.at(-1)?.retryInMs ?? 0);
  }

  /** Lets the wait pass, and accepts the next attempt. */
  async reconnect(): Promise<PuppetSocket> {
    await this.retry();
    const socket = await this.server.accept();
    await this.until('open');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const disconnected = this.connection.disconnect();
    this.clock.advance(CLOSE_MS);
    await disconnected;
    await until(() => this.server.connections === 0, { describe: 'the end of every socket' });
    await this.server.close();
    expect(this.clock.pending).toBe(0);
  }
}

/** A connection that has been told nothing yet, to a server that does nothing of its own accord. */
export async function stage<
  Incoming = unknown,
  Outgoing = Incoming,
  Welcome = undefined,
  Credentials = undefined,
>(
  options: Options<Incoming, Outgoing, Welcome, Credentials> = {},
): Promise<Scene<Incoming, Outgoing, Welcome, Credentials>> {
  return new Scene(await PuppetServer.listen(), options);
}

/** Enough turns of the event loop for what is on its way on loopback to have come. */
export async function quiet(turns = 30): Promise<void> {
  for (let turned = 0; turned < turns; turned += 1) await turn();
}

/** What a promise is at the moment: `pending`, or how it was settled. */
export function watch<Value>(promise: Promise<Value>): { outcome: unknown } {
  const watched: { outcome: unknown } = { outcome: 'pending' };
  promise.then(
    (value) => (watched.outcome = { resolved: value }),
    (reason: unknown) => (watched.outcome = { rejected: reason }),
  );
  return watched;
}

/** What a promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('It was not rejected.');
}
