// The options that were given, completed with the defaults and checked, before anything happens.
import { reportUncaught } from '#platform';
import { clampDelay, type Limits } from '../machines/index.ts';
import { decorrelatedJitterBackoff } from './backoff.ts';
import { systemClock, type Clock } from './clock.ts';
import { blame, ConnectionError, InvalidOptionError } from './errors.ts';
import {
  DEFAULTS,
  type ConnectionOptions,
  type HeartbeatOptions,
  type Logger,
  type OutboxOptions,
  type RetryOptions,
  type TimeoutOptions,
} from './options.ts';
import { checkOptions } from './option-checks.ts';
import { isProvider, parseUrl } from './providers.ts';
import { redactorFor } from './redact.ts';
import { watchRejection } from './rejections.ts';
import type { RetryPolicy, RetryRules } from './retry-policy.ts';

export interface Settings {
  readonly retry: RetryRules | false;
  readonly policy: RetryPolicy | undefined;
  readonly heartbeat: Required<HeartbeatOptions> | false;
  readonly outbox: Required<OutboxOptions>;
  readonly timeouts: Required<TimeoutOptions>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger | undefined;
}

/** Shared by all connections that have no wishes of their own. */
const RETRY = Object.freeze({ ...DEFAULTS.retry, backoff: decorrelatedJitterBackoff() });
const HEARTBEAT = Object.freeze({
  ...DEFAULTS.heartbeat,
  silenceMs: DEFAULTS.heartbeat.intervalMs + DEFAULTS.heartbeat.timeoutMs,
});

const LIMITS = pickLimits(DEFAULTS.timeouts, DEFAULTS.retry.stableAfterMs);

/** Looked up at each call, as the clock's timers are: these settings are older than whoever replaces a global. */
const systemRandom = (): number => Math.random();

const NAMES = ['retry', 'heartbeat', 'outbox', 'timeouts', 'clock', 'random', 'logger'] as const;
type Given = Pick<ConnectionOptions, (typeof NAMES)[number]>;

const DEFAULT_SETTINGS = settingsOf({});

/** @throws {InvalidOptionError} for the first option that cannot be meant */
export function resolveSettings<Incoming, Outgoing, Welcome, Credentials>(
  options: ConnectionOptions<Incoming, Outgoing, Welcome, Credentials>,
): Settings {
  const { url } = (options as Partial<typeof options> | undefined) ?? {};
  if (url === undefined) throw new InvalidOptionError('url', 'a WebSocket URL', url);
  if (!isProvider(url)) parseUrl(url, options.transport?.schemes);
  checkOptions(options);
  return NAMES.every((name) => options[name] === undefined) ? DEFAULT_SETTINGS : settingsOf(options);
}

function settingsOf(options: Given): Settings {
  const retry = options.retry === false ? false : resolveRetry(options.retry);
  const timeouts = complete(DEFAULTS.timeouts, options.timeouts);
  above0('timeouts', timeouts);
  const { stableAfterMs } = retry || DEFAULTS.retry;
  return {
    retry,
    timeouts,
    policy: options.retry === false ? undefined : options.retry?.policy,
    heartbeat: options.heartbeat === false ? false : resolveHeartbeat(options.heartbeat),
    outbox: resolveOutbox(options.outbox),
    limits: limitsOf(timeouts, stableAfterMs),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    logger: options.logger && guardedLogger(options.logger, options),
  };
}

function limitsOf(timeouts: Required<TimeoutOptions>, stableAfterMs: number): Limits {
  const isDefault = timeouts === DEFAULTS.timeouts && stableAfterMs === LIMITS.stableAfterMs;
  return isDefault ? LIMITS : pickLimits(timeouts, stableAfterMs);
}

function pickLimits(timeouts: Required<TimeoutOptions>, stableAfterMs: number): Limits {
  // They are part of the machine's context, which can be written down: JSON knows no Infinity.
  return {
    connectMs: clampDelay(timeouts.connectMs),
    handshakeMs: clampDelay(timeouts.handshakeMs),
    closeMs: clampDelay(timeouts.closeMs),
    networkPatienceMs: clampDelay(timeouts.networkPatienceMs),
    stableAfterMs: clampDelay(stableAfterMs),
  };
}

function resolveRetry(given: RetryOptions | undefined): RetryRules & { readonly stableAfterMs: number } {
  if (given === undefined) return RETRY;
  const { policy, backoff = decorrelatedJitterBackoff(), ...limits } = given;
  const retry = complete(DEFAULTS.retry, limits);
  for (const name of ['maxAttempts', 'maxElapsedMs', 'stableAfterMs'] as const) {
    if (typeof retry[name] !== 'number' || !(retry[name] >= 0))
      throw new InvalidOptionError(`retry.${name}`, 'a number of at least 0', retry[name]);
  }
  if (typeof retry.initial !== 'boolean')
    throw new InvalidOptionError('retry.initial', 'true or false', retry.initial);
  const { delayMs } = (backoff as Partial<typeof backoff> | null) ?? {};
  if (typeof delayMs !== 'function')
    throw new InvalidOptionError(
      'retry.backoff',
      'a backoff strategy such as exponentialBackoff() or customBackoff()',
      backoff,
    );
  if (policy !== undefined) isFunction('retry.policy', 'a function', policy);
  return { ...retry, backoff };
}

function resolveHeartbeat(given: HeartbeatOptions | undefined): Required<HeartbeatOptions> {
  if (given === undefined) return HEARTBEAT;
  const { silenceMs, ...probing } = given;
  const heartbeat = complete(DEFAULTS.heartbeat, probing);
  const byDefault = { ...heartbeat, silenceMs: heartbeat.intervalMs + heartbeat.timeoutMs };
  const completed = silenceMs === undefined ? byDefault : { ...byDefault, silenceMs };
  above0('heartbeat', completed);
  return completed;
}

function resolveOutbox(given: OutboxOptions | undefined): Required<OutboxOptions> {
  const outbox = complete<Required<OutboxOptions>>(DEFAULTS.outbox, given);
  const { overflow, ...limits } = outbox;
  above0('outbox', limits);
  if (!['reject', 'drop-oldest', 'drop-newest'].includes(overflow)) {
    throw new InvalidOptionError('outbox.overflow', "'reject', 'drop-oldest' or 'drop-newest'", overflow);
  }
  return outbox;
}

/** A logger of the user's may throw; it is not ours to fail for that. */
export function guardedLogger(logger: Logger, options: object): Logger {
  const fail = (thrown: unknown): void => {
    const blamed = blame(thrown, redactorFor({ options }), { event: 'logger' });
    reportUncaught(new ConnectionError('LISTENER_FAILED', blamed));
  };
  const levels: Record<
    keyof Logger,
    (message: string, fields?: Readonly<Record<string, unknown>>) => unknown
  > = logger;
  const call = (level: keyof Logger) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    try {
      watchRejection(levels[level](message, fields), fail);
    } catch (thrown) {
      fail(thrown);
    }
  };
  return { debug: call('debug'), info: call('info'), warn: call('warn'), error: call('error') };
}

/** What is given wins; `undefined` is not given. */
function complete<Group extends object>(defaults: Group, given: Partial<Group> | undefined): Group {
  if (given === undefined) return defaults;
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...(Object.fromEntries(said) as Partial<Group>) };
}

function above0(group: string, values: object): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(typeof value === 'number' && value > 0))
      throw new InvalidOptionError(`${group}.${name}`, 'a number above 0', value);
  }
}

function isFunction(name: string, expected: string, value: unknown): void {
  if (typeof value !== 'function') throw new InvalidOptionError(name, expected, value);
}
