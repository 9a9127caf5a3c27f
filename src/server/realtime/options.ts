// The options of a realtime server, documented once; the defaults; their check.
import type { IncomingMessage, Server } from 'node:http';
import type { InspectionEvent } from 'xstate';
import { systemClock, type Clock } from '../../clock.ts';
import { InvalidOptionError } from '../../errors.ts';
import type { Inspector } from '../../inspection/inspector.ts';
import type { Logger } from '../../options.ts';
import type { Target } from './places.ts';

/** Limits of a realtime server: counts, bytes, and times in milliseconds. Each at least 1; `Infinity` is no limit. */
export interface RealtimeLimits {
  /**
   * Sessions at once, WebSocket and event streams together; further ones get a 503.
   *
   * @defaultValue `10_000`
   */
  readonly maxConnections?: number;
  /**
   * The same from one address; further ones get a 429.
   *
   * @defaultValue `256`
   */
  readonly maxConnectionsPerAddress?: number;
  /**
   * Requests for a session from one address, on average; further ones get a 429.
   *
   * @defaultValue `100`
   */
  readonly requestsPerSecond?: number;
  /**
   * Requests for a session from one address that may come at once.
   *
   * @defaultValue `500`
   */
  readonly requestBurst?: number;
  /**
   * From a request to its answer, for `authenticate`; then a 503.
   *
   * @defaultValue `10_000`
   */
  readonly acceptMs?: number;
  /**
   * For the peer's answer to our close frame; then the connection is cut off.
   *
   * @defaultValue `5_000`
   */
  readonly closeMs?: number;
  /**
   * Without a message in either direction, at most a quarter longer; then the session is closed with 1001. For
   * WebSocket only.
   *
   * @defaultValue `Infinity`
   */
  readonly idleMs?: number;
  /**
   * How long a client may take nothing while a send waits for it; then it is cut off.
   *
   * @defaultValue `30_000`
   */
  readonly stuckMs?: number;
  /**
   * Of one received message, decompressed; a larger one closes the session with 1009.
   *
   * @defaultValue `16_777_216`
   */
  readonly maxMessageBytes?: number;
  /**
   * Received messages that wait for the handler; then the client is not read until half of them are taken. What one read
   * of the socket, of 64 KiB at most, has brought may exceed it.
   *
   * @defaultValue `1_000`
   */
  readonly maxQueuedMessages?: number;
  /**
   * The same in bytes.
   *
   * @defaultValue `1_048_576`
   */
  readonly maxQueuedBytes?: number;
  /**
   * Unsent bytes above which a send resolves only when its own are sent.
   *
   * @defaultValue `65_536`
   */
  readonly highWaterBytes?: number;
  /**
   * Unsent bytes above which a send is refused with `SEND_BUFFER_FULL`. One message alone may be larger.
   *
   * @defaultValue `16_777_216`
   */
  readonly maxBufferedBytes?: number;
  /**
   * Longer messages are sent in fragments of this length, so that no frame is large. One for many (`broadcast()`,
   * `prepareMessage()`) is one frame, whatever its length.
   *
   * @defaultValue `65_536`
   */
  readonly fragmentBytes?: number;
}

export interface CompressionOptions {
  /**
   * Shorter messages are sent as they are, in bytes.
   *
   * @defaultValue `1_024`
   */
  readonly thresholdBytes?: number;
  /**
   * Of zlib, from 0 to 9.
   *
   * @defaultValue `6`
   */
  readonly level?: number;
  /**
   * Messages compressed at once by the whole process. The first server decides.
   *
   * @defaultValue `4`
   */
  readonly concurrency?: number;
}

export interface SessionHeartbeatOptions {
  /**
   * From one ping to the next, in milliseconds, at least 1.
   *
   * @defaultValue `30_000`
   */
  readonly intervalMs?: number;
  /**
   * For a sign of life after a ping, in milliseconds, at least 1; then the session is cut off. Any byte is one.
   *
   * @defaultValue `5_000`
   */
  readonly timeoutMs?: number;
}

/**
 * Judges a request for a session before it is answered. What it resolves with is the session's `identity`; `false`, `null` or
 * `undefined` refuses with a 401. Return or throw an `AccessRefused` for another status; whatever else it throws is a
 * 500, and logged.
 */
export type Authenticate = (request: IncomingMessage, target: Target) => unknown;

export interface RealtimeServerOptions {
  /** An HTTP or HTTPS server of yours to serve on; it is yours to listen and to close. Default: one of its own. */
  readonly server?: Server;
  /**
   * TCP port, 0 for a free one. Not with `server`.
   *
   * @defaultValue `0`
   */
  readonly port?: number;
  /**
   * Address to listen at. Not with `server`.
   *
   * @defaultValue `'127.0.0.1'`
   */
  readonly host?: string;
  /**
   * Origins of pages that may open sessions, such as `https://example.org`; `'same-origin'` for pages of the host that
   * is asked, `'*'` for all. Programs send no origin, and are let in. On a loopback or internal address list the
   * origins: by DNS rebinding any page can be of the same origin.
   *
   * @defaultValue `['same-origin']`
   */
  readonly origins?: readonly string[];
  /** Judges each request for a session before it is answered. Default: everybody is let in, and the identity is `undefined`. */
  readonly authenticate?: Authenticate;
  /** Whose request it is, for the limits per address: behind a proxy, read a header that it sets. Default: the peer. */
  readonly addressOf?: (request: IncomingMessage) => string;
  /**
   * permessage-deflate, without context takeover: each message for itself, so that an idle connection costs no memory.
   *
   * @defaultValue `false`
   */
  readonly compression?: boolean | CompressionOptions;
  /**
   * Pings to each WebSocket; `false` for none.
   *
   * @defaultValue `{ intervalMs: 30_000, timeoutMs: 5_000 }`
   */
  readonly heartbeat?: false | SessionHeartbeatOptions;
  readonly limits?: RealtimeLimits;
  /** Told of every session and of handlers that throw. Default: the latter become warnings of the process. */
  readonly logger?: Logger;
  /** Looks at every session; what it throws is logged and changes nothing. */
  readonly inspect?: Inspector | ((event: InspectionEvent) => void);
  /** What all times are measured with, for tests. Default: the platform's clock. */
  readonly clock?: Clock;
}

export const REALTIME_DEFAULTS = {
  host: '127.0.0.1',
  origins: ['same-origin'],
  heartbeat: { intervalMs: 30_000, timeoutMs: 5_000 },
  compression: { thresholdBytes: 1_024, level: 6, concurrency: 4 },
  limits: {
    maxConnections: 10_000,
    maxConnectionsPerAddress: 256,
    requestsPerSecond: 100,
    requestBurst: 500,
    acceptMs: 10_000,
    closeMs: 5_000,
    idleMs: Infinity,
    stuckMs: 30_000,
    maxMessageBytes: 16_777_216,
    maxQueuedMessages: 1_000,
    maxQueuedBytes: 1_048_576,
    highWaterBytes: 65_536,
    maxBufferedBytes: 16_777_216,
    fragmentBytes: 65_536,
  },
} as const;

export interface RealtimeSettings {
  readonly server: Server | undefined;
  readonly port: number;
  readonly host: string;
  readonly origins: readonly string[];
  readonly authenticate: Authenticate | undefined;
  readonly addressOf: (request: IncomingMessage) => string;
  readonly compression: false | Required<CompressionOptions>;
  readonly heartbeat: false | Required<SessionHeartbeatOptions>;
  readonly limits: Required<RealtimeLimits>;
  readonly logger: Logger | undefined;
  readonly inspect: Inspector | undefined;
  readonly clock: Clock;
}

const peerAddress = ({ socket }: IncomingMessage): string => socket.remoteAddress ?? '';

/** @throws {InvalidOptionError} for an option that cannot be meant */
export function resolveRealtimeOptions(options: RealtimeServerOptions): RealtimeSettings {
  checkKinds(options);
  const { host, origins } = REALTIME_DEFAULTS;
  const { heartbeat = {}, compression = false, inspect, limits = {} } = options;
  return {
    ...{ port: 0, host, origins, addressOf: peerAddress, clock: systemClock },
    ...given(options, ['port', 'host', 'origins', 'addressOf', 'clock']),
    server: options.server,
    authenticate: options.authenticate,
    compression: compression !== false && compressionOf(compression === true ? {} : compression),
    heartbeat: heartbeat !== false && {
      ...REALTIME_DEFAULTS.heartbeat,
      ...figures('heartbeat', heartbeat, 1),
    },
    limits: { ...REALTIME_DEFAULTS.limits, ...figures('limits', limits, 1) },
    logger: options.logger,
    inspect: typeof inspect === 'function' ? { next: inspect } : inspect,
  };
}

function compressionOf(given: CompressionOptions): Required<CompressionOptions> {
  const compression = { ...REALTIME_DEFAULTS.compression, ...figures('compression', given, 0) };
  const { level } = compression;
  if (Number.isInteger(level) && level <= 9) return compression;
  throw new InvalidOptionError('compression.level', 'a whole number from 0 to 9', level);
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const isFunction = (value: unknown): boolean => typeof value === 'function';
const isPort = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535;

type Check = readonly [keyof RealtimeServerOptions, isRight: (value: unknown) => boolean, expected: string];

const CHECKS: readonly Check[] = [
  ['port', isPort, 'a whole number from 0 to 65535'],
  ['host', (value) => typeof value === 'string', 'a string'],
  ['origins', Array.isArray, 'a list of origins'],
  ['authenticate', isFunction, 'a function'],
  ['addressOf', isFunction, 'a function'],
  ['compression', (value) => typeof value === 'boolean' || isObject(value), 'an object, or true or false'],
  ['heartbeat', (value) => value === false || isObject(value), 'an object, or false'],
  ['limits', isObject, 'an object'],
  ['logger', isObject, 'an object with debug(), info(), warn() and error()'],
  ['inspect', (value) => isFunction(value) || isObject(value), 'a function, or an object with next()'],
];

function checkKinds(options: RealtimeServerOptions): void {
  const { server, port, host } = options;
  if (server !== undefined && (port !== undefined || host !== undefined))
    throw new InvalidOptionError('server', 'given without `port` and `host`', server);
  for (const [name, isRight, expected] of CHECKS) {
    const value: unknown = options[name];
    if (value !== undefined && !isRight(value)) throw new InvalidOptionError(name, expected, value);
  }
}

/** The options of these names that are given. */
function given<Name extends keyof RealtimeServerOptions>(
  options: RealtimeServerOptions,
  names: readonly Name[],
): { [Each in Name]?: Exclude<RealtimeServerOptions[Each], undefined> } {
  const entries = names.map((name) => [name, options[name]]).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as ReturnType<typeof given<Name>>;
}

/** The figures that are given, checked. */
function figures<Group extends object>(group: string, given: Group, atLeast: number): Group {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of entries)
    if (typeof value !== 'number' || !(value >= atLeast))
      throw new InvalidOptionError(`${group}.${name}`, `a number of at least ${atLeast}`, value);
  return Object.fromEntries(entries) as Group;
}
