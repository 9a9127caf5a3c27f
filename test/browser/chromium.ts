// A real Chromium whose pages are left alone: they can be offline and in the background, as a user's can.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from 'playwright-core';
import { Port } from '../../src/testing/port.ts';
import { bundleForBrowser } from '../support/browser-bundle.ts';
import type { Tool } from '../support/tools.ts';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--remote-debugging-port=0',
  // Nothing is open when Playwright attaches, so that it meets no page halfway through loading.
  '--no-startup-window',
];

export interface TestBrowser {
  readonly context: BrowserContext;
  /** The address of a page that has run `page.ts`. */
  readonly pageUrl: string;
  close(): Promise<void>;
}

export const CHROMIUM: Tool = {
  name: 'Chromium',
  variable: 'CHROMIUM_PATH',
  candidates: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  remedy: 'run "apt-get install -y chromium"',
};

/** Starts a browser with a new profile, and a web server on loopback that serves the page. */
export async function startBrowser(path: string): Promise<TestBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'statewire-chromium-'));
  const child = spawn(path, [...FLAGS, `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise((resolve) => child.once('close', resolve));
  const removeProfile = async () => {
    await exited;
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    // With its defaults, Playwright has every page believe that it is never hidden.
    const options = { noDefaults: true, timeout: 20_000 };
    const browser = await chromium.connectOverCDP(await endpointOf(child), options);
    const pages = await servePage();
    return {
      context: browser.contexts()[0]!,
      pageUrl: `http://${pages.authority}/`,
      async close() {
        const session = await browser.newBrowserCDPSession();
        // It may be gone before it has answered.
        await session.send('Browser.close').catch(() => undefined);
        await removeProfile();
        await pages.goAway();
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    await removeProfile();
    throw error;
  }
}

/** Chromium says on standard error where it can be controlled. */
function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said += String(chunk);
      const endpoint = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (endpoint !== undefined) resolve(endpoint);
    });
    child.once('error', reject);
    child.once('exit', () => {
      reject(new Error(`Chromium ended before it could be used: ${said}`));
    });
  });
}

async function servePage(): Promise<Port> {
  const { code } = await bundleForBrowser(
    `import { underTest } from './test/browser/page.ts'; globalThis.underTest = underTest;`,
  );
  const html =
    '<!doctype html><meta charset="utf-8"><title>statewire</title><script type="module" src="/page.js"></script>';
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? code : html);
  });
  const port = new Port(server);
  await port.comeBack();
  return port;
}
