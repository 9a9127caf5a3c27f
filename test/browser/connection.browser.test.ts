// The package in a real browser, through its native WebSocket, against a real server on loopback.
import type { JSHandle, Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MockCoordinator } from '../../src/testing/mock-coordinator.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import { CHROMIUM, startBrowser, type TestBrowser } from './chromium.ts';
import { findTool } from '../support/tools.ts';
import type { Life } from './page.ts';

const AN_HOUR_MS = 3_600_000;

const chromiumPath = findTool('The browser tests', CHROMIUM);

describe.skipIf(chromiumPath === undefined)('in Chromium', () => {
  let browser: TestBrowser;
  let page: Page;
  let server: PuppetServer;
  let uncaught: Error[];

  beforeAll(async () => {
    browser = await startBrowser(chromiumPath!);
    return () => browser.close();
  }, 30_000);

  beforeEach(async () => {
    server = await PuppetServer.listen();
    page = await browser.context.newPage();
    uncaught = [];
    page.on('pageerror', (error) => uncaught.push(error));
    await page.goto(browser.pageUrl);
  });
  afterEach(async () => {
    await browser.context.setOffline(false);
    await page.close();
    await server.close();
    expect(uncaught).toEqual([]);
  });

  const live = (retryMs: number): Promise<JSHandle<Life>> =>
    page.evaluateHandle(([url, ms]) => underTest.live(url, { retryMs: ms }), [server.url, retryMs] as const);

  const inState = (life: JSHandle<Life>, state: string): Promise<unknown> =>
    page.waitForFunction(([{ connection }, word]) => connection.state === word, [life, state] as const, {
      polling: 10,
    });

  /** The server's end of a session that was let in. */
  async function welcomed(session: string): Promise<PuppetSocket> {
    const socket = await server.accept();
    expect(await socket.nextJson()).toEqual({ type: 'hello', password: 'secret' });
    socket.send({ type: 'welcome', session });
    return socket;
  }

  async function opened(retryMs: number): Promise<{ life: JSHandle<Life>; socket: PuppetSocket }> {
    const life = await live(retryMs);
    const connecting = life.evaluate(({ connection }) => connection.connect());
    const socket = await welcomed('one');
    expect(await connecting).toEqual({ session: 'one' });
    return { life, socket };
  }

  const reasons = (life: JSHandle<Life>, entered: string): Promise<string[]> =>
    life.evaluate(
      ({ changes }, word) => changes.filter(({ state }) => state === word).map(({ reason }) => reason),
      entered,
    );

  const innerState = (life: JSHandle<Life>): Promise<unknown> =>
    life.evaluate(({ connection }) => connection.actor.getSnapshot().value);

  async function behindAnotherTab(): Promise<void> {
    await using other = await browser.context.newPage();
    await other.bringToFront();
    await page.waitForFunction(() => document.visibilityState === 'hidden', null, { polling: 10 });
  }

  const lastChange = (life: JSHandle<Life>) => life.evaluate(({ changes }) => changes.at(-1));

  it('connects, authenticates, receives, comes back after a cut with what was queued, and closes', async () => {
    const { life, socket } = await opened(10);
    socket.send({ type: 'news', number: 1 });
    await page.waitForFunction(({ messages }) => messages.length === 1, life, { polling: 10 });

    socket.reset();
    await until(() => server.pendingUpgrades === 1);
    await life.evaluate(({ connection }) => connection.send({ type: 'queued' }));
    const second = await welcomed('two');
    expect(await second.nextJson()).toEqual({ type: 'queued' });
    second.send({ type: 'news', number: 2 });
    await page.waitForFunction(({ messages }) => messages.length === 2, life, { polling: 10 });
    await life.evaluate(({ connection }) => connection.disconnect());

    expect(await second.closed()).toEqual({ code: 1000, reason: '' });
    expect(second.frames.map(String)).toContain('{"type":"goodbye"}');
    expect(await life.evaluate(({ messages }) => messages)).toEqual([
      { type: 'news', number: 1 },
      { type: 'news', number: 2 },
    ]);
    expect(await life.evaluate(({ changes }) => changes.map(({ state }) => state))).toEqual([
      ...['connecting', 'authenticating', 'open'],
      ...['reconnecting', 'connecting', 'authenticating', 'open'],
      ...['closing', 'closed'],
    ]);
  });

  it('carries bytes both ways', async () => {
    const exchanging = page.evaluate((url) => underTest.exchangeBytes(url, [0, 1, 254, 255]), server.url);
    const socket = await server.accept();
    const frame = await socket.nextFrame();
    socket.send(new Uint8Array(frame as Uint8Array).reverse());

    expect(frame).toEqual(new Uint8Array([0, 1, 254, 255]));
    expect(await exchanging).toEqual([255, 254, 1, 0]);
  });

  it('does not dial while the browser is offline, and dials at once when it is online again', async () => {
    const { life, socket } = await opened(10);

    await browser.context.setOffline(true);
    socket.reset();
    await inState(life, 'reconnecting');
    expect(await lastChange(life)).toMatchObject({ state: 'reconnecting', retryInMs: null });
    await browser.context.setOffline(false);
    await welcomed('two');
    await inState(life, 'open');

    expect(server.totalConnections).toBe(2);
    expect(await reasons(life, 'connecting')).toEqual(['CONNECT_CALLED', 'NETWORK_RETURNED']);
  });

  it('ends the wait for the next attempt when the browser was offline and is online again', async () => {
    const { life, socket } = await opened(AN_HOUR_MS);

    socket.reset();
    await inState(life, 'reconnecting');
    expect(await lastChange(life)).toMatchObject({ state: 'reconnecting', retryInMs: AN_HOUR_MS });
    await browser.context.setOffline(true);
    await browser.context.setOffline(false);
    await welcomed('two');
    await inState(life, 'open');

    expect(await reasons(life, 'connecting')).toEqual(['CONNECT_CALLED', 'NETWORK_RETURNED']);
  });

  it('asks an open connection for a sign of life when the browser is online again', async () => {
    const { life, socket } = await opened(AN_HOUR_MS);

    await browser.context.setOffline(true);
    await browser.context.setOffline(false);

    expect(await socket.nextJson()).toEqual({ type: 'are you there?' });
    expect(await innerState(life)).toEqual({ online: { open: 'probing' } });
    socket.send({ type: 'yes' });
    await page.waitForFunction(
      ({ connection }) => connection.actor.getSnapshot().matches({ online: { open: 'healthy' } }),
      life,
      { polling: 10 },
    );
  });

  it('asks an open connection for a sign of life when its tab is looked at again', async () => {
    const { socket } = await opened(AN_HOUR_MS);

    await behindAnotherTab();
    await page.bringToFront();

    expect(await socket.nextJson()).toEqual({ type: 'are you there?' });
  });

  it('ends the wait for the next attempt when its tab is looked at again', async () => {
    const { life, socket } = await opened(AN_HOUR_MS);

    socket.reset();
    await inState(life, 'reconnecting');
    await behindAnotherTab();
    await page.bringToFront();
    await welcomed('two');
    await inState(life, 'open');

    expect(await reasons(life, 'connecting')).toEqual(['CONNECT_CALLED', 'PAGE_RETURNED']);
  });

  it('runs the coordinator client: authenticates, hears events, comes back after a cut, and closes', async () => {
    await using coordinator = await MockCoordinator.listen({ tokens: ['good'] });
    const life = await page.evaluateHandle((url) => underTest.coordinate(url, 'good'), coordinator.url);

    const welcome = await life.evaluate(({ client }) => client.connect());
    const first = await coordinator.nextConnection();
    expect(welcome).toMatchObject({ type: 'connection.ok', connection_id: first.connectionId });
    coordinator.emit({ type: 'call.created', call_cid: 'default:1' });
    await page.waitForFunction(({ events }) => events.length === 1, life, { polling: 10 });
    coordinator.resetAll();
    const second = await coordinator.nextConnection();
    await page.waitForFunction(({ client }) => client.connected, life, { polling: 10 });
    expect(await life.evaluate(({ client }) => client.connectionId)).toBe(second.connectionId);
    await life.evaluate(({ client }) => client.disconnect());

    expect(await life.evaluate(({ events }) => events)).toEqual([
      { type: 'call.created', call_cid: 'default:1' },
    ]);
    expect(await second.socket.closed()).toEqual({ code: 1000, reason: 'client disconnect' });
  });
});
