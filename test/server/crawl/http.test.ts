import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import { createCrawlServer, type CrawlServer } from '../../../src/server/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { until } from '../../../src/testing/wait.ts';
import { Site } from '../../support/site.ts';
import { RawClient, serve } from './raw-client.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What an upgrade is refused with; `undefined` when it is not. */
async function upgrade(server: CrawlServer, options: ClientOptions = {}, path = '/crawl/ws') {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, options);
  socket.on('error', () => undefined);
  const answer = await new Promise<Answer | undefined>((resolve) => {
    socket.on('open', () => resolve(undefined));
    socket.on('close', () => resolve(undefined));
    socket.on('unexpected-response', (request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        request.destroy();
        const headers = response.headers as Record<string, string>;
        resolve({ status: response.statusCode ?? 0, headers, body: JSON.parse(body) as unknown });
      });
    });
  });
  socket.terminate();
  return answer;
}

const post = (server: CrawlServer, path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(server.url + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers,
  });

describe('a key', () => {
  const apiKeys = ['right', 'also-right'];
  const bearer = (key: string) => `statewire.bearer.${Buffer.from(key).toString('base64url')}`;

  it.each([
    ['none', {}, 'Missing API key'],
    ['one that is wrong', { 'X-API-Key': 'wrong' }, 'Invalid API key'],
    ['a wrong token', { Authorization: 'Bearer wrong' }, 'Invalid API key'],
    ['another scheme', { Authorization: 'Basic right' }, 'Missing API key'],
    ['a wrong one that a browser carries', { 'Sec-WebSocket-Protocol': bearer('wrong') }, 'Invalid API key'],
  ])('is asked for: %s', async (_what, headers, message) => {
    await using server = await serve({ apiKeys });
    const answer = await upgrade(server, { headers });

    expect([answer?.status, answer?.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(answer?.body).toEqual({ error: 'Unauthorized', message });
    const posted = await post(server, '/crawl/stream', {}, headers);
    expect([posted.status, await posted.json()]).toEqual([401, { error: 'Unauthorized', message }]);
  });

  it.each([
    ['in a header of its own', { headers: { 'X-API-Key': 'right' } }],
    ['as a token', { headers: { Authorization: 'Bearer also-right' } }],
  ])('lets in: %s', async (_how, options) => {
    await using server = await serve({ apiKeys });
    await using client = await RawClient.connect(server, options);
    await client.until('welcome');
  });

  it('lets in by a subprotocol, which is not the one that is selected', async () => {
    await using server = await serve({ apiKeys });
    const url = `${server.url.replace('http', 'ws')}/crawl/ws`;
    const socket = new WebSocket(url, [bearer('right'), 'statewire.crawl.json']);
    await once(socket, 'open');
    expect(socket.protocol).toBe('statewire.crawl.json');
    socket.terminate();
  });

  it('is judged by a function, whose failure lets nobody in', async () => {
    await using server = await serve({
      apiKeys: async (key) => {
        if (key === 'broken') throw new Error('no database');
        return key === 'right';
      },
    });
    const status = async (key: string) => (await upgrade(server, { headers: { 'X-API-Key': key } }))?.status;

    expect([await status('right'), await status('wrong'), await status('broken')]).toEqual([
      undefined,
      401,
      500,
    ]);
  });
});

describe('a function that judges keys', () => {
  it('and does not come to an end lets nobody in, and does not hold up the end of the server', async () => {
    const clock = new VirtualClock();
    const server = await serve({ apiKeys: () => new Promise<boolean>(() => undefined), clock });
    const answering = upgrade(server, { headers: { 'X-API-Key': 'right' } });
    await until(() => server.stats.connections.open === 1);
    clock.advance(10_000);
    expect((await answering)?.status).toBe(500);

    const left = upgrade(server, { headers: { 'X-API-Key': 'right' } });
    await until(() => server.stats.connections.open === 1);
    const closing = server.close({ deadlineMs: 0 });
    clock.advance(2_000);
    await closing;
    clock.advance(10_000);
    expect(await left).toBe(undefined);
    expect(clock.pending).toBe(0);
  });
});

describe('a request', () => {
  it('is refused on other paths and with other methods', async () => {
    await using server = await serve();
    const statusOf = async (method: string, path: string) => {
      const response = await fetch(server.url + path, { method });
      return [response.status, response.headers.get('allow')];
    };

    expect(await statusOf('GET', '/')).toEqual([404, null]);
    expect(await statusOf('POST', '/crawl/ws')).toEqual([405, 'GET']);
    expect(await statusOf('GET', '/crawl/ws')).toEqual([426, null]);
    expect(await statusOf('GET', '/crawl/stream')).toEqual([405, 'POST']);
    expect(await statusOf('DELETE', '/health')).toEqual([405, 'GET, HEAD']);
    expect((await upgrade(server, {}, '/api/v1/crawl/ws'))?.status).toBe(404);
    expect(await upgrade(server, {}, '/crawl/ws?session=1')).toBe(undefined);
  });

  it('is refused from pages of other origins, unless they are named', async () => {
    await using server = await serve({ allowedOrigins: ['https://app.example'] });

    expect((await upgrade(server, { origin: 'https://evil.example' }))?.status).toBe(403);
    expect(await upgrade(server, { origin: 'https://app.example' })).toBe(undefined);
    const posted = await post(server, '/crawl/stream', { urls: [] }, { Origin: 'https://evil.example' });
    expect(posted.status).toBe(403);
  });

  it('is refused when too many came, and told when to come again', async () => {
    await using server = await createCrawlServer({ limits: { requestsPerSecond: 0.5, requestBurst: 2 } });
    await upgrade(server);
    await upgrade(server);
    const answer = await upgrade(server);

    expect([answer?.status, answer?.headers['retry-after']]).toEqual([429, '2']);
    expect(answer?.body).toEqual({ error: 'Too Many Requests', message: 'Too many requests' });
    expect(server.stats.connections.refused).toBe(1);
  });

  it('is refused when too many connections are open from its address, or from all', async () => {
    await using few = await serve({ limits: { maxConnectionsPerAddress: 1 } });
    await using full = await serve({ limits: { maxConnections: 1 } });
    await using first = await RawClient.connect(few);
    await using second = await RawClient.connect(full);
    const [tooMany, atCapacity] = [await upgrade(few), await upgrade(full)];

    expect([tooMany?.status, tooMany?.headers['retry-after']]).toEqual([429, '60']);
    expect([atCapacity?.status, atCapacity?.headers['retry-after']]).toEqual([503, '30']);
    for (const client of [first, second]) client.socket.close();
    await until(() => few.stats.connections.open + full.stats.connections.open === 0);
    expect(await upgrade(few)).toBe(undefined);
  });

  it('learns from /health how the server is', async () => {
    await using server = await serve({ apiKeys: ['right'] });
    const response = await fetch(`${server.url}/health`);

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok', connections: 0, crawls: 0 });
  });
});

describe('a crawl over plain HTTP', () => {
  const shape = (message: { message_type: string; data: object }) => [
    message.message_type,
    Object.keys(message.data),
  ];
  const shapes = [
    ['metadata', ['total_urls', 'session_id', 'timestamp', 'stream_type']],
    ['result', ['index', 'result', 'progress']],
    ['result', ['index', 'result', 'progress']],
    ['summary', ['total_urls', 'successful', 'failed', 'total_processing_time_ms']],
  ];

  it('streams its messages as lines of JSON', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    const response = await post(server, '/crawl/stream', { urls: [site.url('/page/1'), site.url('/reset')] });
    const lines = (await response.text()).split('\n');

    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => shape(JSON.parse(line) as never))).toEqual(shapes);
  });

  it('streams its messages as events', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    const urls = [site.url('/page/1'), site.url('/reset')];
    const response = await post(server, '/crawl/sse', { request_type: 'crawl', data: { urls } });
    const [retry, ...events] = (await response.text()).split('\n\n');

    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
    expect([retry, events.pop()]).toEqual(['retry: 3000', '']);
    const parsed = events.map((event) => /^id: (\d+)\nevent: (\w+)\ndata: (.+)$/.exec(event)!);
    expect(parsed.map(([, id, name]) => [id, name])).toEqual(
      shapes.map(([name], index) => [String(index + 1), name]),
    );
    expect(parsed.map(([, , , data]) => shape(JSON.parse(data!) as never))).toEqual(shapes);
  });

  it('is refused with a reason when it is none', async () => {
    await using server = await serve();
    const answerTo = async (body: unknown) => {
      const response = await post(server, '/crawl/sse', body);
      return { status: response.status, body: (await response.json()) as unknown };
    };

    expect(await answerTo('{')).toEqual({
      status: 400,
      body: { error: 'invalid_message', message: 'The body is no JSON' },
    });
    expect(await answerTo({ urls: [] })).toEqual({
      status: 400,
      body: { error: 'validation_error', message: 'Validation error: At least one URL is required' },
    });
    expect(await answerTo('x'.repeat(3 * 1024 * 1024))).toEqual({
      status: 413,
      body: { error: 'Payload Too Large', message: 'The request is too large' },
    });
  });

  it('ends when its client is gone', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    const asking = httpRequest(`${server.url}/crawl/stream`, { method: 'POST' });
    asking.on('error', () => undefined).end(JSON.stringify({ urls: [site.url('/held/1')] }));
    await site.whenHeld(1);
    asking.destroy();

    await until(() => site.held === 0 && server.stats.connections.open === 0);
  });
});

describe('a server of somebody else', () => {
  it('is served on, and keeps its other paths and its life', async () => {
    const theirs = createServer((request, response) => {
      if (request.url === '/') response.end('theirs');
    }).listen(0, '127.0.0.1');
    await once(theirs, 'listening');
    const server = await createCrawlServer({ server: theirs });
    expect(server.url).toBe(`http://127.0.0.1:${(theirs.address() as AddressInfo).port}`);
    expect(await (await fetch(`${server.url}/`)).text()).toBe('theirs');
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await server.close();

    expect([theirs.listening, theirs.listenerCount('upgrade')]).toEqual([true, 0]);
    theirs.close();
    theirs.closeAllConnections();
  });
});
