// The options of a crawl server, documented once; the defaults; their check.
import type { Server } from 'node:http';
import { systemClock, type Clock } from '../../clock.ts';
import { InvalidOptionError } from '../../errors.ts';
import type { Logger } from '../../options.ts';
import type { ApiKeys } from '../access.ts';
import type { AllowAddress, ResolveHost } from './addresses.ts';

/** Limits of a crawl server: counts, bytes, and times in milliseconds. Whole numbers, where nothing else is said. */
export interface CrawlLimits {
  /**
   * WebSocket connections and streaming requests at once; further ones get a 503.
   *
   * @defaultValue `1_000`
   */
  readonly maxConnections?: number;
  /**
   * The same from one address; further ones get a 429.
   *
   * @defaultValue `10`
   */
  readonly maxConnectionsPerAddress?: number;
  /**
   * HTTP requests and upgrades from one address, on average; further ones get a 429. Not necessarily a whole number.
   *
   * @defaultValue `10`
   */
  readonly requestsPerSecond?: number;
  /**
   * HTTP requests and upgrades from one address that may come at once.
   *
   * @defaultValue `20`
   */
  readonly requestBurst?: number;
  /**
   * Crawls that run at once on one connection, where requests have a `request_id`. Further ones wait.
   *
   * @defaultValue `8`
   */
  readonly crawlsPerConnection?: number;
  /**
   * Requests that wait on one connection; a further one is answered with `too_many_requests`.
   *
   * @defaultValue `64`
   */
  readonly waitingPerConnection?: number;
  /**
   * Pages fetched at once, by all crawls.
   *
   * @defaultValue `64`
   */
  readonly concurrency?: number;
  /**
   * Pages fetched at once by one crawl that does not say how many.
   *
   * @defaultValue `5`
   */
  readonly crawlConcurrency?: number;
  /**
   * Pages fetched at once by one crawl, whatever it asks for.
   *
   * @defaultValue `16`
   */
  readonly maxCrawlConcurrency?: number;
  /**
   * Pages fetched at once from one host, by all crawls.
   *
   * @defaultValue `2`
   */
  readonly concurrencyPerHost?: number;
  /**
   * Between the starts of two fetches from one host, 0 or more.
   *
   * @defaultValue `0`
   */
  readonly hostDelayMs?: number;
  /**
   * A longer `Crawl-delay` of a robots.txt is cut to this. 0 ignores them.
   *
   * @defaultValue `10_000`
   */
  readonly maxCrawlDelayMs?: number;
  /**
   * For one page, with its redirects; a crawl may ask for less with `timeout_secs`. Waiting for a turn does not count.
   *
   * @defaultValue `30_000`
   */
  readonly pageMs?: number;
  /**
   * For opening a connection to a site.
   *
   * @defaultValue `10_000`
   */
  readonly connectMs?: number;
  /**
   * Of one page, decompressed; reading stops there.
   *
   * @defaultValue `2_097_152`
   */
  readonly maxPageBytes?: number;
  /**
   * Redirects of one page, 0 or more.
   *
   * @defaultValue `5`
   */
  readonly maxRedirects?: number;
}

export interface CrawlCacheOptions {
  /**
   * Of all pages together; the least recently used go first.
   *
   * @defaultValue `67_108_864`
   */
  readonly maxBytes?: number;
  /**
   * How long a page is kept, in milliseconds.
   *
   * @defaultValue `300_000`
   */
  readonly ttlMs?: number;
}

export interface CrawlServerOptions {
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
   * An HTTP or HTTPS server of yours to serve on: only the paths of the crawl server are answered, and it is yours to
   * listen and to close. Default: one of its own.
   */
  readonly server?: Server;
  /**
   * The keys that are let in, by `X-API-Key` or `Authorization: Bearer`; or a function that judges a key. Default:
   * everybody is let in.
   */
  readonly apiKeys?: ApiKeys;
  /**
   * The `Origin`s of browser pages that are let in; `'*'` lets in all. Requests without an `Origin` are let in anyway.
   *
   * @defaultValue `[]`
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * Whether pages may be fetched from addresses that are not public (loopback, private, link-local, reserved); or a
   * function that judges such an address. Whoever may use a server that allows them sees this machine's network.
   *
   * @defaultValue `false`
   */
  readonly allowPrivateAddresses?: boolean | AllowAddress;
  /** Resolves host names. Default: the system's resolver. */
  readonly resolveHost?: ResolveHost;
  /**
   * Sent to sites, and looked for in their robots.txt by the part before the slash.
   *
   * @defaultValue `'statewire-crawler/1.0'`
   */
  readonly userAgent?: string;
  /**
   * Whether robots.txt is honoured.
   *
   * @defaultValue `true`
   */
  readonly robots?: boolean;
  /**
   * Whether `request_id` multiplexing and `cancel` are offered. `false`: the plain protocol, one crawl at a time.
   *
   * @defaultValue `true`
   */
  readonly extensions?: boolean;
  /**
   * permessage-deflate for messages of 1 KiB and more, without context takeover: a connection keeps no window.
   *
   * @defaultValue `true`
   */
  readonly compression?: boolean;
  /** See {@link CrawlLimits}. */
  readonly limits?: CrawlLimits;
  /** The pages that are remembered; `false`: none, whatever `cache_mode` says. */
  readonly cache?: CrawlCacheOptions | false;
  /**
   * How often a connection is pinged, in milliseconds.
   *
   * @defaultValue `30_000`
   */
  readonly pingIntervalMs?: number;
  /**
   * How long a ping may stay without any frame in return, in milliseconds.
   *
   * @defaultValue `10_000`
   */
  readonly pongTimeoutMs?: number;
  /** Told of connections, crawls and failures; never of a key or of a page's content. Default: nobody. */
  readonly logger?: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** The defaults, in one place. */
export const CRAWL_SERVER_DEFAULTS = Object.freeze({
  port: 0,
  host: '127.0.0.1',
  allowedOrigins: Object.freeze([]) as readonly string[],
  allowPrivateAddresses: false,
  userAgent: 'statewire-crawler/1.0',
  robots: true,
  extensions: true,
  compression: true,
  pingIntervalMs: 30_000,
  pongTimeoutMs: 10_000,
  limits: Object.freeze({
    maxConnections: 1_000,
    maxConnectionsPerAddress: 10,
    requestsPerSecond: 10,
    requestBurst: 20,
    crawlsPerConnection: 8,
    waitingPerConnection: 64,
    concurrency: 64,
    crawlConcurrency: 5,
    maxCrawlConcurrency: 16,
    concurrencyPerHost: 2,
    hostDelayMs: 0,
    maxCrawlDelayMs: 10_000,
    pageMs: 30_000,
    connectMs: 10_000,
    maxPageBytes: 2 * 1024 * 1024,
    maxRedirects: 5,
  }),
  cache: Object.freeze({ maxBytes: 64 * 1024 * 1024, ttlMs: 5 * 60_000 }),
}) satisfies CrawlServerOptions;

/** What was given to `createCrawlServer`, completed. */
export interface CrawlServerSettings extends Omit<CrawlServerOptions, 'limits' | 'cache'> {
  readonly port: number;
  readonly host: string;
  readonly allowedOrigins: readonly string[];
  readonly allowPrivateAddresses: boolean | AllowAddress;
  readonly userAgent: string;
  readonly robots: boolean;
  readonly extensions: boolean;
  readonly compression: boolean;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly clock: Clock;
  readonly limits: Required<CrawlLimits>;
  readonly cache: Required<CrawlCacheOptions> | false;
}

/** @throws {InvalidOptionError} for the first option that cannot be meant */
export function resolveOptions(given: CrawlServerOptions): CrawlServerSettings {
  const { limits, cache, ...rest } = given;
  if (limits !== undefined) check('limits', limits, 'an object', isGroup);
  if (cache !== undefined && cache !== false) check('cache', cache, 'an object, or false', isGroup);
  const settings: CrawlServerSettings = {
    ...CRAWL_SERVER_DEFAULTS,
    clock: systemClock,
    ...withoutUndefined(rest),
    limits: { ...CRAWL_SERVER_DEFAULTS.limits, ...withoutUndefined(limits ?? {}) },
    cache: cache !== false && { ...CRAWL_SERVER_DEFAULTS.cache, ...withoutUndefined(cache ?? {}) },
  };
  checkSettings(settings);
  checkNumbers(settings);
  return settings;
}

/** A JavaScript caller's `undefined` means the default. */
const withoutUndefined = <T extends object>(given: T): T =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;

type Test = (value: unknown) => boolean;

function check(name: string, value: unknown, expected: string, isMeant: Test): void {
  if (!isMeant(value)) throw new InvalidOptionError(name, expected, value);
}

const isGroup: Test = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isFunction: Test = (value) => typeof value === 'function';
const isBoolean: Test = (value) => typeof value === 'boolean';
const isName: Test = (value) => typeof value === 'string' && value !== '';
const isNames: Test = (value) => Array.isArray(value) && value.every(isName);
/** What a header may hold: RFC 9110 §5.5, without what lies beyond ASCII. */
const isHeader: Test = (value) => typeof value === 'string' && /^[\x20-\x7e]+$/.test(value);
const isPort: Test = (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535;
const wholeFrom =
  (least: number): Test =>
  (value) =>
    Number.isSafeInteger(value) && Number(value) >= least;

const has =
  (...methods: readonly string[]): Test =>
  (value) =>
    isGroup(value) && methods.every((name) => isFunction((value as Record<string, unknown>)[name]));

const optional =
  (test: Test): Test =>
  (value) =>
    value === undefined || test(value);

const EXPECTED: readonly (readonly [keyof CrawlServerSettings, Test, string])[] = [
  ['port', isPort, 'a whole number from 0 to 65,535'],
  ['host', isName, 'a string that is not empty'],
  ['server', optional(has('on', 'off', 'address')), 'an HTTP server'],
  ['apiKeys', optional((value) => isFunction(value) || isNames(value)), 'a list of keys, or a function'],
  ['allowedOrigins', isNames, 'a list of origins'],
  ['allowPrivateAddresses', (value) => isBoolean(value) || isFunction(value), 'true or false, or a function'],
  ['resolveHost', optional(isFunction), 'a function'],
  ['userAgent', isHeader, 'a string of printable ASCII characters'],
  ['robots', isBoolean, 'true or false'],
  ['extensions', isBoolean, 'true or false'],
  ['compression', isBoolean, 'true or false'],
  [
    'logger',
    optional(has('debug', 'info', 'warn', 'error')),
    'an object with debug(), info(), warn() and error()',
  ],
  [
    'clock',
    has('now', 'setTimeout', 'clearTimeout'),
    'an object with now(), setTimeout() and clearTimeout()',
  ],
];

function checkSettings(settings: CrawlServerSettings): void {
  for (const [name, isMeant, expected] of EXPECTED) check(name, settings[name], expected, isMeant);
}

const MAY_BE_ZERO: ReadonlySet<string> = new Set(['hostDelayMs', 'maxCrawlDelayMs', 'maxRedirects']);

function checkNumbers({ limits, cache, pingIntervalMs, pongTimeoutMs }: CrawlServerSettings): void {
  const atLeast = (name: string, value: unknown, least: number): void =>
    check(name, value, `a whole number of at least ${least}`, wholeFrom(least));
  atLeast('pingIntervalMs', pingIntervalMs, 1);
  atLeast('pongTimeoutMs', pongTimeoutMs, 1);
  const { requestsPerSecond, ...counts } = limits;
  check('limits.requestsPerSecond', requestsPerSecond, 'a number above 0', (value) => Number(value) > 0);
  for (const [name, value] of Object.entries(counts))
    atLeast(`limits.${name}`, value, MAY_BE_ZERO.has(name) ? 0 : 1);
  if (cache === false) return;
  for (const [name, value] of Object.entries(cache)) atLeast(`cache.${name}`, value, 1);
}
