// The same crawl over a WebSocket, NDJSON and SSE: the same results; what differs is what else each can do.
// Run: node --conditions=statewire-source --import=tsx examples/crawl/comparison.ts
import { CrawlClient, crawlNdjson, crawlSse, type CrawlResult } from '../../src/crawl/index.ts'; // in your project: 'statewire/crawl'
import { local } from './support/local.ts';

await using here = await local();
await using client = new CrawlClient({ baseUrl: here.baseUrl });
const { baseUrl } = here;
const urls = here.pages(...Array.from({ length: 30 }, (_, n) => `/page-${n}`));
const options = { concurrency: 10, cache_mode: 'none' } as const;

const WAYS: Record<string, () => AsyncIterable<CrawlResult>> = {
  WebSocket: () => client.crawl(urls, { options }),
  NDJSON: () => crawlNdjson(urls, { baseUrl, options }),
  SSE: () => crawlSse(urls, { baseUrl, options }),
};

for await (const { type } of WAYS['NDJSON']!()) if (type === 'summary') console.log('warmed up'); // for a fair start
for (const [name, crawl] of Object.entries(WAYS)) {
  const startedAt = performance.now();
  const titles = new Set<string>();
  const types = new Set<string>();
  let firstMs = 0;
  for await (const { type, data } of crawl()) {
    types.add(type);
    if (type !== 'result') continue;
    firstMs ||= performance.now() - startedAt;
    titles.add(data.result.document?.title ?? '');
  }
  const totalMs = performance.now() - startedAt;
  console.log(`${name}: ${titles.size} pages (${[...types].join(', ')})`);
  console.log(`  first after ${firstMs.toFixed(0)} ms, all after ${totalMs.toFixed(0)} ms`);
}
// Only a WebSocket can be asked something while it brings results.
console.log('status over the same connection:', (await client.status()).isHealthy);
