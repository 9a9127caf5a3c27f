// Everything that a user can call, in every state that a connection can be in: one table, nothing left undefined.
// Real sockets, virtual time.
import { describe, expect, test } from 'vitest';
import { CONNECTION_STATES, Connection, ConnectionError, listBackoff } from '../../src/index.ts';
import type { ConnectionState } from '../../src/index.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { turn, until } from '../../src/testing/wait.ts';
import { guarded, type Message, type Welcome } from '../support/guarded-protocol.ts';

type Guarded = Connection<Message, Message, Welcome, string>;

const BACKOFF_MS = 1_000;
const CLOSE_MS = 3_000;
const NEWS: Message = { type: 'news' };
const LETTER: Message = { type: 'letter' };

/** A connection, the server that it talks to, and what the server does when it is its turn. */
class Situation implements AsyncDisposable {
  readonly connection: Guarded;
  readonly clock = new VirtualClock();
  readonly server: PuppetServer;
  /** What the server received, handshake and farewell aside. */
  readonly letters: Message[] = [];
  /** What became of the `connect()` that led into this state. */
  first = 'never called';
  #socket: PuppetSocket | undefined;
  #welcomes = 0;
  #hasNews = false;

  constructor(server: PuppetServer) {
    this.server = server;
    this.connection = new Connection({
      url: server.url,
      protocol: guarded,
      credentials: 'secret',
      clock: this.clock,
      retry: { backoff: listBackoff([BACKOFF_MS]) },
      timeouts: { closeMs: CLOSE_MS },
    });
    this.connection.on('message', () => (this.#hasNews = true));
  }

  readonly #ways: Readonly<Record<ConnectionState, () => Promise<void>>> = {
    idle: async () => undefined,
    connecting: async () => {
      this.#connect();
      await until(() => this.server.pendingUpgrades === 1);
    },
    authenticating: async () => {
      this.#connect();
      await this.#acceptUpgrade();
      await until(() => this.connection.state === 'authenticating');
    },
    open: async () => {
      this.#connect();
      await this.#letIn();
    },
    closing: async () => {
      await this.reach('open');
      void this.connection.disconnect();
      await until(() => this.#socket?.closeReceived);
    },
    reconnecting: async () => {
      await this.reach('open');
      this.#socket?.drop();
      await until(() => this.connection.state === 'reconnecting');
    },
    failed: async () => {
      await this.reach('authenticating');
      this.#socket?.send({ type: 'rejected' });
      await until(() => this.connection.state === 'failed');
    },
    closed: async () => {
      await this.reach('open');
      const ended = this.connection.disconnect();
      await this.rest();
      await ended;
    },
  };

  async reach(state: ConnectionState): Promise<void> {
    await this.#ways[state]();
    expect(this.connection.state).toBe(state);
  }

  /** Lets the server and the time do what is due, until nothing is; an open session then hears the news. */
  async rest(): Promise<ConnectionState> {
    for (;;) {
      const { state } = this.connection;
      if (state === 'connecting' || state === 'authenticating') await this.#letIn();
      else if (state === 'reconnecting') this.clock.advance(BACKOFF_MS);
      else if (state === 'closing') await this.#letGo();
      else break;
    }
    if (this.connection.state === 'open') {
      this.#socket?.send(NEWS);
      await until(() => this.#hasNews);
    }
    await turn();
    return this.connection.state;
  }

  #connect(): void {
    this.first = 'waits';
    this.connection.connect().then(
      () => (this.first = 'resolves'),
      (thrown: unknown) => (this.first = `rejects: ${nameOf(thrown)}`),
    );
  }

  async #acceptUpgrade(): Promise<void> {
    const socket = await this.server.accept();
    this.#socket = socket;
    socket.holdClose();
    socket.onFrame = (frame) => {
      const message = JSON.parse(String(frame)) as Message;
      if (message.type === LETTER.type) this.letters.push(message);
    };
  }

  async #letIn(): Promise<void> {
    if (this.connection.state !== 'authenticating') await this.#acceptUpgrade();
    this.#socket?.send({ type: 'welcome', session: String((this.#welcomes += 1)) });
    await until(() => this.connection.state === 'open');
  }

  async #letGo(): Promise<void> {
    const socket = this.#socket;
    await until(() => socket?.closeReceived);
    socket?.answerClose();
    await until(() => this.connection.state !== 'closing');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.connection.disconnect();
    this.clock.advance(CLOSE_MS);
    await ended;
    await until(() => this.server.connections === 0);
    expect(this.clock.pending).toBe(0);
  }
}

const nameOf = (thrown: unknown): string =>
  thrown instanceof ConnectionError ? thrown.code : (thrown as Error).message;

/** A call; what it returns is asked, when all is at rest, what became of it. */
type Call = (connection: Guarded) => () => string;

function told(promise: Promise<unknown>): () => string {
  let outcome = 'waits';
  promise.then(
    (value) => (outcome = value === undefined ? 'resolves' : `resolves: ${JSON.stringify(value)}`),
    (thrown: unknown) => (outcome = `rejects: ${nameOf(thrown)}`),
  );
  return () => outcome;
}

const CALLS = {
  connect: (connection) => told(connection.connect().then(() => undefined)),
  'connect, then abort': (connection) => {
    const controller = new AbortController();
    const outcome = told(connection.connect({ signal: controller.signal }).then(() => undefined));
    controller.abort(new Error('aborted'));
    return outcome;
  },
  'connect, aborted before': (connection) =>
    told(connection.connect({ signal: AbortSignal.abort(new Error('aborted')) })),
  disconnect: (connection) => told(connection.disconnect()),
  dispose: (connection) => told(connection[Symbol.asyncDispose]()),
  send: (connection) => {
    try {
      const returned = connection.send(LETTER);
      return () => `returns ${returned}`;
    } catch (thrown) {
      return () => `throws: ${nameOf(thrown)}`;
    }
  },
  deliver: (connection) => told(connection.deliver(LETTER).then(({ outcome }) => outcome)),
  drained: (connection) => told(connection.drained()),
  messages: (connection) => told(connection.messages().next()),
} satisfies Record<string, Call>;

const HEARS = 'resolves: {"done":false,"value":{"type":"news"}}';
const ENDS = 'resolves: {"done":true}';
const UNSENT = 'MESSAGE_UNDELIVERED';

/** The state right after the call, what became of the call, and the state in which everything comes to rest. */
type Cell = readonly [after: ConnectionState, outcome: string, rest: ConnectionState];

const TABLE: Readonly<Record<keyof typeof CALLS, Readonly<Record<ConnectionState, Cell>>>> = {
  connect: {
    idle: ['connecting', 'resolves', 'open'],
    connecting: ['connecting', 'resolves', 'open'],
    authenticating: ['authenticating', 'resolves', 'open'],
    open: ['open', 'resolves', 'open'],
    closing: ['closing', 'resolves', 'open'],
    reconnecting: ['connecting', 'resolves', 'open'],
    failed: ['connecting', 'resolves', 'open'],
    closed: ['connecting', 'resolves', 'open'],
  },
  // Whoever began it, and is alone with it, ends it by aborting; whoever only joined does not.
  'connect, then abort': {
    idle: ['closed', 'rejects: aborted', 'closed'],
    connecting: ['connecting', 'rejects: aborted', 'open'],
    authenticating: ['authenticating', 'rejects: aborted', 'open'],
    open: ['open', 'resolves', 'open'],
    closing: ['closing', 'rejects: aborted', 'closed'],
    reconnecting: ['connecting', 'rejects: aborted', 'open'],
    failed: ['closed', 'rejects: aborted', 'closed'],
    closed: ['closed', 'rejects: aborted', 'closed'],
  },
  'connect, aborted before': {
    idle: ['idle', 'rejects: aborted', 'idle'],
    connecting: ['connecting', 'rejects: aborted', 'open'],
    authenticating: ['authenticating', 'rejects: aborted', 'open'],
    open: ['open', 'rejects: aborted', 'open'],
    closing: ['closing', 'rejects: aborted', 'closed'],
    reconnecting: ['reconnecting', 'rejects: aborted', 'open'],
    failed: ['failed', 'rejects: aborted', 'failed'],
    closed: ['closed', 'rejects: aborted', 'closed'],
  },
  disconnect: {
    idle: ['closed', 'resolves', 'closed'],
    connecting: ['closed', 'resolves', 'closed'],
    authenticating: ['closing', 'resolves', 'closed'],
    open: ['closing', 'resolves', 'closed'],
    closing: ['closing', 'resolves', 'closed'],
    reconnecting: ['closed', 'resolves', 'closed'],
    failed: ['closed', 'resolves', 'closed'],
    closed: ['closed', 'resolves', 'closed'],
  },
  dispose: {
    idle: ['closed', 'resolves', 'closed'],
    connecting: ['closed', 'resolves', 'closed'],
    authenticating: ['closing', 'resolves', 'closed'],
    open: ['closing', 'resolves', 'closed'],
    closing: ['closing', 'resolves', 'closed'],
    reconnecting: ['closed', 'resolves', 'closed'],
    failed: ['closed', 'resolves', 'closed'],
    closed: ['closed', 'resolves', 'closed'],
  },
  send: {
    idle: ['idle', 'returns true', 'idle'],
    connecting: ['connecting', 'returns true', 'open'],
    authenticating: ['authenticating', 'returns true', 'open'],
    open: ['open', 'returns true', 'open'],
    closing: ['closing', `throws: ${UNSENT}`, 'closed'],
    reconnecting: ['reconnecting', 'returns true', 'open'],
    failed: ['failed', `throws: ${UNSENT}`, 'failed'],
    closed: ['closed', `throws: ${UNSENT}`, 'closed'],
  },
  deliver: {
    idle: ['idle', 'waits', 'idle'],
    connecting: ['connecting', 'resolves: "flushed"', 'open'],
    authenticating: ['authenticating', 'resolves: "flushed"', 'open'],
    open: ['open', 'resolves: "flushed"', 'open'],
    closing: ['closing', `rejects: ${UNSENT}`, 'closed'],
    reconnecting: ['reconnecting', 'resolves: "flushed"', 'open'],
    failed: ['failed', `rejects: ${UNSENT}`, 'failed'],
    closed: ['closed', `rejects: ${UNSENT}`, 'closed'],
  },
  drained: {
    idle: ['idle', 'resolves', 'idle'],
    connecting: ['connecting', 'resolves', 'open'],
    authenticating: ['authenticating', 'resolves', 'open'],
    open: ['open', 'resolves', 'open'],
    closing: ['closing', 'resolves', 'closed'],
    reconnecting: ['reconnecting', 'resolves', 'open'],
    failed: ['failed', 'resolves', 'failed'],
    closed: ['closed', 'resolves', 'closed'],
  },
  messages: {
    idle: ['idle', 'waits', 'idle'],
    connecting: ['connecting', HEARS, 'open'],
    authenticating: ['authenticating', HEARS, 'open'],
    open: ['open', HEARS, 'open'],
    closing: ['closing', ENDS, 'closed'],
    reconnecting: ['reconnecting', HEARS, 'open'],
    failed: ['failed', 'waits', 'failed'],
    closed: ['closed', 'waits', 'closed'],
  },
};

/** What becomes of the `connect()` that was called before, when the call is `disconnect()`. */
const FIRST: Readonly<Partial<Record<ConnectionState, string>>> = {
  idle: 'never called',
  connecting: 'rejects: DISCONNECTED',
  authenticating: 'rejects: DISCONNECTED',
  failed: 'rejects: CREDENTIALS_REJECTED',
};

const cells = Object.entries(TABLE).flatMap(([call, row]) =>
  CONNECTION_STATES.map((state) => [call as keyof typeof CALLS, state, row[state]] as const),
);

describe('every call in every state', () => {
  test.each(cells)('%s while %s', async (name, state, cell) => {
    await using server = await PuppetServer.listen();
    await using situation = new Situation(server);
    const { connection } = situation;
    await situation.reach(state);

    const outcome = CALLS[name](connection);
    const after = connection.state;
    const rest = await situation.rest();

    if (cell[1] !== 'waits') await until(() => outcome() !== 'waits');
    expect([after, outcome(), rest]).toEqual(cell);
    await until(() => server.connections === (rest === 'open' ? 1 : 0));
    const isSent = (name === 'send' || name === 'deliver') && rest === 'open';
    await until(() => !isSent || situation.letters.length > 0);
    expect(situation.letters).toEqual(isSent ? [LETTER] : []);
    if (name === 'disconnect') expect(situation.first).toBe(FIRST[state] ?? 'resolves');
  });
});
