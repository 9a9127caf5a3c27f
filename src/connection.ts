// The facade: each method sends one event to the machine or asks the outbox, each getter reads one answer.
// What happens when, machines/ decides; who does it, src/wiring.ts says; who is told, src/announcer.ts.
import { selectState, type ConnectionState } from '../machines/index.ts';
import { Announcer } from './announcer.ts';
import type { Unsubscribe } from './emitter.ts';
import type { ConnectionEvents } from './events.ts';
import type { Recording } from './inspection/recording.ts';
import { MessageStream, type StreamOptions } from './message-stream.ts';
import type { ConnectionOptions } from './options.ts';
import type { DeliverOptions, Delivery } from './delivery.ts';
import type { ConnectionStats } from './statistics.ts';
import { wireUp, type ConnectionActor } from './wiring.ts';
import { World } from './world.ts';

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
  readonly #world: World<Incoming, Outgoing, Welcome, Credentials>;
  readonly #announcer: Announcer<Incoming, Outgoing, Welcome, Credentials>;
  readonly #actor: ConnectionActor;

  /** @throws {InvalidOptionError} for an option that cannot be meant; nothing has happened then */
  constructor(options: ConnectionOptions<Incoming, Outgoing, Welcome, Credentials>) {
    this.#world = new World(options);
    this.#announcer = new Announcer(this.#world);
    this.#actor = wireUp(this.#world, this.#announcer);
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
    return this.#world.stats;
  }

  /**
   * The last control events and the states they led to, without secrets, as plain data for a bug report:
   * `statewire replay` shows it. `undefined` when the option `recorder` is `false`.
   */
  recording(): Recording | undefined {
    return this.#world.recorder?.recording();
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
    // Called by a listener: the machine hears of it when all listeners have been told.
    if (this.#announcer.isTelling) await Promise.resolve();
    const { promise, giveUp } = this.#world.waiters.untilOpen();
    this.#announcer.settle(this.#actor.getSnapshot());

    const abort = () => {
      giveUp(signal?.reason);
      const wasNeverOpen = this.#actor.getSnapshot().context.sessions === 0;
      if (wasNeverOpen && !this.#world.waiters.areOpening) this.#actor.send({ type: 'disconnect' });
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
    if (this.state === 'closing') await this.#world.waiters.untilEnded();
  }

  /**
   * Sends a message now, or as soon as the connection is open.
   *
   * @returns false above the high-water mark of `outbox.highWaterBytes`: the message is taken, but await `drained()`
   * @throws {DeliveryError} `OUTBOX_FULL`, or `MESSAGE_UNDELIVERED` when the connection is closing, closed or failed
   * @throws what the protocol throws for a message that it cannot encode
   */
  send(message: Outgoing): boolean {
    return this.#world.outbox.send(message);
  }

  /** Resolves when there is room again after `send()` returned false; at once otherwise. Rejects when the connection ends. */
  drained(): Promise<void> {
    return this.#world.outbox.drained();
  }

  /**
   * Sends a message and tells what became of it: exactly one outcome. A message that expired or was cancelled is
   * never sent later.
   *
   * @throws {DeliveryError} `OUTBOX_FULL`, `MESSAGE_DROPPED`, `MESSAGE_EXPIRED`, `MESSAGE_UNDELIVERED` or `DELIVERY_UNKNOWN`
   * @throws the signal's reason
   */
  async deliver(message: Outgoing, options: DeliverOptions = {}): Promise<Delivery> {
    return this.#world.outbox.deliver(message, options);
  }

  /**
   * The messages from now on, across reconnects, for as many consumers as there are iterators. Called as soon as
   * `connect()` has resolved, it misses none. Ends when the connection is closed; throws the failure when it gives up.
   */
  messages(options: StreamOptions = {}): AsyncIterableIterator<Incoming> {
    const stream = new MessageStream<Incoming>(this.#world, options);
    this.#world.addStream(stream);
    return stream;
  }

  /** Whether the platform can stop reading: Node can, a page cannot. Known while there is a socket. */
  get canPause(): boolean {
    return this.#world.canPause;
  }

  /** Stops reading, so that the server is slowed down, until the returned function is called; nothing where it cannot. */
  pause(): () => void {
    const consumer = {};
    this.#world.slowDown(consumer);
    return () => this.#world.speedUp(consumer);
  }

  /** Adds a listener, and returns the function that removes it. What it throws is reported by an `error` event. */
  on<E extends keyof ConnectionEvents<Incoming, Outgoing, Welcome>>(
    event: E,
    listener: ConnectionEvents<Incoming, Outgoing, Welcome>[E],
  ): Unsubscribe {
    return this.#world.emitter.on(event, listener);
  }

  /** Adds a listener for one event only. */
  once<E extends keyof ConnectionEvents<Incoming, Outgoing, Welcome>>(
    event: E,
    listener: ConnectionEvents<Incoming, Outgoing, Welcome>[E],
  ): Unsubscribe {
    return this.#world.emitter.once(event, listener);
  }

  off<E extends keyof ConnectionEvents<Incoming, Outgoing, Welcome>>(
    event: E,
    listener: ConnectionEvents<Incoming, Outgoing, Welcome>[E],
  ): void {
    this.#world.emitter.off(event, listener);
  }

  /** `await using connection = …`: the same as `disconnect()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }
}
