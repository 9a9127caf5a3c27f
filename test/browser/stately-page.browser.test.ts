// The page that hands what happens to Stately's inspector: in a real Chromium, with a stand-in for stately.ai that runs
// the official receiver. Nothing may be contacted before somebody clicks.
import type { StatelyInspectionEvent } from '@statelyai/inspect';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../src/testing/wait.ts';
import { liveView } from '../../visualizations/live/server.ts';
import { bundleForBrowser } from '../support/browser-bundle.ts';
import { stage } from '../support/connected.ts';
import { CHROMIUM, startBrowser, type TestBrowser } from './chromium.ts';
import { findTool } from '../support/tools.ts';

const chromiumPath = findTool('The test of the page for Stately', CHROMIUM);

declare global {
  /** What the stand-in received, as text. */
  var received: string[];
}

const STAND_IN = `
  import { createBrowserReceiver } from '@statelyai/inspect';
  globalThis.received = [];
  createBrowserReceiver().subscribe((event) => received.push(JSON.stringify(event)));
`;

const INSPECTOR = 'https://stately.ai/inspect';
const SLOW_MS = 20_000;

describe.skipIf(chromiumPath === undefined)('the page for Stately, in Chromium', () => {
  let browser: TestBrowser;

  beforeAll(async () => {
    browser = await startBrowser(chromiumPath!);
    return () => browser.close();
  }, 60_000);

  /** Has the browser meet the stand-in wherever it asks for stately.ai, and keeps every address that it asks for. */
  async function standIn(): Promise<URL[]> {
    const { code } = await bundleForBrowser(STAND_IN);
    const body = `<!doctype html><title>Stand-in</title><script type="module">${code.replaceAll('</', '<\\/')}</script>`;
    const asked: URL[] = [];
    await browser.context.route(
      (url) => {
        asked.push(url);
        return url.hostname !== '127.0.0.1';
      },
      (route) =>
        route.request().url().startsWith(INSPECTOR)
          ? route.fulfill({ contentType: 'text/html', body })
          : route.abort(),
    );
    return asked;
  }

  /** What the stand-in in this page has received, as soon as a snapshot with this text is among it. */
  async function receivedBy(page: Page, text: string): Promise<StatelyInspectionEvent[]> {
    const frame = await until(() => page.frames().find((one) => one.url().startsWith(INSPECTOR)), {
      timeoutMs: SLOW_MS,
    });
    const has = (wanted: string) => globalThis.received.some((one) => one.includes(wanted));
    await frame.waitForLoadState();
    await frame.waitForFunction(has, text, { polling: 50, timeout: SLOW_MS });
    const texts = await frame.evaluate(() => globalThis.received);
    return texts.map((one) => JSON.parse(one) as StatelyInspectionEvent);
  }

  it('contacts nobody until it is clicked, and then tells the inspector what happens', async () => {
    const asked = await standIn();
    await using view = await liveView();
    await using scene = await stage({ inspect: view, name: 'orders' });
    await scene.connect();
    const page = await browser.context.newPage();
    const popup = page.waitForEvent('popup', { timeout: SLOW_MS });
    await page.goto(view.url);
    await page.getByText('orders').first().waitFor({ timeout: SLOW_MS });

    expect([...new Set(asked.map(({ origin }) => origin))]).toEqual([view.url]);
    await page.locator('a[href="/stately"]').click();
    const stately = await popup;
    await receivedBy(stately, '"open":"healthy"');
    void scene.connection.disconnect();
    const received = await receivedBy(stately, '"value":"closed"');
    const snapshots = received.flatMap((event) => (event.type === '@xstate.snapshot' ? [event] : []));

    expect(received[0]).toMatchObject({ type: '@xstate.actor', name: 'orders' });
    expect(snapshots.map(({ snapshot }) => (snapshot as unknown as { value: unknown }).value)).toEqual([
      'idle',
      { online: 'connecting' },
      { online: 'authenticating' },
      { online: { open: 'healthy' } },
      { online: { closing: 'leaving' } },
      'closed',
    ]);
    expect(new Set(asked.filter(({ origin }) => origin !== view.url).map(({ href }) => href))).toEqual(
      new Set([INSPECTOR]),
    );
    await until(() => scene.connection.state === 'closed');
    await Promise.all([page.close(), stately.close()]);
  }, 90_000);
});
