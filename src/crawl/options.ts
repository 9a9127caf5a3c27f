// The options of a crawl client, documented once; the defaults; their check, and what they mean to a connection.
import * as platform from '#platform';
import { systemClock, type Clock } from '../clock.ts';
import type {
  AttemptInfo,
  ConnectionOptions,
  HeartbeatOptions,
  Provided,
  RetryOptions,
  TimeoutOptions,
} from '../options.ts';
import { isProvider } from '../providers.ts';
import type { RetryPolicy } from '../retry-policy.ts';
import { ValidationError } from './errors.ts';
import {
  CRAWL_BEARER_SUBPROTOCOL,
  CRAWL_MAX_MESSAGE_BYTES,
  CRAWL_MAX_URLS,
  CRAWL_PATH,
  CRAWL_SUBPROTOCOLS,
} from './messages.ts';
import { CRAWL_MAX_ATTEMPTS, crawlBackoff, maxFruitless } from './patience.ts';
import { crawlProtocol, endpointOf, type CrawlOutgoing } from './protocol.ts';
import type { CrawlEncoding, CrawlEvent, Welcomed } from './results.ts';

type Underlying = ConnectionOptions<CrawlEvent, CrawlOutgoing, Welcomed>;

/** Everything that a connection can do and a crawl does not decide. */
type PassedThrough = Pick<
  Underlying,
  | 'headers'
  | 'outbox'
  | 'webSocket'
  | 'transport'
  | 'surroundings'
  | 'clock'
  | 'random'
  | 'logger'
  | 'inspect'
  | 'redact'
  | 'name'
>;

export interface CrawlClientOptions extends PassedThrough {
  /** Where the server is: `http:`, `https:`, `ws:` or `wss:`. The path is added to it; a query that it has is kept. */
  readonly baseUrl: string | URL;
  /**
   * The path of the WebSocket endpoint, added to that of `baseUrl`.
   *
   * @defaultValue `'/crawl/ws'`
   */
  readonly path?: string;
  /** Sent as `Authorization: Bearer`. As a function it is asked for each attempt to connect. Default: none is sent. */
  readonly apiKey?: Provided<string>;
  /**
   * Browsers cannot send headers: there an `apiKey` is refused, unless `'subprotocol'` has it offered, in base64url, as
   * a subprotocol, which the server must understand, and which proxies may write into their logs. The other way is a
   * short-lived token in the query of `baseUrl`.
   *
   * @defaultValue `'header'`
   */
  readonly sendKeyAs?: 'header' | 'subprotocol';
  /**
   * `'messagepack'` offers MessagePack as a subprotocol, with JSON beside it, of which the server must select one.
   *
   * @defaultValue `'json'`
   */
  readonly encoding?: CrawlEncoding;
  /**
   * Whether permessage-deflate is offered; the same as `webSocket.compression`.
   *
   * @defaultValue `false`
   */
  readonly compression?: boolean;
  /**
   * Connections at once, at most: as many crawls run at once on servers that answer one request at a time. Further
   * crawls wait for their turn, in the order in which they were begun.
   *
   * @defaultValue `4`
   */
  readonly maxConnections?: number;
  /**
   * Whether crawls share a connection where the server offers it. They then share its backpressure too, unless the
   * server offers `pause` as well: a crawl that is not read holds up the others.
   *
   * @defaultValue `true`
   */
  readonly multiplexing?: boolean;
  /**
   * URLs in one request, at most. A longer list is asked for in several, one after the other, and is one crawl all the
   * same.
   *
   * @defaultValue `100`
   */
  readonly maxUrlsPerRequest?: number;
  /**
   * Messages that may wait for the consumer of a crawl. At the limit nothing more is read from the socket (in Node), so
   * that the server is slowed down; what has been read already waits as well. In a browser, which cannot stop reading,
   * as many again may wait; then the crawl ends with `CONSUMER_TOO_SLOW`.
   *
   * @defaultValue `100`
   */
  readonly maxBuffered?: number;
  /**
   * How long a running crawl may be without a message while its consumer waits for one, in milliseconds. Then the URLs
   * without a result are asked for again, over a new session. It stands in place of the limit for pongs: a server that
   * answers one request at a time sends none during a crawl. Raise it for pages that take longer; `Infinity`: no limit.
   *
   * @defaultValue `60_000`
   */
  readonly crawlIdleMs?: number;
  /**
   * How long the answer to `ping()` or `status()` may take, in milliseconds; then `ANSWER_MISSING`.
   *
   * @defaultValue `10_000`
   */
  readonly requestTimeoutMs?: number;
  /**
   * How long a connection is kept without a use for it, in milliseconds. `Infinity`: until `disconnect()`.
   *
   * @defaultValue `30_000`
   */
  readonly keepOpenMs?: number;
  /**
   * When a connection that was lost during a crawl is restored: after 2, 4 and 8 s by default. `maxAttempts` bounds also
   * how often in a row a crawl asks again without a new result. A first attempt to connect is not repeated unless
   * `initial` is set, or the server answers 429 or 503. `false`: every loss is final.
   */
  readonly retry?: RetryOptions | false;
  /**
   * Protocol pings: after 30 s of silence by default, the link being dead 10 s later. Any inbound frame is life. A
   * server that answers one request at a time sends no pong during a crawl: meanwhile `crawlIdleMs` is the limit.
   * `false`: none. Browsers have no pings.
   */
  readonly heartbeat?: Pick<HeartbeatOptions, 'intervalMs' | 'timeoutMs'> | false;
  /** Time limits of a connection; `handshakeMs`, the wait for the server's welcome, and `closeMs` are 10,000 ms here. */
  readonly timeouts?: TimeoutOptions;
  /** `false`: connections keep no recording. Default: each keeps its own. */
  readonly recorder?: false;
}

/** The defaults that are numbers or words, in one place. */
export const CRAWL_DEFAULTS = Object.freeze({
  path: CRAWL_PATH,
  sendKeyAs: 'header',
  encoding: 'json',
  compression: false,
  maxConnections: 4,
  multiplexing: true,
  maxUrlsPerRequest: CRAWL_MAX_URLS,
  maxBuffered: 100,
  crawlIdleMs: 60_000,
  requestTimeoutMs: 10_000,
  keepOpenMs: 30_000,
}) satisfies Partial<CrawlClientOptions>;

/** What was given, with the defaults. */
type Completed = CrawlClientOptions & Required<Pick<CrawlClientOptions, keyof typeof CRAWL_DEFAULTS>>;

const RETRY = Object.freeze({ maxAttempts: CRAWL_MAX_ATTEMPTS, initial: false, stableAfterMs: 0 });
const HEARTBEAT = Object.freeze({ intervalMs: 30_000, timeoutMs: 10_000 });
const TIMEOUTS = Object.freeze({ handshakeMs: 10_000, closeMs: 10_000 });

/** What was given to the constructor, completed. */
export interface CrawlSettings
  extends
    Required<Pick<CrawlClientOptions, keyof typeof CRAWL_DEFAULTS>>,
    Pick<CrawlClientOptions, 'retry' | 'random'> {
  readonly baseUrl: string | URL;
  readonly clock: Clock;
  /** How often in a row a crawl asks again in vain. */
  readonly maxFruitless: number;
}

/** @throws {ValidationError} or {InvalidOptionError}, for the first option that cannot be meant */
export function resolveOptions(given: CrawlClientOptions): {
  readonly settings: CrawlSettings;
  readonly connectionOptions: (policy: RetryPolicy, isExcused: () => boolean) => Underlying;
} {
  const options = { ...CRAWL_DEFAULTS, ...withoutUndefined(given) } as CrawlClientOptions &
    typeof CRAWL_DEFAULTS;
  checkOptions(options);
  const { clock = systemClock } = options;
  const settings: CrawlSettings = { ...options, clock, maxFruitless: maxFruitless(options) };
  const underlying = underlyingOf(options);
  const connectionOptions = (policy: RetryPolicy, isExcused: () => boolean): Underlying => ({
    ...underlying,
    ...retryOf(options, policy),
    protocol: crawlProtocol(options.encoding, isExcused),
  });
  return { settings, connectionOptions };
}

/** A JavaScript caller's `undefined` means the default. */
export const withoutUndefined = <Options extends object>(given: Options): Options =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Options;

function underlyingOf(options: Completed): Underlying {
  const { baseUrl, path, compression, heartbeat, timeouts, recorder } = options;
  const { headers, outbox, transport, surroundings, clock, random, logger, inspect, redact, name } = options;
  const webSocket = { maxPayloadBytes: CRAWL_MAX_MESSAGE_BYTES, compression, ...options.webSocket };
  const passed = { headers, outbox, surroundings, clock, random, logger, inspect, redact, name, recorder };
  return withoutUndefined({
    ...passed,
    ...keyOf(options),
    url: endpointOf(baseUrl, path),
    transport: transport ?? platform.defaultTransport(webSocket),
    heartbeat: heartbeat === false ? false : { ...HEARTBEAT, ...withoutUndefined(heartbeat ?? {}) },
    timeouts: { ...TIMEOUTS, ...timeouts },
  } as Underlying);
}

function retryOf({ retry }: CrawlClientOptions, policy: RetryPolicy): Pick<Underlying, 'retry'> {
  if (retry === false) return { retry };
  const { policy: own, ...rules } = retry ?? {};
  const verdictOf: RetryPolicy = (loss, verdict) => {
    const ours = policy(loss, verdict);
    return own === undefined ? ours : own(loss, ours);
  };
  return { retry: { ...RETRY, backoff: crawlBackoff, ...withoutUndefined(rules), policy: verdictOf } };
}

/** The key joins whatever headers or subprotocols there are. */
function keyOf(options: Completed): Pick<Underlying, 'headers' | 'protocols'> {
  const { apiKey, headers, encoding, sendKeyAs } = options;
  if (apiKey === undefined) return {};
  if (sendKeyAs === 'subprotocol') {
    const own =
      encoding === 'json'
        ? [CRAWL_SUBPROTOCOLS.json]
        : [CRAWL_SUBPROTOCOLS.messagePack, CRAWL_SUBPROTOCOLS.json];
    const offer = (key: string) => [...own, CRAWL_BEARER_SUBPROTOCOL + inBase64Url(key)];
    return {
      protocols: isProvider(apiKey) ? async (info) => offer(await keyFor(apiKey, info)) : offer(apiKey),
    };
  }
  const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });
  if (!isProvider(apiKey) && !isProvider(headers)) return { headers: { ...headers, ...bearer(apiKey) } };
  return {
    headers: async (info) => ({
      ...(isProvider(headers) ? await headers(info) : headers),
      ...bearer(await keyFor(apiKey, info)),
    }),
  };
}

async function keyFor(apiKey: Provided<string>, info: AttemptInfo): Promise<string> {
  const key = isProvider(apiKey) ? await apiKey(info) : apiKey;
  checkKey(key);
  return key;
}

// RFC 6455 §4.1: subprotocols are tokens; base64url is made of their characters.
function inBase64Url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

const COUNTS = ['maxConnections', 'maxUrlsPerRequest', 'maxBuffered'] as const;
const TIMES = ['crawlIdleMs', 'requestTimeoutMs', 'keepOpenMs'] as const;
const SWITCHES = ['compression', 'multiplexing'] as const;
const WORDS = { encoding: ['json', 'messagepack'], sendKeyAs: ['header', 'subprotocol'] } as const;

function checkOptions(options: Completed): void {
  for (const name of COUNTS)
    check(
      name,
      options[name],
      'a whole number of at least 1',
      (value) => Number.isInteger(value) && Number(value) >= 1,
    );
  for (const name of TIMES)
    check(name, options[name], 'a number above 0', (value) => typeof value === 'number' && value > 0);
  for (const name of SWITCHES)
    check(name, options[name], 'true or false', (value) => typeof value === 'boolean');
  for (const [name, words] of Object.entries(WORDS) as [keyof typeof WORDS, readonly string[]][])
    check(name, options[name], `'${words.join("' or '")}'`, (value) => words.includes(value as string));
  check(
    'path',
    options.path,
    'a path that begins with /',
    (path) => typeof path === 'string' && path.startsWith('/'),
  );
  checkSending(options);
}

/** A key that would silently not be sent is worse than an error. */
function checkSending({ apiKey, sendKeyAs, transport, webSocket = {} }: CrawlClientOptions): void {
  if (apiKey === undefined) return;
  if (!isProvider(apiKey)) checkKey(apiKey);
  if (sendKeyAs !== 'header' || transport !== undefined) return;
  const canSendHeaders = platform.defaultTransport(webSocket).name !== 'native';
  const expected =
    "absent where sockets cannot send headers, as in browsers: set sendKeyAs: 'subprotocol', or put a short-lived token into the query of baseUrl";
  check('apiKey', apiKey, expected, () => canSendHeaders);
}

function checkKey(key: unknown): void {
  check('apiKey', key, 'a string that is not empty', (text) => typeof text === 'string' && text !== '');
}

export function check(
  name: string,
  value: unknown,
  expected: string,
  isMeant: (value: unknown) => boolean,
): void {
  if (!isMeant(value)) throw new ValidationError(name, expected, value);
}
