// A crawl: the server greets, says what it will do, sends each page as soon as it has it, and sums up.
// Run: node --conditions=statewire-source --import=tsx examples/crawl/basic.ts
import { CrawlClient } from '../../src/crawl/index.ts'; // in your project: 'statewire/crawl'
import { local } from './support/local.ts';

await using here = await local();
await using client = new CrawlClient({ baseUrl: here.baseUrl });

for await (const { type, data } of client.crawl(here.pages('/home', '/about', '/missing'))) {
  if (type === 'welcome') console.log('protocol', data.protocol_version);
  if (type === 'metadata') console.log(`${data.total_urls} pages to come`);
  if (type === 'result')
    console.log(data.result.document?.title ?? data.result.error?.message, '·', data.result.status);
  if (type === 'summary') console.log(`${data.successful} fetched, ${data.failed} failed`);
}
