// A connection that nobody notices: it keeps no process alive, says nothing when it fails, and tries again ever more
// rarely, as long as there is somebody to tell of.
import type { NetConnectOpts, Socket } from 'node:net'; // eslint-disable-line no-restricted-imports -- types: nothing of it is left at run time
import { decorrelatedJitterBackoff } from '../backoff.ts';
import { systemClock, type Clock } from '../clock.ts';
import { Connection } from '../connection.ts';
import { InvalidOptionError } from '../errors.ts';
import { text } from '../protocols/text.ts';

const MAX_PAUSE_MS = 30_000;
const CLOSE_MS = 1_000;

/** @throws {InvalidOptionError} for a URL that is none, or one of a server with TLS: a live view has none */
export function quietLine(url: string | URL, isNeeded: () => boolean): Connection<string> {
  if (/^(?:wss|https):/i.test(String(url)))
    throw new InvalidOptionError('url', 'the ws: address of a live view', url);
  const connection = new Connection<string, string>({
    url,
    protocol: text(),
    clock: quietClock,
    heartbeat: false,
    recorder: false,
    retry: {
      backoff: decorrelatedJitterBackoff({ baseMs: 1_000, maxMs: MAX_PAUSE_MS }),
      policy: (_, verdict) => {
        if (!isNeeded()) return { action: 'stop' };
        return verdict.action === 'retry' ? verdict : { action: 'retry', delayMs: MAX_PAUSE_MS };
      },
    },
    timeouts: { closeMs: CLOSE_MS },
    webSocket: net === undefined ? {} : { node: { createConnection: connectQuietly as typeof net.connect } },
  });
  connection.on('error', () => undefined);
  return connection;
}

/** Its timers keep no process alive; those of browsers never do. */
export const quietClock: Clock = {
  ...systemClock,
  setTimeout: (callback, delayMs) => {
    const timer = systemClock.setTimeout(callback, delayMs);
    (timer as { readonly unref?: () => void }).unref?.();
    return timer;
  },
};

/** Node's, where there is one. Imported, it would be missed by every bundler for browsers. */
const net = (globalThis as { readonly process?: Partial<NodeJS.Process> }).process?.getBuiltinModule?.(
  'node:net',
);

/** As `ws` connects: what it takes for the path of a request is none of a socket. */
function connectQuietly(options: NetConnectOpts): Socket {
  const socket = (net as NonNullable<typeof net>).connect({ ...options, path: undefined } as NetConnectOpts);
  return socket.unref();
}
