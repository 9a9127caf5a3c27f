// Our clients and our server with nginx between them.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Connection,
  type ConnectionError,
  fixedBackoff,
  type ConnectionOptions,
  type StateChange,
} from '../../src/index.ts';
import {
  createRealtimeServer,
  createSseHistory,
  type RealtimeServer,
  type RealtimeServerOptions,
  type SseSession,
  type WebSocketSession,
} from '../../src/server/index.ts';
import { SseConnection, type SseOptions } from '../../src/sse/index.ts';
import { until } from '../../src/testing/wait.ts';
import { frames } from '../seed/scene.ts';
import { echo, stay } from '../server/realtime/harness.ts';
import { findTool } from '../support/tools.ts';
import { brief, MESSAGES, PATIENCE } from './messages.ts';
import { Nginx } from './nginx.ts';
import { freePort, NGINX } from './tools.ts';

const path = findTool('The tests with nginx', NGINX);

const SOON = { backoff: fixedBackoff({ delayMs: 20 }) } as const;

/** Why a connection was lost, each time, with the status of a refusal or the close code. */
class Losses {
  readonly list: string[] = [];

  note({ code, details }: ConnectionError): void {
    const number = code === 'CLOSED_BY_PEER' ? details['closeCode'] : details['httpStatus'];
    this.list.push(number === undefined ? code : `${code} ${number}`);
  }

  includes(loss: string): Promise<unknown> {
    const describe = (): string => `${loss}; there came ${this.list.join(', ')}`;
    return until(() => this.list.includes(loss), { describe, ...PATIENCE });
  }
}

const is = (connection: Pick<Connection, 'state'>, state: StateChange['state']): Promise<unknown> =>
  until(() => connection.state === state, {
    describe: () => `the state ${state}; it is ${connection.state}`,
    ...PATIENCE,
  });

describe.skipIf(path === undefined)('through nginx', { timeout: 60_000 }, () => {
  let nginx: Nginx;
  let upstream: number;
  let open: (() => Promise<unknown>)[];

  beforeAll(async () => {
    upstream = await freePort();
    nginx = await Nginx.start(path!, upstream);
    return () => nginx[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    open = [];
    return async () => {
      for (const close of open.reverse()) await close();
    };
  });

  /** A server where nginx looks for it. */
  async function serve(
    routes: (server: RealtimeServer) => unknown,
    options: RealtimeServerOptions = {},
  ): Promise<RealtimeServer> {
    const server = createRealtimeServer({ port: upstream, heartbeat: false, ...options });
    routes(server);
    await server.listen();
    open.push(() => server.close({ deadlineMs: 0 }));
    return server;
  }

  function webSocket(path: string, options: Partial<ConnectionOptions<string | Uint8Array>> = {}) {
    const connection = new Connection({
      ...{ url: `ws://${nginx.authority}${path}`, protocol: frames, heartbeat: false, retry: SOON },
      ...options,
    });
    const losses = new Losses();
    connection.on('reconnecting', ({ error }) => losses.note(error));
    open.push(() => connection.disconnect());
    return { connection, losses };
  }

  function events(path: string, options: Partial<SseOptions> = {}) {
    const connection = new SseConnection({
      ...{ url: `http://${nginx.authority}${path}`, heartbeat: false, retry: SOON, retryHints: false },
      ...options,
    });
    const losses = new Losses();
    const data: string[] = [];
    connection.on('reconnecting', ({ error }) => losses.note(error));
    connection.on('message', (event) => data.push(event.data));
    open.push(() => connection.disconnect());
    const got = (count: number): Promise<unknown> =>
      until(() => data.length >= count, { describe: () => `${count} events: ${data.join()}`, ...PATIENCE });
    return { connection, losses, data, got };
  }

  const sessionOf = (server: RealtimeServer, path: string): Promise<WebSocketSession | SseSession> =>
    until(() => [...server.connections.values()].find((session) => session.path === path), PATIENCE);

  it.each([false, true])(
    'messages pass both ways, whatever their size; compressed: %s',
    async (compression) => {
      await serve((server) => server.websocket('/ws', echo), { compression });
      const { connection } = webSocket('/ws', { webSocket: { compression } });
      await connection.connect();
      const messages = connection.messages();
      for (const message of MESSAGES) {
        connection.send(message);
        expect(brief((await messages.next()).value)).toBe(brief(message));
      }
    },
  );

  it('pings pass both ways', async () => {
    const server = await serve((routes) => routes.websocket('/ws', stay), {
      heartbeat: { intervalMs: 50, timeoutMs: 20_000 },
    });
    const { connection } = webSocket('/ws', { heartbeat: { intervalMs: 50, timeoutMs: 20_000 } });
    await connection.connect();
    const session = (await sessionOf(server, '/ws')) as WebSocketSession;
    await until(() => session.rttMs !== undefined && connection.stats.rttMs !== undefined, PATIENCE);
  });

  it('events pass when they are sent', async () => {
    const server = await serve((routes) => routes.sse('/events', stay));
    const { connection, got, data } = events('/events');
    await connection.connect();
    const stream = (await sessionOf(server, '/events')) as SseSession;
    for (const sent of ['one', 'two', 'three']) {
      await stream.send(sent);
      await got(data.length + 1);
    }
    expect(data).toEqual(['one', 'two', 'three']);
    expect(connection.response?.headers.get('x-accel-buffering')).toBe(null);
  });

  it('events pass when they are sent even where nginx compresses, because the server asks for it', async () => {
    const server = await serve((routes) =>
      routes.sse('/compressing/events', stay).sse('/collecting/events', stay),
    );
    const prompt = events('/compressing/events');
    const collected = events('/collecting/events');
    void collected.connection.connect();
    await prompt.connection.connect();
    expect(prompt.connection.response?.headers.get('content-encoding')).toBe('gzip');
    const held = (await sessionOf(server, '/collecting/events')) as SseSession;
    const direct = (await sessionOf(server, '/compressing/events')) as SseSession;
    await held.send('one');
    for (const data of ['one', 'two', 'three\n'.repeat(10_000)]) {
      await direct.send(data);
      await prompt.got(prompt.data.length + 1);
    }
    // Without X-Accel-Buffering even the head waits until the compressor has more, or the end.
    expect([collected.connection.state, collected.data]).toEqual(['connecting', []]);
    await held.close();
    await collected.got(1);
    expect(prompt.data).toEqual(['one', 'two', 'three\n'.repeat(10_000)]);
  });

  it('an event of a megabyte comes whole', async () => {
    await serve((routes) => routes.sse('/events', (stream) => stream.send('ä'.repeat(524_288))));
    const { connection, got, data } = events('/events', { retry: false });
    void connection.connect().catch(() => undefined);
    await got(1);
    expect(brief(data[0])).toBe(brief('ä'.repeat(524_288)));
  });

  it.each([
    [1000, 'done'],
    [1001, 'leaving'],
    [1011, 'broken'],
    [4000, 'Grüße'],
  ])('either side hears the other close with %i and a reason', async (code, reason) => {
    const server = await serve((routes) => routes.websocket('/ws', stay));
    const { connection } = webSocket('/ws', { protocol: { ...frames, closeWith: { code, reason } } });
    await connection.connect();
    const first = (await sessionOf(server, '/ws')) as WebSocketSession;
    await first.close(code, reason);
    await until(() => connection.stats.reconnects === 1, PATIENCE);
    const { lastCloseCode, lastCloseReason } = connection.stats;
    expect({ lastCloseCode, lastCloseReason }).toEqual({ lastCloseCode: code, lastCloseReason: reason });

    const second = (await sessionOf(server, '/ws')) as WebSocketSession;
    await connection.disconnect();
    await until(() => second.state === 'closed', PATIENCE);
    expect([second.closeCode, second.closeReason]).toEqual([code, reason]);
  });

  it('refusals pass', async () => {
    await serve((routes) => routes.websocket('/ws', stay).sse('/events', stay), {
      authenticate: ({ headers }) => headers.authorization === 'Bearer right',
    });
    const refused = { details: { httpStatus: 401 } };
    await expect(webSocket('/ws').connection.connect()).rejects.toMatchObject(refused);
    await expect(events('/events').connection.connect()).rejects.toMatchObject(refused);
  });

  it('clients are told apart by the address that nginx saw', async () => {
    const server = await serve((routes) => routes.websocket('/ws', stay), {
      limits: { maxConnectionsPerAddress: 1 },
      addressOf: ({ headers }) => String(headers['x-real-ip']),
    });
    const from = (localAddress: string) =>
      webSocket('/ws', {
        webSocket: { node: { localAddress } },
        headers: { 'X-Real-IP': '10.0.0.1' },
        retry: false,
      }).connection.connect();
    await from('127.0.0.2');
    await expect(from('127.0.0.2')).rejects.toMatchObject({ details: { httpStatus: 429 } });
    await from('127.0.0.3');
    expect(server.connections.size).toBe(2);
  });

  it('a silent connection is cut and comes back, and one that gives signs of life is not', async () => {
    const server = await serve((routes) =>
      routes
        .websocket('/hasty/ws', stay)
        .sse('/hasty/events', stay)
        .sse('/hasty/kept', async (stream) => {
          stream.keepAlive(100);
          await stay(stream);
        }),
    );
    const beating = webSocket('/hasty/ws', { heartbeat: { intervalMs: 100, timeoutMs: 20_000 } });
    const kept = events('/hasty/kept');
    await Promise.all([beating.connection.connect(), kept.connection.connect()]);
    const silent = webSocket('/hasty/ws');
    const quiet = events('/hasty/events');
    await Promise.all([silent.connection.connect(), quiet.connection.connect()]);
    await silent.losses.includes('LINK_LOST');
    await quiet.losses.includes('LINK_LOST');
    await Promise.all([is(silent.connection, 'open'), is(quiet.connection, 'open')]);
    expect([beating.losses.list, kept.losses.list]).toEqual([[], []]);
    await until(() => server.connections.size === 4, PATIENCE);
  });

  it('the pings of the server keep a connection, too', async () => {
    await serve((routes) => routes.websocket('/hasty/ws', stay).sse('/hasty/events', stay), {
      heartbeat: { intervalMs: 100, timeoutMs: 700 },
    });
    const beating = webSocket('/hasty/ws');
    await beating.connection.connect();
    const quiet = events('/hasty/events');
    await quiet.connection.connect();
    await quiet.losses.includes('LINK_LOST');
    expect(beating.losses.list).toEqual([]);
  });

  it('clients come back to an nginx that was killed, and miss no event', async () => {
    const history = createSseHistory();
    await serve((routes) =>
      routes.websocket('/ws', echo).sse('/events', async (stream) => {
        stream.keepAlive();
        await stream.follow(history);
      }),
    );
    const { connection, losses } = webSocket('/ws');
    const stream = events('/events');
    await Promise.all([connection.connect(), stream.connection.connect()]);
    history.publish({ data: 'first' });
    await stream.got(1);

    await nginx.kill();
    const delivered = connection.deliver('kept for you');
    const messages = connection.messages();
    for (let n = 1; n <= 10; n += 1) history.publish({ data: `missed ${n}` });
    await losses.includes('CONNECT_FAILED');
    await stream.losses.includes('CONNECT_FAILED');
    await nginx.startAgain();

    await delivered;
    expect((await messages.next()).value).toBe('kept for you');
    history.publish({ data: 'last' });
    await stream.got(12);
    const missed = Array.from({ length: 10 }, (_, n) => `missed ${n + 1}`);
    expect(stream.data).toEqual(['first', ...missed, 'last']);
    expect([losses.list[0], stream.losses.list[0]]).toEqual(['LINK_LOST', 'LINK_LOST']);
  });

  it('clients ask again while the server is away and nginx says 502, and miss no event', async () => {
    const history = createSseHistory();
    const routes = (server: RealtimeServer) =>
      server.websocket('/ws', echo).sse('/events', async (stream) => {
        stream.keepAlive();
        await stream.follow(history);
      });
    const first = await serve(routes);
    const { connection, losses } = webSocket('/ws');
    const stream = events('/events');
    await Promise.all([connection.connect(), stream.connection.connect()]);
    history.publish({ data: 'before' });
    await stream.got(1);
    await first.close();
    history.publish({ data: 'meanwhile' });
    await losses.includes('UPGRADE_REJECTED 502');
    await stream.losses.includes('STREAM_REFUSED 502');
    await serve(routes);
    await is(connection, 'open');
    await stream.got(2);
    expect(stream.data).toEqual(['before', 'meanwhile']);
    expect([losses.list[0], stream.losses.list[0]]).toEqual(['CLOSED_BY_PEER 1001', 'STREAM_ENDED']);
  });

  it('clients give up an nginx that is frozen, and come back', async () => {
    await serve((routes) => routes.websocket('/ws', echo));
    const { connection, losses } = webSocket('/ws', {
      heartbeat: { intervalMs: 100, timeoutMs: 1_000 },
      timeouts: { connectMs: 5_000 },
    });
    await connection.connect();
    nginx.process.freeze();
    await losses.includes('HEARTBEAT_TIMEOUT');
    nginx.process.thaw();
    await is(connection, 'open');
    const messages = connection.messages();
    connection.send('again');
    expect((await messages.next()).value).toBe('again');
  });
});
