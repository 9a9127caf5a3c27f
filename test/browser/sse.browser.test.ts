// SSE connections in a real browser, through its own fetch, against a server of another origin on loopback.
import type { Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type * as door from '../../src/sse/index.ts';
import { StreamServer, type Exchange } from '../sse/stream-server.ts';
import { bundleForBrowser } from '../support/browser-bundle.ts';
import { CHROMIUM, startBrowser, type TestBrowser } from './chromium.ts';
import { findTool } from '../support/tools.ts';

declare const sse: typeof door;

const chromiumPath = findTool('The browser tests of SSE', CHROMIUM);

const ALLOWED = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Headers': 'authorization, last-event-id',
} as const;

describe.skipIf(chromiumPath === undefined)('in Chromium', () => {
  let browser: TestBrowser;
  let page: Page;
  let server: StreamServer;
  let code: string;
  let foreign: readonly string[];
  let uncaught: Error[];

  beforeAll(async () => {
    ({ code, foreign } = await bundleForBrowser(
      "import * as sse from './src/sse/index.ts'; globalThis.sse = sse;",
    ));
    browser = await startBrowser(chromiumPath!);
    return () => browser.close();
  }, 30_000);

  beforeEach(async () => {
    server = await StreamServer.listen();
    // Headers of one's own cost a preflight.
    server.answer = (exchange) => {
      const isPreflight = exchange.request.method === 'OPTIONS';
      if (isPreflight) exchange.refuse(204, ALLOWED);
      return isPreflight;
    };
    page = await browser.context.newPage();
    uncaught = [];
    page.on('pageerror', (error) => uncaught.push(error));
    await page.goto(browser.pageUrl);
    await page.addScriptTag({ content: code, type: 'module' });
    await page.waitForFunction(() => 'sse' in globalThis);
  });
  afterEach(async () => {
    await page.close();
    await server.close();
    expect(uncaught).toEqual([]);
  });

  const nextStream = async (): Promise<Exchange> => (await server.next()).open(ALLOWED);

  it('asks no module that a browser does not have', () => {
    expect(foreign).toEqual([]);
  });

  it('sends headers, comes back after a cut from where it was, and closes', async () => {
    const life = await page.evaluateHandle((url) => {
      const connection = new sse.SseConnection<{ readonly n: number }>({
        url,
        headers: ({ attempt }) => ({ Authorization: `Bearer ${attempt}` }),
        decode: 'json',
      });
      const numbers: number[] = [];
      connection.onEvent('tick', ({ data }) => numbers.push(data.n));
      connection.connect().catch(() => undefined);
      return { connection, numbers };
    }, server.url);
    const first = await nextStream();
    first.write('retry: 100\nid: 1\nevent: tick\ndata: {"n":1}\n\nid: 2\nevent: tick\ndata: {"n"');
    await page.waitForFunction(({ numbers }) => numbers.length === 1, life, { polling: 10 });
    first.cut();
    const second = await nextStream();
    second.write('id: 2\nevent: tick\ndata: {"n":2}\n\n');
    await page.waitForFunction(({ numbers }) => numbers.length === 2, life, { polling: 10 });
    await life.evaluate(({ connection }) => connection.disconnect());
    await second.gone();

    expect([first, second].map(({ request }) => request.headers.authorization)).toEqual([
      'Bearer 0',
      'Bearer 1',
    ]);
    expect([first, second].map(({ lastEventId }) => lastEventId)).toEqual([undefined, '1']);
    expect(await life.evaluate(({ connection, numbers }) => [connection.state, ...numbers])).toEqual([
      ...['closed', 1, 2],
    ]);
  });

  it('slows the server down while nobody reads, and loses nothing', async () => {
    const life = await page.evaluateHandle((url) => {
      const connection = new sse.SseConnection({ url });
      connection.connect().catch(() => undefined);
      return { connection, stream: connection.messages({ maxBuffered: 2 }) };
    }, server.url);
    const exchange = await nextStream();
    const event = `data: ${'x'.repeat(65_000)}\n\n`;
    let written = 0;
    // Until loopback and both ends are full: one that reads all the same never lets it come to that.
    while (written < 3_000 && exchange.response.writableLength < 4_000_000) {
      written += 1;
      await new Promise((resolve) => setImmediate(resolve));
      exchange.write(event);
    }
    const readBefore = await life.evaluate(({ connection }) => connection.stats.messagesIn);
    const read = await life.evaluate(async ({ stream }, count) => {
      let taken = 0;
      while (taken < count && (await stream.next()).done !== true) taken += 1;
      return taken;
    }, written);
    await life.evaluate(({ connection }) => connection.disconnect());

    expect(written).toBeLessThan(3_000);
    expect(readBefore).toBeLessThan(written);
    expect(read).toBe(written);
  });

  it('stands in for the EventSource of the DOM', async () => {
    const tell = async (which: 'StatewireEventSource' | 'EventSource') => {
      const life = await page.evaluateHandle(
        ([name, url]) => {
          const Source = name === 'EventSource' ? EventSource : sse.StatewireEventSource;
          const source = new Source(url);
          const told: unknown[] = [source.readyState, source.url, source.withCredentials];
          source.onopen = () => told.push(['open', source.readyState]);
          source.onerror = () => told.push(['error', source.readyState]);
          source.onmessage = (event: MessageEvent) =>
            told.push([event.data, event.lastEventId, event.origin]);
          source.addEventListener('price', (event: MessageEvent) => told.push([event.type, event.data]));
          return { source, told };
        },
        [which, server.url] as const,
      );
      const first = await nextStream();
      first.write('retry: 100\nid: 1\ndata: a\ndata\n\nevent: price\ndata: 12\n\nid\ndata: b\n\n').end();
      const second = await server.next();
      second.refuse(204, ALLOWED);
      await page.waitForFunction(({ source }) => source.readyState === 2, life, { polling: 10 });
      return life.evaluate(({ told }) => told);
    };

    expect(await tell('StatewireEventSource')).toEqual(await tell('EventSource'));
  });
});
