// The page of the example in a real browser: it asks, and shows the answer as it grows, through a cut.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../../examples/channels/support/server.ts';
import { findTool } from '../support/tools.ts';
import { CHROMIUM, startBrowser, type TestBrowser } from './chromium.ts';

const chromiumPath = findTool('The test of the page of an assistant', CHROMIUM);

describe.skipIf(chromiumPath === undefined)('the page of an assistant', () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await startBrowser(chromiumPath!);
  }, 30_000);
  afterAll(() => browser.close());

  it('shows the tools, the text as it grows, a cut, and the end', { timeout: 30_000 }, async () => {
    await using here = await serve();
    const page = await browser.context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    await page.goto(here.url);
    await page.waitForSelector('#ask:enabled');
    // All that was ever seen, noted in the page itself: it may be gone again before we look.
    await page.evaluate(() => {
      const seen: string[] = [];
      const part = (id: string) => document.getElementById(id)?.textContent ?? '';
      Object.assign(globalThis, { seen });
      new MutationObserver(() => seen.push(`${part('status')}|${part('text')}`)).observe(document.body, {
        subtree: true,
        childList: true,
      });
    });
    await page.click('#ask');
    await page.waitForFunction(() => document.getElementById('status')?.textContent === 'Done.', undefined, {
      timeout: 20_000,
    });

    const seen = (await page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen)).map(
      (entry) => {
        const [status = '', text = ''] = entry.split('|');
        return { status, text };
      },
    );
    const end = seen.at(-1)?.text ?? '';
    expect(end).toMatch(/^It is 31 °C in Makati, .* with you\.$/);
    expect(seen.filter(({ text }) => !end.startsWith(text))).toEqual([]);
    expect(new Set(seen.map(({ text }) => text)).size).toBeGreaterThan(5);
    expect(seen.map(({ status }) => status)).toContain('Connection lost; what was said is kept.');
    expect(await page.locator('#tools li').allTextContents()).toEqual([
      'Executing weather check for Makati',
      'Executing get_tide...',
    ]);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
