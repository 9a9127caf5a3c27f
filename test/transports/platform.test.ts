import { WebSocket } from 'ws';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as chosen from '#platform';
import { InvalidOptionError } from '../../src/errors.ts';
import * as browser from '../../src/platform/browser.ts';
import * as node from '../../src/platform/node.ts';
import type { Platform } from '../../src/platform/platform.ts';

const platforms: Record<string, Platform> = { node, browser };

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the platform', () => {
  it('is the one of Node here', () => {
    expect(chosen).toBe(node);
  });

  it.each(Object.entries(platforms))(
    'of the %s exports what it must, and nothing else',
    (_name, platform) => {
      expect(Object.keys(platform).sort()).toEqual([
        ...['afterTurn', 'defaultTransport', 'reportUncaught', 'surroundings'],
      ]);
    },
  );

  it.each(Object.entries(platforms))(
    'of the %s uses the class and the function that are given',
    (_name, platform) => {
      const createWebSocket = (url: string, protocols: string[]): WebSocket => new WebSocket(url, protocols);

      expect(platform.defaultTransport({ WebSocket }).name).toBe('native');
      expect(platform.defaultTransport({ createWebSocket }).name).toBe('native');
    },
  );

  it('uses ws in Node and the global class in browsers', () => {
    vi.stubGlobal('WebSocket', WebSocket);

    expect(node.defaultTransport({}).name).toBe('ws');
    expect(browser.defaultTransport({}).name).toBe('native');
  });

  it('throws in a browser without a WebSocket', () => {
    vi.stubGlobal('WebSocket', undefined);

    expect(() => browser.defaultTransport({})).toThrow(InvalidOptionError);
  });
});

class FakeDocument extends EventTarget {
  visibilityState = 'visible';

  turn(visibilityState: string): void {
    this.visibilityState = visibilityState;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

/** The globals of a page, or of a worker, which has no document. */
function stubPage(document: FakeDocument | undefined): EventTarget {
  const page = new EventTarget();
  vi.stubGlobal('document', document);
  vi.stubGlobal('navigator', { onLine: true });
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
  return page;
}

describe('the surroundings of a page', () => {
  it('tell of a network, and of a page, that returns', () => {
    const document = new FakeDocument();
    const page = stubPage(document);
    const log: string[] = [];
    const unsubscribe = browser.surroundings.subscribe((event) => log.push(event));

    page.dispatchEvent(new Event('online'));
    page.dispatchEvent(new Event('offline'));
    document.turn('hidden');
    document.turn('visible');
    page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
    page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    expect(log).toEqual(['network.returned', 'page.returned', 'page.returned']);
    unsubscribe();
    page.dispatchEvent(new Event('online'));
    page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    document.turn('visible');

    expect(log.length).toBe(3);
  });

  it('tell whether there is a network', () => {
    stubPage(new FakeDocument());
    expect(browser.surroundings.isOnline()).toBe(true);

    vi.stubGlobal('navigator', { onLine: false });

    expect(browser.surroundings.isOnline()).toBe(false);
  });
});

describe('the surroundings of a worker', () => {
  it('tell of the network', () => {
    const worker = stubPage(undefined);
    const log: string[] = [];
    const unsubscribe = browser.surroundings.subscribe((event) => log.push(event));

    worker.dispatchEvent(new Event('online'));
    unsubscribe();

    expect(log).toEqual(['network.returned']);
  });
});

describe('the surroundings where there are no events', () => {
  it.each(Object.entries(platforms))('of the %s are online and silent', (_name, { surroundings }) => {
    for (const name of ['document', 'navigator', 'addEventListener', 'removeEventListener'])
      vi.stubGlobal(name, undefined);

    surroundings.subscribe(() => undefined)();

    expect(surroundings.isOnline()).toBe(true);
  });
});

describe('an error that nobody listens for', () => {
  it('is a warning in Node', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error): void => void warnings.push(warning);
    const error = new Error('unheard');

    process.on('warning', listen);
    node.reportUncaught(error);
    await new Promise(setImmediate);
    process.off('warning', listen);

    expect(warnings).toEqual([error]);
  });

  it('goes to the page, or to the console where the page cannot be told', () => {
    const log: unknown[] = [];
    const error = new Error('unheard');
    vi.stubGlobal('console', { error: (thrown: unknown) => log.push(['console', thrown]) });

    vi.stubGlobal('reportError', (thrown: unknown) => log.push(['page', thrown]));
    browser.reportUncaught(error);
    vi.stubGlobal('reportError', undefined);
    browser.reportUncaught(error);

    expect(log).toEqual([
      ['page', error],
      ['console', error],
    ]);
  });
});
