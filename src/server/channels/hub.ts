// The channel hub as its user sees it: a realtime server whose one WebSocket route carries channels.
import type { Server } from 'node:http';
import { isChannelName, MAX_CHANNEL_LENGTH } from '../../channels/wire.ts';
import { InvalidOptionError, textOf } from '../../errors.ts';
import { systemClock } from '../../clock.ts';
import { Admission } from '../admission.ts';
import {
  createRealtimeServer,
  type CloseRealtimeServerOptions,
  type RealtimeServer,
} from '../realtime/server.ts';
import type { WebSocketSession } from '../realtime/websocket-session.ts';
import type { Published } from './broker.ts';
import { HubChannel } from './hub-channel.ts';
import { Member } from './member.ts';
import { prometheusText } from './metrics.ts';
import { resolveHubOptions, type ChannelHubOptions, type HubSettings } from './options.ts';
import { Requests, type RequestsWorld } from './requests.ts';
import { Tally } from './tally.ts';

/** The figures of a hub. */
export interface HubMetrics extends Readonly<Omit<Tally, 'refuse' | 'refused'>> {
  readonly clients: number;
  readonly channels: number;
  readonly subscriptions: number;
  readonly refused: Readonly<Record<string, number>>;
}

export interface HubPublishOptions {
  /** Sent again under the same id, it is kept once. */
  readonly messageId?: string;
}

/** Makes a channel hub. It serves from `listen()` or `attach()` on. */
export const createChannelHub = (options: ChannelHubOptions = {}): ChannelHub =>
  new ChannelHub(resolveHubOptions(options));

/** A server that routes messages by channel. Made by {@link createChannelHub}. */
export class ChannelHub implements AsyncDisposable {
  readonly #settings: HubSettings;
  readonly #realtime: RealtimeServer;
  readonly #channels = new Map<string, HubChannel>();
  readonly #members = new Map<string, Member>();
  readonly #tally = new Tally();
  readonly #world: RequestsWorld;

  /** Use {@link createChannelHub}. */
  constructor(settings: HubSettings) {
    const { realtime, path, metricsPath, limits, broker } = settings;
    this.#settings = settings;
    this.#realtime = createRealtimeServer(realtime);
    this.#realtime.websocket(path, (socket) => this.#serve(socket));
    if (metricsPath !== false)
      this.#realtime.http('GET', metricsPath, (_request, response) => {
        response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
        response.end(this.prometheus());
      });
    const rates = {
      maxConnections: Infinity,
      maxConnectionsPerAddress: Infinity,
      requestsPerSecond: limits.messagesPerSecond,
      requestBurst: limits.messageBurst,
    };
    this.#world = {
      settings,
      broker,
      tally: this.#tally,
      rate: new Admission(rates, realtime.clock ?? systemClock),
      channelOf: (name) => this.#channelOf(name),
      joined: () => undefined,
      left: (channel, member) => this.#leave(channel, member),
      hookFailed: (hook, thrown) => this.#hookFailed(hook, thrown),
    };
  }

  /** `http://host:port`, or `https`. @throws {InvalidOptionError} before it listens */
  get url(): string {
    return this.#realtime.url;
  }

  /** Where clients connect to: `ws://host:port/ws`. @throws {InvalidOptionError} before it listens */
  get webSocketUrl(): string {
    return this.url.replace(/^http/, 'ws') + this.#settings.path;
  }

  /** Channels that have subscribers here, and how many. */
  get channels(): ReadonlyMap<string, number> {
    return new Map([...this.#channels].map(([name, { members }]) => [name, members.length]));
  }

  get metrics(): HubMetrics {
    const { refused, ...counts } = this.#tally;
    let subscriptions = 0;
    for (const { channels } of this.#members.values()) subscriptions += channels.size;
    return {
      clients: this.#members.size,
      channels: this.#channels.size,
      subscriptions,
      ...counts,
      refused: Object.fromEntries(refused),
    };
  }

  /** The figures in the text format of Prometheus. */
  prometheus(): string {
    return prometheusText(this.metrics);
  }

  /** Listens at `port` and `host`. @throws {InvalidOptionError} with a `server` of yours, which is yours to listen */
  async listen(): Promise<this> {
    await this.#realtime.listen();
    return this;
  }

  /** Serves on an HTTP server of yours as well. */
  attach(server: Server): this {
    this.#realtime.attach(server);
    return this;
  }

  /**
   * Publishes to all who are subscribed. Resolves when the broker has the message.
   *
   * @throws {InvalidOptionError} for a name that is none, or a payload that JSON cannot express
   * @throws what the broker rejects with
   */
  async publish(
    channel: string,
    payload: unknown,
    { messageId }: HubPublishOptions = {},
  ): Promise<Published> {
    if (!isChannelName(channel))
      throw new InvalidOptionError('channel', `a string of 1 to ${MAX_CHANNEL_LENGTH} characters`, channel);
    const text = JSON.stringify(payload) as string | undefined;
    if (text === undefined)
      throw new InvalidOptionError('payload', 'something that JSON can express', payload);
    const published = await this.#settings.broker.publish(channel, {
      payload: text,
      messageId,
      publisher: '',
    });
    if (published.isDuplicate) this.#tally.duplicates += 1;
    else this.#tally.published += 1;
    return published;
  }

  /** Ends the hub as a realtime server ends: clients are closed with 1001, at the deadline cut off. Then the broker. */
  async close(options: CloseRealtimeServerOptions = {}): Promise<void> {
    await this.#realtime.close(options);
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()));
    this.#channels.clear();
    await this.#settings.broker.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #serve(session: WebSocketSession): Promise<void> {
    const member = new Member(session, this.#settings, this.#tally);
    const requests = new Requests(this.#world, member);
    this.#members.set(member.id, member);
    try {
      for await (const message of session) await requests.take(message);
    } finally {
      this.#members.delete(member.id);
      for (const name of [...member.channels]) this.#leave(this.#channels.get(name), member);
    }
  }

  #channelOf(name: string): HubChannel {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const channel = new HubChannel({
      name,
      broker: this.#settings.broker,
      settings: this.#settings,
      tally: this.#tally,
      onLost: (lost, reason) => this.#lose(lost, reason),
    });
    this.#channels.set(name, channel);
    return channel;
  }

  #leave(channel: HubChannel | undefined, member: Member): void {
    if (channel === undefined) return;
    channel.leave(member);
    if (!channel.isEmpty || this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    void channel.close();
  }

  /** Whoever was subscribed comes back, and asks for what it missed. */
  #lose(channel: HubChannel, reason: string): void {
    this.#hookFailed('broker', new Error(reason));
    if (this.#channels.get(channel.name) === channel) this.#channels.delete(channel.name);
    for (const { session } of channel.members) void session.close(1012, 'Channel lost');
  }

  #hookFailed(hook: string, thrown: unknown): void {
    const { logger } = this.#settings.realtime;
    const text = `${hook} failed: ${textOf(thrown)}`;
    if (logger === undefined) process.emitWarning(text, 'ChannelHub');
    else logger.error(text, { error: thrown });
  }
}
