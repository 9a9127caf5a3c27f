// A callback beside the iteration: it sees each message first, is awaited, and what it throws ends the crawl.
// Run: node --conditions=statewire-source --import=tsx examples/crawl/callbacks.ts
import { CrawlClient, type CrawlResult } from '../../src/crawl/index.ts'; // in your project: 'statewire/crawl'
import { local } from './support/local.ts';

await using here = await local();
await using client = new CrawlClient({ baseUrl: here.baseUrl });

const journal: string[] = [];
const onMessage = async ({ type }: CrawlResult) => {
  await new Promise(setImmediate); // saving it somewhere takes a moment; the server waits if it takes long
  journal.push(type);
};

let told = 0;
for await (const { type } of client.crawl(here.pages('/a', '/b'), { onMessage })) {
  told += 1;
  console.log(`${type}: the callback was there before: ${String(journal.length === told)}`);
}
console.log('journal:', journal.join(', '));

const full = client.crawl(here.pages('/c'), {
  onMessage: ({ type }) => {
    if (type === 'result') throw new Error('the disk is full');
  },
});
try {
  for await (const { type } of full) if (type === 'result') console.log('never');
} catch (error) {
  console.log('ended by the callback:', (error as Error).message);
}
