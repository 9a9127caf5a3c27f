// Several crawls at once: over a bounded pool of connections, or over one where the server tells their answers apart;
// and consumers that are slower than the server.
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { MockCrawlServer } from '../../src/testing/mock-crawl-server.ts';
import type { PuppetSocket } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../testing/leftovers.ts';
import {
  A,
  B,
  C,
  clientOf,
  crawled,
  crawling,
  indexesOf,
  mockAnd,
  MULTIPLEXING,
  pagesByIndex,
  puppetAnd,
  read,
  say,
  typesOf,
  urlsOf,
  welcomed,
} from './setup.ts';

interface Request {
  readonly request_type: string;
  readonly request_id: string;
  readonly data: { readonly urls: readonly string[] };
}

const next = async (socket: PuppetSocket): Promise<Request> => (await socket.nextJson()) as Request;

describe('a pool of connections (S1-37)', () => {
  it('crawls at once over as many connections as there may be, and lets others wait their turn', async () => {
    const { client, server } = await mockAnd({ maxConnections: 2 });
    server.hold();
    const order: string[] = [];
    const crawls = [A, B, C].map((url) => {
      const crawl = crawling(client, [url]);
      void crawl.ended.then(() => order.push(url));
      return crawl;
    });
    await until(() => server.connections.filter(({ isCrawling }) => isCrawling).length === 2);
    await quiet();
    expect([server.connections.length, server.requestedUrls]).toEqual([2, [[A], [B]]]);
    server.release();
    for (const { ended } of crawls) await ended;

    expect(crawls.map(pagesByIndex)).toEqual([[A], [B], [C]]);
    expect([server.connections.length, server.requestedUrls.length, order.at(-1)]).toEqual([2, 3, C]);
  });

  it('serves who waits in the order of their coming', async () => {
    const { client, server } = await mockAnd({ maxConnections: 1 });
    const urls = urlsOf(5);
    const crawls = urls.map((url) => crawling(client, [url]));
    for (const { ended } of crawls) await ended;

    expect(server.requestedUrls).toEqual(urls.map((url) => [url]));
    expect(server.connections).toHaveLength(1);
  });

  it('forgets who leaves while waiting', async () => {
    const { client, server } = await mockAnd({ maxConnections: 1 });
    server.hold();
    const first = crawling(client, [A]);
    await until(() => server.connections[0]?.isCrawling);
    const controller = new AbortController();
    const second = crawling(client, [B], { signal: controller.signal });
    const third = crawling(client, [C]);
    await quiet();
    controller.abort('enough');
    await second.ended;
    server.release();
    await Promise.all([first.ended, third.ended]);

    expect([second.thrown, server.requestedUrls]).toEqual(['enough', [[A], [C]]]);
  });

  it('tries another connection for who waits when one could not be made', async () => {
    const { client, server } = await mockAnd();
    server.refuse(400);
    const first = crawling(client, [A]);
    const second = crawling(client, [B]);
    await first.ended;
    await second.ended;

    expect([first, second].map(({ thrown }) => thrown)).toMatchObject([
      { missingUrls: [A], cause: { code: 'UPGRADE_REJECTED' } },
      { missingUrls: [B], cause: { code: 'UPGRADE_REJECTED' } },
    ]);
  });

  it.each([400, 503])(
    'makes do with the connections that the server allows, when it refuses one with %i',
    async (status) => {
      const { client, server } = await mockAnd();
      server.hold();
      const first = crawling(client, [A]);
      await until(() => server.connections[0]?.isCrawling);
      server.refuse(status);
      const others = [crawling(client, [B]), crawling(client, [C])];
      await until(() => client.connections.length === 2);
      await until(() => client.connections.length === 1);
      server.release();
      for (const { ended } of [first, ...others]) await ended;

      expect([first, ...others].map(({ thrown }) => thrown)).toEqual([undefined, undefined, undefined]);
      expect([server.requestedUrls, server.connections.length]).toEqual([[[A], [B], [C]], 1]);
    },
  );

  it('does not restore a connection that nobody uses', async () => {
    const { client, server } = await mockAnd();
    await crawled(client, [A]);
    server.connections[0]?.reset();
    await until(() => client.connections.length === 0);

    expect(typesOf(await crawled(client, [B])).at(-1)).toBe('summary');
    expect(server.connections).toHaveLength(2);
  });
});

describe('a connection that is shared (S1-37)', () => {
  it('carries several crawls at once, and tells them apart by their ids', async () => {
    const { client, server } = await puppetAnd();
    const first = crawling(client, [A, B]);
    const second = crawling(client, [B, C]);
    const socket = await welcomed(server, MULTIPLEXING);
    const one = await next(socket);
    const two = await next(socket);
    expect([one.data.urls, two.data.urls, one.request_id === two.request_id]).toEqual([
      [A, B],
      [B, C],
      false,
    ]);
    socket.send(say.result(1, C, two.request_id));
    socket.send(say.result(0, A, one.request_id));
    socket.send(say.result(0, B, two.request_id));
    socket.send(say.summary(2, two.request_id));
    await second.ended;
    socket.send(say.result(1, B, one.request_id));
    socket.send(say.summary(2, one.request_id));
    await first.ended;

    expect([pagesByIndex(first), pagesByIndex(second)]).toEqual([
      [A, B],
      [B, C],
    ]);
    expect([indexesOf(second), server.totalConnections]).toEqual([[1, 0], 1]);
  });

  it('ends only the crawl that an error answers', async () => {
    const { client, server } = await puppetAnd();
    const first = crawling(client, [A]);
    const second = crawling(client, [B]);
    const socket = await welcomed(server, MULTIPLEXING);
    const one = await next(socket);
    const two = await next(socket);
    socket.send(say.error('validation_error', 'No.', one.request_id));
    socket.send(say.error('invalid_message', 'What?'));
    await first.ended;
    socket.send(say.result(0, B, two.request_id));
    socket.send(say.summary(1, two.request_id));
    await second.ended;

    expect(first.thrown).toMatchObject({ code: 'CRAWL_REFUSED', missingUrls: [A] });
    expect([typesOf(second), second.thrown]).toEqual([['welcome', 'error', 'result', 'summary'], undefined]);
  });

  it('restores all of its crawls after a loss', async () => {
    const { client, server, clock, connections } = await puppetAnd();
    const first = crawling(client, [A, B]);
    const second = crawling(client, [C]);
    const socket = await welcomed(server, MULTIPLEXING);
    const one = await next(socket);
    await next(socket);
    socket.send(say.result(0, A, one.request_id));
    await until(() => first.results.length === 2);
    socket.reset();
    await until(() => connections[0]?.state === 'reconnecting');
    clock.advance(2_000);
    const again = await welcomed(server, MULTIPLEXING);
    for (let sessions = 0; sessions < 2; sessions += 1) {
      const { request_id: id, data } = await next(again);
      for (const [index, url] of data.urls.entries()) again.send(say.result(index, url, id));
      again.send(say.summary(data.urls.length, id));
    }
    await Promise.all([first.ended, second.ended]);

    expect([pagesByIndex(first), pagesByIndex(second)]).toEqual([[A, B], [C]]);
  });

  it('does not take a crawl that waits behind a slow consumer for one that is not answered', async () => {
    const { client, server, clock } = await puppetAnd({ maxBuffered: 1 });
    const slow = client.crawl([A, B, C]);
    const started = slow.next();
    const socket = await welcomed(server, MULTIPLEXING);
    const one = await next(socket);
    await started;
    const waiting = crawling(client, [C]);
    const two = await next(socket);
    for (const [index, url] of [A, B, C].entries()) socket.send(say.result(index, url, one.request_id));
    for (const message of [say.result(0, C, two.request_id), say.summary(1, two.request_id)])
      socket.send(message);
    await until(() => client.metrics.backpressure.times === 1);
    for (let minutes = 0; minutes < 3; minutes += 1) {
      await quiet();
      clock.advance(60_000);
    }
    await quiet();
    expect([socket.frames.length, typesOf(waiting)]).toEqual([2, ['welcome']]);
    for (let results = 0; results < 3; results += 1) await slow.next();
    await waiting.ended;

    expect([pagesByIndex(waiting), waiting.thrown]).toEqual([[C], undefined]);
    await slow.return?.();
  });

  it('is shared no longer when the server that is there after a loss cannot tell crawls apart', async () => {
    const { client, server, clock, connections } = await puppetAnd();
    const crawls = [crawling(client, [A]), crawling(client, [B])];
    const socket = await welcomed(server, MULTIPLEXING);
    await next(socket);
    await next(socket);
    socket.reset();
    await until(() => connections[0]?.state === 'reconnecting');
    clock.advance(2_000);
    for (const url of [A, B]) {
      const plain = await welcomed(server);
      expect(await plain.nextJson()).toEqual({ request_type: 'crawl', data: { urls: [url] } });
      for (const message of [say.result(0, url), say.summary(1)]) plain.send(message);
    }
    for (const { ended } of crawls) await ended;

    expect(crawls.map(pagesByIndex)).toEqual([[A], [B]]);
  });

  it('is not shared when that is not wanted', async () => {
    const { client, server } = await puppetAnd({ multiplexing: false });
    crawling(client, [A]);
    const socket = await welcomed(server, MULTIPLEXING);
    expect(await socket.nextJson()).toEqual({ request_type: 'crawl', data: { urls: [A] } });
    crawling(client, [B]);
    const other = await welcomed(server, MULTIPLEXING);

    expect(await other.nextJson()).toEqual({ request_type: 'crawl', data: { urls: [B] } });
  });

  it('has the server hold back what a consumer does not read, where it offers that', async () => {
    const { client, server } = await puppetAnd({ maxBuffered: 4 });
    const urls = urlsOf(8);
    const slow = client.crawl(urls);
    const started = slow.next();
    const socket = await welcomed(server, [...MULTIPLEXING, 'pause']);
    const one = await next(socket);
    await started;
    for (const index of [0, 1, 2, 3]) socket.send(say.result(index, urls[index]!, one.request_id));
    expect(await socket.nextJson()).toEqual({ request_type: 'pause', data: {}, request_id: one.request_id });
    // Another crawl goes on meanwhile.
    const other = crawling(client, [A]);
    const two = await next(socket);
    for (const message of [say.result(0, A, two.request_id), say.summary(1, two.request_id)])
      socket.send(message);
    await other.ended;
    expect(pagesByIndex(other)).toEqual([A]);
    const read = [await slow.next(), await slow.next(), await slow.next()];
    expect(read.map(({ value }) => value?.type)).toEqual(['result', 'result', 'result']);

    expect(await socket.nextJson()).toEqual({ request_type: 'resume', data: {}, request_id: one.request_id });
    expect(client.metrics.backpressure.times).toBe(1);
    await slow.return?.();
  });
});

describe('backpressure (S1-20)', () => {
  it('stops reading for a consumer that is slow, loses nothing, and says so', async () => {
    const text = 'x'.repeat(200_000);
    const urls = urlsOf(90);
    const server = await MockCrawlServer.listen({
      pages: (url) => ({ document: { url, text, links: [], media: [] } }),
    });
    const { client } = clientOf(server.url, { maxBuffered: 4 });
    const crawl = client.crawl(urls);
    await crawl.next();
    await crawl.next();
    await crawl.next();
    const [connection] = server.connections;
    await until(() => connection?.sent === urls.length + 3);
    await quiet();
    const stuckBytes = connection?.bufferedBytes ?? 0;
    const readSoFar = client.metrics.messagesIn;
    const indexes = [0];
    for await (const { type, data } of crawl) if (type === 'result') indexes.push(data.index);
    await server.close();

    // Eighteen megabytes were said; most of them still wait at the server.
    expect(stuckBytes).toBeGreaterThan(1_000_000);
    expect(readSoFar).toBeLessThan(60);
    expect(indexes).toEqual([...urls.keys()]);
    expect(client.metrics.backpressure.times).toBeGreaterThan(0);
  });

  it('ends with an error where the platform cannot stop reading, and nothing is dropped in silence', async () => {
    const webSocket = {
      createWebSocket: (url: string, protocols: string[]) => new WebSocket(url, protocols),
    };
    const { client } = await mockAnd({ maxBuffered: 2, webSocket });
    const crawl = client.crawl(urlsOf(20));
    await crawl.next();
    await until(() => client.metrics.messagesIn === 23);
    const rest = read(crawl);
    await rest.ended;
    const { length } = indexesOf(rest);

    expect(length).toBeLessThan(10);
    expect(rest.thrown).toMatchObject({
      code: 'CRAWL_INCOMPLETE',
      missingUrls: urlsOf(20).slice(length),
      cause: { code: 'CONSUMER_TOO_SLOW' },
    });
  });
});
