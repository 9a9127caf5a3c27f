// All subscriptions of a client: what comes in finds the one that it is for, and a connection that comes or goes is told
// to each of them.
import * as platform from '#platform';
import type { ConnectionState } from '../../machines/index.ts';
import { systemClock } from '../clock.ts';
import type { Connection } from '../connection.ts';
import { deferred } from '../deferred.ts';
import { Emitter } from '../emitter.ts';
import { blame, DeliveryError, makeFailure, type ErrorExtras } from '../errors.ts';
import { guardInspector, type GuardedInspector } from '../inspection/guard.ts';
import type { Inspected } from '../inspection/inspector.ts';
import { redactorFor } from '../redact.ts';
import { guardedLogger } from '../settings.ts';
import { Consumers } from './consumers.ts';
import { ChannelError } from './errors.ts';
import type { ChannelSettings } from './options.ts';
import type { OutgoingFrame } from './protocol.ts';
import type { Publishing } from './publishing.ts';
import { Replies } from './replies.ts';
import { Subscription, type Gap } from './subscription.ts';
import { SubscriptionLife, type SubscriptionWorld } from './subscription-life.ts';
import { CONTROL_CHANNEL, controlFrame, messageOf, type ChannelMessage, type Envelope } from './wire.ts';

/** A listener may be async: what it rejects with is reported like what it throws. */
export type ChannelEvents = {
  /** A message of a channel that is subscribed to. */
  message: (message: ChannelMessage) => unknown;
  gap: (gap: Gap) => unknown;
  /** The server did not do something, and nobody waits to hear of it. */
  refused: (error: ChannelError) => unknown;
};

export class Subscriptions implements SubscriptionWorld {
  readonly settings: ChannelSettings;
  readonly emitter: Emitter<ChannelEvents>;
  readonly inspector: GuardedInspector | undefined;
  readonly #connection: Connection<Envelope, OutgoingFrame>;
  readonly #publishing: Publishing;
  readonly #lives = new Map<string, SubscriptionLife>();
  readonly #replies: Replies;
  /** Goodbyes that the server has not answered yet, by channel: what it says before is of an earlier subscription. */
  readonly #leaving = new Map<string, number>();
  readonly #pauses = new Map<object, () => void>();
  /** Where control frames go, while there is a session. */
  #send: ((message: OutgoingFrame) => unknown) | undefined;
  /** Aborted with the session: control frames that still wait then are of no use to the next one, and may harm it. */
  #session = new AbortController();

  constructor(
    connection: Connection<Envelope, OutgoingFrame>,
    publishing: Publishing,
    settings: ChannelSettings,
  ) {
    const { inspect, logger } = settings;
    this.#connection = connection;
    this.#publishing = publishing;
    this.settings =
      logger === undefined ? settings : { ...settings, logger: guardedLogger(logger, settings) };
    this.emitter = new Emitter(this);
    this.#replies = new Replies(this, publishing);
    this.inspector =
      inspect === undefined
        ? undefined
        : guardInspector(inspect as never, (thrown) => this.listenerFailed('inspect', thrown));
    connection.on('statechange', ({ state, previous }) => this.#follow(state, previous));
    connection.on('message', (envelope) => this.#hear(envelope));
  }

  get channels(): readonly string[] {
    return [...this.#lives.values()].filter((life) => life.isWanted).map(({ channel }) => channel);
  }

  has(channel: string): boolean {
    return this.#lives.get(channel)?.isWanted === true;
  }

  async subscribe(channel: string, signal: AbortSignal | undefined): Promise<Subscription> {
    const life = this.#needLife(channel);
    const consumers = new Consumers(this, this);
    life.hold(consumers);
    if (this.#send !== undefined) life.tell({ type: 'link.ready' });
    try {
      await this.#inTime(life, signal);
      return new Subscription(life, consumers);
    } catch (thrown) {
      void life.release(consumers);
      throw thrown;
    }
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#lives.get(channel)?.releaseAll();
  }

  /** A session is there: before it is used for anything else, the server is told what is wanted. */
  ready(send: (message: OutgoingFrame) => void): void {
    this.#send = send;
    this.#leaving.clear();
    for (const life of this.#lives.values()) life.tell({ type: 'link.ready' });
  }

  farewell(): readonly string[] {
    const asked = [...this.#lives.values()].filter((life) => life.isAsked);
    return asked.map(({ channel }) => controlFrame({ action: 'unsubscribe', channel }));
  }

  async say(frame: string): Promise<void> {
    if (this.#send === undefined) throw new DeliveryError('MESSAGE_UNDELIVERED', this.#nowhere);
    await this.#send({ frame });
  }

  async sayGoodbye(channel: string): Promise<void> {
    this.#leaving.set(channel, (this.#leaving.get(channel) ?? 0) + 1);
    try {
      await this.say(controlFrame({ action: 'unsubscribe', channel }));
    } catch {
      // Unsaid, it ends with the connection, and what comes is dropped until then.
      this.heardGoodbye(channel);
    }
  }

  heardGoodbye(channel: string): void {
    const left = (this.#leaving.get(channel) ?? 0) - 1;
    if (left > 0) this.#leaving.set(channel, left);
    else this.#leaving.delete(channel);
  }

  /** Only a hub answers goodbyes. */
  isOfTheLast(channel: string): boolean {
    return this.#publishing.server === 'hub' && this.#leaving.has(channel);
  }

  assumed(): void {
    this.#publishing.learn('plain');
  }

  ended(life: SubscriptionLife): void {
    if (this.#lives.get(life.channel) === life) this.#lives.delete(life.channel);
  }

  inspectedAs(channel: string): Inspected {
    const connection = this.#connection;
    const { clock = systemClock } = this.settings;
    return {
      name: channel,
      get stats() {
        return connection.stats;
      },
      get now() {
        return clock.now();
      },
    };
  }

  get canPause(): boolean {
    return this.#connection.canPause;
  }

  slowDown(consumer: object): void {
    if (!this.#pauses.has(consumer)) this.#pauses.set(consumer, this.#connection.pause());
  }

  speedUp(consumer: object): void {
    this.#pauses.get(consumer)?.();
    this.#pauses.delete(consumer);
  }

  lifeOf(channel: string): SubscriptionLife | undefined {
    return this.#lives.get(channel);
  }

  /** To the logger, else to the platform; never thrown. */
  listenerFailed(event: string, thrown: unknown): void {
    const { logger } = this.settings;
    const redactor = redactorFor({ options: this.settings });
    const error = new ChannelError('LISTENER_FAILED', blame(thrown, redactor, { event }));
    if (logger === undefined) platform.reportUncaught(error);
    else logger.error(error.message, { error });
  }

  get #nowhere(): ErrorExtras {
    return { details: { state: this.#connection.state } };
  }

  #needLife(channel: string): SubscriptionLife {
    const known = this.#lives.get(channel);
    if (known !== undefined) return known;
    const life = new SubscriptionLife(channel, this);
    this.#lives.set(channel, life);
    return life;
  }

  /** Waits for a subscription, for as long as the caller wants to. */
  async #inTime(life: SubscriptionLife, signal: AbortSignal | undefined): Promise<void> {
    const { clock = systemClock, subscribeTimeoutMs } = this.settings;
    const over = deferred<never>();
    const abort = (): void => over.reject(signal?.reason);
    const details = { channel: life.channel, limitMs: subscribeTimeoutMs };
    const timer = clock.setTimeout(
      () => over.reject(new ChannelError('SUBSCRIPTION_TIMEOUT', { details })),
      subscribeTimeoutMs,
    );
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([life.untilSubscribed(), over.promise]);
    } finally {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }

  #follow(state: ConnectionState, previous: ConnectionState): void {
    if (state === 'open') this.#begin();
    else if (state !== 'authenticating') this.#send = undefined;
    // A client that was told to connect while it was closing is not closed in between.
    if (state === 'closed' || previous === 'closing') this.#tellAll({ type: 'link.ended' });
    else if (state === 'reconnecting' || state === 'connecting') {
      this.#session.abort();
      this.#publishing.linkLost();
      this.#tellAll({ type: 'link.lost' });
    } else if (state === 'failed') {
      const { failure } = this.#connection.actor.getSnapshot().context;
      this.#tellAll({ type: 'link.failed', failure: failure ?? makeFailure('INTERNAL_ERROR', 'stop') });
    }
    if (state === 'closing' || state === 'closed' || state === 'failed') this.#publishing.releaseHeld();
  }

  #begin(): void {
    this.#session = new AbortController();
    const { signal } = this.#session;
    this.#send = (message) => this.#connection.deliver(message, { signal, ttlMs: Infinity });
  }

  #tellAll(event: Parameters<SubscriptionLife['tell']>[0]): void {
    for (const life of [...this.#lives.values()]) life.tell(event);
  }

  #hear(envelope: Envelope): void {
    const { channel } = envelope;
    if (channel === CONTROL_CHANNEL) this.#replies.hear(envelope);
    else {
      const message = messageOf(envelope);
      const isOwn = !this.settings.echo && this.#publishing.isOwn(message.message_id);
      if (this.isOfTheLast(channel)) return;
      if (this.#lives.get(channel)?.receive(message, isOwn) === true) this.emitter.emit('message', message);
    }
  }
}
