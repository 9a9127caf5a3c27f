// Secrets are planted wherever a user may put one; then everything that can be looked at is searched for them.
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { InspectionEvent } from 'xstate';
import type { ConnectionSnapshot } from '../../machines/index.ts';
import { Connection, type ConnectionError, type ConnectionOptions, type Logger } from '../../src/index.ts';
import { PuppetServer, type PuppetUpgrade } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { guarded, type Message, type Welcome } from '../support/guarded-protocol.ts';
import { quiet, rejectionOf } from '../support/connected.ts';

const SECRETS = {
  user: 'hunter-user',
  password: 'hunter-password',
  query: 'hunter-query',
  header: 'hunter-header',
  cookie: 'hunter-cookie',
  subprotocol: 'hunter-subprotocol',
  credentials: 'hunter-credentials',
};

type Options = ConnectionOptions<Message, Message, Welcome, string>;

/** Shows of an error what JSON leaves out. */
const spread = (_: string, part: unknown): unknown =>
  part instanceof Error
    ? Object.assign({}, part, { text: part.message, stack: part.stack, cause: part.cause })
    : part;

/** Everything that a connection shows of itself, as text. */
class Lookout {
  readonly seen: string[] = [];
  readonly logger: Logger;

  constructor() {
    const log = (...args: unknown[]) => {
      this.see(args);
    };
    this.logger = { debug: log, info: log, warn: log, error: log };
  }

  see(value: unknown): void {
    this.seen.push(inspect(value, { depth: 6, maxStringLength: null }));
    this.seen.push(JSON.stringify(value, spread));
  }

  /** An inspection event without the actors it refers to, which refer to everything. */
  inspect(event: InspectionEvent): void {
    const { actorRef, rootId, ...told } = event;
    const snapshot = 'snapshot' in told ? (told.snapshot as Partial<ConnectionSnapshot>) : {};
    const { value, context, status, error } = snapshot;
    this.see({ type: told.type, event: 'event' in told && told.event, value, context, status, error });
    this.seen.push(inspect(actorRef, { depth: 2 }), rootId);
  }

  watch(connection: Connection<Message, Message, Welcome, string>): void {
    const see = (told: unknown) => {
      this.see(told);
      this.see(connection.actor.getSnapshot().context);
      this.seen.push(JSON.stringify(connection.actor.getPersistedSnapshot()));
    };
    connection.on('statechange', see);
    connection.on('reconnecting', see);
    connection.on('open', ({ isReconnect }) => see(isReconnect));
    for (const event of ['failed', 'error', 'closed', 'dropped', 'invalidMessage', 'reconnected'] as const)
      connection.on(event, see);
  }
}

function optionsFor(server: PuppetServer, lookout: Lookout, clock: VirtualClock): Options {
  const url = new URL(server.url);
  url.username = SECRETS.user;
  url.password = SECRETS.password;
  url.searchParams.set('token', SECRETS.query);
  url.searchParams.append('token', `${SECRETS.query}-2`);
  return {
    url: url.href,
    protocol: guarded,
    headers: { Authorization: `Bearer ${SECRETS.header}`, Cookie: `session=${SECRETS.cookie}` },
    protocols: [`token.${SECRETS.subprotocol}`],
    credentials: SECRETS.credentials,
    clock,
    logger: lookout.logger,
    inspect: (event) => lookout.inspect(event),
  };
}

interface Case {
  readonly name: string;
  readonly options?: Partial<Options>;
  /** What the server does with the first attempt. */
  readonly act: (upgrade: PuppetUpgrade) => unknown;
  /** Whether the connection makes an attempt at the server at all. */
  readonly dials?: false;
}

const welcome = async (upgrade: PuppetUpgrade) => {
  const socket = upgrade.accept();
  await socket.nextFrame();
  socket.send({ type: 'welcome', session: 'one' });
  return socket;
};

const urlInError = () => {
  throw new Error(
    `GET https://${SECRETS.user}:${SECRETS.password}@auth.example/?key=${SECRETS.query} failed`,
  );
};

const cases: readonly Case[] = [
  { name: 'is let in', act: welcome },
  { name: 'is cut', act: async (upgrade) => (await welcome(upgrade)).reset() },
  { name: 'is closed', act: async (upgrade) => (await welcome(upgrade)).close(1011, 'broken') },
  { name: 'gets rubbish', act: async (upgrade) => (await welcome(upgrade)).send('rubbish') },
  { name: 'is refused with 401', act: (upgrade) => upgrade.refuse(401) },
  { name: 'is refused with 503', act: (upgrade) => upgrade.refuse(503, { 'Retry-After': '1' }) },
  { name: 'is redirected', act: (upgrade) => upgrade.refuse(302, { Location: `/?t=${SECRETS.query}` }) },
  { name: 'is not answered', act: (upgrade) => upgrade.destroy() },
  {
    name: 'is rejected in the handshake',
    act: async (upgrade) => {
      const socket = upgrade.accept();
      await socket.nextFrame();
      socket.send({ type: 'rejected' });
    },
  },
  {
    name: 'is answered with rubbish in the handshake',
    act: async (upgrade) => {
      const socket = upgrade.accept();
      await socket.nextFrame();
      socket.send('rubbish');
    },
  },
  {
    name: 'finds no host',
    options: {
      webSocket: {
        node: {
          lookup: (host, _, callback) => {
            callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), '', 4);
          },
        },
      },
      url: `ws://${SECRETS.user}:${SECRETS.password}@nowhere.invalid/?token=${SECRETS.query}`,
    },
    act: () => undefined,
    dials: false,
  },
  {
    name: 'has a header that cannot be sent',
    options: { headers: () => ({ Authorization: `Bearer ${SECRETS.header}\u20ac` }) },
    act: () => undefined,
    dials: false,
  },
  {
    name: 'has a header that is an attack',
    options: { headers: () => ({ Authorization: `Bearer ${SECRETS.header}\r\nX: y` }) },
    act: () => undefined,
    dials: false,
  },
  {
    name: 'has a URL that is none',
    options: { url: () => `ws://${SECRETS.user}:${SECRETS.password}@ex ample/?token=${SECRETS.query}` },
    act: () => undefined,
    dials: false,
  },
  {
    name: 'has a URL of another scheme',
    options: { url: () => `ftp://${SECRETS.user}:${SECRETS.password}@example/?token=${SECRETS.query}` },
    act: () => undefined,
    dials: false,
  },
  {
    name: 'has a subprotocol that cannot be sent',
    options: { protocols: () => [`token ${SECRETS.subprotocol}`] },
    act: () => undefined,
    dials: false,
  },
];

/** The real address of a server appears in errors of the system, and may. */
const leaksOf = (text: string): string[] => Object.values(SECRETS).filter((secret) => text.includes(secret));

describe('no secret is shown by a connection that', () => {
  test.each(cases.map((row) => [row.name, row] as const))('%s', async (_, { options, act, dials = true }) => {
    await using server = await PuppetServer.listen();
    const lookout = new Lookout();
    const clock = new VirtualClock();
    const connection = new Connection({ ...optionsFor(server, lookout, clock), ...options });
    lookout.watch(connection);
    const connecting = connection.connect().catch((thrown: unknown) => lookout.see(thrown));
    if (dials) await act(await server.upgrade());
    await until(() => connection.state !== 'connecting' && connection.state !== 'authenticating');
    await quiet();
    const late = connection.deliver({ type: 'late' }).catch((thrown: unknown) => lookout.see(thrown));
    lookout.seen.push(inspect(connection, { depth: 3 }), inspect(connection.actor, { depth: 3 }));
    lookout.see(connection.stats);
    const disconnected = connection.disconnect();
    clock.advance(60_000);
    await Promise.all([connecting, disconnected, late]);

    expect(lookout.seen.length).toBeGreaterThan(10);
    expect(lookout.seen.flatMap(leaksOf)).toEqual([]);
  });

  test('has a provider whose error tells a URL, but for that error itself, the cause', async () => {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const connection = new Connection({
      url: 'ws://127.0.0.1:1',
      protocol: guarded,
      credentials: urlInError,
      retry: false,
      logger: { debug: log, info: log, warn: log, error: log },
    });
    const error = (await rejectionOf(connection.connect())) as ConnectionError;

    const { context } = connection.actor.getSnapshot();
    const shown = [error.message, error.stack, JSON.stringify([error.details, context]), ...lines].join();
    expect(leaksOf(shown)).toEqual([]);
    expect(error.message).toContain('auth.example');
    expect(error.cause).toBeInstanceOf(Error);
  });
});
