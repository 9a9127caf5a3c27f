// The options of the broker over NATS, documented once, the defaults and their check.
import { InvalidOptionError } from '../../../errors.ts';

/** Options of `connect()` of `@nats-io/transport-node`; these and all others are passed on, and never printed. */
export interface NatsConnectionOptions {
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  readonly tls?: object;
  readonly [option: string]: unknown;
}

export interface NatsBrokerOptions {
  /**
   * Where NATS is: `host:port`, one or several of the same cluster.
   *
   * @defaultValue `'127.0.0.1:4222'`
   */
  readonly servers?: string | readonly string[];
  /** Credentials, TLS and whatever else `connect()` of `@nats-io/transport-node` takes. */
  readonly connection?: NatsConnectionOptions;
  /**
   * What all subjects begin with, and in capitals the stream's name: letters, digits, `_` and `-`. Hubs with the same
   * one act as one.
   *
   * @defaultValue `'statewire'`
   */
  readonly prefix?: string;
  /** The JetStream domain of the stream, for hubs that are connected to a leaf node without JetStream of its own. */
  readonly domain?: string;
  /**
   * Messages that are kept of each channel for those who come back.
   *
   * @defaultValue `100`
   */
  readonly maxMessages?: number;
  /**
   * How long messages are kept, in milliseconds.
   *
   * @defaultValue `86_400_000`
   */
  readonly maxAgeMs?: number;
  /**
   * Bytes that are kept of all channels together; then the oldest messages go.
   *
   * @defaultValue `1_073_741_824`
   */
  readonly maxBytes?: number;
  /**
   * On how many servers of a cluster each message is kept: 1, 3 or 5.
   *
   * @defaultValue `1`
   */
  readonly replicas?: number;
  /**
   * Where NATS keeps messages; what is in memory does not outlive it.
   *
   * @defaultValue `'file'`
   */
  readonly storage?: 'file' | 'memory';
  /**
   * How long a message is recognised when it is published again, in milliseconds; at most `maxAgeMs`. A NATS server that
   * was restarted recognises those that it still keeps.
   *
   * @defaultValue `120_000`
   */
  readonly duplicateWindowMs?: number;
  /**
   * How long anything that is asked may wait for NATS, in milliseconds; then it is rejected.
   *
   * @defaultValue `5_000`
   */
  readonly timeoutMs?: number;
}

export const NATS_BROKER_DEFAULTS = {
  servers: '127.0.0.1:4222',
  prefix: 'statewire',
  maxMessages: 100,
  maxAgeMs: 86_400_000,
  maxBytes: 1_073_741_824,
  replicas: 1,
  storage: 'file',
  duplicateWindowMs: 120_000,
  timeoutMs: 5_000,
} as const satisfies NatsBrokerOptions;

export interface NatsSettings extends Required<Omit<NatsBrokerOptions, 'servers' | 'domain'>> {
  readonly servers: readonly string[];
  readonly domain?: string;
}

/**
 * For one question to NATS, in milliseconds. A server of a cluster that has just been lost, or a stream that has no leader
 * yet, says nothing: there must be time to ask again.
 */
export const attemptMs = ({ timeoutMs }: Pick<NatsSettings, 'timeoutMs'>): number =>
  Math.max(1, Math.min(2_000, timeoutMs / 2));

type Check = readonly [keyof NatsBrokerOptions, isRight: (value: unknown) => boolean, expected: string];

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isWhole =
  (atLeast: number) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && Number(value) >= atLeast;

const CHECKS: readonly Check[] = [
  [
    'servers',
    (value) => isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)),
    'a string host:port, or several in an array',
  ],
  ['connection', (value) => typeof value === 'object' && value !== null, 'an object'],
  [
    'prefix',
    (value) => typeof value === 'string' && /^[\w-]{1,64}$/.test(value),
    'at most 64 letters, digits, `_` or `-`',
  ],
  ['domain', (value) => typeof value === 'string' && /^[\w-]+$/.test(value), 'letters, digits, `_` or `-`'],
  ['maxMessages', isWhole(1), 'a whole number of at least 1'],
  // NATS keeps nothing for less, and looks only now and then.
  ['maxAgeMs', isWhole(1_000), 'a whole number of at least 1000'],
  ['maxBytes', isWhole(1_024), 'a whole number of at least 1024'],
  ['replicas', (value) => isWhole(1)(value) && Number(value) <= 5, '1 to 5'],
  ['storage', (value) => value === 'file' || value === 'memory', '"file" or "memory"'],
  ['duplicateWindowMs', isWhole(100), 'a whole number of at least 100'],
  ['timeoutMs', isWhole(1), 'a whole number of at least 1'],
];

/** @throws {InvalidOptionError} for the first option that cannot be meant */
export function resolveNatsOptions(options: NatsBrokerOptions): NatsSettings {
  if (typeof options !== 'object' || (options as unknown) === null)
    throw new InvalidOptionError('options', 'an object', options);
  // A JavaScript caller's `undefined` means the default.
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as NatsBrokerOptions;
  for (const [name, isRight, expected] of CHECKS) {
    const value = given[name];
    if (value !== undefined && !isRight(value)) throw new InvalidOptionError(name, expected, value);
  }
  const settings = { ...NATS_BROKER_DEFAULTS, connection: {}, ...given };
  const { servers, duplicateWindowMs, maxAgeMs } = settings;
  return {
    ...settings,
    servers: typeof servers === 'string' ? [servers] : [...servers],
    duplicateWindowMs: Math.min(duplicateWindowMs, maxAgeMs),
  };
}
