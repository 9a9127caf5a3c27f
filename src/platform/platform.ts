// What differs between Node and browsers, as types. `#platform` resolves to one of the two files beside this one.
import type { ClientOptions } from 'ws';
import type { Transport } from '../transports/transport.ts';

export type SurroundingsEvent = 'network.returned' | 'page.returned';

/** What the platform knows of the network and of the page. */
export interface Surroundings {
  /** Whether there is a network, as far as the platform knows; it may be wrong. */
  isOnline(): boolean;
  /** Whether the page is looked at. */
  isVisible(): boolean;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (event: SurroundingsEvent) => void): () => void;
}

/** The part of the DOM's WebSocket that is used. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: never) => void): void;
  removeEventListener(type: string, listener: (event: never) => void): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => WebSocketLike;

export interface WebSocketOptions {
  /** A class with the DOM's interface, used in place of the platform's. */
  readonly WebSocket?: WebSocketConstructor;
  /** A function that makes one, for whatever a class cannot express. */
  readonly createWebSocket?: (url: string, subprotocols: readonly string[]) => WebSocketLike;
  /**
   * The longest message that is taken, in bytes (Node only). A longer one ends the connection with 1009.
   *
   * @defaultValue `10_485_760`
   */
  readonly maxPayloadBytes?: number;
  /**
   * Whether to offer permessage-deflate (Node only; browsers decide for themselves).
   *
   * @defaultValue `false`
   */
  readonly compression?: boolean;
  /** More options of `ws` (Node only): TLS (`ca`, `cert`, `key`), `agent`, `lookup`, `localAddress` … */
  readonly node?: Omit<
    ClientOptions,
    'headers' | 'maxPayload' | 'perMessageDeflate' | 'handshakeTimeout' | 'finishRequest'
  >;
}

/** What each of the two platform files exports. */
export interface Platform {
  defaultTransport(options: WebSocketOptions): Transport;
  readonly surroundings: Surroundings;
  /** The last resort for an error of a user's function that nobody listens for. Never throws. */
  reportUncaught(error: Error): void;
}
