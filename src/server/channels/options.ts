// The options of a channel hub, documented once; the defaults; their check.
import { InvalidOptionError } from '../../errors.ts';
import type { WebSocketSession } from '../realtime/websocket-session.ts';
import type { RealtimeLimits, RealtimeServerOptions } from '../realtime/options.ts';
import type { Broker } from './broker.ts';
import { memoryBroker } from './memory-broker.ts';

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
}

/** What is done about a client that takes messages more slowly than they come. */
export type SlowConsumerPolicy = 'disconnect' | 'drop-oldest';

/** Limits of a hub for each client: counts and bytes. Each at least 1; `Infinity` is no limit. */
export interface HubLimits extends RealtimeLimits {
  /**
   * Channels of one client; a further subscription is refused with `TOO_MANY_CHANNELS`.
   *
   * @defaultValue `100`
   */
  readonly maxChannels?: number;
  /**
   * Of a frame that is published, in bytes; a larger one is refused with `MESSAGE_TOO_LARGE`, and one of more than
   * `maxMessageBytes` closes the connection with 1009.
   *
   * @defaultValue `65_536`
   */
  readonly maxPublishBytes?: number;
  /**
   * Frames of one client, on average; further ones are refused with `RATE_LIMITED`.
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
   * Messages that wait for one client; then `slowConsumers` says what is done.
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
  /** Default: everybody may do everything. */
  readonly authorize?: Authorize;
  /**
   * What numbers, keeps and hands on the messages. Hubs that share one act as one. Default: `memoryBroker()`.
   */
  readonly broker?: Broker;
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
   * Where figures are to be had, in the text format of Prometheus; `false` for nowhere. Whoever can reach the server can
   * read them.
   *
   * @defaultValue `false`
   */
  readonly metricsPath?: string | false;
  readonly limits?: HubLimits;
}

export const HUB_DEFAULTS = {
  path: '/ws',
  echo: false,
  publishersMustSubscribe: false,
  slowConsumers: 'disconnect',
  metricsPath: false,
  limits: {
    maxChannels: 100,
    maxPublishBytes: 65_536,
    messagesPerSecond: 100,
    messageBurst: 500,
    maxWaitingMessages: 1_000,
    maxWaitingBytes: 1_048_576,
  },
} as const;

type OwnLimits = Required<Omit<HubLimits, keyof RealtimeLimits>>;

export interface HubSettings {
  readonly path: string;
  readonly authorize: Authorize | undefined;
  readonly broker: Broker;
  readonly echo: boolean;
  readonly publishersMustSubscribe: boolean;
  readonly presence: false | Required<PresenceOptions>;
  readonly slowConsumers: SlowConsumerPolicy;
  readonly metricsPath: string | false;
  readonly limits: OwnLimits;
  /** For the server underneath. */
  readonly realtime: RealtimeServerOptions;
}

const OWN_LIMITS = Object.keys(HUB_DEFAULTS.limits) as readonly (keyof OwnLimits)[];

/** @throws {InvalidOptionError} for an option that cannot be meant */
export function resolveHubOptions(options: ChannelHubOptions): HubSettings {
  // A JavaScript caller's `undefined` means the default.
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as ChannelHubOptions;
  check(given);
  const {
    path,
    authorize,
    broker,
    echo,
    publishersMustSubscribe,
    presence,
    slowConsumers,
    metricsPath,
    ...rest
  } = { ...HUB_DEFAULTS, presence: false as const, ...given };
  const limits = rest.limits as HubLimits;
  const own = OWN_LIMITS.map((name) => [name, limits[name] ?? HUB_DEFAULTS.limits[name]]);
  const others = Object.entries(limits).filter(([name]) => !OWN_LIMITS.includes(name as never));
  return {
    ...{ path, authorize, echo, publishersMustSubscribe, slowConsumers, metricsPath },
    broker: broker ?? memoryBroker(),
    presence: presence !== false && {
      channels: () => true,
      data: () => undefined,
      ...(presence === true ? {} : presence),
    },
    limits: Object.fromEntries(own) as OwnLimits,
    realtime: { ...rest, limits: Object.fromEntries(others) as RealtimeLimits },
  };
}

type Check = readonly [keyof ChannelHubOptions, isRight: (value: never) => boolean, expected: string];

const CHECKS: readonly Check[] = [
  ['authorize', (value: unknown) => typeof value === 'function', 'a function'],
  ['broker', isBroker, 'a broker: an object with publish(), follow(), replay() and close()'],
  ['echo', (value: unknown) => typeof value === 'boolean', 'true or false'],
  ['publishersMustSubscribe', (value: unknown) => typeof value === 'boolean', 'true or false'],
  [
    'presence',
    (value: unknown) => typeof value === 'boolean' || (typeof value === 'object' && value !== null),
    'true, false or an object',
  ],
  [
    'slowConsumers',
    (value: unknown) => value === 'disconnect' || value === 'drop-oldest',
    '"disconnect" or "drop-oldest"',
  ],
];

function check(options: ChannelHubOptions): void {
  for (const [name, isRight, expected] of CHECKS) {
    const value = options[name];
    if (value !== undefined && !isRight(value as never)) throw new InvalidOptionError(name, expected, value);
  }
  const limits: Readonly<Record<string, unknown>> = { ...options.limits };
  for (const name of OWN_LIMITS) {
    const value = limits[name];
    if (value !== undefined && (typeof value !== 'number' || !(value >= 1)))
      throw new InvalidOptionError(`limits.${name}`, 'a number of at least 1', value);
  }
}

function isBroker(value: unknown): boolean {
  const methods = ['publish', 'follow', 'replay', 'close'];
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  );
}
