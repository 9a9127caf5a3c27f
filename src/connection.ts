// The facade: each method sends one event to the machine or asks the outbox, each getter reads one answer.
// What happens when, machines/ decides; who does it, src/wiring.ts says; who is told, src/announcer.ts.
import * as platform from '#platform';
import { selectState, type ConnectionState } from '../machines/index.ts';
import { Announcer } from './announcer.ts';
import { Emitter, type Unsubscribe } from './emitter.ts';
import { ConnectionError, textOf } from './errors.ts';
import type { ConnectionEvents } from './events.ts';
import { MessageStream, type StreamOptions } from './message-stream.ts';
import type { ConnectionOptions, Logger } from './options.ts';
import { resolveSettings } from './settings.ts';
import { Outbox, type DeliverOptions, type Delivery } from './outbox.ts';
import type { Protocol } from './protocols/protocol.ts';
import { json } from './protocols/text.ts';
import type { ConnectionStats } from './statistics.ts';
import type { Frame } from './transports/transport.ts';
import { Waiters } from './waiters.ts';
import { Wire } from './wire.ts';
import { wireUp, type ConnectionActor, type Report } from './wiring.ts';

export interface ConnectOptions {
  /**
   * Aborting rejects this call with the signal's reason. When no other `connect()` waits, and the connection was not
   * open since it was asked for, it is closed as well.
   */
  readonly signal?: AbortSignal;
}

/**
 * One connection that keeps itself alive.
 *
 * @typeParam Incoming what `message` listeners receive
 * @typeParam Outgoing what `send()` takes
 * @typeParam Welcome what `connect()` resolves with
 * @typeParam Credentials what the protocol's handshake needs
 */
export class Connection<
  Incoming = unknown,
  Outgoing = Incoming,
  Welcome = undefined,
  Credentials = undefined,
> implements AsyncDisposable {
  readonly #actor: ConnectionActor;
  readonly #announcer: Announcer<Incoming, Outgoing, Welcome>;
  readonly #emitter: Emitter<ConnectionEvents<Incoming, Outgoing, Welcome>>;
  readonly #outbox: Outbox<Incoming, Outgoing>;
  readonly #wire: Wire<Incoming, Welcome>;
  readonly #waiters = new Waiters<Welcome>();
  readonly #streams = new Set<MessageStream<Incoming>>();
  readonly #logger: Logger | undefined;

  /** @throws {InvalidOptionError} for an option that cannot be meant; nothing has happened then */
  constructor(options: ConnectionOptions<Incoming, Outgoing, Welcome, Credentials>) {
    const settings = resolveSettings(options);
    const protocol =
      options.protocol ?? (json as unknown as Protocol<Incoming, Outgoing, Welcome, Credentials>);
    const surroundings = options.surroundings ?? platform.surroundings;
    const transport = options.transport ?? platform.defaultTransport(options.webSocket ?? {});

    this.#logger = settings.logger;
    this.#emitter = new Emitter((event, thrown) => this.#report('LISTENER_FAILED', event, thrown));
    this.#outbox = new Outbox(settings.outbox, protocol, settings.clock, {
      dropped: (message, error) => this.#emitter.emit('dropped', { message, error }),
      drained: () => this.#emitter.emit('drain'),
    });
    this.#wire = new Wire(settings.clock, {
      message: (message) => this.#receive(message),
      invalid: (frame, thrown) => this.#refuseFrame(frame, thrown),
    });

    this.#announcer = new Announcer({
      emitter: this.#emitter,
      outbox: this.#outbox,
      waiters: this.#waiters,
      streams: this.#streams,
      wire: this.#wire,
      logger: settings.logger,
    });
    this.#actor = wireUp(
      {
        ...{ options, settings, protocol, transport, surroundings },
        ...{ wire: this.#wire, outbox: this.#outbox },
        report: (code, where, thrown) => this.#report(code, where, thrown),
      },
      this.#announcer,
    );
  }

  /** How the connection is, in one of eight words. */
  get state(): ConnectionState {
    return selectState(this.#actor.getSnapshot());
  }

  /** The XState actor behind it all, for looking: `subscribe`, `getSnapshot`. Its events are not for users to send. */
  get actor(): ConnectionActor {
    return this.#actor;
  }

  /** Counters and measurements since the connection was made. */
  get stats(): ConnectionStats {
    const { messagesOut, droppedMessages, expiredMessages } = this.#outbox;
    return { ...this.#wire.stats, messagesOut, droppedMessages, expiredMessages };
  }

  /**
   * Opens the connection, or waits for it: resolves with the protocol's welcome once it is open, at once if it is.
   * While `reconnecting` it ends the wait; while `closing` it opens again afterwards.
   *
   * @throws {ConnectionError} the failure with which the connection gave up, or `DISCONNECTED`
   * @throws the signal's reason
   */
  async connect({ signal }: ConnectOptions = {}): Promise<Welcome> {
    signal?.throwIfAborted();
    this.#actor.send({ type: 'connect' });
    if (this.#announcer.isTelling) await Promise.resolve();
    const { promise, giveUp } = this.#waiters.untilOpen();
    this.#announcer.settle(this.#actor.getSnapshot());

    const abort = () => {
      giveUp(signal?.reason);
      const wasNeverOpen = this.#actor.getSnapshot().context.sessions === 0;
      if (wasNeverOpen && !this.#waiters.areOpening) this.#actor.send({ type: 'disconnect' });
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * Ends the connection, whatever it is doing: what waits is flushed if it is open, the close frame is sent, and the
   * peer's answer is awaited for at most `timeouts.closeMs`. Never rejects.
   */
  async disconnect(): Promise<void> {
    this.#actor.send({ type: 'disconnect' });
    if (this.#announcer.isTelling) await Promise.resolve();
    if (this.state === 'closing') await this.#waiters.untilEnded();
  }

  /**
   * Sends a message now, or as soon as the connection is open.
   *
   * @returns false above the high-water mark of `outbox.highWaterBytes`: the message is taken, but await `drained()`
   * @throws {DeliveryError} `OUTBOX_FULL`, or `MESSAGE_UNDELIVERED` when the connection is closing, closed or failed
   * @throws what the protocol throws for a message that it cannot encode
   */
  send(message: Outgoing): boolean {
    return this.#outbox.send(message);
  }

  /** Resolves when there is room again after `send()` returned false; at once otherwise. Rejects when the connection ends. */
  drained(): Promise<void> {
    return this.#outbox.drained();
  }

  /**
   * Sends a message and tells what became of it: exactly one outcome. A message that expired or was cancelled is
   * never sent later.
   *
   * @throws {DeliveryError} `OUTBOX_FULL`, `MESSAGE_DROPPED`, `MESSAGE_EXPIRED`, `MESSAGE_UNDELIVERED` or `DELIVERY_UNKNOWN`
   * @throws the signal's reason
   */
  async deliver(message: Outgoing, options: DeliverOptions = {}): Promise<Delivery> {
    return this.#outbox.deliver(message, options);
  }

  /**
   * The messages from now on, across reconnects, for as many consumers as there are iterators. Ends when the
   * connection is closed; throws the failure when it gives up.
   */
  messages(options: StreamOptions = {}): AsyncIterableIterator<Incoming> {
    const wire = this.#wire;
    const stream = new MessageStream<Incoming>(
      {
        get canPause() {
          return wire.link?.pause !== undefined;
        },
        slowDown: (consumer) => wire.slowDown(consumer),
        speedUp: (consumer) => wire.speedUp(consumer),
        release: (ended) => this.#streams.delete(ended as MessageStream<Incoming>),
      },
      options,
    );
    if (!stream.hasEnded) this.#streams.add(stream);
    return stream;
  }

  /** Adds a listener, and returns the function that removes it. What it throws is reported by an `error` event. */
  on<E extends keyof ConnectionEvents<Incoming, Outgoing, Welcome>>(
    event: E,
    listener: ConnectionEvents<Incoming, Outgoing, Welcome>[E],
  ): Unsubscribe {
    return this.#emitter.on(event, listener);
  }

  /** Adds a listener for one event only. */
  once<E extends keyof ConnectionEvents<Incoming, Outgoing, Welcome>>(
    event: E,
    listener: ConnectionEvents<Incoming, Outgoing, Welcome>[E],
  ): Unsubscribe {
    return this.#emitter.once(event, listener);
  }

  off<E extends keyof ConnectionEvents<Incoming, Outgoing, Welcome>>(
    event: E,
    listener: ConnectionEvents<Incoming, Outgoing, Welcome>[E],
  ): void {
    this.#emitter.off(event, listener);
  }

  /** `await using connection = …`: the same as `disconnect()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  #receive(message: Incoming): void {
    try {
      this.#outbox.noticeAcknowledgement(message);
    } catch (thrown) {
      this.#report('PROTOCOL_FAILED', 'protocol', thrown);
    }
    for (const stream of this.#streams) stream.push(message);
    this.#emitter.emit('message', message);
  }

  #refuseFrame(frame: Frame, thrown: unknown): void {
    const error = new ConnectionError('INVALID_MESSAGE', {
      details: { cause: textOf(thrown) },
      cause: thrown,
    });
    this.#logger?.warn(error.message, { error });
    this.#emitter.emit('invalidMessage', { frame, error });
  }

  /** To the listeners of `error`, else to the logger, else to the platform: reported once, and never thrown. */
  #report(code: Parameters<Report>[0], event: string, thrown: unknown): void {
    const error = new ConnectionError(code, { details: { event, cause: textOf(thrown) }, cause: thrown });
    this.#logger?.error(error.message, { error });
    if (event !== 'error' && this.#emitter.has('error')) this.#emitter.emit('error', error);
    else if (this.#logger === undefined) platform.reportUncaught(error);
  }
}
