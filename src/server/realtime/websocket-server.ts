// `ws` as it is used here: without a server of its own, and within bounds.
import type { IncomingMessage } from 'node:http';
import { WebSocket, WebSocketServer, type ServerOptions } from 'ws';
import { clampDelay, MAX_DELAY_MS } from '../../../machines/index.ts';
import type { RealtimeSettings } from './options.ts';
import type { WebSocketLink } from './websocket-link.ts';

/** A client that pings without reading the pongs is cut off. */
const MAX_PENDING_PONGS = 1_000;

/** A WebSocket that knows whose it is, so that all of them can share their listeners. */
export class LinkedWebSocket extends WebSocket {
  link: WebSocketLink | undefined;
}

export type LinkedWebSocketServer = InstanceType<typeof WebSocketServer<typeof LinkedWebSocket>>;

export function makeWebSocketServer(
  { limits, compression }: RealtimeSettings,
  subprotocolsFor: (request: IncomingMessage) => readonly string[],
): LinkedWebSocketServer {
  // The declarations do not know these two yet.
  const options: ServerOptions<typeof LinkedWebSocket> & {
    closeTimeout: number;
    maxPendingAutoPongs: number;
  } = {
    WebSocket: LinkedWebSocket,
    noServer: true,
    clientTracking: false,
    // `ws` takes 0 for no limit, and so would anything above 2 ** 31 be.
    maxPayload: Math.min(limits.maxMessageBytes, MAX_DELAY_MS),
    // For a peer that closes, or is closed for what it sent, and then does not let go.
    closeTimeout: clampDelay(limits.closeMs),
    maxPendingAutoPongs: MAX_PENDING_PONGS,
    handleProtocols: (offered, request) =>
      subprotocolsFor(request).find((name) => offered.has(name)) ?? false,
    perMessageDeflate: compression && {
      threshold: compression.thresholdBytes,
      concurrencyLimit: compression.concurrency,
      zlibDeflateOptions: { level: compression.level },
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    },
  };
  return new WebSocketServer(options);
}
