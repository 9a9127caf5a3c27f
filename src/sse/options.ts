// Every option of an SSE connection, documented once, the defaults, and the check before anything happens.
import { decorrelatedJitterBackoff, type Backoff } from '../backoff.ts';
import { InvalidOptionError } from '../errors.ts';
import type { ConnectionOptions, HeartbeatOptions, Provided, TimeoutOptions } from '../options.ts';
import { isProvider } from '../providers.ts';
import { hintedBackoff } from './backoff.ts';
import { Place } from './place.ts';
import { isDecode, sseProtocol, type SseDecode, type SseEvent } from './protocol.ts';
import type { Fetch, SseBody, SseCredentials } from './request.ts';
import { sseTransport } from './transport.ts';

/** What is the same for every connection. */
type Shared = Pick<
  ConnectionOptions,
  'retry' | 'surroundings' | 'clock' | 'random' | 'logger' | 'inspect' | 'redact' | 'recorder' | 'name'
>;

/** @typeParam Data what `decode` makes of an event's data */
export interface SseOptions<Data = string> extends Shared {
  /** Where the events are: `http:` or `https:`; in a page also relative to it. Redirects are followed. */
  readonly url: Provided<string | URL>;
  /** Headers of the request. As a function they are asked for before each attempt, and once more after 401 and 403. */
  readonly headers?: Provided<Readonly<Record<string, string>>>;
  /**
   * The request's method.
   *
   * @defaultValue `'GET'`, with a body `'POST'`
   */
  readonly method?: string;
  /** The request's body, all that `fetch` takes. As a function it is asked for before each attempt. */
  readonly body?: Provided<SseBody>;
  /**
   * Whether a browser sends cookies: as the option of `fetch`.
   *
   * @defaultValue `'same-origin'`
   */
  readonly credentials?: SseCredentials;
  /** Makes the requests, for proxies, certificates or tests. Default: the platform's `fetch`. */
  readonly fetch?: Fetch;
  /** The id from which the first request asks to go on. Default: none. */
  readonly lastEventId?: string;
  /**
   * `text`, `json`, or a function of the data and of the event's name and id. Nothing is checked: validate what comes
   * from a stranger.
   *
   * @defaultValue `'text'`
   */
  readonly decode?: SseDecode<Data>;
  /**
   * How long an event's data may be, in bytes; a longer one ends the stream with `EVENT_TOO_LARGE`, and a second one in
   * a row the connection.
   *
   * @defaultValue `10_485_760`
   */
  readonly maxEventBytes?: number;
  /**
   * Whether the server's `retry:` takes the place of `retry.backoff`: at least 100 ms and at most 5 minutes, doubled for
   * each attempt in a row that opened no stream (up to 30 s), and up to half more at random.
   *
   * @defaultValue `true`
   */
  readonly retryHints?: boolean;
  /**
   * When a silent stream is dead; any byte is a sign of life, a comment's too. Nothing can be asked, so it is the
   * server's interval of comments that counts: after `intervalMs` the stream is doubted (`probing`), and after
   * `silenceMs` it is dead. `false`: never, but the `fetch` of Node gives up after 5 minutes of silence.
   *
   * @defaultValue `{ intervalMs: 45_000, timeoutMs: 15_000 }`: dead after a minute, two of the usual comments being missing
   */
  readonly heartbeat?: HeartbeatOptions | false;
  /** `connectMs` runs until the answer's headers are there; there is no handshake. */
  readonly timeouts?: Omit<TimeoutOptions, 'handshakeMs'>;
}

/** The defaults that are numbers or words and differ from those of a WebSocket connection. */
export const SSE_DEFAULTS = Object.freeze({
  credentials: 'same-origin',
  lastEventId: '',
  decode: 'text',
  maxEventBytes: 10_485_760,
  retryHints: true,
  heartbeat: Object.freeze({ intervalMs: 45_000, timeoutMs: 15_000 }),
} as const);

export interface WiredSse<Data> {
  readonly place: Place;
  readonly options: ConnectionOptions<SseEvent<Data>, never>;
}

/** The options of the connection that does it. @throws {InvalidOptionError} */
export function wireSse<Data>(given: SseOptions<Data>): WiredSse<Data> {
  checkSse(given);
  const { url, headers, timeouts, retry, surroundings, clock, random, logger, inspect } = given;
  const { redact, recorder, name } = given;
  const place = new Place(given.lastEventId ?? SSE_DEFAULTS.lastEventId);
  const options = {
    ...{ url, headers, timeouts, surroundings, clock, random, logger, inspect, redact, recorder, name },
    retry: retryOf(given, place, retry),
    heartbeat: heartbeatOf(given.heartbeat),
    protocol: sseProtocol<Data>(given.decode ?? SSE_DEFAULTS.decode),
    transport: sseTransport(
      {
        method: methodOf(given),
        body: given.body,
        credentials: given.credentials ?? SSE_DEFAULTS.credentials,
        fetch: given.fetch,
        maxEventBytes: given.maxEventBytes ?? SSE_DEFAULTS.maxEventBytes,
      },
      place,
    ),
  };
  return { place, options: withoutUndefined(options) };
}

const withoutUndefined = <Options extends object>(options: Options) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Options]: Exclude<Options[Name], undefined>;
  };

function retryOf(
  { retryHints = SSE_DEFAULTS.retryHints }: Pick<SseOptions, 'retryHints'>,
  place: Place,
  retry: SseOptions['retry'],
): SseOptions['retry'] {
  if (retry === false || !retryHints) return retry;
  const { backoff = decorrelatedJitterBackoff() } = retry ?? {};
  // One that is none is refused by the connection itself.
  const { delayMs } = (backoff as Partial<Backoff> | null) ?? {};
  return isProvider(delayMs) ? { ...retry, backoff: hintedBackoff(place, backoff) } : retry;
}

/** Silence is the only sign, so each option falls back to the default here, not to that of a link that can be asked. */
const heartbeatOf = (given: SseOptions['heartbeat']): SseOptions['heartbeat'] =>
  given === false ? false : { ...SSE_DEFAULTS.heartbeat, ...given };

const methodOf = ({ method, body }: Pick<SseOptions, 'method' | 'body'>): string =>
  method?.toUpperCase() ?? (body === undefined ? 'GET' : 'POST');

// RFC 9110 §9.1: a method is a token. Fetch §2.2.1 forbids three, and a HEAD has no answer to read.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const IMPOSSIBLE: ReadonlySet<string> = new Set(['HEAD', 'CONNECT', 'TRACE', 'TRACK']);

export const isMethod = (value: unknown): boolean =>
  typeof value === 'string' && TOKEN.test(value) && !IMPOSSIBLE.has(value.toUpperCase());

const isGroupOrOff = (value: unknown): boolean =>
  value === false || (typeof value === 'object' && value !== null && !Array.isArray(value));

type Check = readonly [name: keyof SseOptions, isRight: (value: unknown) => boolean, expected: string];

const CHECKS: readonly Check[] = [
  ['method', isMethod, 'a method that has an answer, such as GET or POST'],
  [
    'body',
    (value) => !(value instanceof ReadableStream),
    'a function that makes a ReadableStream: one can be sent only once',
  ],
  [
    'credentials',
    (value) => ['omit', 'same-origin', 'include'].includes(value as string),
    "'omit', 'same-origin' or 'include'",
  ],
  ['retry', isGroupOrOff, 'an object, or false'],
  ['heartbeat', isGroupOrOff, 'an object, or false'],
  ['fetch', isProvider, 'a function'],
  [
    'lastEventId',
    (value) => typeof value === 'string' && !/[\r\n\0]/.test(value),
    'a string without line breaks',
  ],
  ['decode', isDecode, "'text', 'json' or a function"],
  ['retryHints', (value) => typeof value === 'boolean', 'true or false'],
  [
    'maxEventBytes',
    (value) => Number.isInteger(value) && (value as number) > 0,
    'a whole number of at least 1',
  ],
];

function checkSse(given: Partial<Omit<SseOptions, 'decode'> & { readonly decode: unknown }> = {}): void {
  if (given.url === undefined) throw new InvalidOptionError('url', 'the URL of an event stream', given.url);
  for (const [name, isRight, expected] of CHECKS) {
    const value: unknown = given[name];
    if (value !== undefined && !isRight(value)) throw new InvalidOptionError(name, expected, value);
  }
  if (given.body !== undefined && methodOf(given) === 'GET')
    throw new InvalidOptionError('method', 'another one than GET, which has no body', given.method);
  if (given.fetch === undefined && typeof globalThis.fetch !== 'function')
    throw new InvalidOptionError('fetch', 'a function: this platform has none', given.fetch);
}
