// The options of a channel client, documented once; the defaults; their check, and what they mean to a connection.
import { fixedBackoff } from '../backoff.ts';
import { InvalidOptionError } from '../errors.ts';
import type { ConnectionOptions, TimeoutOptions } from '../options.ts';
import type { RetryPolicy, Verdict } from '../retry-policy.ts';
import type { OutgoingFrame } from './protocol.ts';
import type { Envelope } from './wire.ts';

type Underlying = ConnectionOptions<Envelope, OutgoingFrame>;

/** Everything that a connection can do and channels do not decide. */
const PASSED_THROUGH = [
  'headers',
  'protocols',
  'outbox',
  'webSocket',
  'transport',
  'surroundings',
  'clock',
  'random',
  'logger',
  'inspect',
  'recorder',
  'redact',
  'name',
] as const;

export interface ChannelClientOptions extends Pick<Underlying, (typeof PASSED_THROUGH)[number]> {
  /**
   * The server, or a function that is asked for each attempt: with several hubs, give another one each time.
   *
   * @defaultValue `'ws://localhost:8080/ws'`
   */
  readonly url?: Underlying['url'];
  /**
   * Attempts in a row to connect, or to restore a lost connection; then the client has failed. Also how often a message
   * is sent to a server that acknowledges nothing. `Infinity`: never give up.
   *
   * @defaultValue `3`
   */
  readonly maxRetries?: number;
  /**
   * Before each of these attempts but the very first one, in milliseconds.
   *
   * @defaultValue `1_000`
   */
  readonly retryDelayMs?: number;
  /**
   * Silence after which the server is asked for a sign of life, in milliseconds.
   *
   * @defaultValue `30_000`
   */
  readonly pingIntervalMs?: number;
  /**
   * For that sign of life, in milliseconds; then the link is dead.
   *
   * @defaultValue `10_000`
   */
  readonly pongTimeoutMs?: number;
  /**
   * For a subscription, a reconnect included, in milliseconds; then `SUBSCRIPTION_TIMEOUT`.
   *
   * @defaultValue `5_000`
   */
  readonly subscribeTimeoutMs?: number;
  /**
   * For the server's word about a subscription, in milliseconds. Servers need not give one: after this time the
   * subscription counts as made.
   *
   * @defaultValue `500`
   */
  readonly acknowledgementMs?: number;
  /**
   * For a publication, all attempts included, in milliseconds; `publish()` may say otherwise.
   *
   * @defaultValue `5_000`
   */
  readonly sendTimeoutMs?: number;
  /**
   * Whether messages of this client's own are delivered when they come back, as from a hub that echoes.
   *
   * @defaultValue `false`
   */
  readonly echo?: boolean;
  /** Has the last word on every loss, as a connection's `retry.policy`. */
  readonly retryPolicy?: RetryPolicy;
  readonly timeouts?: TimeoutOptions;
}

/** The defaults that are numbers or words, in one place. */
export const CHANNEL_DEFAULTS = Object.freeze({
  url: 'ws://localhost:8080/ws',
  maxRetries: 3,
  retryDelayMs: 1_000,
  pingIntervalMs: 30_000,
  pongTimeoutMs: 10_000,
  subscribeTimeoutMs: 5_000,
  acknowledgementMs: 500,
  sendTimeoutMs: 5_000,
  echo: false,
}) satisfies Partial<ChannelClientOptions>;

/** What was given to the constructor, completed. */
export type ChannelSettings = ChannelClientOptions &
  Required<Pick<ChannelClientOptions, keyof typeof CHANNEL_DEFAULTS>>;

/** @throws {InvalidOptionError} for the first option that cannot be meant */
export function resolveChannelOptions(given: ChannelClientOptions): ChannelSettings {
  if (typeof given !== 'object' || (given as unknown) === null)
    throw new InvalidOptionError('options', 'an object', given);
  // A JavaScript caller's `undefined` means the default.
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const settings: ChannelSettings = { ...CHANNEL_DEFAULTS, ...Object.fromEntries(entries) };
  const { maxRetries, echo } = settings;
  if (maxRetries !== Infinity && !(Number.isInteger(maxRetries) && maxRetries >= 1))
    throw new InvalidOptionError('maxRetries', 'a whole number of at least 1, or Infinity', maxRetries);
  if (typeof echo !== 'boolean') throw new InvalidOptionError('echo', 'true or false', echo);
  for (const name of ['retryDelayMs', 'acknowledgementMs'] as const) checkMs(name, settings[name], 0);
  for (const name of ['pingIntervalMs', 'pongTimeoutMs', 'subscribeTimeoutMs', 'sendTimeoutMs'] as const)
    checkMs(name, settings[name], 1);
  return settings;
}

export function checkMs(name: string, value: unknown, atLeast: number): void {
  if (typeof value !== 'number' || !(value >= atLeast))
    throw new InvalidOptionError(name, `a number of at least ${atLeast}`, value);
}

/** What these settings mean to a connection. */
export function connectionOptionsOf(
  settings: ChannelSettings,
  own: Pick<Underlying, 'protocol' | 'resume'>,
): Underlying {
  const { url, maxRetries, retryDelayMs, pingIntervalMs, pongTimeoutMs, timeouts } = settings;
  const passed = PASSED_THROUGH.map((name) => [name, settings[name]]).filter(
    ([, value]) => value !== undefined,
  );
  return {
    ...(Object.fromEntries(passed) as Partial<Underlying>),
    ...own,
    url,
    retry: {
      backoff: fixedBackoff({ delayMs: retryDelayMs }),
      maxAttempts: maxRetries,
      stableAfterMs: 0,
      initial: true,
      policy: policyOf(settings),
    },
    heartbeat: { intervalMs: pingIntervalMs, timeoutMs: pongTimeoutMs },
    ...(timeouts !== undefined && { timeouts }),
  };
}

/** The first of the attempts to connect is no retry; to restore a connection, all are. */
function policyOf({ maxRetries, retryPolicy }: ChannelSettings): RetryPolicy {
  return (loss, verdict) => {
    const isEnough = loss.initial && loss.attempt >= maxRetries;
    const own: Verdict = isEnough ? { action: 'stop', error: loss.error } : verdict;
    return retryPolicy === undefined ? own : retryPolicy(loss, own);
  };
}
