import { once } from 'node:events';
import { createServer, IncomingMessage, ServerResponse, type Server } from 'node:http';
import { connect, Socket, type AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  AccessRefused,
  createRealtimeServer,
  type RealtimeServerOptions,
  type WebSocketSession,
} from '../../../src/server/index.ts';
import { Places } from '../../../src/server/realtime/places.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { until } from '../../../src/testing/wait.ts';
import { Client, errorLog, refusalOf, serve, stay } from './harness.ts';

const brief = async (response: Response) => [response.status, await response.text()];

const staying = (options: RealtimeServerOptions = {}) =>
  serve(options, (routes) => routes.websocket('/', stay));

describe('routes', () => {
  it('tell the handler what was asked for', async () => {
    const seen: unknown[] = [];
    await using server = await serve({}, (routes) =>
      routes.websocket('/rooms/:room/users/:user_1', ({ path, route, params, query, id }) => {
        seen.push({ path, route, params, query: [...query], id: typeof id });
      }),
    );
    await using client = await Client.open(server, '/rooms/caf%C3%A9%2Fbar/users/7?name=a%20b&name=c');
    await client.end();

    expect(seen).toEqual([
      {
        path: '/rooms/caf%C3%A9%2Fbar/users/7',
        route: '/rooms/:room/users/:user_1',
        params: { room: 'café/bar', user_1: '7' },
        query: [
          ['name', 'a b'],
          ['name', 'c'],
        ],
        id: 'string',
      },
    ]);
  });

  it('find a fixed path before one with parameters', () => {
    const places = new Places<string>();
    for (const route of ['/:a/:b', '/x/:b', '/:a/y', '/x/y']) places.at(route, () => route);
    const found = (url: string): string[] => places.match(url).map((match) => match.found);

    expect(found('/x/y?z')).toEqual(['/x/y', '/x/:b', '/:a/y', '/:a/:b']);
    expect(found('/q/y')).toEqual(['/:a/y', '/:a/:b']);
    expect(found('/x/')).toEqual([]);
  });

  it('find it in whatever order they were registered, among longer and shorter ones', () => {
    const routes = ['/rooms/:id', '/rooms', '/rooms/new', '/', '/rooms/:id/log', '/:any'];
    fc.assert(
      fc.property(fc.shuffledSubarray(routes, { minLength: routes.length }), (shuffled) => {
        const places = new Places<string>();
        for (const route of shuffled) places.at(route, () => route);
        const found = (url: string): string[] => places.match(url).map((match) => match.found);

        expect(found('/rooms/new')).toEqual(['/rooms/new', '/rooms/:id']);
        expect(found('/rooms')).toEqual(['/rooms', '/:any']);
      }),
    );
  });

  it('give back every parameter as it was written', () => {
    const places = new Places<number>();
    places.at('/a/:one/b/:two', () => 1);
    const value = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(value, value, (one, two) => {
        const url = `/a/${encodeURIComponent(one)}/b/${encodeURIComponent(two)}`;
        expect(places.match(url)[0]?.target.params).toEqual({ one, two });
      }),
    );
  });

  it.each(['rooms', '/a?b', '/:', '/:1', '/*', '/:a/:a', ''])('cannot be %j', (path) => {
    expect(() => createRealtimeServer().websocket(path, stay)).toThrow('Expected `path` to be a path');
  });

  it('are taken once for each purpose', () => {
    const server = createRealtimeServer()
      .websocket('/a', stay)
      .sse('/a', stay)
      .http('GET', '/a', stay as never);
    expect(() => server.websocket('/a', stay)).toThrow('no such route yet');
    expect(() => server.sse('/a', stay)).toThrow('no such route yet');
    expect(() => server.http('GET', '/a', stay as never)).toThrow('no such route yet');
    expect(() => server.websocket('/b', undefined as never)).toThrow('Expected `handler` to be a function');
  });

  it('answer HTTP, WebSocket and event streams at one path', async () => {
    await using server = await serve({}, (routes) =>
      routes
        .http('GET', '/rooms/:id', (_request, response, { params }) => response.end(`room ${params['id']}`))
        .http('POST', '/rooms/:id', (_request, response) => response.end('posted'))
        .websocket('/rooms/:id', (socket) => socket.send(`hello ${socket.params['id']}`))
        .sse('/rooms/:id', (stream) => stream.send(`event ${stream.params['id']}`)),
    );
    await using client = await Client.open(server, '/rooms/7');
    const url = `${server.url}/rooms/7`;

    expect(await client.got(1)).toEqual(['hello 7']);
    expect(await brief(await fetch(url))).toEqual([200, 'room 7']);
    expect(await brief(await fetch(url, { method: 'POST' }))).toEqual([200, 'posted']);
    expect(await brief(await fetch(url, { headers: { accept: 'text/event-stream' } }))).toEqual([
      200,
      'data: event 7\n\n',
    ]);
    const refused = await fetch(url, { method: 'DELETE' });
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, POST']);
  });

  it('say what is wrong with a request that they do not answer', async () => {
    const { errors, logger } = errorLog();
    await using server = await serve({ logger }, (routes) =>
      routes
        .websocket('/ws', stay)
        .sse('/sse', stay)
        .http('GET', '/fails', () => Promise.reject(new Error('no'))),
    );
    const status = async (path: string, init?: RequestInit) => (await fetch(server.url + path, init)).status;

    expect(await status('/nowhere')).toBe(404);
    expect(await status('/ws')).toBe(426);
    expect(await status('/sse', { headers: { accept: 'text/html' } })).toBe(406);
    expect(await status('/sse', { method: 'POST' })).toBe(405);
    expect(await status('/%ff')).toBe(400);
    expect(await status('/fails')).toBe(500);
    expect((await refusalOf(server, '/nowhere')).status).toBe(404);
    expect((await refusalOf(server, '/%ff')).status).toBe(400);
    expect(await refusalOf(server, '/ws', {}, { protocolVersion: 8 })).toMatchObject({
      ...{ status: 426, headers: { 'sec-websocket-version': '13' } },
    });
    expect(errors).toEqual([['A handler failed', { route: '/fails', error: 'no' }]]);
  });

  it('agree on a subprotocol in the order of the server', async () => {
    await using server = await serve({}, (routes) =>
      routes.websocket('/', (socket) => socket.send(`[${socket.subprotocol}]`), { subprotocols: ['b', 'a'] }),
    );
    await using both = await Client.open(server, '/', ['a', 'b']);
    await using none = await Client.open(server, '/');
    expect([both.socket.protocol, (await both.got(1))[0], (await none.got(1))[0]]).toEqual([
      'b',
      '[b]',
      '[]',
    ]);
  });
});

describe('the door', () => {
  it('is open to programs and to pages of the same host, unless told otherwise', async () => {
    await using server = await staying();
    await using own = await Client.open(server, '/', [], { origin: server.url });
    expect(own.socket.readyState).toBe(WebSocket.OPEN);
    expect(await refusalOf(server, '/', { origin: 'https://evil.example' })).toMatchObject({
      status: 403,
      body: { error: 'Forbidden', message: 'Requests from this origin are not accepted' },
    });
    expect((await refusalOf(server, '/', { origin: 'null' })).status).toBe(403);

    await using listed = await staying({ origins: ['https://app.example'] });
    await using app = await Client.open(listed, '/', [], { origin: 'https://app.example' });
    expect(app.socket.readyState).toBe(WebSocket.OPEN);
    expect((await refusalOf(listed, '/', { origin: listed.url })).status).toBe(403);
  });

  it.each([
    ['resolves with false', () => Promise.resolve(false), 401, 'Credentials are missing or wrong'],
    ['returns nothing', () => undefined, 401, 'Credentials are missing or wrong'],
    ['returns a refusal', () => new AccessRefused(403, 'Not your room'), 403, 'Not your room'],
    ['throws a refusal', () => Promise.reject(new AccessRefused(503, 'Later')), 503, 'Later'],
    [
      'throws',
      () => {
        throw new Error('secret');
      },
      500,
      'The request could not be handled',
    ],
  ])('stays closed when authenticate %s', async (_how, authenticate, status, message) => {
    const { logger } = errorLog();
    await using server = await staying({ authenticate, logger });
    expect(await refusalOf(server, '/')).toMatchObject({ status, body: { message } });
    expect(server.connections.size).toBe(0);
  });

  it('tells the handler who came in, and the client when to come back', async () => {
    const authenticate: RealtimeServerOptions['authenticate'] = ({ headers }, { params }) =>
      headers.authorization === 'Bearer good'
        ? { user: 'ada', room: params['id'] }
        : new AccessRefused(429, 'Too often', { retryAfterMs: 1_500 });
    await using server = await serve({ authenticate }, (routes) =>
      routes.websocket('/rooms/:id', (socket) => socket.sendJson(socket.identity)),
    );
    const headers = { authorization: 'Bearer good' };
    await using client = await Client.open(server, '/rooms/7', [], { headers });

    expect(await client.got(1)).toEqual(['{"user":"ada","room":"7"}']);
    const refused = await refusalOf(server, '/rooms/7');
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '2']);
  });

  it('does not wait for ever for the answer of authenticate', async () => {
    const clock = new VirtualClock();
    await using server = await staying({ clock, authenticate: () => new Promise(() => undefined) });
    const refused = refusalOf(server, '/');
    await until(() => clock.pending > 0);
    clock.advance(10_000);
    expect(await refused).toMatchObject({ status: 503, body: { message: 'Too slow to judge' } });
  });

  it('counts sessions in total and for each address', async () => {
    const addressOf: RealtimeServerOptions['addressOf'] = ({ headers }) => String(headers['x-from']);
    await using server = await staying({
      addressOf,
      limits: { maxConnections: 2, maxConnectionsPerAddress: 1 },
    });
    await using first = await Client.open(server, '/', [], { headers: { 'x-from': 'a' } });
    expect(await refusalOf(server, '/', { 'x-from': 'a' })).toMatchObject({
      ...{ status: 429, body: { message: 'Too many connections' } },
    });
    await using second = await Client.open(server, '/', [], { headers: { 'x-from': 'b' } });
    expect(await refusalOf(server, '/', { 'x-from': 'c' })).toMatchObject({
      ...{ status: 503, body: { message: 'The server is at capacity' } },
    });
    first.socket.terminate();
    second.socket.terminate();
    await until(() => server.connections.size === 0);
    await using third = await Client.open(server, '/', [], { headers: { 'x-from': 'c' } });
    expect(third.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('counts requests', async () => {
    const clock = new VirtualClock();
    const limits = { requestsPerSecond: 1, requestBurst: 1 };
    await using server = await staying({ clock, limits, heartbeat: false });
    await using first = await Client.open(server, '/');
    expect((await refusalOf(server, '/')).status).toBe(429);
    clock.advance(1_000);
    await using second = await Client.open(server, '/');
    expect([first, second].map(({ socket }) => socket.readyState)).toEqual([1, 1]);
  });
});

describe('a broadcast', () => {
  it.each([false, true])('reaches whom it is for, with compression %s', async (compression) => {
    await using server = await serve({ compression }, (routes) => routes.websocket('/rooms/:id', stay));
    const paths = ['/rooms/1', '/rooms/1', '/rooms/2'];
    const clients = await Promise.all(paths.map((path) => Client.open(server, path)));
    await until(() => server.connections.size === 3);
    const long = 'x'.repeat(70_000);
    const isInTwo = ({ params }: WebSocketSession): boolean => params['id'] === '2';

    expect(server.broadcast('/rooms/1', 'one')).toBe(2);
    expect(server.broadcast('/rooms/:id', { all: 'ü' })).toBe(3);
    expect(server.broadcast(isInTwo, Buffer.of(1, 2))).toBe(1);
    expect(server.broadcast(() => true, long)).toBe(3);
    expect(server.broadcast('/rooms/3', 'nobody')).toBe(0);
    for (const message of [7, null, undefined, new Blob(['x'])])
      expect(() => server.broadcast('/rooms/1', message as never)).toThrow('Expected `message`');

    const inOne = ['one', '{"all":"ü"}', long];
    expect(await clients[0]!.got(3)).toEqual(inOne);
    expect(await clients[1]!.got(3)).toEqual(inOne);
    expect(await clients[2]!.got(3)).toEqual(['{"all":"ü"}', Buffer.of(1, 2), long]);
    const counts = [...server.connections.values()].map((session) => session.bytesSent);
    expect(counts).toEqual([70_015, 70_015, 70_014]);
    await server.close();
  });

  it('keeps its place among messages that are still being compressed', async () => {
    await using server = await serve({ compression: { thresholdBytes: 1 } }, (routes) =>
      routes.websocket('/', async (socket) => {
        for (let n = 0; n < 20; n += 1) {
          void socket.send(`sent ${n}`.padEnd(5_000));
          server.broadcast('/', `broadcast ${n}`);
        }
        await stay(socket);
      }),
    );
    await using client = await Client.open(server, '/');
    const expected = Array.from({ length: 20 }, (_, n) => [`sent ${n}`, `broadcast ${n}`]).flat();
    expect((await client.got(40)).map((message) => String(message).trim())).toEqual(expected);
    expect(client.socket.extensions).toBe('permessage-deflate');
  });

  it('closes one who reads too slowly to follow, and no other', async () => {
    await using server = await serve({ limits: { maxBufferedBytes: 1_000_000, closeMs: 50 } }, (routes) =>
      routes.websocket('/', stay),
    );
    await using slow = await Client.open(server, '/');
    await until(() => server.connections.size === 1);
    const [session] = server.connections.values();
    await using fast = await Client.open(server, '/');
    await until(() => server.connections.size === 2);
    slow.socket.pause();
    let sent = 0;
    while (session!.isOpen) {
      server.broadcast('/', Buffer.alloc(500_000));
      sent += 1;
      await fast.got(sent);
    }

    expect(session!.closeCause).toBe('CLOSE_CALLED');
    expect(server.broadcast('/', 'on')).toBe(1);
    slow.socket.terminate();
  });
});

describe('the end of a server', () => {
  it('is said to everybody, refused to newcomers, and waits for the answers', async () => {
    const server = await staying();
    const clients = await Promise.all([Client.open(server, '/'), Client.open(server, '/')]);
    await until(() => server.connections.size === 2);
    clients[1].socket.pause();
    const closing = server.close();
    expect(await clients[0].end()).toEqual({ code: 1001, reason: 'Server shutting down' });

    expect(await refusalOf(server, '/')).toMatchObject({
      ...{ status: 503, body: { message: 'The server is shutting down' } },
    });
    clients[1].socket.resume();
    await closing;
    expect(await clients[1].end()).toEqual({ code: 1001, reason: 'Server shutting down' });
    expect(server.connections.size).toBe(0);
    await server.close();
  });

  it.each(['the deadline', 'the client'])(
    'does not wait for pipelined requests that %s has cut off',
    async (who) => {
      const clock = new VirtualClock();
      let asked = 0;
      const server = await serve({ clock }, (routes) => routes.http('GET', '/slow', () => (asked += 1)));
      const tcp = connect(Number(new URL(server.url).port), '127.0.0.1');
      const request = 'GET /slow HTTP/1.1\r\nHost: test\r\n\r\n';
      // The answer to the second one has to wait for that to the first, and Node never tells that it is closed.
      tcp.write(request + request);
      await until(() => asked === 2);
      const closing = server.close({ deadlineMs: 500 });
      if (who === 'the client') tcp.destroy();
      else clock.advance(500);
      await closing;
      tcp.destroy();
      expect(clock.pending).toBe(0);
    },
  );

  it('cuts off at the deadline who does not answer', async () => {
    const clock = new VirtualClock();
    const server = await staying({ clock, heartbeat: false, limits: { closeMs: Infinity } });
    const client = await Client.open(server, '/');
    await until(() => server.connections.size === 1);
    client.socket.pause();
    const closing = server.close({ deadlineMs: 300 });
    clock.advance(300);
    await closing;

    client.socket.resume();
    await client.end();
    expect(clock.pending).toBe(0);
    expect(server.url).toMatch(/^http:/);
  });

  it('waits for HTTP requests that are being answered, until the deadline', async () => {
    const clock = new VirtualClock();
    const responses = new Map<string | undefined, ServerResponse>();
    const server = await serve({ clock }, (routes) =>
      routes.http('GET', '/slow/:n', (_request, response, { params }) =>
        responses.set(params['n'], response),
      ),
    );
    const asked = [fetch(`${server.url}/slow/1`), fetch(`${server.url}/slow/2`)] as const;
    const cutOff = asked[1].catch(() => 'cut off');
    await until(() => responses.size === 2);
    const closing = server.close({ deadlineMs: 500 });
    responses.get('1')!.end('done');
    expect(await (await asked[0]).text()).toBe('done');
    clock.advance(500);
    await closing;
    expect(await cutOff).toBe('cut off');
  });

  it('does not wait for authenticate', async () => {
    let isAsked = false;
    const authenticate = (): Promise<never> => {
      isAsked = true;
      return new Promise(() => undefined);
    };
    const server = await staying({ authenticate });
    const refused = refusalOf(server, '/');
    await until(() => isAsked);
    await server.close();
    expect(await refused).toMatchObject({ status: 503, body: { message: 'The server is shutting down' } });
  });
});

describe('somebody else’s server', () => {
  async function listening(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  it('keeps its own requests and upgrades, and gives us ours', async () => {
    const app = createServer((_request, response) => response.writeHead(404).end('app'));
    const theirs = new WebSocketServer({ server: app, path: '/theirs' });
    theirs.on('connection', (socket) => socket.send('theirs'));
    const port = await listening(app);
    const server = createRealtimeServer({ server: app })
      .websocket('/ours', (socket) => socket.send('ours'))
      .sse('/events', (stream) => stream.send('ours'));
    const read = async (path: string) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
      const [message] = (await once(socket, 'message')) as [Buffer];
      socket.terminate();
      return message.toString();
    };

    expect(server.url).toBe(`http://127.0.0.1:${port}`);
    expect(await read('/ours')).toBe('ours');
    expect(await read('/theirs')).toBe('theirs');
    expect(await brief(await fetch(`${server.url}/events`))).toEqual([200, 'data: ours\n\n']);
    expect(await brief(await fetch(`${server.url}/other`))).toEqual([404, 'app']);
    expect(await brief(await fetch(`${server.url}/ours`))).toEqual([404, 'app']);
    await server.close();

    expect(app.listening).toBe(true);
    expect(await read('/theirs')).toBe('theirs');
    expect(await brief(await fetch(`http://127.0.0.1:${port}/events`))).toEqual([404, 'app']);
    expect(Object.hasOwn(app, 'emit')).toBe(false);
    theirs.close();
    app.close();
    app.closeAllConnections();
  });

  it('is let go of at the deadline, whoever asks after it', async () => {
    const clock = new VirtualClock();
    const app = createServer();
    const port = await listening(app);
    const late = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/slow' });
    let asked = 0;
    const server = createRealtimeServer({ server: app, clock }).http('GET', '/slow', (request, response) => {
      asked += 1;
      if (request !== late) response.once('close', () => app.emit('request', late, new ServerResponse(late)));
    });
    const cutOff = [1, 2].map(() => fetch(`http://127.0.0.1:${port}/slow`).catch(() => 'cut off'));
    await until(() => asked === 2);
    const closing = server.close({ deadlineMs: 500 });
    clock.advance(500);
    await closing;

    expect(await Promise.all(cutOff)).toEqual(['cut off', 'cut off']);
    app.close();
    app.closeAllConnections();
  });

  it('without anybody else says 404 for what is nobody’s', async () => {
    const app = createServer();
    const port = await listening(app);
    const server = createRealtimeServer().websocket('/', stay).attach(app);
    expect((await fetch(`http://127.0.0.1:${port}/other`)).status).toBe(404);
    expect((await refusalOf(server, '/other')).status).toBe(404);
    await server.close();
    app.close();
    app.closeAllConnections();
  });

  it('is not ours to listen', async () => {
    await expect(createRealtimeServer({ server: createServer() }).listen()).rejects.toThrow(
      'Expected `listen`',
    );
    expect(() => createRealtimeServer({ server: createServer(), port: 1 })).toThrow('Expected `server`');
    expect(() => createRealtimeServer().url).toThrow('call listen() first');
  });
});

describe('options', () => {
  it.each([
    [{ port: -1 }, 'Expected `port`'],
    [{ limits: { maxConnections: 0 } }, 'Expected `limits.maxConnections` to be a number of at least 1'],
    [{ limits: { idleMs: 'x' } }, 'Expected `limits.idleMs`'],
    [{ heartbeat: { intervalMs: NaN } }, 'Expected `heartbeat.intervalMs`'],
    [{ authenticate: true }, 'Expected `authenticate` to be a function'],
    [{ origins: '*' }, 'Expected `origins` to be a list of origins'],
    [{ heartbeat: 30_000 }, 'Expected `heartbeat` to be an object, or false'],
    [{ compression: 'gzip' }, 'Expected `compression` to be an object, or true or false'],
    [{ compression: { level: 10 } }, 'Expected `compression.level` to be a whole number from 0 to 9'],
    [{ logger: true }, 'Expected `logger` to be an object'],
  ])('like %j are refused', (options, message) => {
    expect(() => createRealtimeServer(options as RealtimeServerOptions)).toThrow(message);
  });
});
