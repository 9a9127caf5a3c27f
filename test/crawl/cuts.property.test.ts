// Connections cut at random bytes, in random ways, under several crawls at once: each place of each list has its result
// exactly once, progress only grows, and there is one metadata and one summary. Time is virtual.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CrawlClient, type CrawlConnection } from '../../src/crawl/index.ts';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { MockCrawlServer } from '../../src/testing/mock-crawl-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { turn, until } from '../../src/testing/wait.ts';
import { holds, runs } from '../support/hold.ts';
import { indexesOf, only, pagesByIndex, typesOf, urlsOf, type Crawling } from './setup.ts';

interface Cut {
  readonly bytes: number;
  readonly how: 'rst' | 'fin';
  readonly direction: 'toClient' | 'toServer';
}

interface Life {
  /** How many URLs each of the crawls is for. */
  readonly crawls: readonly number[];
  readonly cuts: readonly Cut[];
  readonly maxConnections: number;
  readonly maxUrlsPerRequest: number;
  readonly maxBuffered: number;
  /** Turns of the event loop that the consumer takes for each message. */
  readonly slowness: number;
  readonly reversed: boolean;
  /** Every n-th result is dropped by the server the first time; 0: none. */
  readonly drops: number;
}

const life: fc.Arbitrary<Life> = fc.record({
  crawls: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 }),
  cuts: fc.array(
    fc.record({
      bytes: fc.oneof(fc.nat(600), fc.nat(6_000)),
      how: fc.constantFrom('rst', 'fin'),
      direction: fc.constantFrom('toClient', 'toClient', 'toServer'),
    }),
    { maxLength: 5 },
  ),
  maxConnections: fc.integer({ min: 1, max: 3 }),
  maxUrlsPerRequest: fc.integer({ min: 1, max: 8 }),
  maxBuffered: fc.integer({ min: 1, max: 5 }),
  slowness: fc.constantFrom(0, 0, 3),
  reversed: fc.boolean(),
  drops: fc.constantFrom(0, 0, 2, 3),
});

async function consume(
  client: CrawlClient,
  urls: readonly string[],
  slowness: number,
): Promise<Crawling['results']> {
  const results: Crawling['results'] = [];
  for await (const result of client.crawl(urls)) {
    results.push(result);
    for (let turns = 0; turns < slowness; turns += 1) await turn();
  }
  return results;
}

const droppingEvery = (n: number) => {
  let sent = 0;
  return () => {
    sent += 1;
    return n === 0 || sent % n !== 0 || sent > 30;
  };
};

async function live({ crawls, cuts, slowness, reversed, drops, ...options }: Life): Promise<void> {
  await using server = await MockCrawlServer.listen({
    order: (indexes) => (reversed ? indexes.toReversed() : indexes),
    sends: droppingEvery(drops),
  });
  await using proxy = await FaultProxy.listen(server.url);
  const clock = new VirtualClock();
  const client = new CrawlClient({
    baseUrl: proxy.url,
    clock,
    timeouts: { closeMs: 50 },
    retry: { maxAttempts: Infinity, initial: true },
    ...options,
  });
  const connections: CrawlConnection[] = [];
  client.on('connection', (connection) => connections.push(connection));
  const left = [...cuts];
  const cutNext = () => {
    const cut = left.shift();
    if (cut !== undefined) proxy.cutAfter(cut.bytes, { ...cut, times: 1 });
  };
  cutNext();
  const over = new AbortController();
  const all = Promise.all(crawls.map((count) => consume(client, urlsOf(count), slowness))).finally(() => {
    over.abort();
  });
  all.catch(() => undefined);
  for (;;) {
    await until(
      () => over.signal.aborted || client.connections.some(({ state }) => state === 'reconnecting'),
    );
    if (over.signal.aborted) break;
    cutNext();
    clock.advance(2_000);
    await turn();
  }
  const streams = await all;
  const disconnected = client.disconnect();
  await until(() => {
    clock.advance(50);
    return connections.every(({ state }) => state === 'closed' || state === 'failed');
  });
  await disconnected;

  for (const [place, results] of streams.entries()) {
    const urls = urlsOf(crawls[place] ?? 0);
    const crawl = { results };
    expect(indexesOf(crawl).toSorted((a, b) => a - b)).toEqual([...urls.keys()]);
    expect(pagesByIndex(crawl)).toEqual(urls);
    expect(only(crawl, 'result').map(({ data }) => data.progress.completed)).toEqual(
      urls.map((_, at) => at + 1),
    );
    expect(typesOf(crawl).filter((type) => type !== 'result')).toEqual(['welcome', 'metadata', 'summary']);
    expect(typesOf(crawl).at(-1)).toBe('summary');
    expect(only(crawl, 'summary')[0]?.data).toMatchObject({ total_urls: urls.length, failed: 0 });
  }
  await until(() => proxy.stats.live === 0, { describe: 'the end of every socket' });
  expect([clock.pending, client.connections]).toEqual([0, []]);
}

test('each URL has its result exactly once, wherever the connections are cut', async () => {
  await holds(fc.asyncProperty(life, live), runs(60, 600), (example) => JSON.stringify(example));
}, 120_000);
