// What can be looked at: the machine's events, the recording, the figures. And what must not be seen in any of it.
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { recorder, type Logger } from '../../src/index.ts';
import { replay } from '../../src/inspection/index.ts';
import type { SseOptions } from '../../src/sse/index.ts';
import { until } from '../../src/testing/wait.ts';
import { countResources } from '../testing/leftovers.ts';
import { sseStage, type SseScene } from './scene.ts';
import type { Exchange } from './stream-server.ts';

describe('an SSE connection', () => {
  test('is inspected and recorded like any other', async () => {
    const seen: string[] = [];
    await using scene = await sseStage({
      recorder: recorder({ messages: 2 }),
      inspect: (event) => {
        if (event.type === '@xstate.event') seen.push(event.event.type);
      },
    });
    const exchange = await scene.connect();
    exchange.write('event: a\nid: 1\ndata: x\n\n');
    await scene.received(1);
    exchange.end();
    await scene.until('reconnecting');
    const recording = scene.connection.recording()!;

    expect(seen).toEqual(
      expect.arrayContaining(['connect', 'socket.opened', 'handshake.accepted', 'socket.closed']),
    );
    expect(recording.name).toBe(scene.server.url);
    expect(recording.messages).toMatchObject([
      { direction: 'in', message: { event: 'a', data: 'x', id: '1' } },
    ]);
    expect(recording.events.map(({ event }) => event.type)).toEqual([
      ...['connect', 'socket.opened', 'handshake.accepted', 'socket.closed', 'verdict.retry'],
    ]);
    expect(replay(recording)).toBeDefined();
    expect(JSON.parse(JSON.stringify(recording))).toEqual(recording);
  });

  test('leaves nothing behind', async () => {
    const atMostAsBefore = await countResources();
    for (let round = 0; round < 5; round += 1) {
      await using scene = await sseStage({ clock: undefined as never });
      const exchange = await scene.connect();
      exchange.write('data: x\n\n');
      await scene.received(1);
      if (round % 2 === 0) {
        exchange.cut();
        await scene.until('reconnecting');
      }
    }
    await atMostAsBefore();
  });
});

const SECRETS = {
  user: 'hunter-user',
  password: 'hunter-password',
  query: 'hunter-query',
  header: 'hunter-header',
  cookie: 'hunter-cookie',
  body: 'hunter-body',
  form: 'acct-hunter-7',
};
/** What somebody says who repeats everything that he was told. */
const TOLD = Object.values(SECRETS).join(' ');

interface Case {
  readonly name: string;
  readonly options?: Partial<SseOptions<unknown>>;
  readonly act?: (exchange: Exchange) => unknown;
}

const fail = (told = TOLD): never => {
  throw Object.assign(new TypeError(`no: ${told}`, { cause: new Error(`because: ${told}`) }), { said: told });
};

const cases: readonly Case[] = [
  { name: 'is let in and cut', act: (exchange) => exchange.open().cut() },
  { name: 'is let in and left', act: (exchange) => exchange.open().end() },
  {
    name: 'hears of it in a type',
    act: (exchange) => exchange.open({ 'Content-Type': TOLD }).write(TOLD).end(),
  },
  {
    name: 'hears of it in a status',
    act: ({ response }) => response.writeHead(400, TOLD, { 'WWW-Authenticate': TOLD }).end(TOLD),
  },
  {
    name: 'hears of it when asked to wait',
    act: (exchange) => exchange.refuse(503, { 'Retry-After': TOLD }),
  },
  {
    name: 'hears of it in data that is no JSON',
    act: (exchange) => exchange.open().write(`data: ${TOLD}\n\n`),
  },
  { name: 'is told so by its fetch', options: { fetch: () => fail() } },
  {
    name: 'is told so by its headers',
    options: { headers: () => fail(TOLD.replace(/hunter-(?:header|cookie)/g, '')) },
  },
  { name: 'is told so by its body', options: { body: () => fail(TOLD.replace(SECRETS.body, '')) } },
  {
    name: 'has given it by functions',
    options: {
      headers: () => ({ Authorization: `Bearer ${SECRETS.header}`, Cookie: `session=${SECRETS.cookie}` }),
      body: () => `token=${SECRETS.body}&x=1`,
    },
    act: (exchange) => exchange.open({ 'Content-Type': TOLD }).write(TOLD).end(),
  },
  {
    name: 'has a header that cannot be sent',
    options: {
      headers: () => ({ Authorization: `${SECRETS.header}\u20ac`, Cookie: `session=${SECRETS.cookie}` }),
    },
  },
];

/** Everything that a connection shows of itself, as text. */
function watched(scene: SseScene<unknown>, seen: string[]): void {
  const see = (value: unknown) => seen.push(inspect(value, { depth: 6, maxStringLength: null }));
  const { connection } = scene;
  connection.on('statechange', (change) => {
    see(change);
    see(connection.actor.getSnapshot().context);
    seen.push(JSON.stringify(connection.recording()));
  });
  connection.on('invalidMessage', ({ error }) => see([error, error.toJSON(), error.stack, error.cause]));
  for (const event of ['reconnecting', 'failed', 'error', 'closed'] as const) connection.on(event, see);
}

describe('no secret is seen when it', () => {
  test.each(cases)('$name', async ({ options, act }) => {
    const seen: string[] = [];
    const log = (...args: unknown[]) => {
      seen.push(inspect(args, { depth: 6, maxStringLength: null }));
    };
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    await using scene: SseScene<unknown> = await sseStage<unknown>({
      logger,
      decode: 'json',
      url: () =>
        `${scene.server.url.replace('://', `://${SECRETS.user}:${SECRETS.password}@`)}?token=${SECRETS.query}`,
      headers: { Authorization: `Bearer ${SECRETS.header}`, Cookie: `session=${SECRETS.cookie}` },
      body: JSON.stringify({ session: { accessToken: SECRETS.body } }),
      redact: [/acct-\w+-\d/],
      recorder: recorder({ messages: 5 }),
      ...options,
    });
    watched(scene, seen);
    const connecting = scene.connection.connect().catch((error: unknown) => log(error));
    if (act !== undefined) act(await scene.server.next());
    await until(() => seen.some((text) => /'?(?:reconnecting|failed)|INVALID_MESSAGE/.test(text)));
    await scene.connection.disconnect();
    await connecting;
    log(scene.connection.stats, scene.connection.recording());

    expect(seen.filter((text) => /hunter/.test(text))).toEqual([]);
  });
});
