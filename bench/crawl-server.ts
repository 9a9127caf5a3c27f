// The other end of the crawl benchmark, in a process of its own: a site whose pages come from memory, and a crawl server
// that has no limits in the way. Says its URLs first, and then, whenever it is asked, the processor time it has used.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCrawlServer } from '../src/server/index.ts';

const PARAGRAPH = `<p>${'Some words about what this page is about. '.repeat(10)}</p>`;

const site = createServer(({ url = '/' }, response) => {
  if (url === '/robots.txt') response.writeHead(404).end();
  else
    response
      .writeHead(200, { 'Content-Type': 'text/html' })
      .end(`<title>${url}</title><main><h1>${url}</h1>${PARAGRAPH.repeat(4)}</main>`);
});
site.listen(0, '127.0.0.1');
await once(site, 'listening');

const MANY = 1_000_000;
const server = await createCrawlServer({
  allowPrivateAddresses: true,
  limits: {
    ...{ maxConnectionsPerAddress: MANY, requestsPerSecond: MANY, requestBurst: MANY },
    ...{ maxCrawlConcurrency: 100, concurrencyPerHost: 100, concurrency: 100 },
  },
});

process.on('message', () => process.send?.(process.cpuUsage()));
process.on('disconnect', () => process.exit());
process.send?.({ site: `http://127.0.0.1:${(site.address() as AddressInfo).port}`, server: server.url });
