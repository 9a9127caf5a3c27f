// The options of a channel hub, documented once; the defaults; their check.
import { InvalidOptionError } from '../../errors.ts';
import type { WebSocketSession } from '../realtime/websocket-session.ts';
import type { RealtimeLimits, RealtimeServerOptions } from '../realtime/options.ts';
import type { Broker } from './broker.ts';
import { memoryBroker, type MemoryBrokerOptions } from './memory-broker.ts';

/** What somebody wants to do, for `authorize`. */
export interface Access {
  readonly action: 'subscribe' | 'publish';
  readonly channel: string;
  /** What `authenticate` resolved with. */
  readonly identity: unknown;
  readonly session: WebSocketSession;
}

/** Anything but `true` refuses. What it throws refuses too, and is logged. */
export type Authorize = (access: Access) => boolean | Promise<boolean>;

/** Who is subscribed, as the others are shown. */
export interface PresenceOptions {
  /** Of which channels: a choice, or all of them. */
  readonly channels?: (channel: string) => boolean;
  /** What the others see of a member, as JSON can express it. Default: nothing but its id, which is the session's. */
  readonly data?: (session: WebSocketSession) => unknown;
  /**
   * Members of one channel that are shown, 1 or more. Those who come later are subscribed as well, and not shown.
   *
   * @defaultValue `1_000`
   */
  readonly maxMembers?: number;
}

/** What is done about a client that takes messages more slowly than they come. */
export type SlowConsumerPolicy = 'disconnect' | 'drop-oldest';

/**
 * Limits of a hub for each client: counts and bytes. Each at least 1; `Infinity` is no limit. Those of a realtime server
 * hold as well, but for what waits to be sent, of which a hub keeps count itself.
 */
export interface HubLimits extends Omit<RealtimeLimits, 'highWaterBytes' | 'maxBufferedBytes'> {
  /**
   * Channels of one client; a further subscription is refused with `TOO_MANY_CHANNELS`.
   *
   * @defaultValue `100`
   */
  readonly maxChannels?: number;
  /**
   * Of a frame that is published, in bytes; a larger one is refused with `MESSAGE_TOO_LARGE`, and one of more than
   * `maxMessageBytes`, which is by default 16 times as much, closes the connection with 1009.
   *
   * @defaultValue `65_536`
   */
  readonly maxPublishBytes?: number;
  /**
   * Frames of one client, good or bad, on average; further ones wait if they are acknowledged, else they are refused
   * with `RATE_LIMITED`; the client is read no faster.
   *
   * @defaultValue `100`
   */
  readonly messagesPerSecond?: number;
  /**
   * Frames of one client that may come at once.
   *
   * @defaultValue `500`
   */
  readonly messageBurst?: number;
  /**
   * Messages that wait for one client behind 64 KiB that are on their way to it; then `slowConsumers` says what is done.
   *
   * @defaultValue `1_000`
   */
  readonly maxWaitingMessages?: number;
  /**
   * The same in bytes.
   *
   * @defaultValue `1_048_576`
   */
  readonly maxWaitingBytes?: number;
}

export interface ChannelHubOptions extends Omit<RealtimeServerOptions, 'limits'> {
  /**
   * Where clients connect to.
   *
   * @defaultValue `'/ws'`
   */
  readonly path?: string;
  /** Judges each subscription and each publication. Default: everybody may do everything. */
  readonly authorize?: Authorize;
  /**
   * What numbers, keeps and hands on the messages. Hubs that share one act as one. It is yours to close, after the hub.
   * Default: a `memoryBroker()` of its own.
   */
  readonly broker?: Broker;
  /**
   * What is kept of each channel for those who come back: the options of `memoryBroker()`. Not with `broker`, which has
   * options of its own.
   */
  readonly history?: MemoryBrokerOptions;
  /**
   * Whether who publishes gets the message too, if subscribed.
   *
   * @defaultValue `false`
   */
  readonly echo?: boolean;
  /**
   * Whether only subscribers of a channel may publish to it.
   *
   * @defaultValue `false`
   */
  readonly publishersMustSubscribe?: boolean;
  /**
   * Whether subscribers are told who else there is.
   *
   * @defaultValue `false`
   */
  readonly presence?: boolean | PresenceOptions;
  /**
   * `disconnect`: it is closed with 1013, comes back and gets what it missed. `drop-oldest`: it stays, misses some, and
   * is told which.
   *
   * @defaultValue `'disconnect'`
   */
  readonly slowConsumers?: SlowConsumerPolicy;
  /**
   * Where figures are to be had, in the text format of Prometheus, or as JSON for who accepts only that; `false` for
   * nowhere. Whoever can reach the server can read them.
   *
   * @defaultValue `false`
   */
  readonly metricsPath?: string | false;
  /**
   * Where a load balancer may ask whether clients are well served here: a 200, or a 503 while the broker cannot be asked
   * or the hub is closing; `false` for nowhere.
   *
   * @defaultValue `false`
   */
  readonly healthPath?: string | false;
  readonly limits?: HubLimits;
}

export const HUB_DEFAULTS = {
  path: '/ws',
  echo: false,
  publishersMustSubscribe: false,
  slowConsumers: 'disconnect',
  metricsPath: false,
  healthPath: false,
  limits: {
    maxChannels: 100,
    maxPublishBytes: 65_536,
    messagesPerSecond: 100,
    messageBurst: 500,
    maxWaitingMessages: 1_000,
    maxWaitingBytes: 1_048_576,
  },
} as const;

/** Bytes that are handed to a socket at once; what else is for it waits here. */
export const HIGH_WATER_BYTES = 65_536;

const MAX_MEMBERS = 1_000;
const MESSAGE_BYTES_PER_PUBLISH_BYTE = 16;

type OwnLimits = Required<Omit<HubLimits, keyof RealtimeLimits>>;

export interface HubSettings {
  readonly path: string;
  readonly authorize: Authorize | undefined;
  readonly broker: Broker;
  /** Ours to close. */
  readonly isOwnBroker: boolean;
  readonly echo: boolean;
  readonly publishersMustSubscribe: boolean;
  readonly presence: false | Required<PresenceOptions>;
  readonly slowConsumers: SlowConsumerPolicy;
  readonly metricsPath: string | false;
  readonly healthPath: string | false;
  readonly limits: OwnLimits;
  /** For the server underneath. */
  readonly realtime: RealtimeServerOptions;
}

const OWN_LIMITS = Object.keys(HUB_DEFAULTS.limits) as readonly (keyof OwnLimits)[];
const OWN_OPTIONS = [
  ...[
    'path',
    'authorize',
    'broker',
    'history',
    'echo',
    'publishersMustSubscribe',
    'presence',
    'slowConsumers',
  ],
  ...['metricsPath', 'healthPath', 'limits'],
] as readonly (keyof ChannelHubOptions)[];

/** @throws {InvalidOptionError} for an option that cannot be meant */
export function resolveHubOptions(options: ChannelHubOptions): HubSettings {
  // A JavaScript caller's `undefined` means the default.
  const given: ChannelHubOptions = without(options, (value) => value === undefined);
  check(given);
  const { broker, history, presence = false, limits = {} } = given;
  const { path, echo, publishersMustSubscribe, slowConsumers, metricsPath, healthPath } = {
    ...HUB_DEFAULTS,
    ...given,
  };
  const own = limitsOf(limits);
  return {
    ...{ path, echo, publishersMustSubscribe, slowConsumers, metricsPath, healthPath },
    authorize: given.authorize,
    broker: broker ?? memoryBroker(history),
    isOwnBroker: broker === undefined,
    presence: presence !== false && {
      channels: () => true,
      data: () => undefined,
      maxMembers: MAX_MEMBERS,
      ...(presence === true ? {} : without(presence, (value) => value === undefined)),
    },
    limits: own,
    realtime: {
      ...without(given, (_value, name) => OWN_OPTIONS.includes(name)),
      limits: realtimeLimitsOf(limits, own),
    },
  };
}

function limitsOf(limits: HubLimits): OwnLimits {
  const own = OWN_LIMITS.map((name) => [name, limits[name] ?? HUB_DEFAULTS.limits[name]]);
  return Object.fromEntries(own) as OwnLimits;
}

function realtimeLimitsOf(limits: HubLimits, { maxPublishBytes }: OwnLimits): RealtimeLimits {
  return {
    ...without(limits, (_value, name) => OWN_LIMITS.includes(name as keyof OwnLimits)),
    maxMessageBytes: limits.maxMessageBytes ?? maxPublishBytes * MESSAGE_BYTES_PER_PUBLISH_BYTE,
    highWaterBytes: HIGH_WATER_BYTES,
    maxBufferedBytes: Infinity,
  };
}

function without<Given extends object>(
  given: Given,
  isLeftOut: (value: unknown, name: keyof Given) => boolean,
): Given {
  const entries = Object.entries(given).filter(([name, value]) => !isLeftOut(value, name as keyof Given));
  return Object.fromEntries(entries) as Given;
}

type Check = readonly [keyof ChannelHubOptions, isRight: (value: unknown) => boolean, expected: string];

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isBoolean = (value: unknown): boolean => typeof value === 'boolean';
const isPathOrNone = (value: unknown): boolean => value === false || typeof value === 'string';

const CHECKS: readonly Check[] = [
  ['path', (value) => typeof value === 'string', 'a path such as `/ws`'],
  ['authorize', (value) => typeof value === 'function', 'a function'],
  ['broker', isBroker, 'a broker: an object with publish(), follow(), replay() and close()'],
  ['history', isObject, 'an object'],
  ['echo', isBoolean, 'true or false'],
  ['publishersMustSubscribe', isBoolean, 'true or false'],
  ['presence', (value) => isBoolean(value) || isObject(value), 'true, false or an object'],
  [
    'slowConsumers',
    (value) => value === 'disconnect' || value === 'drop-oldest',
    '"disconnect" or "drop-oldest"',
  ],
  ['metricsPath', isPathOrNone, 'a path such as `/metrics`, or false'],
  ['healthPath', isPathOrNone, 'a path such as `/health`, or false'],
  ['limits', isObject, 'an object'],
];

function check(options: ChannelHubOptions): void {
  if (options.broker !== undefined && options.history !== undefined)
    throw new InvalidOptionError(
      'history',
      'absent beside `broker`, which keeps what it keeps',
      options.history,
    );
  for (const [name, isRight, expected] of CHECKS) {
    const value: unknown = options[name];
    if (value !== undefined && !isRight(value)) throw new InvalidOptionError(name, expected, value);
  }
  for (const name of OWN_LIMITS) checkNumber(`limits.${name}`, options.limits?.[name]);
  if (isObject(options.presence)) checkPresence(options.presence);
}

function checkPresence({ channels, data, maxMembers }: PresenceOptions): void {
  for (const [name, value] of Object.entries({ channels, data }))
    if (value !== undefined && typeof value !== 'function')
      throw new InvalidOptionError(`presence.${name}`, 'a function', value);
  checkNumber('presence.maxMembers', maxMembers);
}

function checkNumber(name: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value >= 1)) return;
  throw new InvalidOptionError(name, 'a number of at least 1', value);
}

function isBroker(value: unknown): boolean {
  const methods = ['publish', 'follow', 'replay', 'close'];
  return (
    isObject(value) && methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  );
}
