// A crawl server, or one that is told each step; a client of it; and all of time in the test's hand.
import { onTestFinished } from 'vitest';
import {
  CrawlClient,
  type CrawlCall,
  type CrawlClientOptions,
  type CrawlConnection,
  type CrawlPage,
  type CrawlResult,
  type CrawlResultOf,
} from '../../src/crawl/index.ts';
import { MockCrawlServer, type MockCrawlServerOptions } from '../../src/testing/mock-crawl-server.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';

export type ClientOptions = Partial<CrawlClientOptions>;

export const A = 'https://a.test/';
export const B = 'https://b.test/';
export const C = 'https://c.test/';

export const urlsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, place) => `https://pages.test/${place}`);

/** A client on a virtual clock; it is disconnected when the test has finished. */
export function clientOf(baseUrl: string, options: ClientOptions = {}) {
  const clock = new VirtualClock();
  const client = new CrawlClient({ baseUrl, clock, random: () => 0, ...options });
  const connections: CrawlConnection[] = [];
  client.on('connection', (connection) => connections.push(connection));
  onTestFinished(async () => {
    const ended = client.disconnect();
    await until(() => {
      clock.advance(60_000);
      return connections.every(({ state }) => state === 'closed' || state === 'failed');
    });
    await ended;
  });
  return { client, clock, connections };
}

export async function mockAnd(options: ClientOptions = {}, habits: MockCrawlServerOptions = {}) {
  const server = await MockCrawlServer.listen(habits);
  onTestFinished(() => server.close());
  return { server, ...clientOf(server.url, options) };
}

export async function puppetAnd(options: ClientOptions = {}) {
  const server = await PuppetServer.listen();
  onTestFinished(() => server.close());
  return { server, ...clientOf(server.url, options) };
}

export interface Crawling {
  readonly results: CrawlResult[];
  /** What the iteration threw; `undefined` when it ended, or still runs. */
  thrown: unknown;
  readonly ended: Promise<void>;
  readonly iterator: AsyncIterableIterator<CrawlResult>;
}

/** Reads a crawl to its end, whatever that is. */
export function read(iterator: AsyncIterableIterator<CrawlResult>): Crawling {
  const results: CrawlResult[] = [];
  const run = async () => {
    try {
      for await (const result of iterator) results.push(result);
    } catch (thrown) {
      crawling.thrown = thrown;
    }
  };
  const crawling: Crawling = { results, thrown: undefined, iterator, ended: Promise.resolve() };
  return Object.assign(crawling, { ended: run() });
}

/** Begins a crawl and reads it. */
export const crawling = (client: CrawlClient, urls: readonly string[], call?: CrawlCall): Crawling =>
  read(client.crawl(urls, call));

/** A whole crawl. */
export async function crawled(
  client: CrawlClient,
  urls: readonly string[],
  call?: CrawlCall,
): Promise<Crawling> {
  const crawl = crawling(client, urls, call);
  await crawl.ended;
  return crawl;
}

export const typesOf = ({ results }: Pick<Crawling, 'results'>): string[] => results.map(({ type }) => type);

export const only = <Type extends CrawlResult['type']>(
  { results }: Pick<Crawling, 'results'>,
  type: Type,
): CrawlResultOf<Type>[] => results.filter((result): result is CrawlResultOf<Type> => result.type === type);

export const indexesOf = (crawl: Pick<Crawling, 'results'>): number[] =>
  only(crawl, 'result').map(({ data }) => data.index);

/** The URLs of the pages, each at the place of its index. */
export function pagesByIndex(crawl: Pick<Crawling, 'results'>): string[] {
  const pages: string[] = [];
  for (const { data } of only(crawl, 'result')) pages[data.index] = data.result.url;
  return pages;
}

const TIMESTAMP = '2024-01-01T00:00:00+00:00';

export const page = (url: string): CrawlPage => ({
  url,
  status: 200,
  from_cache: false,
  gate_decision: 'raw',
  quality_score: 0.9,
  processing_time_ms: 10,
  document: null,
  error: null,
  cache_key: '',
});

/** Messages as a server sends them. */
export const say = {
  welcome: (operations: readonly string[] = ['crawl', 'ping', 'status']) => ({
    message_type: 'welcome',
    data: {
      session_id: 'session-1',
      server_time: TIMESTAMP,
      protocol_version: '1.0',
      supported_operations: operations,
    },
    timestamp: TIMESTAMP,
  }),
  metadata: (total: number, requestId?: string) => ({
    message_type: 'metadata',
    data: { total_urls: total, session_id: 'session-1', timestamp: TIMESTAMP, stream_type: 'crawl' },
    timestamp: TIMESTAMP,
    ...(requestId !== undefined && { request_id: requestId }),
  }),
  result: (index: number, url: string, requestId?: string) => ({
    message_type: 'result',
    data: { index, result: page(url), progress: { completed: 1, total: 1, success_rate: 1 } },
    timestamp: TIMESTAMP,
    ...(requestId !== undefined && { request_id: requestId }),
  }),
  summary: (total: number, requestId?: string) => ({
    message_type: 'summary',
    data: { total_urls: total, successful: total, failed: 0, total_processing_time_ms: 7 },
    timestamp: TIMESTAMP,
    ...(requestId !== undefined && { request_id: requestId }),
  }),
  error: (errorType: string, message: string, requestId?: string) => ({
    message_type: 'error',
    data: { error_type: errorType, message },
    timestamp: TIMESTAMP,
    ...(requestId !== undefined && { request_id: requestId }),
  }),
};

/** Accepts the next client and welcomes it. */
export async function welcomed(server: PuppetServer, operations?: readonly string[]): Promise<PuppetSocket> {
  const socket = await server.accept();
  socket.send(say.welcome(operations));
  return socket;
}

export const MULTIPLEXING = ['crawl', 'ping', 'status', 'multiplexing', 'cancel'];

/** What a promise rejects with. */
export const rejectionOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('Expected a rejection.');
};
