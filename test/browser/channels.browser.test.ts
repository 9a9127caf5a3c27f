// A channel client in a real browser, through its native WebSocket, against a server on loopback that is told each word.
import type { JSHandle, Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type * as door from '../../src/channels/index.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import { reply, subscribed, subscribeFrame, unsubscribeFrame } from '../channels/stage.ts';
import { bundleForBrowser } from '../support/browser-bundle.ts';
import { findTool } from '../support/tools.ts';
import { CHROMIUM, startBrowser, type TestBrowser } from './chromium.ts';

declare const channels: typeof door;

interface Life {
  readonly client: door.ChannelClient;
  readonly heard: unknown[];
  readonly outcomes: unknown[];
  readonly reasons: string[];
}

const PING = '{"channel":"subscription","payload":{"action":"ping"}}';
const AN_HOUR_MS = 3_600_000;

const chromiumPath = findTool('The browser tests of channels', CHROMIUM);

describe.skipIf(chromiumPath === undefined)('in Chromium', () => {
  let browser: TestBrowser;
  let page: Page;
  let server: PuppetServer;
  let code: string;
  let foreign: readonly string[];
  let uncaught: Error[];

  beforeAll(async () => {
    ({ code, foreign } = await bundleForBrowser(
      "import * as channels from './src/channels/index.ts'; globalThis.channels = channels;",
    ));
    browser = await startBrowser(chromiumPath!);
    return () => browser.close();
  }, 30_000);

  beforeEach(async () => {
    server = await PuppetServer.listen();
    page = await browser.context.newPage();
    uncaught = [];
    page.on('pageerror', (error) => uncaught.push(error));
    await page.goto(browser.pageUrl);
    await page.addScriptTag({ content: code, type: 'module' });
    await page.waitForFunction(() => 'channels' in globalThis);
  });
  afterEach(async () => {
    await page.close();
    await server.close();
    expect(uncaught).toEqual([]);
  });

  /** A client that listens to the channel "room", and the server's end of its connection. */
  async function live(options: Readonly<Record<string, number>>): Promise<[JSHandle<Life>, PuppetSocket]> {
    const life = await page.evaluateHandle(
      (given) => {
        const client = new channels.ChannelClient(given);
        const alive: Life = { client, heard: [], outcomes: [], reasons: [] };
        client.connection.on('reconnecting', ({ error }) => alive.reasons.push(error.code));
        void client
          .connect()
          .then(() => client.subscribe('room'))
          .then((subscription) => subscription.on('message', ({ payload }) => alive.heard.push(payload)));
        return alive;
      },
      { url: server.url, retryDelayMs: 10, ...options },
    );
    const socket = await server.accept();
    expect(await socket.nextFrame()).toBe(subscribeFrame('room'));
    return [life, socket];
  }

  const publish = (life: JSHandle<Life>, payload: unknown): Promise<void> =>
    life.evaluate(({ client, outcomes }, sent) => {
      client.publish('room', sent).then(
        (outcome) => outcomes.push(outcome),
        (thrown: unknown) => outcomes.push(String(thrown)),
      );
    }, payload);

  const hears = (life: JSHandle<Life>, count: number): Promise<unknown> =>
    page.waitForFunction(([{ heard }, expected]) => heard.length === expected, [life, count] as const, {
      polling: 10,
    });

  it('asks no module that a browser does not have', () => {
    expect(foreign).toEqual([]);
  });

  it('subscribes, publishes, is cut, subscribes again before all else, and leaves', async () => {
    const [life, socket] = await live({ pingIntervalMs: AN_HOUR_MS });
    socket.send(subscribed('room', 4));
    socket.send({ channel: 'room', payload: 'five', seq: 5 });
    await hears(life, 1);
    await publish(life, 'mine');
    const first = (await socket.nextJson()) as { readonly message_id: string };
    socket.reset();
    const again = await server.accept();
    expect(await again.nextFrame()).toBe(subscribeFrame('room', { after: 5, epoch: 'e1' }));
    again.send(subscribed('room', 5, 'e1', { recovered: true }));
    again.send({ channel: 'room', payload: 'six', seq: 6 });
    expect(await again.nextJson()).toEqual(first);
    const { message_id: id } = first;
    again.send(reply({ action: 'published', channel: 'room', message_id: id, seq: 7 }));
    await hears(life, 2);
    await page.waitForFunction(({ outcomes }) => outcomes.length === 1, life, { polling: 10 });
    await life.evaluate(({ client }) => client.disconnect());

    expect(await again.closed()).toEqual({ code: 1000, reason: '' });
    expect(again.frames.at(-1)).toBe(unsubscribeFrame('room'));
    expect(await life.evaluate(({ heard, outcomes }) => [heard, outcomes])).toEqual([
      ['five', 'six'],
      [{ outcome: 'acknowledged', seq: 7 }],
    ]);
  });

  it('asks a hub by a frame whether it lives, and connects again when it is silent', async () => {
    const [life, socket] = await live({ pingIntervalMs: 40, pongTimeoutMs: 3_000 });
    socket.send(subscribed('room'));
    expect(await socket.nextFrame()).toBe(PING);
    socket.send(reply({ action: 'pong' }));
    expect(await socket.nextFrame()).toBe(PING);
    const again = await server.accept();

    expect(await again.nextFrame()).toBe(subscribeFrame('room', { after: 0, epoch: 'e1' }));
    expect(await life.evaluate(({ reasons }) => reasons)).toEqual(['HEARTBEAT_TIMEOUT']);
    await life.evaluate(({ client }) => void client.disconnect());
    await until(() => again.isClosed);
  });

  it('does not ask a plain server, which may be silent', async () => {
    const [life, socket] = await live({
      pingIntervalMs: 20,
      pongTimeoutMs: 20,
      acknowledgementMs: 10,
    });
    await publish(life, { n: 1 });
    expect(await socket.nextFrame()).toBe('{"channel":"room","payload":{"n":1}}');
    await page.waitForFunction(({ outcomes }) => outcomes.length === 1, life, { polling: 10 });
    await page.waitForFunction(
      ({ client }) => client.connection.actor.getSnapshot().matches({ online: { open: 'probing' } }),
      life,
      { polling: 10 },
    );
    socket.send({ channel: 'room', payload: 'at last' });
    await hears(life, 1);

    expect(socket.frames).toHaveLength(2);
    expect(await life.evaluate(({ reasons }) => reasons)).toEqual([]);
    expect(await life.evaluate(({ outcomes }) => outcomes)).toEqual([{ outcome: 'flushed' }]);
    await life.evaluate(({ client }) => client.disconnect());
  });
});
