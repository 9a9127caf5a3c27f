// Secrets are planted wherever a user may put one; then everything that can be looked at is searched for them.
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { InspectionEvent } from 'xstate';
import type { ConnectionSnapshot } from '../../machines/index.ts';
import {
  Connection,
  recorder,
  type ConnectionError,
  type ConnectionOptions,
  type Logger,
} from '../../src/index.ts';
import { remoteInspector } from '../../src/inspection/index.ts';
import { PuppetServer, type PuppetUpgrade } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { guarded, type Message, type Welcome } from '../support/guarded-protocol.ts';
import type { FromPage, FromServer } from '../../visualizations/live/protocol.ts';
import { liveView, type LiveView } from '../../visualizations/live/server.ts';
import { TestIo } from '../cli/test-io.ts';
import { quiet, rejectionOf } from '../support/connected.ts';

const SECRETS = {
  user: 'hunter-user',
  password: 'hunter-password',
  query: 'hunter-query',
  header: 'hunter-header',
  cookie: 'hunter-cookie',
  subprotocol: 'hunter-subprotocol',
  credentials: 'hunter-credentials',
  /** Under a name that the user listed. */
  listed: 'hunter-listed',
  /** Of a form that the user listed. */
  form: 'acct-hunter-7',
};

/** What somebody says who repeats everything that he was told. It has room in a close frame. */
const TOLD = [
  ...[SECRETS.user, SECRETS.password, SECRETS.query, SECRETS.header, SECRETS.cookie, SECRETS.subprotocol],
  ...[SECRETS.credentials, SECRETS.form],
].join(' ');
/** A title, names that were listed, and forms that anybody knows for a secret. */
const LISTED = `Room: ${SECRETS.listed} in "ROOM":"${SECRETS.listed}" of room=${SECRETS.listed}`;

/** An error as libraries throw it: with the request in it, and a cause that has it too. */
const telling = (text = TOLD): Error =>
  Object.assign(new TypeError(`no: ${text}`, { cause: new Error(`because: ${text}`) }), {
    config: { headers: { Authorization: text }, url: `https://${SECRETS.user}:${text.length}@a.example/` },
    response: new Map([['body', text]]),
  });

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
    // The frame itself is a message, and is handed over as it came.
    connection.on('invalidMessage', ({ error }) => see(error));
    connection.on('open', ({ isReconnect }) => see(isReconnect));
    for (const event of ['failed', 'error', 'closed', 'dropped', 'reconnected'] as const)
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
    redact: ['room', /acct-\w+-\d/],
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
  /** What happens after that. */
  readonly then?: (scene: Scene) => unknown;
}

interface Scene {
  readonly connection: Connection<Message, Message, Welcome, string>;
  readonly clock: VirtualClock;
}

const welcome = async (upgrade: PuppetUpgrade) => {
  const socket = upgrade.accept();
  await socket.nextFrame();
  socket.send({ type: 'welcome', session: 'one' });
  return socket;
};

const tryAgain = async ({ connection, clock }: Scene) => {
  const { attempts } = connection.stats;
  await until(() => connection.state === 'reconnecting');
  clock.advance(60_000);
  await until(() => connection.stats.attempts > attempts && connection.state !== 'connecting');
};

const fail = (): never => {
  throw telling();
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
  { name: 'is told why it is closed', act: async (upgrade) => (await welcome(upgrade)).close(1008, TOLD) },
  {
    name: 'is told more than it may show',
    act: async (upgrade) => (await welcome(upgrade)).close(4000, LISTED),
  },
  { name: 'is closed in the handshake', act: (upgrade) => upgrade.accept().close(1008, TOLD) },
  { name: 'gets rubbish that it knows', act: async (upgrade) => (await welcome(upgrade)).send(TOLD) },
  {
    name: 'is rejected with what it said',
    act: async (upgrade) => {
      const socket = upgrade.accept();
      await socket.nextFrame();
      socket.send({
        type: `rejected ${TOLD}`,
        said: [TOLD],
        headers: { authorization: 'Bearer hunter-listed' },
      });
    },
  },
  {
    name: 'is answered with what it said in the handshake',
    act: async (upgrade) => {
      const socket = upgrade.accept();
      await socket.nextFrame();
      socket.send(SECRETS.credentials);
    },
  },
  {
    name: 'is refused with what it said',
    act: (upgrade) => {
      upgrade.ignore();
      const head = `HTTP/1.1 401 ${TOLD}\r\nWWW-Authenticate: Bearer ${TOLD}\r\nLocation: /?t=${TOLD}\r\n`;
      upgrade.request.socket.end(`${head}Content-Length: ${TOLD.length}\r\n\r\n${TOLD}`);
    },
  },
  {
    name: 'is answered with no HTTP',
    act: (upgrade) => {
      upgrade.ignore();
      upgrade.request.socket.end(`${TOLD}\r\n\r\n`);
    },
  },
  {
    name: 'is given a subprotocol that it never offered',
    act: (upgrade) => upgrade.accept({ subprotocol: SECRETS.credentials }),
  },
  {
    name: 'has functions that answer, and a server that says it back',
    options: {
      headers: () => ({ Authorization: `Bearer ${SECRETS.header}`, Cookie: `a=${SECRETS.cookie}` }),
      protocols: async () => [`token.${SECRETS.subprotocol}`],
      credentials: () => SECRETS.credentials,
    },
    act: async (upgrade) => (await welcome(upgrade)).close(1008, TOLD),
  },
  {
    name: 'has a function that quotes what it gave before',
    options: { credentials: ({ attempt }) => (attempt === 0 ? SECRETS.credentials : fail()) },
    act: async (upgrade) => (await welcome(upgrade)).reset(),
    then: tryAgain,
  },
  {
    name: 'has a function that quotes what another one has just given',
    options: {
      headers: () => ({ 'x-api-key': SECRETS.header, Cookie: `a=${SECRETS.cookie}` }),
      credentials: () => {
        throw telling(`${SECRETS.header} ${SECRETS.cookie} room: ${SECRETS.listed}`);
      },
    },
    act: () => undefined,
    dials: false,
  },
  {
    name: 'has a function that rejects with a text',
    options: {
      credentials: () =>
        Promise.reject<string>(`no: ${SECRETS.header} ${SECRETS.cookie} ${SECRETS.form}` as unknown),
    },
    act: () => undefined,
    dials: false,
  },
  {
    name: 'has a policy that fails',
    options: { retry: { policy: fail } },
    act: (upgrade) => upgrade.destroy(),
  },
  {
    name: 'has a protocol that fails',
    options: { protocol: { ...guarded, classifyClose: fail, decode: fail } },
    act: async (upgrade) => {
      const socket = await welcome(upgrade);
      socket.send('{}');
      socket.close(1008, TOLD);
    },
  },
  {
    name: 'has an inspector that fails',
    options: { inspect: fail },
    act: welcome,
  },
  { name: 'has a resume function that fails', options: { resume: fail }, act: welcome },
  {
    name: 'is made by a transport that fails',
    options: { transport: { name: 'failing', open: fail } },
    act: () => undefined,
    dials: false,
  },
];

/** The real address of a server appears in errors of the system, and may. */
const leaksOf = (text: string): string[] => Object.values(SECRETS).filter((secret) => text.includes(secret));

describe('no secret is shown by a connection that', () => {
  test.each(cases.map((row) => [row.name, row] as const))(
    '%s',
    async (_, { options, act, dials = true, then }) => {
      await using server = await PuppetServer.listen();
      const lookout = new Lookout();
      const clock = new VirtualClock();
      const connection = new Connection({ ...optionsFor(server, lookout, clock), ...options });
      lookout.watch(connection);
      const connecting = connection.connect().catch((thrown: unknown) => lookout.see(thrown));
      if (dials) await act(await server.upgrade());
      await until(() => connection.state !== 'connecting' && connection.state !== 'authenticating');
      await quiet();
      await then?.({ connection, clock });
      const late = connection.deliver({ type: 'late' }).catch((thrown: unknown) => lookout.see(thrown));
      lookout.seen.push(inspect(connection, { depth: 3 }), inspect(connection.actor, { depth: 3 }));
      lookout.see(connection.stats);
      lookout.see(connection.recording());
      const disconnected = connection.disconnect();
      clock.advance(60_000);
      await Promise.all([connecting, disconnected, late]);

      expect(lookout.seen.length).toBeGreaterThan(10);
      expect(lookout.seen.flatMap(leaksOf)).toEqual([]);
    },
  );

  test('has a provider whose error tells a URL: the cause is a copy', async () => {
    const connection = new Connection({
      url: 'ws://127.0.0.1:1',
      protocol: guarded,
      credentials: urlInError,
      retry: false,
    });
    const error = (await rejectionOf(connection.connect())) as ConnectionError;

    expect(leaksOf(inspect(error, { depth: 6, showHidden: true }))).toEqual([]);
    expect(error.message).toContain('auth.example');
    expect(error.cause).toEqual(new Error('GET https://auth.example/?key=*** failed'));
  });

  test('records its messages, but for what stands under the name of a secret', async () => {
    await using server = await PuppetServer.listen();
    const clock = new VirtualClock();
    const options = optionsFor(server, new Lookout(), clock);
    await using connection = new Connection({ ...options, recorder: recorder({ messages: 50 }) });
    const connecting = connection.connect();
    const socket = await welcome(await server.upgrade());
    await connecting;
    connection.send({ type: 'login', password: SECRETS.password, user: { apiKey: SECRETS.header, age: 7 } });
    socket.send({
      type: 'renewed',
      refresh_token: 'hunter-new',
      tokens: 2,
      said: TOLD,
      room: SECRETS.listed,
    });
    await until(() => connection.stats.messagesIn === 1);
    const recording = connection.recording();
    const ended = connection.disconnect();
    clock.advance(60_000);
    await ended;

    expect(leaksOf(JSON.stringify(recording))).toEqual([]);
    expect(recording?.messages?.map(({ direction, message }) => ({ direction, message }))).toEqual([
      { direction: 'out', message: { type: 'login', password: '***', user: { apiKey: '***', age: 7 } } },
      {
        direction: 'in',
        message: {
          ...{ type: 'renewed', refresh_token: '***', tokens: 2, room: '***' },
          said: '*** *** *** *** *** *** *** ***',
        },
      },
    ]);
  });

  test('has no secret: then the cause of a failure is what was thrown', async () => {
    const thrown = Object.assign(new RangeError('no luck'), { request: { path: '/token', status: 503 } });
    const connection = new Connection({
      url: 'ws://127.0.0.1:1',
      protocol: guarded,
      credentials: () => {
        throw thrown;
      },
      retry: false,
    });

    expect(((await rejectionOf(connection.connect())) as ConnectionError).cause).toBe(thrown);
  });
});

describe('a failure', () => {
  test('says as much as before, but for the secrets', async () => {
    await using server = await PuppetServer.listen();
    const clock = new VirtualClock();
    const connection = new Connection({ ...optionsFor(server, new Lookout(), clock), retry: false });
    const connecting = connection.connect();
    const socket = await welcome(await server.upgrade());
    await connecting;
    socket.close(1008, `bad token ${SECRETS.credentials} for Room: ${SECRETS.listed}, ${SECRETS.form}`);
    await until(() => connection.state === 'failed');

    const { failure } = connection.actor.getSnapshot().context;
    const closeReason = 'bad token *** for Room: ***, ***';
    expect(failure?.details).toEqual({ phase: 'open', closeCode: 1008, closeReason });
    expect(connection.stats.lastCloseReason).toBe(closeReason);
  });
});

describe('the command line', () => {
  const AUTH_FRAME = JSON.stringify({ type: 'auth', token: SECRETS.credentials });

  const told: readonly [string, (upgrade: PuppetUpgrade) => unknown][] = [
    ['is refused with what it said', (upgrade) => upgrade.refuse(401, { 'WWW-Authenticate': TOLD })],
    [
      'is closed with what it said',
      async (upgrade) => {
        const socket = upgrade.accept();
        await socket.nextFrame();
        socket.send('{"type":"welcome"}');
        socket.close(1008, TOLD);
      },
    ],
    ['is closed in the handshake', (upgrade) => upgrade.accept().close(1008, TOLD)],
  ];
  const outputs: readonly (readonly string[])[] = [[], ['--output', 'json'], ['terminal']];

  test.each(told.flatMap(([name, act]) => outputs.map((output) => [name, output, act] as const)))(
    'that %s prints no secret %j',
    async (_, output, act) => {
      await using server = await PuppetServer.listen();
      const io = new TestIo();
      const isTerminal = output[0] === 'terminal';
      for (const stream of [io.stdin, io.stdout, io.stderr]) stream.isTTY = isTerminal;
      const url =
        server.url.replace('//', `//${SECRETS.user}:${SECRETS.password}@`) + `/?token=${SECRETS.query}`;
      const ended = io.run(
        ...['connect', url, '--auth-frame', AUTH_FRAME, '--retry', 'off', ...(isTerminal ? [] : output)],
        ...['-H', `Authorization: Bearer ${SECRETS.header}`, '-H', `Cookie: a=${SECRETS.cookie}`],
        ...['-s', `token.${SECRETS.subprotocol}`],
      );
      await act(await server.upgrade());
      await ended;
      const printed = io.stdout.text + io.stderr.text;

      expect(printed).toMatch(/401|1008/);
      // That form was listed by nobody: the command line has no option for it.
      expect(leaksOf(printed.replaceAll(SECRETS.form, ''))).toEqual([]);
    },
  );
});

describe('the live view', () => {
  /** What a page is told: the list, everything about each row, the frames for Stately, the recordings. */
  async function lookAt({ url }: LiveView): Promise<readonly string[]> {
    const seen: string[] = [];
    const socket = (path: string) => {
      const opened = new WebSocket(url.replace('http', 'ws') + path, { headers: { Origin: url } });
      opened.on('message', (data: Buffer) => seen.push(data.toString()));
      onTestFinished(() => opened.terminate());
      return opened;
    };
    const page = socket('/live');
    socket('/frames');
    const rows = await until(() => seen.find((text) => text.startsWith('{"type":"rows"')));
    for (const { id } of (JSON.parse(rows) as Extract<FromServer, { type: 'rows' }>).rows) {
      page.send(JSON.stringify({ type: 'watch', id } satisfies FromPage));
      seen.push(await (await fetch(`${url}/recordings/${id}.json`)).text());
      await until(() => seen.some((text) => text.startsWith(`{"type":"history","id":"${id}"`)));
    }
    await until(() => seen.some((text) => text.includes('"@xstate.snapshot"')));
    return seen;
  }

  test.each(['here', 'elsewhere'])('that runs %s is told no secret', async (where) => {
    await using server = await PuppetServer.listen();
    await using view = await liveView();
    await using remote = remoteInspector({ url: view.url });
    const clock = new VirtualClock();
    const connection = new Connection({
      ...optionsFor(server, new Lookout(), clock),
      inspect: where === 'here' ? view : remote,
      credentials: async () => SECRETS.credentials,
      retry: { policy: () => ({ action: 'stop' }) },
    });
    const connecting = connection.connect();
    const socket = await welcome(await server.upgrade());
    await connecting;
    socket.close(1008, `${SECRETS.credentials} ${SECRETS.form} ${SECRETS.cookie} room=${SECRETS.listed}`);
    await until(() => connection.state === 'failed');
    if (where === 'elsewhere') await remote.close();
    const seen = await lookAt(view);

    expect(seen.join('\n')).toContain('CLOSED_BY_PEER');
    expect(seen.join('\n')).toContain('room=***');
    expect(seen.flatMap(leaksOf)).toEqual([]);
  });
});
