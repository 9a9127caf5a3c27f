// `npm run screenshot`: the pictures of the live view in the README, from the real page, with real connections that
// go through real faults. Takes about half a minute, most of it to have something to plot.
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium, type Browser } from 'playwright-core';
import { WebSocketServer } from 'ws';
import { Connection, fixedBackoff, text, type ConnectionOptions } from '../src/index.ts';
import { FaultProxy } from '../src/testing/fault-proxy.ts';
import { CHROMIUM } from '../test/browser/chromium.ts';
import { findTool } from '../test/support/tools.ts';
import { liveView } from '../visualizations/live/server.ts';

const SIZE = { width: 1440, height: 900 };
const MAX_BYTES = 300_000;
const FILES = { light: 'live-view.png', dark: 'live-view-dark.png' } as const;

const executablePath = findTool('Screenshots', CHROMIUM);
if (executablePath === undefined)
  throw new Error('Expected a Chromium; found none. Install one, or set CHROMIUM_PATH.');

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (socket) => socket.on('message', (data) => socket.send((data as Buffer).toString())));
await once(server, 'listening');
const { port } = server.address() as { readonly port: number };

await using steady = await FaultProxy.listen(port);
await using faulty = await FaultProxy.listen(port);
await using view = await liveView();

const RETRY = { backoff: fixedBackoff({ delayMs: 4_000 }) };

/** A connection that the page shows. */
function called(name: string, options: Partial<ConnectionOptions<string>> = {}): Connection<string> {
  const connection = new Connection<string>({
    url: steady.url,
    name,
    inspect: view,
    protocol: text(),
    ...options,
  });
  connection.on('error', () => undefined);
  return connection;
}

const orders = called('orders', {
  url: faulty.url,
  heartbeat: { intervalMs: 500, timeoutMs: 3_000 },
  retry: RETRY,
});
const quiet = ['alerts', 'chat', 'presence', 'prices'].map((name) => called(name));
const audit = called('audit');
const search = called('search', { url: 'ws://127.0.0.1:9', retry: { initial: false } });
called('uploads');
const connections = [orders, ...quiet, audit, search];

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  await tellAStory();
  for (const scheme of ['light', 'dark'] as const) await picture(browser, scheme);
} finally {
  await browser.close();
  await Promise.all(connections.map((connection) => connection.disconnect()));
  server.close();
  for (const socket of server.clients) socket.terminate();
}

async function tellAStory(): Promise<void> {
  await Promise.all([orders, audit, ...quiet].map((connection) => connection.connect()));
  await search.connect().catch(() => undefined);
  await audit.disconnect();
  for (let round = 0; round < 6; round += 1) await talk(round);
  faulty.reset();
  await sleep(4_500);
  await talk(6);
  await faulty.goAway();
  for (let waiting = 1; waiting <= 3; waiting += 1) orders.send(`order ${waiting} of those that wait`);
  await sleep(5_000);
}

/** A burst of messages, and a silence in which the heartbeat measures the round trip. */
async function talk(round: number): Promise<void> {
  faulty.delay(12 + ((round * 7) % 20));
  for (let burst = 0; burst < 10; burst += 1) {
    for (let sent = 0; sent < 3 + ((round * 5) % 7); sent += 1)
      orders.send(`order ${round}.${burst}.${sent}`);
    await sleep(120);
  }
  await sleep(1_300);
}

async function picture(from: Browser, colorScheme: 'light' | 'dark'): Promise<void> {
  const page = await from.newPage({ viewport: SIZE, colorScheme, reducedMotion: 'reduce' });
  await page.goto(view.url);
  await page.getByRole('option', { name: 'orders' }).click();
  await page.locator('#canvas .state.active').first().waitFor();
  await page.locator('#explanation .countdown').waitFor();
  // Where the pointer rests, it would change the look of what is under it.
  await page.mouse.move(SIZE.width - 1, 20);
  const path = join(import.meta.dirname, '../visualizations', FILES[colorScheme]);
  await page.screenshot({ path });
  const { size } = statSync(path);
  if (size > MAX_BYTES) throw new Error(`Expected at most ${MAX_BYTES} bytes in ${path}; it has ${size}.`);
  process.stdout.write(`${path}: ${size} bytes\n`);
  await page.close();
}
