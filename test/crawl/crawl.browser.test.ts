// The crawl client in a real browser, which sends no headers and cannot stop reading, against the crawl server.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as door from '../../src/crawl/index.ts';
import { createCrawlServer, type CrawlServer } from '../../src/server/index.ts';
import { bundleForBrowser } from '../support/browser-bundle.ts';
import { CHROMIUM, startBrowser } from '../browser/chromium.ts';
import { findTool } from '../support/tools.ts';

declare const crawl: typeof door;

const chromiumPath = findTool('The browser tests of the crawl client', CHROMIUM);

describe.skipIf(chromiumPath === undefined)('in Chromium', () => {
  const site = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<title>A page</title>');
  });
  let urls: readonly string[];
  let server: CrawlServer;
  let page: Page;

  beforeAll(async () => {
    const browser = await startBrowser(chromiumPath!);
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    const root = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
    urls = Array.from({ length: 20 }, (_, place) => `${root}/${place}`);
    server = await createCrawlServer({
      allowPrivateAddresses: true,
      robots: false,
      apiKeys: ['key-of-ada'],
      allowedOrigins: [new URL(browser.pageUrl).origin],
      limits: { concurrencyPerHost: 16 },
    });
    page = await browser.context.newPage();
    await page.goto(browser.pageUrl);
    const { code } = await bundleForBrowser(
      "import * as crawl from './src/crawl/index.ts'; globalThis.crawl = crawl;",
    );
    await page.addScriptTag({ content: code, type: 'module' });
    await page.waitForFunction(() => 'crawl' in globalThis);
    return () => browser.close();
  }, 30_000);

  afterAll(async () => {
    await server.close({ deadlineMs: 0 });
    site.closeAllConnections();
    site.close();
  });

  it.each(['json', 'messagepack'] as const)(
    'crawls, slowly, with its key in a subprotocol (%s)',
    async (encoding) => {
      const results = await page.evaluate(
        async ({ baseUrl, given, wanted }) => {
          const client = new crawl.CrawlClient({
            ...{ baseUrl, encoding: wanted, maxBuffered: 2 },
            ...{ apiKey: 'key-of-ada', sendKeyAs: 'subprotocol' },
          });
          const indexes: number[] = [];
          for await (const { type, data } of client.crawl(given)) {
            if (type !== 'result') continue;
            indexes.push(data.index);
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
          await client.disconnect();
          return indexes;
        },
        { baseUrl: server.url, given: urls, wanted: encoding },
      );

      expect(results.sort((a, b) => a - b)).toEqual([...urls.keys()]);
    },
  );

  it('refuses a key that it could not send', async () => {
    const message = await page.evaluate((baseUrl) => {
      try {
        return `${new crawl.CrawlClient({ baseUrl, apiKey: 'key-of-ada' }).connections.length} connections`;
      } catch (thrown) {
        return String(thrown);
      }
    }, server.url);

    expect(message).toContain(
      'ValidationError: Expected `apiKey` to be absent where sockets cannot send headers',
    );
  });
});
