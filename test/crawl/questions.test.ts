// ping() and status(): what the server says of a connection, and how long it took to say it.
import { describe, expect, it } from 'vitest';
import { crawlServerStatus, pingCrawlServer, StreamingError } from '../../src/crawl/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../testing/leftovers.ts';
import {
  A,
  crawled,
  crawling,
  mockAnd,
  MULTIPLEXING,
  puppetAnd,
  rejectionOf,
  say,
  welcomed,
} from './setup.ts';

const PONG = { message_type: 'pong', data: { timestamp: '2024-01-01T00:00:05Z', session_id: 'session-1' } };
const STATUS = {
  message_type: 'status',
  data: {
    session_id: 'session-1',
    connected_duration_ms: 5_000,
    is_healthy: true,
    message_count: 42,
    backpressure_count: 3,
  },
};

describe('ping() (S1-02)', () => {
  it('measures from the question to the answer, without connecting', async () => {
    const { client, server, clock } = await puppetAnd();
    const pinging = client.ping();
    const upgrade = await server.upgrade();
    clock.advance(500);
    const socket = upgrade.accept();
    clock.advance(200);
    socket.send(say.welcome());
    expect(await socket.nextJson()).toEqual({ request_type: 'ping', data: {} });
    clock.advance(7);
    socket.send(PONG);

    expect(await pinging).toEqual({
      latencyMs: 7,
      sessionId: 'session-1',
      serverTime: '2024-01-01T00:00:05Z',
    });
    expect(client.metrics.latency).toEqual({ count: 1, lastMs: 7, averageMs: 7 });
    await client.disconnect();
    expect(clock.pending).toBe(0);
  });

  it('goes over another connection while a crawl is running, where one is answered at a time', async () => {
    const { client, server } = await mockAnd();
    server.hold();
    const crawl = crawling(client, [A]);
    await until(() => server.connections[0]?.isCrawling);
    const { sessionId } = await client.ping();
    server.release();
    await crawl.ended;

    expect(sessionId).toBe(server.connections[1]?.sessionId);
  });

  it('is answered after the summary when there may be one connection only', async () => {
    const { client, server } = await mockAnd({ maxConnections: 1 });
    server.hold();
    const crawl = crawling(client, [A]);
    const pinging = client.ping().then(() => crawl.results.at(-1)?.type);
    await until(() => server.connections[0]?.isCrawling);
    await quiet();
    server.release();

    expect(await pinging).toBe('summary');
  });

  it('shares the connection with a crawl where the server offers it', async () => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server, MULTIPLEXING);
    await socket.nextFrame();
    const pinging = client.ping();
    const { request_id: id } = (await socket.nextJson()) as { request_id: string };
    socket.send({ ...PONG, request_id: id });

    expect((await pinging).sessionId).toBe('session-1');
    expect(server.totalConnections).toBe(1);
    void crawl.iterator.return?.();
  });

  it.each([
    ['another message', { hello: 1 }, 'The ping has no answer: a message came instead.'],
    ['a status', STATUS, 'The ping has no answer: a status came instead.'],
    [
      'an error',
      say.error('unknown_request', 'Unknown request type: ping'),
      /the server said: Unknown request type/,
    ],
  ])('throws for %s in place of the answer', async (_, message, text) => {
    const { client, server } = await puppetAnd();
    const pinging = rejectionOf(client.ping());
    const socket = await welcomed(server);
    await socket.nextFrame();
    socket.send(message);
    const error = await pinging;

    expect(error).toBeInstanceOf(StreamingError);
    expect(error).toMatchObject({ code: 'ANSWER_MISSING', missingUrls: [] });
    expect((error as Error).message).toMatch(text);
  });

  it('throws when no answer comes within 10 s, and leaves that connection', async () => {
    const { client, server, clock } = await puppetAnd();
    const pinging = rejectionOf(client.ping());
    const socket = await welcomed(server);
    await socket.nextFrame();
    clock.advance(10_000);

    expect(await pinging).toMatchObject({ message: 'The ping has no answer: none came within 10000 ms.' });
    expect((await socket.closed()).code).toBe(1000);
  });

  it('throws when the server cannot be reached, with the cause', async () => {
    const { client, server } = await mockAnd();
    await server.goAway();

    expect(await rejectionOf(client.ping())).toMatchObject({
      code: 'ANSWER_MISSING',
      cause: { code: 'CONNECT_FAILED' },
    });
  });

  it('throws the reason of its signal', async () => {
    const { client, server } = await puppetAnd();
    const controller = new AbortController();
    const pinging = rejectionOf(client.ping({ signal: controller.signal }));
    await server.upgrade();
    controller.abort('enough');

    expect(await pinging).toBe('enough');
    expect(await rejectionOf(client.ping({ signal: AbortSignal.abort('no') }))).toBe('no');
  });

  it('asks again when the connection is lost meanwhile', async () => {
    const { client, server, clock, connections } = await puppetAnd();
    const pinging = client.ping();
    const first = await welcomed(server);
    await first.nextFrame();
    first.reset();
    await until(() => connections[0]?.state === 'reconnecting');
    clock.advance(2_000);
    const second = await welcomed(server);
    await second.nextFrame();
    clock.advance(3);
    second.send(PONG);

    expect((await pinging).latencyMs).toBe(3);
  });
});

describe('status() (S1-03)', () => {
  it('tells how the server sees the connection that crawls', async () => {
    const { client, server } = await mockAnd();
    await crawled(client, [A]);
    const status = await client.status();

    expect(status).toEqual({
      sessionId: server.connections[0]?.sessionId,
      isHealthy: true,
      messageCount: 4,
      connectedDurationMs: expect.any(Number) as number,
      backpressureCount: 0,
    });
    expect(server.connections).toHaveLength(1);
  });

  it('waits for the crawl on it, where one is answered at a time', async () => {
    const { client, server } = await mockAnd();
    server.hold();
    const crawl = crawling(client, [A]);
    await until(() => server.connections[0]?.isCrawling);
    const asking = client.status();
    await quiet();
    expect(server.connections).toHaveLength(1);
    server.release();
    const { messageCount } = await asking;
    await crawl.ended;

    expect([messageCount, server.connections.length]).toEqual([4, 1]);
  });
});

describe('on their own', () => {
  it('pingCrawlServer() opens a connection for it, and closes it', async () => {
    const { server } = await mockAnd();
    const answer = await pingCrawlServer({ baseUrl: server.url });
    await until(() => server.sockets === 0);

    expect(answer).toEqual({
      latencyMs: expect.any(Number) as number,
      connectMs: expect.any(Number) as number,
      sessionId: server.connections[0]?.sessionId,
      serverTime: expect.any(String) as string,
    });
    expect(server.connections[0]?.end?.code).toBe(1000);
  });

  it('crawlServerStatus() tells of a fresh one', async () => {
    const { server } = await mockAnd();
    const { messageCount } = await crawlServerStatus({ baseUrl: server.url });
    await until(() => server.sockets === 0);

    expect(messageCount).toBe(1);
  });

  it('throw at once when nobody listens', async () => {
    const { server } = await mockAnd();
    await server.goAway();

    expect(await rejectionOf(pingCrawlServer({ baseUrl: server.url }))).toBeInstanceOf(StreamingError);
    expect(await rejectionOf(crawlServerStatus({ baseUrl: server.url }))).toBeInstanceOf(StreamingError);
  });
});
