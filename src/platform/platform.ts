// What one platform file provides and what it is asked with; `#platform` resolves to node.ts or to browser.ts.
import type { ClientRequestArgs } from 'node:http'; // eslint-disable-line no-restricted-imports -- a type: nothing of it is left at run time
import type { ClientOptions } from 'ws'; // eslint-disable-line no-restricted-imports -- a type: nothing of it is left at run time
import type { SurroundingsEvent } from '../../machines/index.ts';
import type { Transport } from '../transports/transport.ts';
import type { WebSocketConstructor, WebSocketFactory } from '../transports/websocket-native.ts';

/** What statewire decides itself: time, limits, redirects and everything that RFC 6455 leaves no choice in. */
type Decided =
  | 'protocol'
  | 'protocolVersion'
  | 'headers'
  | 'host'
  | 'followRedirects'
  | 'maxRedirects'
  | 'handshakeTimeout'
  | 'perMessageDeflate'
  | 'maxPayload'
  | 'autoPong'
  | 'skipUTF8Validation'
  | 'allowSynchronousEvents'
  | 'generateMask'
  | 'finishRequest';

/** Options of `ws` and of the sockets under it, such as `ca`, `cert`, `key`, `agent`, `lookup`, `localAddress`. */
export type NodeSocketOptions = Omit<ClientOptions, Decided> &
  Partial<Pick<ClientRequestArgs, 'lookup'>> & {
    /** The name asked for in the TLS handshake (SNI). Default: the host of the URL. */
    readonly servername?: string;
  };

/** How sockets are made. */
export interface WebSocketOptions {
  /**
   * A class like the browser's `WebSocket`: undici's, a test double's. It is called as `new WebSocket(url, protocols)`.
   *
   * @defaultValue `ws` in Node, the global `WebSocket` elsewhere
   */
  readonly WebSocket?: WebSocketConstructor;
  /** A function that makes such an object, for whatever a class cannot express. It wins over `WebSocket`. */
  readonly createWebSocket?: WebSocketFactory;
  /**
   * The longest message that is taken, in bytes after decompression, from 1 to 2,147,483,647. A longer one is not read:
   * the connection ends, and the server is told close code 1009. Only with `ws`; browsers have a limit of their own.
   *
   * @defaultValue `10_485_760`
   */
  readonly maxPayloadBytes?: number;
  /**
   * Whether to offer permessage-deflate (RFC 7692). It costs time and some 300 KiB of memory a connection, and pays
   * only for long, repetitive text over slow links. Only with `ws`; browsers decide for themselves.
   *
   * @defaultValue `false`
   */
  readonly compression?: boolean;
  /** More options of `ws`: TLS (`ca`, `cert`, `key`, `rejectUnauthorized`), `agent`, `lookup`, `localAddress` … */
  readonly node?: NodeSocketOptions;
}

/** What the platform knows of the network and of the page. */
export interface Surroundings {
  /** Whether there is a network, as far as the platform knows; it may be wrong. */
  isOnline(): boolean;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (event: SurroundingsEvent['type']) => void): () => void;
}

/** What each of the two platform files exports. */
export interface Platform {
  /**
   * The transport for these options.
   *
   * @throws {InvalidOptionError} for an option of the wrong type or out of range, and where the platform has no
   * `WebSocket` and none was given.
   */
  defaultTransport(options: WebSocketOptions): Transport;
  readonly surroundings: Surroundings;
  /** Calls back when what is running, and everything that was promised in it, is done. Keeps no process alive. */
  afterTurn(callback: () => void): void;
  /** The last resort for an error of a user's function that nobody listens for. Never throws. */
  reportUncaught(error: Error): void;
}
