// Options, progress, several crawls at once over one connection in MessagePack, and what the client has measured.
// Run: node --conditions=statewire-source --import=tsx examples/crawl/advanced.ts
import { CrawlClient, type CrawlOptions } from '../../src/crawl/index.ts'; // in your project: 'statewire/crawl'
import { local } from './support/local.ts';

await using here = await local();
await using client = new CrawlClient({
  baseUrl: here.baseUrl,
  encoding: 'messagepack',
  compression: true,
  crawlIdleMs: 20_000,
});
const options: CrawlOptions = { concurrency: 3, cache_mode: 'read_write', timeout_secs: 5 };

async function crawl(name: string, paths: readonly string[]) {
  let steps = 0;
  for await (const { type, data } of client.crawl(here.pages(...paths), { options })) {
    if (type === 'metadata')
      console.log(`${name}: ${data.total_urls} pages, session ${data.session_id.length > 0}`);
    if (type === 'result') {
      const { completed, total, success_rate } = data.progress;
      steps += completed === steps + 1 && total === paths.length ? 1 : 0;
      if (completed === total)
        console.log(`${name}: ${steps} steps, ${Math.round(success_rate * 100)} % succeeded`);
    }
  }
}

const paths = (folder: string) => Array.from({ length: 8 }, (_, n) => `/${folder}/${n}`);
await Promise.all([crawl('news', paths('news')), crawl('docs', [...paths('docs'), '/missing', '/missing'])]);

// A second time: the server remembers its pages.
let fromCache = 0;
for await (const { type, data } of client.crawl(here.pages(...paths('news')), { options }))
  if (type === 'result' && data.result.from_cache) fromCache += 1;
console.log(`${fromCache} of 8 from the cache`);

const { crawls, results, connections } = client.metrics;
console.log(`${crawls.completed} crawls, ${results.succeeded} pages, ${connections.opened} connection`);
