// The channel client: a connection that speaks in envelopes, and the subscriptions that live through its reconnects.
import type { ConnectionState } from '../../machines/index.ts';
import { Connection, type ConnectOptions } from '../connection.ts';
import type { Unsubscribe } from '../emitter.ts';
import { InvalidOptionError, textOf } from '../errors.ts';
import { ChannelError } from './errors.ts';
import { errorPayload, type Correlation } from './frames.ts';
import { checkMs, connectionOptionsOf, resolveChannelOptions, type ChannelClientOptions } from './options.ts';
import { channelProtocol, type OutgoingFrame } from './protocol.ts';
import { Publishing, type Publication, type PublishOptions } from './publishing.ts';
import type { Subscription } from './subscription.ts';
import { Subscriptions, type ChannelEvents } from './subscriptions.ts';
import { isChannelName, MAX_CHANNEL_LENGTH, type Envelope } from './wire.ts';

export type ChannelConnection = Connection<Envelope, OutgoingFrame>;

export interface SubscribeOptions {
  /** Aborting rejects the call with the signal's reason, and gives the subscription up. */
  readonly signal?: AbortSignal;
}

export interface SendErrorOptions extends PublishOptions, Correlation {}

const FRIENDLY_MESSAGE = 'An error occurred while processing your request.';

/**
 * A client of a server that routes messages by channel.
 *
 * ```ts
 * await using channels = new ChannelClient({ url: 'ws://localhost:8080/ws' });
 * await channels.connect();
 * const subscription = await channels.subscribe('user_session_abc123');
 * for await (const { payload } of subscription) console.log(payload);
 * ```
 */
export class ChannelClient implements AsyncDisposable {
  readonly #connection: ChannelConnection;
  readonly #subscriptions: Subscriptions;
  readonly #publishing: Publishing;

  /** @throws {InvalidOptionError} for an option that cannot be meant; nothing has happened then */
  constructor(options: ChannelClientOptions = {}) {
    const settings = resolveChannelOptions(options);
    const protocol = channelProtocol({
      isHub: () => this.#publishing.server === 'hub',
      farewell: () => this.#subscriptions.farewell(),
    });
    const resume = ({ send }: { readonly send: (message: OutgoingFrame) => void }): void =>
      this.#subscriptions.ready(send);
    this.#connection = new Connection(connectionOptionsOf(settings, { protocol, resume }));
    this.#publishing = new Publishing(settings, this.#connection);
    this.#subscriptions = new Subscriptions(this.#connection, this.#publishing, settings);
  }

  /** The connection underneath: its lifecycle events (`statechange`, `reconnecting`, `failed` …), its actor, its stats. */
  get connection(): ChannelConnection {
    return this.#connection;
  }

  /** How the connection is, in one of eight words. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** The channels that are wanted at present. */
  get channels(): readonly string[] {
    return this.#subscriptions.channels;
  }

  /**
   * Connects: up to `maxRetries` attempts, `retryDelayMs` apart. From then on a lost connection is restored in the
   * background, and all channels are subscribed to again before anything else is sent.
   *
   * @throws {ConnectionError} the failure of the last attempt, such as `CONNECT_FAILED`, or one that is final
   * @throws the signal's reason
   */
  async connect(options: ConnectOptions = {}): Promise<void> {
    await this.#connection.connect(options);
  }

  /**
   * Subscribes to a channel. Resolves when the server said so, or had `acknowledgementMs` for it: servers need not say
   * anything. Asked for twice it is one subscription to the server, which ends when both have ended.
   *
   * @throws {InvalidOptionError} for a name that is none
   * @throws {ChannelError} `NOT_CONNECTED` before `connect()`, `SUBSCRIPTION_REFUSED`, `SUBSCRIPTION_TIMEOUT`,
   *   `NOT_SUBSCRIBED` when `unsubscribe()` or `disconnect()` was called meanwhile
   * @throws {ConnectionError} the failure with which the connection gave up
   * @throws the signal's reason
   */
  async subscribe(channel: string, { signal }: SubscribeOptions = {}): Promise<Subscription> {
    checkChannel(channel);
    signal?.throwIfAborted();
    this.#mustBeConnected('subscribe()');
    return this.#subscriptions.subscribe(channel, signal);
  }

  /** Ends whatever subscriptions there are to a channel, whoever holds them. Without one, nothing happens. */
  async unsubscribe(channel: string): Promise<void> {
    await this.#subscriptions.unsubscribe(channel);
  }

  /**
   * Publishes to a channel that is subscribed to. With a hub it resolves when the hub has the message, exactly once,
   * whatever happens to the connection; with any other server when it was handed to the network, which a lost connection
   * repeats up to `maxRetries` times: it arrives at least once. Messages of one channel keep their order.
   *
   * @throws {TypeError} for a payload that JSON cannot express
   * @throws {ChannelError} `NOT_CONNECTED`, `NOT_SUBSCRIBED`, `PUBLISH_REFUSED`, `PUBLISH_FAILED`
   * @throws {DeliveryError} `MESSAGE_EXPIRED`, `MESSAGE_UNDELIVERED`, `OUTBOX_FULL`: it was not sent; `DELIVERY_UNKNOWN`:
   *   it was, and nobody knows whether it arrived
   * @throws the signal's reason, if it was not sent
   */
  async publish(channel: string, payload: unknown, options: PublishOptions = {}): Promise<Publication> {
    checkChannel(channel);
    if (options.timeoutMs !== undefined) checkMs('timeoutMs', options.timeoutMs, 1);
    options.signal?.throwIfAborted();
    const payloadJson = JSON.stringify(payload) as string | undefined;
    if (payloadJson === undefined)
      throw new TypeError(`Expected a payload that JSON can express, got ${typeof payload}.`);
    this.#mustBeConnected('publish()');
    if (!this.#subscriptions.has(channel)) throw new ChannelError('NOT_SUBSCRIBED', { details: { channel } });
    return this.#publishing.publish(channel, payloadJson, options);
  }

  /** Publishes the seed's error payload: a text for the user, and what happened. Rejects as {@link publish} does. */
  sendError(
    channel: string,
    error: unknown,
    friendlyMessage = FRIENDLY_MESSAGE,
    { messageId, threadId, ...options }: SendErrorOptions = {},
  ): Promise<Publication> {
    return this.publish(
      channel,
      errorPayload(friendlyMessage, textOf(error), { messageId, threadId }),
      options,
    );
  }

  /** Unsubscribes from all channels, and closes with 1000. Legal at any time, any number of times; never rejects. */
  async disconnect(): Promise<void> {
    await this.#connection.disconnect();
  }

  /**
   * Adds a listener for all channels, and returns the function that removes it: `message`, `gap`, and `refused` for what
   * the server did not do and nobody waits to hear of.
   */
  on<E extends keyof ChannelEvents>(event: E, listener: ChannelEvents[E]): Unsubscribe {
    return this.#subscriptions.emitter.on(event, listener);
  }

  once<E extends keyof ChannelEvents>(event: E, listener: ChannelEvents[E]): Unsubscribe {
    return this.#subscriptions.emitter.once(event, listener);
  }

  off<E extends keyof ChannelEvents>(event: E, listener: ChannelEvents[E]): void {
    this.#subscriptions.emitter.off(event, listener);
  }

  /** `await using channels = …`: the same as `disconnect()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  #mustBeConnected(what: string): void {
    const { state } = this.#connection;
    const isWanted = state !== 'idle' && state !== 'closed' && state !== 'failed' && state !== 'closing';
    if (!isWanted) throw new ChannelError('NOT_CONNECTED', { details: { what, state } });
  }
}

function checkChannel(channel: unknown): void {
  if (isChannelName(channel)) return;
  const expected = `a string of 1 to ${MAX_CHANNEL_LENGTH} characters that is not "subscription"`;
  throw new InvalidOptionError('channel', expected, channel);
}
