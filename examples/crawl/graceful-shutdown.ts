// Ending a crawl early: a signal ends it wherever it is, the server is told, and the connection is closed properly.
// Run: node --conditions=statewire-source --import=tsx examples/crawl/graceful-shutdown.ts
import { CrawlClient } from '../../src/crawl/index.ts'; // in your project: 'statewire/crawl'
import { local } from './support/local.ts';

await using here = await local();
await using client = new CrawlClient({ baseUrl: here.baseUrl });
const urls = here.pages(
  ...[100, 300, 60_000, 60_000, 60_000].map((afterMs, n) => `/${n}?afterMs=${afterMs}`),
);

const shutdown = AbortSignal.timeout(1_500); // in a service: aborted on SIGTERM
const done = new Set<string>();
try {
  for await (const { type, data } of client.crawl(urls, { signal: shutdown }))
    if (type === 'result') done.add(data.result.url);
} catch (reason) {
  if (!shutdown.aborted) throw reason;
  console.log('stopped:', (reason as Error).name);
}
console.log(`${done.size} done, ${urls.filter((url) => !done.has(url)).length} left for the next time`);

const [connection] = client.connections;
connection?.on('statechange', ({ previous, state, reason }) =>
  console.log(`${previous} → ${state} (${reason})`),
);
await client.disconnect();
console.log('connections left:', client.connections.length);
