// The live view in a real browser: what it shows follows real connections, and no one else can read it.
import { createServer } from 'node:http';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createActor, createMachine } from 'xstate';
import { Connection, fixedBackoff, text, type Inspector } from '../../src/index.ts';
import { Port } from '../../src/testing/port.ts';
import { PuppetServer } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { liveView, type LiveView } from '../../visualizations/live/server.ts';
import { Application } from '../live/looking.ts';
import { CHROMIUM, startBrowser, type TestBrowser } from './chromium.ts';
import { findTool } from '../support/tools.ts';
import { LivePage } from './live-view.ts';

const RETRY_MS = 5_000;
/** What the page keeps of one connection. */
const MAX_ENTRIES = 2_000;

const chromiumPath = findTool("The tests of the live view's page", CHROMIUM);

/** A machine that counts: one event for every change. */
const counter = createMachine({
  id: 'counter',
  initial: 'even',
  context: {},
  states: {
    even: { description: 'The count is even.', on: { count: 'odd' } },
    odd: { description: 'The count is odd.', on: { count: 'even' } },
  },
});

const counting = (inspector: Inspector) =>
  createActor(counter, { inspect: (event) => void inspector.next(event) }).start();

describe.skipIf(chromiumPath === undefined)("the live view's page", () => {
  let browser: TestBrowser;
  let view: LiveView;
  let server: PuppetServer;
  let clock: VirtualClock;
  let connections: Connection<string>[];

  beforeAll(async () => {
    browser = await startBrowser(chromiumPath!);
    return () => browser.close();
  }, 30_000);

  beforeEach(async () => {
    view = await liveView({ maxEventsPerConnection: 3_000 });
    server = await PuppetServer.listen();
    clock = new VirtualClock();
    connections = [];
  });
  afterEach(async () => {
    await server.close();
    await Promise.all(connections.map((connection) => connection.disconnect()));
    await view.close();
  });

  /** A connection that is looked at, and whose time stands still. */
  function connectionCalled(name: string): Connection<string> {
    const connection = new Connection({
      url: server.url,
      name,
      protocol: text(),
      inspect: view,
      clock,
      heartbeat: false,
      retry: { backoff: fixedBackoff({ delayMs: RETRY_MS }) },
    });
    connection.on('error', () => undefined);
    connections.push(connection);
    return connection;
  }

  async function opened(name: string) {
    const connection = connectionCalled(name);
    const connecting = connection.connect();
    const socket = await server.accept();
    await connecting;
    return { connection, socket };
  }

  it('explains itself while there is nothing to show', async () => {
    await using live = await LivePage.open(browser, view.url);

    expect(await live.page.isVisible('#empty')).toBe(true);
    expect(await live.text('#empty')).toContain('inspect: remoteInspector()');
    expect(live.complaints).toEqual([]);
  });

  it('lights what is active and what was taken, through a loss and a reconnect', async () => {
    const { connection, socket } = await opened('orders');
    await using live = await LivePage.open(browser, view.url);
    await live.untilLit('online.open.healthy');
    expect(await live.lit()).toEqual(['online', 'online.open', 'online.open.healthy']);
    expect(await live.taken()).toContain('handshake.accepted');

    socket.close(1012, 'deploying');
    await live.untilLit('reconnecting.backingOff');
    expect(await live.lit()).toEqual(['reconnecting', 'reconnecting.backingOff']);
    expect(await live.taken()).toContain('verdict.retry');
    expect(await live.text('#subject-state')).toBe('reconnecting');
    expect(await live.text('#explanation')).toContain('received 1012 (service restart, "deploying")');
    expect(await live.text('#explanation')).toContain('before retry 1.');
    expect(await live.text('#details')).toContain('1012service restartdeploying1×');

    clock.advance(RETRY_MS);
    await server.accept();
    await until(() => connection.state === 'open');
    await live.untilLit('online.open.healthy');
    expect(await live.text('#subject-state')).toBe('open');
    expect(live.complaints).toEqual([]);
  });

  it('goes back in time with the slider, stays there while events come, and returns', async () => {
    const { socket } = await opened('orders');
    await using live = await LivePage.open(browser, view.url);
    await live.untilLit('online.open.healthy');
    await live.page.focus('#slider');
    await live.page.keyboard.press('Home');
    await live.untilLit('idle');

    socket.reset();
    await live.when(() => /Back to live, \d+ new/.test(document.querySelector('#live')?.textContent ?? ''));
    expect(await live.lit()).toEqual(['idle']);
    expect(await live.text('#explanation')).toContain('Nothing was asked yet');
    await live.page.keyboard.press('ArrowRight');
    await live.untilLit('online.connecting');

    await live.page.click('#live');
    await live.untilLit('reconnecting.backingOff');
    expect(await live.page.getAttribute('#live', 'aria-pressed')).toBe('true');
  });

  it('can be used with the keyboard alone', async () => {
    await opened('orders');
    connectionCalled('prices');
    await using live = await LivePage.open(browser, view.url);
    await live.watch('orders');
    await live.untilLit('online.open.healthy');
    const press = (...keys: string[]) =>
      keys.reduce((before, key) => before.then(() => live.page.keyboard.press(key)), Promise.resolve());

    await press('k', 'k');
    await live.untilLit('online.connecting');
    await press('j');
    await live.untilLit('online.authenticating');
    await press('Home');
    await live.untilLit('idle');
    await press('End', ' ');
    await live.untilLit('online.open.healthy');
    await press('/', 'p', 'r', 'i');
    await live.when(() => document.querySelectorAll('.connection').length === 1);
    await press('Escape', 'n');
    await live.when(() => document.querySelector('#subject')?.textContent === 'prices');
    await press('?');
    expect(await live.page.isVisible('#help')).toBe(true);
    expect(await live.text('#keys')).toContain('back to live');
    await press('Escape');
    expect(await live.page.isVisible('#help')).toBe(false);
  });

  it('explains the state that has the focus in the drawing', async () => {
    await opened('orders');
    await using live = await LivePage.open(browser, view.url);
    await live.untilLit('online.open.healthy');

    await live.page.focus('#canvas [data-state="connection.online.open.healthy"]');

    expect(await live.text('#caption')).toBe('State healthy\nLife was seen lately.');
  });

  it('shows the outline of the chart for those who cannot see the drawing, and to all who want it', async () => {
    await opened('orders');
    await using live = await LivePage.open(browser, view.url);
    await live.untilLit('online.open.healthy');
    const active = '#outline [aria-current=true] > strong';

    expect(await live.page.$$eval(active, (all) => all.map(({ textContent }) => textContent))).toEqual([
      'online',
      'open',
      'healthy',
    ]);
    await live.page.keyboard.press('o');
    await live.when(() => !document.querySelector('#outline')?.classList.contains('visually-hidden'));
    expect(await live.page.isVisible('#canvas')).toBe(false);
  });

  it('is light, dark, or as the system has it, and remembers', async () => {
    await opened('orders');
    await using live = await LivePage.open(browser, view.url);
    await live.untilLit('online.open.healthy');
    const ground = () => live.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const box = () =>
      live.page.$eval('#canvas .state.active .box', (element) => getComputedStyle(element).stroke);
    await live.page.emulateMedia({ colorScheme: 'dark' });
    const dark = await ground();

    await live.page.keyboard.press('t');
    const light = await ground();
    const boxInLight = await box();
    expect(light).not.toBe(dark);
    await live.page.keyboard.press('t');
    expect(await ground()).toBe(dark);
    expect(await live.page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
    await live.when((before) => {
      const element = document.querySelector('#canvas .state.active .box');
      return element !== null && getComputedStyle(element).stroke !== before;
    }, boxInLight);
    await live.page.reload();
    await live.when(() => document.documentElement.dataset['theme'] === 'dark');
  });

  it('breaks no rule of its content security policy, and asks nobody but its own server', async () => {
    const { socket } = await opened('orders');
    await using live = await LivePage.open(browser, view.url);
    await live.untilLit('online.open.healthy');
    socket.reset();
    await live.untilLit('reconnecting.backingOff');
    const [width, wide] = await live.page.$eval('#canvas .state.active > .box', (element) => [
      getComputedStyle(element).strokeWidth,
      element.getAttribute('stroke-width'),
    ]);

    // The drawing's own style is in force, although a `<style>` would be refused.
    expect(width).not.toBe(`${wide}px`);
    expect(live.complaints).toEqual([]);
    const { host } = new URL(view.url);
    expect(live.requests.filter((url) => new URL(url).host !== host && !url.startsWith('data:'))).toEqual([]);
  });

  it('cannot be read by a page of another origin', async () => {
    await opened('orders');
    const stranger = new Port(
      createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>')),
    );
    await stranger.comeBack();
    const page = await browser.context.newPage();
    await page.goto(`http://${stranger.authority}/`);

    const outcome = await page.evaluate(async (url) => {
      const read = await fetch(url).then(
        () => 'read',
        () => 'refused',
      );
      const opaque = await fetch(url, { mode: 'no-cors' }).then(
        ({ type }) => type,
        () => 'refused',
      );
      const socket = await new Promise((resolve) => {
        const dialled = new WebSocket(`${url.replace('http', 'ws')}/live`);
        dialled.onopen = () => resolve('open');
        dialled.onerror = () => resolve('refused');
      });
      return { read, opaque, socket };
    }, view.url);

    expect(outcome).toEqual({ read: 'refused', opaque: 'refused', socket: 'refused' });
    await page.close();
    await stranger.goAway();
  });

  it('can still be used during and after 10,000 events, and keeps a bounded number of them', async () => {
    const actor = counting(view);
    await using live = await LivePage.open(browser, view.url);
    await live.when(() => document.querySelector('#explanation')?.textContent.includes('even') ?? false);
    const nodes = () => live.page.evaluate(() => document.querySelectorAll('*').length);
    const before = await nodes();

    for (let sent = 0; sent < 10_000; sent += 1) {
      actor.send({ type: 'count' });
      if (sent % 500 === 499) {
        // In the midst of the flood a key is answered.
        const from = await live.page.evaluate(() => document.documentElement.dataset['theme'] ?? '');
        await live.page.keyboard.press('t');
        await live.when((theme) => (document.documentElement.dataset['theme'] ?? '') !== theme, from);
      }
    }
    await live.when(() => document.querySelector('#position')?.textContent === '10,001 of 10,001');

    const kept = await live.page.$eval('#slider', (slider: HTMLInputElement) =>
      [slider.min, slider.max].map(Number),
    );
    expect(kept[1]! - kept[0]! + 1).toBeLessThanOrEqual(MAX_ENTRIES);
    expect(await live.text('#earlier')).toBe(`${kept[0]!.toLocaleString('en')} earlier events are not kept.`);
    expect((await nodes()) - before).toBeLessThan(600);
    await live.page.keyboard.press('k');
    await live.when(() => document.querySelector('#position')?.textContent === '10,000 of 10,001');
    actor.stop();
  }, 60_000);

  it('follows what is new in the timeline, unless one has scrolled away from it', async () => {
    const actor = counting(view);
    await using live = await LivePage.open(browser, view.url);
    const count = (times: number) => {
      for (let sent = 0; sent < times; sent += 1) actor.send({ type: 'count' });
    };
    const position = (text: string) =>
      live.when((wanted) => document.querySelector('#position')?.textContent === wanted, text);
    const scrolled = () =>
      live.page.$eval('#events', ({ scrollTop, scrollHeight, clientHeight }) => ({
        scrollTop,
        toEnd: scrollHeight - clientHeight - scrollTop,
      }));
    count(100);
    await position('101 of 101');
    expect((await scrolled()).toEnd).toBeLessThan(2);

    await live.page.$eval('#events', (list) => list.scrollTo(0, 560));
    count(100);
    await position('201 of 201');
    expect((await scrolled()).scrollTop).toBe(560);
    actor.stop();
  });

  it('shows 1,000 connections with few elements, and filters them', async () => {
    const actors = Array.from({ length: 1_000 }, () => counting(view));
    await using live = await LivePage.open(browser, view.url);
    await live.when(() => document.querySelector('#row-count')?.textContent === '1,000');

    expect(await live.page.locator('.connection').count()).toBeLessThan(40);
    await live.page.focus('#rows');
    await live.page.keyboard.press('End');
    await live.when(
      () =>
        document.querySelector('.connection[aria-selected=true]')?.getAttribute('aria-posinset') === '1000',
    );
    await live.page.fill('#filter', 'no such thing');
    await live.when(() => document.querySelectorAll('.connection').length === 0);
    expect(await live.text('#no-match')).toBe('No connection matches “no such thing”.');
    expect(await live.text('#row-count')).toBe('0 of 1,000 shown');
    await live.page.fill('#filter', '');
    await live.when(() => document.querySelector('#no-match')?.textContent === '');
    actors.forEach((actor) => actor.stop());
    await live.when(() => document.querySelector('#row-count')?.textContent.includes('1,000 ended') ?? false);
  }, 30_000);

  it('takes an answered goodbye for no failure, and counts the connection as not open', async () => {
    const { connection } = await opened('orders');
    await using live = await LivePage.open(browser, view.url);
    const counted = (text: string) =>
      live.when((wanted) => document.querySelector('#row-count')?.textContent === wanted, text);
    await counted('1 · 1 open');

    await connection.disconnect();
    await live.untilLit('closed');
    await counted('1 · 0 open');
    expect(await live.text('#explanation')).toContain('socket.closed');
    expect(await live.page.locator('.entry.failure, #explanation .failure').count()).toBe(0);
  });

  it('offers the end of what has ended, and awaits nothing there', async () => {
    const actor = counting(view);
    actor.send({ type: 'count' });
    await using live = await LivePage.open(browser, view.url);
    await live.when(() => document.querySelectorAll('#explanation .chip').length === 1);
    expect(await live.text('#live')).toBe('Live');

    actor.stop();
    await live.when(() => document.querySelector('#live')?.textContent === 'End');
    expect(await live.text('#explanation')).toContain('Nothing more: it was stopped.');
    expect(await live.page.locator('#explanation .chip').count()).toBe(0);
    await live.page.keyboard.press('Home');
    await live.when(() => document.querySelector('#live')?.textContent === 'To the end');
    expect(await live.text('#explanation')).toContain('It waits for one of these:');
    await live.page.click('#live');
    await live.when(() => document.querySelector('#live')?.textContent === 'End');
  });

  it('says where events are missing', async () => {
    const application = await Application.of(view);
    application.actor();
    // It is told of anew after what could not be told.
    application.actor();
    await using live = await LivePage.open(browser, view.url);

    await live.when(() => document.querySelectorAll('.sizer > .entry').length === 2);
    expect(await live.text('#explanation')).toContain('events missing Some events could not be told;');
    expect(await live.text('.entry[aria-selected=true]')).toContain('this is how it is by now.');
    expect(await live.page.locator('.entry.failure, #explanation .failure').count()).toBe(0);
  });

  it('says when its server is gone, keeps what it has, and comes back by itself', async () => {
    await opened('orders');
    await using live = await LivePage.open(browser, view.url);
    await live.untilLit('online.open.healthy');
    const port = Number(new URL(view.url).port);

    await view.close();
    await live.when(() => document.querySelector('#link-state[data-link=lost]') !== null);
    expect(await live.text('#link-state')).toContain('trying again every second');
    expect(await live.lit()).toEqual(['online', 'online.open', 'online.open.healthy']);

    view = await liveView({ port });
    const actor = counting(view);
    await live.when(() => document.querySelector('#link-state[data-link=up]') !== null);
    await live.when(() => document.querySelector('#row-count')?.textContent === '2 · 0 open · 1 ended');
    expect(await live.text('#subject')).toBe('orders');
    expect(await live.text('#subject-about')).toBe('ended, no longer kept by the server');
    expect(await live.page.getAttribute('#recording', 'href')).toBeNull();
    expect(await live.page.getAttribute('#recording', 'aria-disabled')).toBe('true');
    expect(await live.page.getAttribute('#recording', 'title')).toContain('does not keep this connection');
    actor.stop();
  });
});
