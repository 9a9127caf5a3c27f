// Crawls over a WebSocket, NDJSON and SSE, of one server that has the pages in memory: what is measured is how results
// travel. One round of each after the other, medians. A process of its own, with the server in another one.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, fetch as undiciFetch } from 'undici';
import {
  CrawlClient,
  crawlNdjson,
  crawlSse,
  type CrawlClientOptions,
  type CrawlResult,
} from '../src/crawl/index.ts';
import { FaultProxy } from '../src/testing/fault-proxy.ts';
import { median } from './rounds.ts';

const isQuick = process.argv.includes('--quick');
const ROUNDS = isQuick ? 3 : 11;
const RESULTS = isQuick ? 300 : 2_000;
const OPTIONS = { concurrency: 100 };

const child = fork(new URL('crawl-server.js', import.meta.url));
const [{ site, server }] = (await once(child, 'message')) as [{ site: string; server: string }];

interface Way {
  crawl(urls: readonly string[]): AsyncIterable<CrawlResult>;
  close(): Promise<void>;
}

type WayTo = (baseUrl: string) => Way;

const webSocket =
  (options: Partial<CrawlClientOptions>): WayTo =>
  (baseUrl) => {
    const client = new CrawlClient({ ...options, baseUrl });
    return {
      crawl: (urls) => client.crawl(urls, { options: OPTIONS }),
      close: () => client.disconnect(),
    };
  };

/** Each with connections of its own, which it keeps, as a WebSocket does. */
const http =
  (crawl: typeof crawlNdjson): WayTo =>
  (baseUrl) => {
    const dispatcher = new Agent();
    const fetch = ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher })) as never;
    return {
      crawl: (urls) => crawl(urls, { baseUrl, options: OPTIONS, fetch }),
      close: () => dispatcher.close(),
    };
  };

const WAYS: Readonly<Record<string, WayTo>> = {
  'WebSocket, JSON': webSocket({}),
  'WebSocket, JSON, compressed': webSocket({ compression: true }),
  'WebSocket, MessagePack': webSocket({ encoding: 'messagepack' }),
  NDJSON: http(crawlNdjson),
  SSE: http(crawlSse),
};

interface Figures {
  /** From nothing at all, and over a connection that is there, in milliseconds. */
  readonly firstMs: number;
  readonly firstAgainMs: number;
  readonly resultsPerSecond: number;
  /** Processor time, in microseconds. */
  readonly clientUs: number;
  readonly serverUs: number;
}

const urls = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, number) => `${site}/page/${number % 100}?${number}`);

async function serverCpu(): Promise<number> {
  child.send('cpu');
  const [{ user, system }] = (await once(child, 'message')) as [NodeJS.CpuUsage];
  return user + system;
}

const ownCpu = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** When the first result came, and whether all of them did. */
async function take(way: Way, count: number): Promise<number> {
  const startedAt = performance.now();
  let firstMs = NaN;
  let results = 0;
  for await (const { type } of way.crawl(urls(count))) {
    if (type !== 'result') continue;
    if (results === 0) firstMs = performance.now() - startedAt;
    results += 1;
  }
  if (results !== count) throw new Error(`${String(results)} of ${String(count)} results came.`);
  return firstMs;
}

async function measure(wayTo: WayTo): Promise<Figures> {
  const way = wayTo(server);
  const firstMs = await take(way, 1);
  await take(way, 100);
  const firstAgainMs = await take(way, 1);
  const [serverBefore, clientBefore] = [await serverCpu(), ownCpu()];
  const startedAt = performance.now();
  await take(way, RESULTS);
  const spentMs = performance.now() - startedAt;
  const clientUs = (ownCpu() - clientBefore) / RESULTS;
  const serverUs = ((await serverCpu()) - serverBefore) / RESULTS;
  await way.close();
  return { firstMs, firstAgainMs, resultsPerSecond: RESULTS / (spentMs / 1_000), clientUs, serverUs };
}

/** What is sent to the client for one result, everything around it included. */
async function bytesOf(wayTo: WayTo): Promise<number> {
  await using proxy = await FaultProxy.listen(server);
  const way = wayTo(proxy.url);
  await take(way, 1);
  const before = proxy.stats.bytesToClient;
  await take(way, 100);
  const bytes = proxy.stats.bytesToClient - before;
  await way.close();
  return bytes / 100;
}

// Once for the server to have all pages in its memory.
const first = http(crawlNdjson)(server);
await take(first, RESULTS);
await first.close();

const all = new Map<string, Figures[]>(Object.keys(WAYS).map((name) => [name, []]));
for (let round = 0; round <= ROUNDS; round += 1) {
  const ways = Object.entries(WAYS);
  for (const [name, wayTo] of round % 2 === 0 ? ways : ways.toReversed()) {
    const figures = await measure(wayTo);
    if (round > 0) all.get(name)?.push(figures);
  }
}

console.log(
  `\n### Crawl: results over each transport, ${String(ROUNDS)} rounds of ${String(RESULTS)} results\n`,
);
console.log(
  '| | first result, ms | on an open connection, ms | results/s | bytes/result | client µs/result | server µs/result |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const [name, rounds] of all) {
  const of = (figure: keyof Figures, digits = 0) =>
    median(rounds.map((figures) => figures[figure])).toLocaleString('en', { maximumFractionDigits: digits });
  const bytes = Math.round(await bytesOf(WAYS[name] as WayTo)).toLocaleString('en');
  console.log(
    `| ${name} | ${of('firstMs', 1)} | ${of('firstAgainMs', 1)} | ${of('resultsPerSecond')} | ${bytes} | ${of('clientUs')} | ${of('serverUs')} |`,
  );
}
child.disconnect();
