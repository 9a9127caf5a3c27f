// The options of a coordinator client, documented once; the defaults; their check, and what they mean to a connection.
import { customBackoff, exponentialBackoff, type Backoff } from '../backoff.ts';
import { InvalidOptionError } from '../errors.ts';
import type { AttemptInfo, ConnectionOptions, Logger, TimeoutOptions } from '../options.ts';
import { isProvider } from '../providers.ts';
import type { RetryPolicy } from '../retry-policy.ts';
import { connectUrl, coordinatorProtocol, type CoordinatorEvent, type UserDetails } from './protocol.ts';

/** Asked anew for each attempt. What it throws is a failed attempt. */
export type TokenProvider = (info: AttemptInfo) => string | Promise<string>;

/** A session after a loss, for the `watch` option. */
export interface WatchInfo {
  /** The new id, where the coordinator gave one: what was watched under the old one is not any more. */
  readonly connectionId: string | undefined;
  readonly welcome: CoordinatorEvent;
  /** Aborted when the session is over. */
  readonly signal: AbortSignal;
}

type Underlying = ConnectionOptions<CoordinatorEvent, object, CoordinatorEvent, string>;

/** Everything that a connection can do and the coordinator does not decide. */
const PASSED_THROUGH = [
  'headers',
  'resume',
  'outbox',
  'webSocket',
  'transport',
  'surroundings',
  'clock',
  'random',
  'inspect',
  'recorder',
  'redact',
  'name',
] as const;

type PassedThrough = Pick<Underlying, (typeof PASSED_THROUGH)[number] | 'logger'>;

export interface CoordinatorOptions extends PassedThrough {
  /**
   * Where to connect to. A query that it has is kept; `api_key` and `stream-auth-type` are added.
   *
   * @defaultValue `'wss://chat.stream-io-api.com/api/v2/connect'`
   */
  readonly url?: string | URL;
  /**
   * How often a health check is sent, in milliseconds, whatever comes in.
   *
   * @defaultValue `25_000`
   */
  readonly healthcheckIntervalMs?: number;
  /**
   * Silence, in milliseconds, after which the connection is dead. Any frame ends the silence.
   *
   * @defaultValue `30_000`
   */
  readonly healthcheckTimeoutMs?: number;
  /**
   * Attempts in a row to restore a lost connection; then `MaxRetriesExceededError`. 0 makes every loss final. The first
   * attempt of a `connect()` is never repeated.
   *
   * @defaultValue `5`
   */
  readonly maxRetries?: number;
  /**
   * The wait before the first of these attempts, in milliseconds.
   *
   * @defaultValue `1_000`
   */
  readonly backoffBaseMs?: number;
  /**
   * What each wait is multiplied by to get the next.
   *
   * @defaultValue `2`
   */
  readonly backoffFactor?: number;
  /** A strategy in place of `backoffBaseMs` and `backoffFactor`. */
  readonly backoff?: Backoff;
  /**
   * The share of each wait that is left to chance, from 0 to 1: with 0.5 a wait is drawn between its half and its whole.
   *
   * @defaultValue `0`
   */
  readonly jitter?: number;
  /**
   * From the open socket until the coordinator's first event, in milliseconds; then `HANDSHAKE_TIMEOUT`.
   *
   * @defaultValue `15_000`
   */
  readonly authTimeoutMs?: number;
  /** Sent beside the user's id with every authentication. Default: nothing. */
  readonly userDetails?: UserDetails;
  /**
   * What the client wants events of.
   *
   * @defaultValue `['video']`
   */
  readonly products?: readonly string[];
  /**
   * Whether the first event must be `connection.ok`. `false`: anything but an error is welcome.
   *
   * @defaultValue `false`
   */
  readonly strictFirstFrame?: boolean;
  /**
   * Whether a session that the coordinator ends with close code 1000 is restored. `false`: it is final.
   *
   * @defaultValue `true`
   */
  readonly reconnectOnNormalClose?: boolean;
  /**
   * Called after each reconnect, to watch again what was watched. One that fails is tried three times, then the failure
   * is reported; the connection goes on. For what must be done before any event is delivered, there is `resume`.
   */
  readonly watch?: (session: WatchInfo) => void | Promise<void>;
  /** Has the last word on every loss, as a connection's `retry.policy`. */
  readonly retryPolicy?: RetryPolicy;
  /** The other time limits of a connection; `closeMs` is 1,000 ms here. */
  readonly timeouts?: Omit<TimeoutOptions, 'handshakeMs'>;
}

/** The defaults that are numbers or words, in one place. */
export const COORDINATOR_DEFAULTS = Object.freeze({
  url: 'wss://chat.stream-io-api.com/api/v2/connect',
  healthcheckIntervalMs: 25_000,
  healthcheckTimeoutMs: 30_000,
  maxRetries: 5,
  backoffBaseMs: 1_000,
  backoffFactor: 2,
  jitter: 0,
  authTimeoutMs: 15_000,
  products: Object.freeze(['video']),
  strictFirstFrame: false,
  reconnectOnNormalClose: true,
}) satisfies Partial<CoordinatorOptions>;

/** The coordinator answers a close frame at once or not at all. */
const CLOSE_MS = 1_000;
/** How long the connection may take to prove itself after a sleep or a change of network. */
const PROBE_MS = 10_000;

/** What was given to the constructor, completed. */
export type CoordinatorSettings = CoordinatorOptions &
  Required<Pick<CoordinatorOptions, keyof typeof COORDINATOR_DEFAULTS>>;

/** @throws {InvalidOptionError} for the first argument or option that cannot be meant. */
export function resolveOptions(
  apiKey: string,
  token: string | TokenProvider,
  userId: string,
  given: CoordinatorOptions,
): { readonly settings: CoordinatorSettings; readonly connection: Underlying } {
  const settings: CoordinatorSettings = { ...COORDINATOR_DEFAULTS, ...withoutUndefined(given) };
  nonEmpty('apiKey', apiKey);
  if (!isProvider(token)) nonEmpty('token', token);
  nonEmpty('userId', userId);
  checkOptions(settings, userId);
  const { userDetails = {}, products, strictFirstFrame, reconnectOnNormalClose } = settings;
  const meaning = { userId, userDetails, products, strictFirstFrame, reconnectOnNormalClose };
  return {
    settings,
    connection: {
      ...passedThrough(settings),
      url: connectUrl(settings.url, apiKey),
      credentials: isProvider(token) ? checked(token) : token,
      protocol: coordinatorProtocol({ ...meaning, canRefresh: isProvider(token) }),
      heartbeat: heartbeatOf(settings),
      retry: retryOf(settings),
      timeouts: { closeMs: CLOSE_MS, ...settings.timeouts, handshakeMs: settings.authTimeoutMs },
    },
  };
}

/** A JavaScript caller's `undefined` means the default. */
const withoutUndefined = (given: CoordinatorOptions): CoordinatorOptions =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

function checkOptions(settings: CoordinatorSettings, userId: string): void {
  for (const name of [
    'healthcheckIntervalMs',
    'healthcheckTimeoutMs',
    'authTimeoutMs',
    'backoffFactor',
  ] as const)
    check(name, settings[name], 'a number above 0', (value) => isNumber(value) && value > 0);
  for (const name of ['maxRetries', 'backoffBaseMs'] as const)
    check(name, settings[name], 'a number of at least 0', (value) => isNumber(value) && value >= 0);
  check(
    'jitter',
    settings.jitter,
    'a number from 0 to 1',
    (value) => isNumber(value) && value >= 0 && value <= 1,
  );
  const { products, userDetails, watch } = settings;
  const areProducts = Array.isArray(products) && products.every((product) => typeof product === 'string');
  check('products', products, 'an array of strings', () => areProducts);
  if (userDetails !== undefined) {
    check('userDetails', userDetails, 'an object', (value) => typeof value === 'object' && value !== null);
    check('userDetails.id', userDetails['id'] ?? userId, 'absent, or the userId', (id) => id === userId);
  }
  if (watch !== undefined) check('watch', watch, 'a function', isProvider);
}

function check(name: string, value: unknown, expected: string, isMeant: (value: unknown) => boolean): void {
  if (!isMeant(value)) throw new InvalidOptionError(name, expected, value);
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

function nonEmpty(name: string, value: unknown): void {
  check(name, value, 'a string that is not empty', (text) => typeof text === 'string' && text !== '');
}

/** @throws {InvalidOptionError} for what is no token: it would be refused without a word about why */
const checked =
  (provider: TokenProvider): TokenProvider =>
  async (info) => {
    const token = await provider(info);
    nonEmpty('token', token);
    return token;
  };

function heartbeatOf({ healthcheckIntervalMs, healthcheckTimeoutMs }: CoordinatorSettings) {
  return {
    intervalMs: healthcheckIntervalMs,
    silenceMs: healthcheckTimeoutMs,
    timeoutMs: Math.min(PROBE_MS, healthcheckTimeoutMs),
  };
}

function retryOf(settings: CoordinatorSettings): Exclude<Underlying['retry'], false | undefined> {
  const { backoffBaseMs, backoffFactor, jitter, maxRetries, headers, retryPolicy } = settings;
  const { backoff = exponentialBackoff({ baseMs: backoffBaseMs, factor: backoffFactor }) } = settings;
  return {
    backoff: jitter === 0 ? backoff : jittered(backoff, jitter),
    maxAttempts: maxRetries,
    stableAfterMs: 0,
    initial: false,
    policy: (loss, verdict) => {
      // The token is not in the upgrade request: a fresh one cannot change what became of that.
      const isFutile =
        verdict.action === 'reauthenticate' && loss.phase === 'connecting' && !isProvider(headers);
      const own = isFutile ? ({ action: 'stop' } as const) : verdict;
      return retryPolicy === undefined ? own : retryPolicy(loss, own);
    },
  };
}

const jittered = (backoff: Backoff, share: number): Backoff =>
  customBackoff((attempt, state) => backoff.delayMs(attempt, state) * (1 - share * state.random()));

const LOG_LINES: Readonly<Record<string, string>> = {
  Connecting: 'Connecting to coordinator',
  'Sending handshake': 'Sending auth payload',
};

/** The connection's log lines, in the coordinator's words where it has its own. */
function inOurWords(logger: Logger): Logger {
  const say =
    (level: keyof Logger): Logger['debug'] =>
    (message, fields) =>
      logger[level](LOG_LINES[message] ?? message, fields);
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}

/** Absent options stay absent. */
function passedThrough(settings: CoordinatorSettings): PassedThrough {
  const passed = PASSED_THROUGH.map((name) => [name, settings[name]]);
  const logger = settings.logger && inOurWords(settings.logger);
  return withoutUndefined({ ...Object.fromEntries(passed), logger } as CoordinatorOptions);
}
