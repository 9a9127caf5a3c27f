// Browsers, pages and workers alike: their own sockets, and what they tell of network and page.
import { nativeWebSocket } from '../transports/websocket-native.ts';
import type { Platform } from './platform.ts';

export const defaultTransport: Platform['defaultTransport'] = (options) => nativeWebSocket(options);

/** What a page has. A worker has no document; whatever else runs a browser bundle may have none of it. */
interface Globals {
  readonly document?: Document;
  readonly navigator?: { readonly onLine?: boolean };
  readonly addEventListener?: EventTarget['addEventListener'];
  readonly removeEventListener?: EventTarget['removeEventListener'];
  readonly reportError?: (error: unknown) => void;
}

/** Read at each call: a global may be replaced. */
const globals = (): Globals => globalThis;

export const surroundings: Platform['surroundings'] = {
  isOnline: () => globals().navigator?.onLine !== false,
  subscribe(listener) {
    const scope = globals();
    const page = scope.document;
    const onOnline = (): void => {
      listener('network.returned');
    };
    const onVisibilityChange = (): void => {
      if (page?.visibilityState === 'visible') listener('page.returned');
    };
    const onPageShow = (event: Event): void => {
      if ((event as PageTransitionEvent).persisted) listener('page.returned');
    };
    scope.addEventListener?.('online', onOnline);
    scope.addEventListener?.('pageshow', onPageShow);
    page?.addEventListener('visibilitychange', onVisibilityChange);
    return () => {
      scope.removeEventListener?.('online', onOnline);
      scope.removeEventListener?.('pageshow', onPageShow);
      page?.removeEventListener('visibilitychange', onVisibilityChange);
    };
  },
};

/** The console, or whoever listens for the page's errors. */
export const afterTurn: Platform['afterTurn'] = (callback) => {
  setTimeout(callback);
};

export const reportUncaught: Platform['reportUncaught'] = (error) => {
  const { reportError } = globals();
  if (reportError !== undefined) reportError(error);
  // eslint-disable-next-line no-console -- older than reportError (2022); throwing it would end some of these hosts
  else console.error(error);
};
