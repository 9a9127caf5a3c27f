// The channel hub as its user sees it: a realtime server whose one WebSocket route carries channels.
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { isChannelName, MAX_CHANNEL_LENGTH } from '../../channels/wire.ts';
import { systemClock, type Clock } from '../../clock.ts';
import { InvalidOptionError, textOf } from '../../errors.ts';
import {
  createRealtimeServer,
  type CloseRealtimeServerOptions,
  type RealtimeServer,
} from '../realtime/server.ts';
import type { RealtimeSession } from '../realtime/registry.ts';
import type { WebSocketSession } from '../realtime/websocket-session.ts';
import type { Published } from './broker.ts';
import { HubChannel } from './hub-channel.ts';
import { Member } from './member.ts';
import { answerHealth, answerMetrics, prometheusText } from './metrics.ts';
import { resolveHubOptions, type ChannelHubOptions, type HubSettings } from './options.ts';
import { PresencePeers } from './presence-peers.ts';
import { Presence } from './presence.ts';
import { Requests, type RequestsWorld } from './requests.ts';
import { Tally } from './tally.ts';

/** The figures of a hub. */
export interface HubMetrics extends Readonly<Omit<Tally, 'count' | 'refuse' | 'refused'>> {
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

interface Client {
  readonly member: Member;
  readonly requests: Requests;
}

const DEADLINE_MS = 10_000;
/** The same failure is told once in this time. */
const REPEATED_MS = 1_000;
/** Whoever publishes in a loop gives the sockets their turn after so many. */
const PUBLICATIONS_PER_TURN = 256;

/** A server that routes messages by channel. Made by {@link createChannelHub}. */
export class ChannelHub implements AsyncDisposable {
  readonly #id = randomUUID();
  readonly #settings: HubSettings;
  readonly #realtime: RealtimeServer;
  readonly #clock: Clock;
  readonly #channels = new Map<string, HubChannel>();
  readonly #members = new Map<string, Client>();
  readonly #tally = new Tally();
  readonly #world: RequestsWorld;
  readonly #presence: Presence | undefined;
  readonly #peers: PresencePeers | undefined;
  #publications = 0;
  #lastFailure = { text: '', atMs: 0 };
  #closing: Promise<void> | undefined;

  /** Use {@link createChannelHub}. */
  constructor(settings: HubSettings) {
    const { realtime, path } = settings;
    this.#settings = settings;
    this.#clock = realtime.clock ?? systemClock;
    this.#world = this.#makeWorld();
    this.#realtime = createRealtimeServer(realtime);
    this.#realtime.websocket(path, (socket) => this.#serve(socket));
    this.#addPages();
    this.#presence = this.#makePresence();
    this.#peers = this.#presence && this.#findPeers(this.#presence);
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
    return new Map([...this.#channels].map(([name, { size }]) => [name, size]));
  }

  /** Open sessions by their ids. */
  get connections(): ReadonlyMap<string, RealtimeSession> {
    return this.#realtime.connections;
  }

  /** Why clients are not served well at present; `undefined` when they are. */
  get trouble(): string | undefined {
    return this.#world.isClosing ? 'The hub is closing.' : this.#settings.broker.trouble;
  }

  get metrics(): HubMetrics {
    const { refused, ...counts } = this.#tally;
    let subscriptions = 0;
    for (const { size } of this.#channels.values()) subscriptions += size;
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
    return prometheusText(this.metrics, this.trouble === undefined);
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
   * @throws {InvalidOptionError} for a name that is none, a payload that JSON cannot express, or after `close()`
   * @throws what the broker rejects with
   */
  async publish(
    channel: string,
    payload: unknown,
    { messageId }: HubPublishOptions = {},
  ): Promise<Published> {
    if (this.#world.isClosing)
      throw new InvalidOptionError('publish', 'called before close()', 'another call');
    if (!isChannelName(channel))
      throw new InvalidOptionError('channel', `a string of 1 to ${MAX_CHANNEL_LENGTH} characters`, channel);
    const text = JSON.stringify(payload) as string | undefined;
    if (text === undefined)
      throw new InvalidOptionError('payload', 'something that JSON can express', payload);
    const message = { payload: text, messageId, publisher: '' };
    const published = await this.#settings.broker.publish(channel, message);
    this.#tally.count(published);
    this.#publications += 1;
    if (this.#publications % PUBLICATIONS_PER_TURN === 0) await new Promise(setImmediate);
    return published;
  }

  /**
   * Ends the hub: nothing new is begun, what was acknowledged is given to its subscribers, then clients are closed with
   * 1001. What is still there at the deadline is cut off. A broker that was given is yours to close, afterwards.
   * Idempotent; the first deadline counts.
   *
   * @throws {InvalidOptionError} when the deadline is none
   */
  close({ deadlineMs = DEADLINE_MS }: CloseRealtimeServerOptions = {}): Promise<void> {
    if (!(deadlineMs >= 0)) throw new InvalidOptionError('deadlineMs', 'a number of at least 0', deadlineMs);
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(deadlineMs: number): Promise<void> {
    const { broker, isOwnBroker } = this.#settings;
    const startedAtMs = this.#clock.now();
    // Half of the time at most: the goodbye needs some too.
    await this.#drained(deadlineMs / 2);
    const restMs = Math.max(0, deadlineMs - (this.#clock.now() - startedAtMs));
    await this.#realtime.close({ deadlineMs: restMs });
    this.#peers?.close();
    await Promise.all([...this.#channels.values()].map((channel) => this.#closeChannel(channel)));
    this.#channels.clear();
    if (isOwnBroker) await broker.close();
  }

  #makeWorld(): RequestsWorld {
    const isClosing = (): boolean => this.#closing !== undefined;
    return {
      settings: this.#settings,
      clock: this.#clock,
      tally: this.#tally,
      get isClosing() {
        return isClosing();
      },
      channelOf: (name) => this.#channelOf(name),
      joined: (channel, member) => this.#presence?.joined(channel, member),
      left: (channel, member) => this.#leave(channel, member),
      hookFailed: (hook, thrown) => this.#hookFailed(hook, thrown),
    };
  }

  #addPages(): void {
    const { metricsPath, healthPath } = this.#settings;
    if (metricsPath !== false)
      this.#realtime.http('GET', metricsPath, (request, response) => answerMetrics(this, request, response));
    if (healthPath !== false)
      this.#realtime.http('GET', healthPath, (_request, response) => answerHealth(this, response));
  }

  #makePresence(): Presence | undefined {
    const { presence } = this.#settings;
    if (presence === false) return undefined;
    return new Presence(presence, this.#id, {
      channelAt: (name) => this.#channels.get(name),
      hookFailed: (hook, thrown) => this.#hookFailed(hook, thrown),
    });
  }

  #findPeers(presence: Presence): PresencePeers | undefined {
    const { broker } = this.#settings;
    if (broker.signal === undefined || broker.onSignal === undefined) return undefined;
    const onFailed = (thrown: unknown): void => this.#hookFailed('broker', thrown);
    const peers = new PresencePeers({ hub: this.#id, broker, clock: this.#clock, presence, onFailed });
    presence.herald = peers;
    return peers;
  }

  /** Resolves when nothing is on its way to the broker, and nothing waits for a client; or when it is late. */
  #drained(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(resolve, limitMs);
      const settled = [...this.#members.values()].map(async ({ member, requests }) => {
        await requests.settled();
        await member.draining;
      });
      void Promise.all(settled).then(() => {
        this.#clock.clearTimeout(timer);
        resolve();
      });
    });
  }

  async #serve(session: WebSocketSession): Promise<void> {
    const { settings, tally } = this.#world;
    const onPresenceDropped = (channel: string, stale: Member): void =>
      this.#presence?.tellAll(channel, stale);
    const member = new Member({ session, settings, tally, onPresenceDropped });
    const requests = new Requests(this.#world, member);
    this.#members.set(member.id, { member, requests });
    // Not at the end of the loop: that may be waiting for somebody's judgement still.
    session.signal.addEventListener('abort', () => this.#forget(member), { once: true });
    if (this.#world.isClosing) void session.close(1001, 'Server shutting down');
    for await (const message of session) await requests.take(message);
  }

  #forget(member: Member): void {
    this.#members.delete(member.id);
    for (const name of member.channels) this.#leave(this.#channels.get(name), member);
  }

  #channelOf(name: string): HubChannel {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const channel = new HubChannel({
      name,
      broker: this.#settings.broker,
      echo: this.#settings.echo,
      tally: this.#tally,
      onUnavailable: (unavailable) => this.#remove(unavailable),
      onLost: (lost, reason) => this.#lose(lost, reason),
      onReplayFailed: (member, thrown) => {
        this.#hookFailed('broker', thrown);
        member.disconnect('The channel cannot be read at present');
      },
    });
    this.#channels.set(name, channel);
    return channel;
  }

  #leave(channel: HubChannel | undefined, member: Member): void {
    if (channel?.has(member) !== true) return;
    channel.leave(member);
    this.#presence?.left(channel.name, member);
    if (channel.size === 0 && this.#remove(channel)) void this.#closeChannel(channel);
  }

  /** Never rejects: a broker that cannot stop to hand on messages must not keep the hub from closing. */
  async #closeChannel(channel: HubChannel): Promise<void> {
    try {
      await channel.close();
    } catch (thrown) {
      this.#hookFailed('broker', thrown);
    }
  }

  #remove(channel: HubChannel): boolean {
    return this.#channels.get(channel.name) === channel && this.#channels.delete(channel.name);
  }

  /** Whoever was subscribed comes back, and asks for what it missed. */
  #lose(channel: HubChannel, reason: string): void {
    this.#hookFailed('broker', new Error(reason));
    this.#remove(channel);
    for (const member of channel.members) {
      this.#leave(channel, member);
      void member.session.close(1012, 'Channel lost');
    }
  }

  /** Never throws: whoever reports a failure has something to finish. A broker that is away is not told of each time. */
  #hookFailed(hook: string, thrown: unknown): void {
    const { logger } = this.#settings.realtime;
    const text = `${hook} failed: ${textOf(thrown)}`;
    const nowMs = this.#clock.now();
    const isRepeated = text === this.#lastFailure.text && nowMs - this.#lastFailure.atMs < REPEATED_MS;
    if (isRepeated) return;
    this.#lastFailure = { text, atMs: nowMs };
    try {
      if (logger === undefined) process.emitWarning(text, 'ChannelHub');
      else logger.error(text, { error: thrown });
    } catch {
      // There is nobody to tell.
    }
  }
}
