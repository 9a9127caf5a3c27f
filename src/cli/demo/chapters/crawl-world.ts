// What the crawl's chapter needs: a site of some pages that take their time, a crawl server, a fault proxy in front of
// it, and a client that goes through the proxy. Loaded by that chapter only: nothing else needs a crawl server.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exponentialBackoff } from '../../../backoff.ts';
import { CrawlClient } from '../../../crawl/index.ts';
import { createCrawlServer, type CrawlServer } from '../../../server/index.ts';
import { FaultProxy } from '../../../testing/fault-proxy.ts';
import type { Stage } from '../stage.ts';

const PAGE_MS = 80;
const BACKOFF = exponentialBackoff({ baseMs: 250 });

export class CrawlWorld implements AsyncDisposable {
  readonly site: Server;
  readonly server: CrawlServer;
  readonly proxy: FaultProxy;
  readonly client: CrawlClient;

  private constructor(site: Server, server: CrawlServer, proxy: FaultProxy, stage: Stage) {
    this.site = site;
    this.server = server;
    this.proxy = proxy;
    const { inspect } = stage;
    this.client = new CrawlClient({
      ...{ baseUrl: proxy.url, name: 'a crawl', retry: { backoff: BACKOFF } },
      ...(inspect && { inspect }),
    });
    this.client.on('connection', (connection) => void stage.follow(connection));
  }

  static async make(this: void, stage: Stage): Promise<CrawlWorld> {
    const site = await openSite();
    const server = await createCrawlServer({ allowPrivateAddresses: true });
    return new CrawlWorld(site, server, await FaultProxy.listen(server.url), stage);
  }

  /** The URLs of so many pages. */
  readonly urlsOf = (count: number): readonly string[] => {
    const { port } = this.site.address() as AddressInfo;
    return Array.from({ length: count }, (_, number) => `http://127.0.0.1:${port}/page-${number + 1}`);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.disconnect();
    await this.proxy.close();
    await this.server.close({ deadlineMs: 0 });
    this.site.close();
    this.site.closeAllConnections();
  }
}

async function openSite(): Promise<Server> {
  const site = createServer(({ url = '/' }, response) => {
    if (url === '/robots.txt') {
      response.writeHead(404).end();
      return;
    }
    const html = `<title>Page ${url.slice('/page-'.length)}</title><p>${'Some words. '.repeat(50)}</p>`;
    const timer = setTimeout(
      () => response.writeHead(200, { 'Content-Type': 'text/html' }).end(html),
      PAGE_MS,
    );
    response.on('close', () => clearTimeout(timer));
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  return site;
}
