// The stand-in for the old server has its habits, the bad ones included.
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { MockCrawlServer, type MockCrawlServerOptions } from '../../src/testing/mock-crawl-server.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../testing/leftovers.ts';
import { A, B, urlsOf } from './setup.ts';

interface Message {
  readonly message_type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly timestamp: string;
}

async function connected(habits: MockCrawlServerOptions = {}) {
  const server = await MockCrawlServer.listen(habits);
  const ws = new WebSocket(`${server.url}/crawl/ws`);
  const messages: Message[] = [];
  const pings: string[] = [];
  const pongs: string[] = [];
  ws.on('message', (data) => messages.push(JSON.parse((data as Buffer).toString()) as Message));
  ws.on('ping', (payload) => pings.push(payload.toString()));
  ws.on('pong', (payload) => pongs.push(payload.toString()));
  onTestFinished(async () => {
    ws.terminate();
    await server.close();
  });
  await until(() => messages.length === 1 && pings.length === 1);
  const ask = (type: string, data: unknown = {}) => ws.send(JSON.stringify({ request_type: type, data }));
  const types = () => messages.map(({ message_type: type }) => type);
  return { server, ws, messages, pings, pongs, ask, types };
}

/** The status of an upgrade that is refused. */
async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  const ws = new WebSocket(url, { headers });
  ws.on('error', () => undefined);
  return new Promise((resolve) => {
    ws.on('open', () => {
      ws.terminate();
      resolve(101);
    });
    ws.on('unexpected-response', (request, { statusCode }) => {
      request.destroy();
      resolve(statusCode);
    });
  });
}

describe('the mock crawl server (S1-40)', () => {
  it('welcomes at once, and pings with the time', async () => {
    const { server, messages, pings } = await connected();

    expect(messages[0]).toEqual({
      message_type: 'welcome',
      data: {
        session_id: server.connections[0]?.sessionId,
        server_time: expect.any(String) as string,
        protocol_version: '1.0',
        supported_operations: ['crawl', 'ping', 'status'],
      },
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00$/) as string,
    });
    expect(pings[0]).toMatch(/^\d{13}$/);
  });

  it('answers requests one at a time: what comes during a crawl waits, protocol pings included', async () => {
    const { server, ws, ask, types, pongs } = await connected();
    server.hold();
    ask('crawl', { urls: [A, B] });
    await until(() => types().includes('metadata'));
    ask('ping');
    ask('status');
    ws.ping('now');
    server.release(1);
    await until(() => types().includes('result'));
    await quiet();
    expect([types(), pongs]).toEqual([['welcome', 'metadata', 'result'], []]);
    server.release();
    await until(() => pongs.length === 1 && types().includes('status'));

    expect(types()).toEqual(['welcome', 'metadata', 'result', 'result', 'summary', 'pong', 'status']);
    expect(pongs).toEqual(['now']);
  });

  it.each([
    [[], 'Validation error: At least one URL is required'],
    [urlsOf(101), 'Validation error: Too many URLs: 101 (maximum: 100)'],
    [['ftp://a.test/'], 'Invalid URL: ftp://a.test/ - URL 1 validation failed: not allowed'],
    [[A, 'http://localhost/'], 'Invalid URL: http://localhost/ - URL 2 validation failed: not allowed'],
    [['https://a.test/v10.2'], 'Invalid URL: https://a.test/v10.2 - URL 1 validation failed: not allowed'],
    [['https://a.test/x.json'], 'Invalid URL: https://a.test/x.json - URL 1 validation failed: not allowed'],
  ])('refuses %j without a summary, and stays open', async (urls, message) => {
    const { messages, ask } = await connected();
    ask('crawl', { urls });
    ask('ping');
    await until(() => messages.length === 3);

    expect(messages[1]).toMatchObject({
      message_type: 'error',
      data: { error_type: 'validation_error', message },
    });
    expect(messages[2]).toMatchObject({ message_type: 'pong' });
  });

  it('refuses requests that it does not know, and is silent about what it cannot read', async () => {
    const { ws, ask, messages } = await connected();
    ws.send('{nonsense');
    ws.send('{"request_type":"ping"}');
    ws.send(new TextEncoder().encode('{"request_type":"ping","data":{}}'));
    ask('weather');
    await until(() => messages.length === 2);

    expect(messages[1]?.data).toEqual({
      error_type: 'unknown_request',
      message: 'Unknown request type: weather',
    });
  });

  it('counts what it has sent', async () => {
    const { ask, messages, server } = await connected();
    ask('status');
    await until(() => messages.length === 2);

    expect(messages[1]?.data).toMatchObject({
      session_id: server.connections[0]?.sessionId,
      is_healthy: true,
      message_count: 1,
      backpressure_count: 0,
    });
  });

  it('lets in who has the key, at the one path that it serves', async () => {
    await using server = await MockCrawlServer.listen({ apiKey: 'good' });
    const url = `${server.url}/crawl/ws`;
    const statuses = [
      await statusOf(url),
      await statusOf(url, { Authorization: 'Bearer bad' }),
      await statusOf(url, { Authorization: 'Bearer good' }),
      await statusOf(url, { 'X-API-Key': 'good' }),
      await statusOf(`${server.url}/api/v1/crawl/ws`, { 'X-API-Key': 'good' }),
    ];
    server.refuse(503, { 'Retry-After': '30' });
    statuses.push(await statusOf(url, { 'X-API-Key': 'good' }));

    expect(statuses).toEqual([401, 401, 101, 101, 404, 503]);
  });
});
