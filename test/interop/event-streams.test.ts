// Event streams between us and others: ours read by curl and aiohttp, aiohttp's read by us.
import { beforeAll, describe, expect, it } from 'vitest';
import { deferred } from '../../src/deferred.ts';
import { fixedBackoff, type StateChange } from '../../src/index.ts';
import {
  createSseHistory,
  type RealtimeServerOptions,
  type SseHandler,
  type SseSession,
} from '../../src/server/index.ts';
import { SseConnection, type SseEvent, type SseOptions } from '../../src/sse/index.ts';
import { until } from '../../src/testing/wait.ts';
import { only, serve, stay } from '../server/realtime/harness.ts';
import { findTool } from '../support/tools.ts';
import { Curl } from './curl.ts';
import { PATIENCE } from './messages.ts';
import { PythonPeer, type PeerRequest } from './peer.ts';
import { AIOHTTP, CURL } from './tools.ts';

const curlPath = findTool('The tests with curl', CURL);
const aiohttpPath = findTool('The tests of event streams with python3-aiohttp', AIOHTTP);

const streaming = (handler: SseHandler, options: RealtimeServerOptions = {}) =>
  serve(options, (routes) => routes.sse('/events', handler));

describe.skipIf(curlPath === undefined)('curl', { timeout: 60_000 }, () => {
  const curl = (...argv: readonly string[]): Curl => new Curl(curlPath!, argv);

  it('gets each event when it is sent, byte for byte', async () => {
    await using server = await streaming(stay);
    await using reader = curl(`${server.url}/events`);
    await until(() => server.connections.size === 1, PATIENCE);
    const stream = only(server) as SseSession;

    await stream.send('one');
    await reader.got('data: one\n\n');
    await stream.send({ event: 'tick', id: '7', retryMs: 5_000, data: { price: 180.5, name: 'Ärger' } });
    await stream.sendComment('still\nhere');
    await stream.send({ data: 'a\r\nb\rc\n' });
    await stream.send({ id: '8' });
    const rest = [
      'event: tick\nid: 7\nretry: 5000\ndata: {"price":180.5,"name":"Ärger"}\n\n',
      ': still\n: here\n\n',
      'data: a\ndata: b\ndata: c\ndata: \n\n',
      'id: 8\n\n',
    ];
    await reader.got(`data: one\n\n${rest.join('')}`);
    await stream.close();
    expect(await reader.answer()).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'transfer-encoding': 'chunked',
      },
    });
  });

  it('goes on after the event whose id it gives', async () => {
    const history = createSseHistory();
    const ids = ['a', 'b', 'c'].map((data) => history.publish({ data }));
    await using server = await streaming((stream) => stream.follow(history));
    await using reader = curl('-H', `Last-Event-ID: ${ids[0]}`, `${server.url}/events`);
    await reader.got(`id: ${ids[1]}\ndata: b\n\nid: ${ids[2]}\ndata: c\n\n`);
    history.publish({ id: 'fourth', data: 'd' });
    await reader.got(`id: ${ids[1]}\ndata: b\n\nid: ${ids[2]}\ndata: c\n\nid: fourth\ndata: d\n\n`);
  });

  it('gets the page or the events of one path, by what it accepts', async () => {
    await using server = await serve({}, (routes) =>
      routes
        .sse('/', (stream) => stream.send('an event'))
        .http('GET', '/', (_request, response) =>
          response.setHeader('Content-Type', 'text/html').end('<p>A page'),
        )
        .websocket('/', () => undefined),
    );
    const accepting = (type: string) => curl('-H', `Accept: ${type}`, server.url).answer();
    expect(await accepting('text/html')).toMatchObject({ status: 200, body: '<p>A page' });
    expect(await accepting('*/*')).toMatchObject({ status: 200, body: '<p>A page' });
    expect(await accepting('text/event-stream')).toMatchObject({ status: 200, body: 'data: an event\n\n' });
    const head = await curl('--head', server.url).answer();
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-type': 'text/html' } });
  });

  it('gets events over a connection that it keeps, one stream after the other', async () => {
    let streams = 0;
    await using server = await streaming((stream) => stream.send(String(++streams)));
    await using reader = curl('--no-include', '-v', `${server.url}/events`, `${server.url}/events`);
    await reader.process.ended();
    expect(reader.process.bytes.toString()).toBe('data: 1\n\ndata: 2\n\n');
    expect(reader.process.errors).toContain('Re-using existing connection');
  });

  it('gets a stream of HTTP/1.0 as well, which ends with its connection', async () => {
    await using server = await streaming((stream) => stream.send('over'));
    const answer = await curl('--http1.0', `${server.url}/events`).answer();
    expect([answer.status, answer.body]).toEqual([200, 'data: over\n\n']);
    expect(answer.headers['transfer-encoding']).toBe(undefined);
  });

  it('is told by status and body why there are no events', async () => {
    await using server = await streaming(stay, {
      limits: { maxConnections: 2, maxConnectionsPerAddress: 1 },
      addressOf: ({ headers }) => String(headers['x-address']),
      authenticate: ({ headers }) => headers.authorization === 'Bearer right' || undefined,
    });
    const url = `${server.url}/events`;
    const asked = (address: string, ...argv: readonly string[]) =>
      curl('-H', 'Authorization: Bearer right', '-H', `X-Address: ${address}`, ...argv).answer();
    const answers = [
      await curl(url).answer(),
      await asked('a', '-H', 'Origin: https://evil.example', url),
      await asked('a', `${server.url}/nowhere`),
      await asked('a', '-X', 'POST', url),
      await asked('a', '-H', 'Accept: text/html', url),
    ];
    const entered = async (address: string, sessions: number): Promise<Curl> => {
      const reader = curl('-H', 'Authorization: Bearer right', '-H', `X-Address: ${address}`, url);
      await until(() => server.connections.size === sessions, PATIENCE);
      return reader;
    };
    await using first = await entered('a', 1);
    answers.push(await asked('a', url));
    await using second = await entered('b', 2);
    answers.push(await asked('c', url));

    expect(
      answers.map(({ status, headers, body }) => {
        const hint = headers['www-authenticate'] ?? headers['retry-after'] ?? headers['allow'];
        return [status, hint, (JSON.parse(body) as { error: string }).error];
      }),
    ).toEqual([
      [401, 'Bearer', 'Unauthorized'],
      [403, undefined, 'Forbidden'],
      [404, undefined, 'Not Found'],
      [405, 'GET', 'Method Not Allowed'],
      [406, undefined, 'Not Acceptable'],
      [429, '60', 'Too Many Requests'],
      [503, '30', 'Service Unavailable'],
    ]);
    await first.process.kill();
    await second.process.kill();
    await until(() => server.connections.size === 0, PATIENCE);
  });

  it('gets the end of its stream when the server goes, and a 503 when it asks again', async () => {
    const asked = deferred<undefined>();
    const page = deferred<undefined>();
    const server = await serve({}, (routes) =>
      routes.sse('/events', stay).http('GET', '/page', async (_request, response) => {
        asked.resolve(undefined);
        await page.promise;
        response.end('<p>A page');
      }),
    );
    await using slow = curl(`${server.url}/page`);
    await asked.promise;
    await using reader = curl(`${server.url}/events`);
    await until(() => server.connections.size === 1, PATIENCE);
    const closed = server.close({ deadlineMs: 60_000 });
    expect(await reader.answer()).toMatchObject({ status: 200, body: '' });
    expect(reader.process.child.exitCode).toBe(0);
    const late = await curl(`${server.url}/events`).answer();
    expect([late.status, late.headers['retry-after']]).toEqual([503, '5']);
    page.resolve(undefined);
    expect((await slow.answer()).body).toBe('<p>A page');
    await closed;
  });
});

/** `aiohttp` as a server, and one of our connections to it. */
class Scene<Data> implements AsyncDisposable {
  readonly connection: SseConnection<Data>;
  readonly events: SseEvent<Data>[] = [];
  readonly changes: StateChange[] = [];
  readonly #peer: PythonPeer;

  constructor(peer: PythonPeer, port: number, options: Partial<SseOptions<Data>> = {}) {
    this.#peer = peer;
    this.connection = new SseConnection<Data>({
      url: `http://127.0.0.1:${port}/events?all`,
      retry: { backoff: fixedBackoff({ delayMs: 20 }) },
      ...options,
    });
    this.connection.on('message', (event) => this.events.push(event));
    this.connection.on('statechange', (change) => this.changes.push(change));
  }

  get reasons(): string[] {
    return this.changes.filter(({ state }) => state === 'reconnecting').map(({ reason }) => reason);
  }

  request(): Promise<PeerRequest> {
    return this.#peer.order<PeerRequest>('next_request');
  }

  async open({ exchange }: PeerRequest, { gzip = false } = {}): Promise<(text: string) => Promise<unknown>> {
    const headers = { 'Content-Type': 'text/event-stream; charset=utf-8' };
    await this.#peer.order('answer', { exchange, status: 200, headers, gzip });
    return (text) => this.#peer.order('write', { exchange, binary: Buffer.from(text).toString('base64') });
  }

  async received(count: number): Promise<SseEvent<Data>[]> {
    const describe = (): string => `${count} events; there came ${JSON.stringify(this.events)}`;
    await until(() => this.events.length >= count, { describe, ...PATIENCE });
    return this.events;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.connection.disconnect();
  }
}

describe.skipIf(aiohttpPath === undefined)('aiohttp', { timeout: 60_000 }, () => {
  let peer: PythonPeer;
  let port: number;

  beforeAll(async () => {
    peer = new PythonPeer(aiohttpPath!, 'aiohttp');
    port = await peer.serve();
    return () => peer.process.kill();
  });

  it('sends events to our client, whatever ends the lines', async () => {
    await using scene = new Scene(peer, port, { headers: { Authorization: 'Bearer right' } });
    const connecting = scene.connection.connect();
    const request = await scene.request();
    expect(request).toMatchObject({
      ...{ method: 'GET', path: '/events?all', body: '' },
      headers: { accept: 'text/event-stream', authorization: 'Bearer right' },
    });
    const write = await scene.open(request);
    await connecting;
    await write(': welcome\n\ndata: lf\n\n');
    await write('event: tick\rid: 1\rdata: cr\rdata\rdata:  x\r\r');
    await write('\r\nid: 2\r\n: between\r\ndata: crlf\r\n\r');
    await write('\nda');
    await write('ta: in pieces, Ä');
    await write('\n\n');
    expect(await scene.received(4)).toEqual([
      { event: 'message', data: 'lf', id: '' },
      { event: 'tick', data: 'cr\n\n x', id: '1' },
      { event: 'message', data: 'crlf', id: '2' },
      { event: 'message', data: 'in pieces, Ä', id: '2' },
    ]);
    await scene.connection.disconnect();
    await peer.order('gone', { exchange: request.exchange });
  });

  it('is asked to go on after the last event, however the stream ended', async () => {
    await using scene = new Scene(peer, port, { retryHints: false });
    void scene.connection.connect();
    const first = await scene.request();
    expect(first.headers['last-event-id']).toBe(undefined);
    await (
      await scene.open(first)
    )('id: 1\ndata: one\n\nid: two–é\ndata: two\n\nid: 3\ndata: cut off');
    await scene.received(2);
    await peer.order('cut', { exchange: first.exchange });

    const second = await scene.request();
    // aiohttp reads headers as UTF-8.
    expect(second.headers['last-event-id']).toBe('two–é');
    await (
      await scene.open(second)
    )('id: 3\ndata: three\n\nid\n\n');
    await scene.received(3);
    await peer.order('finish', { exchange: second.exchange });

    const third = await scene.request();
    expect(third.headers['last-event-id']).toBe(undefined);
    expect(scene.reasons).toEqual(['LINK_LOST', 'STREAM_ENDED']);
    expect(scene.events.map(({ data }) => data)).toEqual(['one', 'two', 'three']);
    await peer.order('finish', { exchange: third.exchange });
  });

  it('is asked again when its retry hint says', async () => {
    await using scene = new Scene(peer, port, { random: () => 0 });
    void scene.connection.connect();
    const first = await scene.request();
    await (
      await scene.open(first)
    )('retry: 250\n\ndata: x\n\n');
    await scene.received(1);
    await peer.order('finish', { exchange: first.exchange });
    const second = await scene.request();
    expect(scene.changes.find(({ state }) => state === 'reconnecting')?.retryInMs).toBe(250);
    await peer.order('finish', { exchange: second.exchange });
  });

  it('is asked by POST with a body, and its JSON is read', async () => {
    await using scene = new Scene<{ n: number }>(peer, port, { body: '{"topic":"a"}', decode: 'json' });
    void scene.connection.connect();
    const request = await scene.request();
    expect([request.method, request.body]).toEqual(['POST', '{"topic":"a"}']);
    await (
      await scene.open(request)
    )(`data: {"n":1,\ndata: "text":"${'x'.repeat(1_000_000)}"}\n\n`);
    expect(await scene.received(1)).toMatchObject([{ data: { n: 1 } }]);
    await scene.connection.disconnect();
    await peer.order('gone', { exchange: request.exchange });
  });

  it('may compress, as long as it flushes', async () => {
    await using scene = new Scene(peer, port);
    void scene.connection.connect();
    const request = await scene.request();
    expect(request.headers['accept-encoding']).toContain('gzip');
    const write = await scene.open(request, { gzip: true });
    await write('data: one\n\n');
    await scene.received(1);
    await write('data: two\n\n');
    expect((await scene.received(2)).map(({ data }) => data)).toEqual(['one', 'two']);
    await scene.connection.disconnect();
    await peer.order('gone', { exchange: request.exchange });
  });

  it('refuses for now, for good, or says that it is over', async () => {
    await using scene = new Scene(peer, port);
    await peer.refuse(503, { 'Retry-After': '0' });
    void scene.connection.connect();
    const request = await scene.request();
    expect(scene.reasons).toEqual(['STREAM_REFUSED']);
    await scene.open(request);
    await peer.refuse(204);
    await peer.order('finish', { exchange: request.exchange });
    await until(() => scene.connection.state === 'failed', PATIENCE);
    expect(scene.changes.at(-1)?.reason).toBe('STREAM_OVER');

    await peer.refuse(410);
    await expect(scene.connection.connect()).rejects.toMatchObject({ code: 'STREAM_REFUSED' });
    await peer.refuse(200, { 'Content-Type': 'text/html' });
    await expect(scene.connection.connect()).rejects.toMatchObject({ code: 'NOT_AN_EVENT_STREAM' });
  });

  it('is given up while it is frozen, and asked again', async () => {
    await using frozen = new PythonPeer(aiohttpPath!, 'aiohttp');
    await using scene = new Scene(frozen, await frozen.serve(), {
      heartbeat: { intervalMs: 500, timeoutMs: 500 },
      timeouts: { connectMs: 5_000 },
    });
    void scene.connection.connect();
    const write = await scene.open(await scene.request());
    await write('id: 1\ndata: one\n\n');
    await scene.received(1);
    frozen.process.freeze();
    await until(() => scene.reasons.includes('HEARTBEAT_TIMEOUT'), PATIENCE);
    frozen.process.thaw();
    const again = await scene.request();
    expect(again.headers['last-event-id']).toBe('1');
    await (
      await scene.open(again)
    )('id: 2\ndata: two\n\n');
    await scene.received(2);
  });

  it('reads our events as a client, and what it has missed', async () => {
    const history = createSseHistory();
    const ids = Array.from({ length: 100 }, (_, n) => history.publish({ data: 'ä'.repeat(100 * n) }));
    await using server = await streaming((stream) => stream.follow(history));
    const answer = await peer.order<{ status: number; headers: Record<string, string>; body: string }>(
      'fetch',
      {
        url: `${server.url}/events`,
        headers: { 'Last-Event-ID': ids[0] },
        events: 99,
      },
    );
    const expected = ids.slice(1).map((id, n) => `id: ${id}\ndata: ${'ä'.repeat(100 * (n + 1))}\n\n`);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(answer.body === expected.join('')).toBe(true);
  });
});
