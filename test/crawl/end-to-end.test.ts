// The client against the crawl server of this package, which crawls a small site on loopback: over every transport, and
// over connections that are cut.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  CrawlClient,
  crawlNdjson,
  crawlSse,
  type CrawlClientOptions,
  type CrawlPage,
} from '../../src/crawl/index.ts';
import { listBackoff } from '../../src/index.ts';
import { createCrawlServer, type CrawlServer, type CrawlServerOptions } from '../../src/server/index.ts';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { until } from '../../src/testing/wait.ts';
import { holds, runs } from '../support/hold.ts';
import { crawled, crawling, indexesOf, only, read, typesOf, type Crawling } from './setup.ts';

const PAGES = 24;

const site = createServer((request, response) => {
  const { url = '/' } = request;
  if (url === '/missing') response.writeHead(404, { 'Content-Type': 'text/html' }).end('<title>None</title>');
  else
    response
      .writeHead(200, { 'Content-Type': 'text/html' })
      .end(`<title>Page ${url}</title><p>${'word '.repeat(40)}</p><a href="/next">next</a>`);
});
let root = '';
let server: CrawlServer;

const limits = { concurrencyPerHost: 16, requestsPerSecond: 10_000, requestBurst: 10_000 };

const serve = (options: CrawlServerOptions = {}) =>
  createCrawlServer({ allowPrivateAddresses: true, robots: false, cache: false, limits, ...options });

beforeAll(async () => {
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  root = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  server = await serve();
});

afterAll(async () => {
  await server.close({ deadlineMs: 0 });
  site.closeAllConnections();
  site.close();
});

const urlsOf = (count = PAGES) => Array.from({ length: count }, (_, place) => `${root}/${place}`);

function connect(options: Partial<CrawlClientOptions> = {}): CrawlClient {
  const client = new CrawlClient({ baseUrl: server.url, ...options });
  onTestFinished(() => client.disconnect());
  return client;
}

/** A page without what differs from crawl to crawl. */
const lasting = (page: CrawlPage) => ({ ...page, processing_time_ms: 0 });

const pagesOf = (crawl: Pick<Crawling, 'results'>) =>
  only(crawl, 'result')
    .map(({ data }) => ({ index: data.index, page: lasting(data.result) }))
    .sort((a, b) => a.index - b.index);

interface Life {
  readonly cuts: readonly { readonly bytes: number; readonly how: 'rst' | 'fin' }[];
  readonly counts: readonly number[];
  readonly maxUrlsPerRequest: number;
  readonly encoding: 'json' | 'messagepack';
}

describe('a real server', () => {
  it('gives the same pages over JSON, MessagePack, NDJSON and SSE', async () => {
    const urls = [...urlsOf(4), `${root}/missing`];
    const crawls = [
      await crawled(connect(), urls),
      await crawled(connect({ encoding: 'messagepack', compression: true }), urls),
      read(crawlNdjson(urls, { baseUrl: server.url })),
      read(crawlSse(urls, { baseUrl: server.url })),
    ];
    for (const { ended } of crawls) await ended;
    const [json, ...others] = crawls.map(pagesOf);

    expect(crawls.map(({ thrown }) => thrown)).toEqual([undefined, undefined, undefined, undefined]);
    expect(json).toHaveLength(5);
    expect(json?.[4]?.page).toMatchObject({
      status: 404,
      gate_decision: 'failed',
      error: { error_type: 'http_error' },
    });
    for (const other of others) expect(other).toEqual(json);
    for (const crawl of crawls)
      expect(only(crawl, 'summary')[0]?.data).toMatchObject({ total_urls: 5, successful: 4, failed: 1 });
  });

  it('answers several crawls, and questions, over one connection', async () => {
    const client = connect();
    const crawls = [5, 7, 3].map((count) => crawling(client, urlsOf(count)));
    const [status, ping] = await Promise.all([client.status(), client.ping()]);
    for (const { ended } of crawls) await ended;

    expect(crawls.map((crawl) => indexesOf(crawl).length)).toEqual([5, 7, 3]);
    expect([
      client.metrics.connections.opened,
      status.isHealthy,
      status.sessionId === ping.sessionId,
    ]).toEqual([1, true, true]);
  });

  it('answers one crawl at a time over each connection without its extensions', async () => {
    const plain = await serve({ extensions: false });
    onTestFinished(() => plain.close({ deadlineMs: 0 }));
    const client = connect({ baseUrl: plain.url, maxConnections: 2 });
    const crawls = [5, 7, 3].map((count) => crawling(client, urlsOf(count)));
    for (const { ended } of crawls) await ended;

    expect(crawls.map((crawl) => indexesOf(crawl).length)).toEqual([5, 7, 3]);
    expect(client.metrics.connections.opened).toBe(2);
  });

  it('lets go of a crawl that is left, and goes on with the connection', async () => {
    const client = connect();
    for await (const { type } of client.crawl(urlsOf())) if (type === 'result') break;

    expect(typesOf(await crawled(client, urlsOf(2))).at(-1)).toBe('summary');
    expect(client.metrics.connections.opened).toBe(1);
  });

  it('holds back what one consumer does not read, while another goes on', async () => {
    const client = connect({ maxBuffered: 2 });
    const slow = client.crawl(urlsOf());
    await slow.next();
    await until(() => client.metrics.backpressure.times === 1);
    const fast = await crawled(client, urlsOf(10));
    const indexes: number[] = [];
    for await (const { type, data } of slow) if (type === 'result') indexes.push(data.index);

    expect(indexesOf(fast)).toHaveLength(10);
    expect(indexes.toSorted((a, b) => a - b)).toEqual(urlsOf().map((_, place) => place));
  });

  it.each(['header', 'subprotocol'] as const)('takes the key in a %s', async (sendKeyAs) => {
    const locked = await serve({ apiKeys: ['key-of-ada'] });
    onTestFinished(() => locked.close({ deadlineMs: 0 }));
    const keys = ['key-of-ada', 'key-of-eve'];
    const [good, bad] = keys.map((apiKey) => connect({ baseUrl: locked.url, apiKey, sendKeyAs }));

    expect(typesOf(await crawled(good!, urlsOf(1))).at(-1)).toBe('summary');
    expect((await crawled(bad!, urlsOf(1))).thrown).toMatchObject({
      cause: { code: 'UPGRADE_REJECTED', details: { httpStatus: 401 } },
    });
  });

  it.each(['json', 'messagepack'] as const)(
    'is crawled over connections that are cut (%s)',
    async (encoding) => {
      await using proxy = await FaultProxy.listen(server.url);
      const urls = urlsOf();
      const client = connect({
        baseUrl: proxy.url,
        encoding,
        retry: { backoff: listBackoff([1]), initial: true, maxAttempts: 20 },
      });
      proxy.cutAfter(3_000, { direction: 'toClient', times: 3 });
      const crawls = [crawling(client, urls), crawling(client, urls.slice(3, 12))];
      for (const { ended } of crawls) await ended;
      await client.disconnect();

      expect(crawls.map(({ thrown }) => thrown)).toEqual([undefined, undefined]);
      expect(crawls.map((crawl) => indexesOf(crawl).toSorted((a, b) => a - b))).toEqual([
        urls.map((_, place) => place),
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
      ]);
      expect(client.metrics.connections.reconnects).toBe(3);
    },
  );

  it('is crawled over a shared connection that is cut anywhere', async () => {
    const cut = fc.record({ bytes: fc.nat(12_000), how: fc.constantFrom('rst', 'fin') });
    const life: fc.Arbitrary<Life> = fc.record({
      cuts: fc.array(cut, { maxLength: 4 }),
      counts: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
      maxUrlsPerRequest: fc.integer({ min: 1, max: 12 }),
      encoding: fc.constantFrom('json', 'messagepack'),
    });
    const live = async ({ cuts, counts, ...options }: Life) => {
      await using proxy = await FaultProxy.listen(server.url);
      const retry = { backoff: listBackoff([1]), initial: true, maxAttempts: Infinity };
      await using client = new CrawlClient({ baseUrl: proxy.url, retry, ...options });
      const left = [...cuts];
      const cutNext = () => {
        const next = left.shift();
        if (next !== undefined) proxy.cutAfter(next.bytes, { ...next, direction: 'toClient', times: 1 });
      };
      cutNext();
      client.on('connection', (connection) => connection.on('reconnecting', cutNext));
      const crawls = counts.map((count) => crawling(client, urlsOf(count)));
      for (const { ended } of crawls) await ended;

      expect(crawls.map(({ thrown }) => thrown)).toEqual(counts.map(() => undefined));
      expect(crawls.map((crawl) => indexesOf(crawl).toSorted((a, b) => a - b))).toEqual(
        counts.map((count) => [...urlsOf(count).keys()]),
      );
      for (const crawl of crawls)
        expect(typesOf(crawl).filter((type) => type !== 'result')).toEqual([
          'welcome',
          'metadata',
          'summary',
        ]);
    };
    await holds(fc.asyncProperty(life, live), runs(10, 60), (example) => JSON.stringify(example));
  }, 120_000);

  it.each([crawlNdjson, crawlSse])('is crawled over answers that are cut (%o)', async (crawl) => {
    await using proxy = await FaultProxy.listen(server.url);
    const urls = urlsOf();
    proxy.cutAfter(3_000, { direction: 'toClient', times: 2 });
    const reading = read(
      crawl(urls, {
        baseUrl: proxy.url.replace('ws:', 'http:'),
        retry: { backoff: listBackoff([1]), initial: true, maxAttempts: 20 },
      }),
    );
    await reading.ended;

    expect(reading.thrown).toBeUndefined();
    expect(indexesOf(reading).toSorted((a, b) => a - b)).toEqual(urls.map((_, place) => place));
    expect(proxy.stats.connections).toBe(3);
  });
});
