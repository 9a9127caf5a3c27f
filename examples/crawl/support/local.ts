// What the examples crawl and whom they ask, all on 127.0.0.1: a small site, and a crawl server of our own.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCrawlServer } from '../../../src/server/index.ts'; // in your project: 'statewire/server'

const escaped = (text: string) => text.replace(/[&<]/g, (character) => `&#${character.charCodeAt(0)};`);

/** `/anything` is a page; `/anything?afterMs=500` one that takes its time; `/missing` is none. */
export async function local() {
  const site = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://site');
    const isFound = pathname !== '/missing' && pathname !== '/robots.txt';
    const html = `<title>${escaped(pathname)}</title><main><h1>${escaped(pathname)}</h1><p>Some words.</p></main>`;
    const answer = () => response.writeHead(isFound ? 200 : 404, { 'Content-Type': 'text/html' }).end(html);
    const timer = setTimeout(answer, Number(searchParams.get('afterMs') ?? 0));
    response.on('close', () => clearTimeout(timer));
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const { port } = site.address() as AddressInfo;
  const server = await createCrawlServer({
    allowPrivateAddresses: true, // a server for others says no to private addresses
    limits: { concurrencyPerHost: 10 },
  });
  return {
    /** Of the crawl server. */
    baseUrl: server.url,
    pages: (...paths: string[]) => paths.map((path) => `http://127.0.0.1:${port}${path}`),
    async [Symbol.asyncDispose]() {
      await server.close({ deadlineMs: 0 });
      site.close();
      site.closeAllConnections();
    },
  };
}
