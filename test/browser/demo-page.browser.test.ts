// The demo's page in a real browser, over the demo's endpoints, through a proxy that cuts the network.
import type { Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addDemoPage } from '../../src/demo-server/page-route.ts';
import { addDemoRoutes } from '../../src/demo-server/routes.ts';
import { createRealtimeServer, type RealtimeServer } from '../../src/server/index.ts';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { Client } from '../server/realtime/harness.ts';
import { CHROMIUM, startBrowser, type TestBrowser } from './chromium.ts';
import { findTool } from '../support/tools.ts';

const PANELS = ['chat', 'stocks', 'metrics', 'logs'] as const;
type Panel = (typeof PANELS)[number];

const chromiumPath = findTool("The tests of the demo's page", CHROMIUM);

/** A page that is looked at, and what went wrong in it. */
class DemoPage implements AsyncDisposable {
  readonly page: Page;
  readonly complaints: string[] = [];
  readonly requests: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('websocket', (socket) => this.requests.push(socket.url()));
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (message) => {
      // A lost connection is complained about by the browser itself.
      if (message.type() === 'error' && !/net::ERR_/.test(message.text()))
        this.complaints.push(message.text());
    });
  }

  static async open({ context }: TestBrowser, url: string, width = 1280): Promise<DemoPage> {
    const demo = new DemoPage(await context.newPage());
    await demo.page.setViewportSize({ width, height: 900 });
    await demo.page.goto(url);
    return demo;
  }

  async join(): Promise<void> {
    await this.page.click('#join');
    await this.untilState('chat', 'open');
  }

  async say(line: string): Promise<void> {
    await this.page.bringToFront();
    await this.page.fill('#chat-text', line);
    await this.page.press('#chat-text', 'Enter');
  }

  async when<Argument>(condition: (argument: Argument) => boolean, argument?: Argument): Promise<void> {
    // In the page, the condition is a function of its own.
    await this.page.waitForFunction(condition as (argument: unknown) => boolean, argument as unknown, {
      polling: 20,
      timeout: 10_000,
    });
  }

  untilState(panel: Panel, state: string): Promise<void> {
    return this.when(
      ([id, word]) => document.querySelector(`#${id!} .state`)?.textContent === word,
      [panel, state],
    );
  }

  async untilAll(state: string): Promise<void> {
    for (const panel of PANELS) await this.untilState(panel, state);
  }

  untilHeard(line: string): Promise<void> {
    return this.when(
      (words) =>
        [...document.querySelectorAll('#chat-lines .other .words')].some((one) => one.textContent === words),
      line,
    );
  }

  /** Waits for so many numbered events of a stream. */
  untilEvents(panel: Panel, count: number): Promise<void> {
    return this.when(
      ([id, wanted]) => {
        const figures = document.querySelector(`#${String(id)} .note-figures`)?.textContent ?? '';
        return Number.parseInt(figures.replaceAll(',', ''), 10) >= Number(wanted);
      },
      [panel, count],
    );
  }

  texts(selector: string): Promise<string[]> {
    return this.page.locator(selector).allTextContents();
  }

  /** The numbers of the events that are shown, in the order in which they came. */
  async numbers(panel: 'metrics' | 'logs'): Promise<number[]> {
    const rows = panel === 'logs' ? '#log-rows' : '#sample-rows';
    const ids = await this.page.$$eval(`${rows} [data-id]`, (all) =>
      all.map((row) => Number(row.getAttribute('data-id'))),
    );
    return panel === 'logs' ? ids : ids.reverse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }
}

const fromOneTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe.skipIf(chromiumPath === undefined)("the demo's page", { timeout: 20_000 }, () => {
  let browser: TestBrowser;
  let server: RealtimeServer;
  let proxy: FaultProxy;
  let url: string;

  beforeAll(async () => {
    browser = await startBrowser(chromiumPath!);
    return () => browser.close();
  }, 30_000);

  async function serve(pace: number): Promise<void> {
    server = createRealtimeServer();
    addDemoPage(addDemoRoutes(server, { seed: 7, pace }));
    await server.listen();
    proxy = await FaultProxy.listen(server.url);
    url = proxy.url;
  }
  beforeEach(() => serve(0.05));
  afterEach(async () => {
    await proxy.close();
    await server.close({ deadlineMs: 0 });
  });

  it('shows four panels that are alive, and asks nobody but its server', async () => {
    await using demo = await DemoPage.open(browser, url);
    expect(await demo.texts('#chat .state')).toEqual(['idle']);
    await demo.join();
    await demo.untilAll('open');
    await demo.untilEvents('stocks', 60);
    await demo.untilEvents('metrics', 30);
    await demo.untilEvents('logs', 30);

    expect((await demo.texts('#stock-rows th')).length).toBe(8);
    expect(await demo.texts('#stock-rows tr:first-child .change')).toEqual([
      expect.stringMatching(/^[▲▼■] [+−±]\d+\.\d\d \([+−±]\d+\.\d\d %\)$/),
    ]);
    expect(await demo.texts('#metrics-figures dt')).toEqual(
      expect.arrayContaining(['CPU', 'Memory', 'Received']),
    );
    await demo.when(() => document.querySelectorAll('#plots .line[d*=L]').length === 4);
    await demo.when(() => document.querySelector('#plots .alert') !== null);
    expect(new Set(await demo.texts('#log-rows .level'))).toEqual(
      new Set(['DEBUG', 'INFO', 'WARNING', 'ERROR']),
    );
    const { host } = new URL(url);
    expect(demo.requests.filter((one) => new URL(one).host !== host)).toEqual([]);
    expect(demo.complaints).toEqual([]);
  });

  it('lets two pages chat with each other, and measures the round trip', async () => {
    await using ada = await DemoPage.open(browser, url);
    await ada.join();
    await using bob = await DemoPage.open(browser, url);
    await bob.join();
    await bob.say('Hello, Ada.');
    await ada.untilHeard('Hello, Ada.');
    await ada.say('Hello, Bob.');
    await bob.untilHeard('Hello, Bob.');

    await bob.when(() => document.querySelector('#chat-lines .own')?.getAttribute('data-status') === 'said');
    expect(await bob.texts('#chat-lines .line:not(.note-line) .words')).toEqual([
      'Hello, Ada.',
      'Hello, Bob.',
    ]);
    expect(await bob.texts('#chat .note-figures')).toEqual([expect.stringMatching(/^round trip \d+ ms$/)]);
    const [nameOfBob] = await ada.texts('#chat-lines .other .who');
    expect(await bob.texts('#chat-lines .note-line')).toEqual([`The room calls you ${nameOfBob!}.`]);
    expect([...ada.complaints, ...bob.complaints]).toEqual([]);
  });

  it('shows what others say as text, whatever it is', async () => {
    const line = `<script>document.title = 'mine'</script><img src="x" onerror="document.title = 'mine'">`;
    await using other = await Client.open(server, '/ws/chat');
    await using demo = await DemoPage.open(browser, url);
    await demo.join();
    other.socket.send(line);
    await demo.untilHeard(line);

    expect(await demo.page.locator('#chat-lines :is(script, img)').count()).toBe(0);
    expect(await demo.page.title()).toBe('statewire demo');
    expect(demo.complaints).toEqual([]);
  });

  it('survives a cut: no event is missing, none comes twice, and what was typed meanwhile is said once', async () => {
    await using other = await Client.open(server, '/ws/chat');
    await using demo = await DemoPage.open(browser, url);
    await demo.join();
    await demo.untilEvents('metrics', 15);
    await demo.untilEvents('logs', 15);
    proxy.cutAfter(100, { direction: 'toClient', times: 3 });
    for (const panel of ['stocks', 'metrics', 'logs'] as const)
      await demo.when((id) => document.querySelector(`#${id} .state`)?.textContent !== 'open', panel);
    await proxy.goAway();
    await demo.untilAll('reconnecting');
    await demo.say('typed while away');

    await demo.when(() =>
      /^attempt \d+ in \d+\.\d s$/.test(document.querySelector('#chat .plan')?.textContent ?? ''),
    );
    expect(await demo.texts('#chat-lines .own[data-status=waiting] .status')).toEqual([
      'waits for the connection',
    ]);
    await proxy.comeBack();
    await demo.page.$$eval('.try-now:not([hidden])', (all) => {
      for (const one of all as HTMLElement[]) one.click();
    });
    await demo.untilAll('open');
    await demo.untilEvents('metrics', 40);
    await demo.untilEvents('logs', 60);
    await demo.when(() => document.querySelector('#chat-lines .own')?.getAttribute('data-status') === 'said');
    await demo.say('and this after it');
    await other.got(3);

    for (const panel of ['metrics', 'logs'] as const) {
      const numbers = await demo.numbers(panel);
      expect(numbers).toEqual(fromOneTo(numbers.length));
    }
    for (const panel of ['stocks', 'metrics', 'logs'])
      expect(await demo.texts(`#${panel} .note-figures`)).toEqual([
        expect.stringMatching(/ · 0 missing · 0 repeated$/),
      ]);
    const heard = other.messages.map((message) => JSON.parse(message as string) as { message: string });
    expect(heard.slice(1).map(({ message }) => message)).toEqual(['typed while away', 'and this after it']);
    expect(demo.complaints).toEqual([]);
  });

  it('ends a connection and brings it back, from where it was', async () => {
    await using demo = await DemoPage.open(browser, url);
    await demo.untilEvents('logs', 5);
    await demo.page.click('#logs .toggle');
    await demo.untilState('logs', 'closed');
    const shown = await demo.numbers('logs');
    await demo.page.click('#logs .toggle');
    await demo.untilEvents('logs', shown.length + 5);

    const numbers = await demo.numbers('logs');
    expect(numbers).toEqual(fromOneTo(numbers.length));
    expect(await demo.texts('#logs .toggle')).toEqual(['Disconnect']);
  });

  it('keeps the last 500 rows of the log, and holds still for whoever scrolls up', async () => {
    await proxy.close();
    await server.close({ deadlineMs: 0 });
    await serve(0);
    await using demo = await DemoPage.open(browser, url);
    await demo.untilEvents('logs', 600);
    expect(await demo.page.locator('#log-rows .row').count()).toBe(500);
    await demo.page.$eval('#log-rows', (rows) => {
      rows.scrollTop -= 200;
    });
    await demo.when(() => document.querySelector('#log-follow')?.textContent.startsWith('Paused') === true);
    const held = await demo.numbers('logs');
    await demo.untilEvents('logs', held.at(-1)! + 20);
    expect(await demo.numbers('logs')).toEqual(held);
    expect(await demo.texts('#log-follow')).toEqual([expect.stringMatching(/^Paused · [1-9]\d*\+? new$/)]);
    await demo.page.click('#log-follow');
    await demo.when((last) => {
      const rows = document.querySelector('#log-rows')!;
      return Number(rows.lastElementChild?.getAttribute('data-id')) > last;
    }, held.at(-1));

    const numbers = await demo.numbers('logs');
    expect(numbers.length).toBe(500);
    expect(numbers).toEqual(fromOneTo(numbers.at(-1)!).slice(-500));
  });

  it('fits a phone, and is used with the keyboard alone', async () => {
    await using demo = await DemoPage.open(browser, url, 390);
    await demo.untilEvents('stocks', 30);
    expect(
      await demo.page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return scrollWidth - clientWidth;
      }),
    ).toBe(0);
    const { page } = demo;
    const focused = (): Promise<string | undefined> => page.evaluate(() => document.activeElement?.id);
    for (let presses = 0; presses < 20 && (await focused()) !== 'join'; presses += 1)
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await demo.untilState('chat', 'open');
    expect(await focused()).toBe('chat-text');
    await page.keyboard.type('by hand');
    await page.keyboard.press('Enter');
    await demo.when(() => document.querySelector('#chat-lines .own')?.getAttribute('data-status') === 'said');
    expect(await demo.texts('#chat-lines .own .words')).toEqual(['by hand']);
  });
});
