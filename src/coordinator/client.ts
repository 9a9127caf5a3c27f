// The coordinator client: a connection that speaks the coordinator's protocol, its events under their own names, and
// its failures in the coordinator's classes.
import * as platform from '#platform';
import type { ConnectionState } from '../../machines/index.ts';
import { Connection, type ConnectOptions } from '../connection.ts';
import type { Unsubscribe } from '../emitter.ts';
import { blame, toError } from '../errors.ts';
import { EventRouter, matcherOf, type RouteListener } from '../event-router.ts';
import type { StateChange } from '../events.ts';
import type { StreamOptions } from '../message-stream.ts';
import { redactorFor, type Redactor } from '../redact.ts';
import type { ConnectionStats } from '../statistics.ts';
import { CoordinatorError, toCoordinatorError, translate } from './errors.ts';
import {
  resolveOptions,
  type CoordinatorOptions,
  type CoordinatorSettings,
  type TokenProvider,
} from './options.ts';
import { connectionIdOf, nameOf, type CoordinatorEvent } from './protocol.ts';

export type CoordinatorConnection = Connection<CoordinatorEvent, object, CoordinatorEvent, string>;

/** How often the `watch` function is tried in one session. */
const WATCH_TRIES = 3;

/**
 * A client of the Stream Video coordinator: authenticates, sends health checks, and restores a lost connection.
 *
 * ```ts
 * await using client = new CoordinatorClient(apiKey, token, userId);
 * client.on('call.*', (event) => console.log(event));
 * const welcome = await client.connect();
 * ```
 */
export class CoordinatorClient implements AsyncDisposable {
  readonly #connection: CoordinatorConnection;
  readonly #router = new EventRouter<CoordinatorEvent>((event, thrown) => this.#report(event, thrown));
  readonly #settings: CoordinatorSettings;
  readonly #options: object;
  #lastError: CoordinatorError | undefined;
  #welcome: CoordinatorEvent | undefined;

  /**
   * @param token a JWT, or a function that is asked for one for each attempt: then an expired token is replaced without
   *   the caller having to do anything
   * @throws {InvalidOptionError} for an argument or option that cannot be meant; nothing has happened then
   */
  constructor(
    apiKey: string,
    token: string | TokenProvider,
    userId: string,
    options: CoordinatorOptions = {},
  ) {
    const { settings, connection } = resolveOptions(apiKey, token, userId, options);
    this.#settings = settings;
    this.#options = connection;
    this.#connection = new Connection(connection);
    this.#connection.on('statechange', (change) => this.#follow(change));
    this.#connection.on('open', ({ welcome, isReconnect }) => {
      this.#welcome = welcome;
      if (isReconnect) void this.#watchAgain(welcome);
    });
    this.#connection.on('message', (event) => this.emit(nameOf(event), event));
  }

  /** The connection underneath: its lifecycle events (`statechange`, `reconnecting`, `failed` …), its actor. */
  get connection(): CoordinatorConnection {
    return this.#connection;
  }

  /** How the connection is, in one of eight words. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  get connected(): boolean {
    return this.state === 'open';
  }

  /** The id that the coordinator gave the present session; `undefined` without one. */
  get connectionId(): string | undefined {
    return this.connected ? connectionIdOf(this.#welcome) : undefined;
  }

  /** When the last frame came in: milliseconds on the client's clock (`performance.now()` by default). */
  get lastReceivedAt(): number | undefined {
    return this.stats.lastReceivedAt;
  }

  /** 0 for a first attempt, n for the n-th in a row to restore a lost connection; while waiting, the planned one. */
  get attempt(): number {
    return this.#connection.actor.getSnapshot().context.attempt;
  }

  /** Why an attempt or a session was last lost. It is kept when the connection recovers. */
  get lastError(): CoordinatorError | undefined {
    return this.#lastError;
  }

  /** Counters and measurements, the round trips of health checks and the times of connecting included. */
  get stats(): ConnectionStats {
    return this.#connection.stats;
  }

  /**
   * Connects, and resolves with the coordinator's first event. While an attempt is under way it waits for that one; while
   * `reconnecting` it ends the wait; when connected it disconnects first.
   *
   * @throws {AuthenticationError} the coordinator refused the client
   * @throws {ConnectionFailedError} the first attempt failed: it is not repeated
   * @throws {MaxRetriesExceededError} the attempts to restore a lost connection failed
   * @throws {CoordinatorError} `DISCONNECTED`
   * @throws the signal's reason
   */
  async connect(options: ConnectOptions = {}): Promise<CoordinatorEvent> {
    options.signal?.throwIfAborted();
    // Not awaited: connect() while closing begins anew as soon as the old session has ended, and iterators live on.
    if (this.connected) void this.#connection.disconnect();
    try {
      return await this.#connection.connect(options);
    } catch (thrown) {
      throw translate(thrown);
    }
  }

  /** Closes with 1000 "client disconnect". Legal at any time, any number of times; never rejects. */
  disconnect(): Promise<void> {
    return this.#connection.disconnect();
  }

  /** Sends a message now, or as soon as the client is connected. @throws what `Connection.send()` throws */
  send(message: object): boolean {
    return this.#connection.send(message);
  }

  /**
   * Adds a listener for the coordinator's events of a `type`, or of all that a pattern matches: `*` all, `call.*` one
   * level, `call.**` any level below. An event without a type is called `unknown`. What a listener throws is logged, or
   * without a logger reported to the platform; nothing else happens.
   *
   * @returns the function that removes it
   */
  on(type: string, listener: RouteListener<CoordinatorEvent>): Unsubscribe {
    return this.#router.on(type, listener);
  }

  /** Adds a listener for one event only. */
  once(type: string, listener: RouteListener<CoordinatorEvent>): Unsubscribe {
    return this.#router.once(type, listener);
  }

  off(type: string, listener: RouteListener<CoordinatorEvent>): void {
    this.#router.off(type, listener);
  }

  /** Gives the listeners an event as if the coordinator had sent it. Nothing is sent. */
  emit(type: string, event: CoordinatorEvent): void {
    this.#router.emit(type, event);
  }

  /**
   * The events from now on that a pattern matches, across reconnects, for as many consumers as there are iterators. Ends
   * with `disconnect()`; throws the failure when the client gives up. `maxBuffered` counts all events that wait, those
   * that do not match included.
   */
  listen(pattern = '*', options: StreamOptions = {}): AsyncIterableIterator<CoordinatorEvent> {
    const matches = matcherOf(pattern);
    const events = this.#connection.messages(options);
    const next = async () => {
      let result = await events.next();
      while (result.done !== true && !matches(nameOf(result.value))) result = await events.next();
      return result;
    };
    return {
      next: () =>
        next().catch((thrown: unknown) => {
          throw translate(thrown);
        }),
      return: () => events.return?.() ?? Promise.resolve({ done: true, value: undefined }),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** `await using client = …`: the same as `disconnect()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  #follow({ state, previous, attempt }: StateChange): void {
    const { failure } = this.#connection.actor.getSnapshot().context;
    if (failure !== null) this.#lastError = toCoordinatorError(toError(failure));
    const wasAttempt = previous === 'connecting' || previous === 'authenticating';
    const isLost = state === 'reconnecting' || state === 'failed' || state === 'connecting';
    if (!wasAttempt || !isLost || attempt < 2) return;
    const { logger, maxRetries } = this.#settings;
    logger?.warn(`Reconnect attempt ${attempt - 1}/${maxRetries} failed`, { error: this.#lastError });
  }

  async #watchAgain(welcome: CoordinatorEvent): Promise<void> {
    const { watch, logger } = this.#settings;
    if (watch === undefined) return;
    const over = new AbortController();
    this.#connection.once('statechange', () => over.abort());
    for (let tried = 1; tried <= WATCH_TRIES; tried += 1) {
      try {
        await watch({ connectionId: connectionIdOf(welcome), welcome, signal: over.signal });
        return;
      } catch (thrown) {
        if (over.signal.aborted) return;
        logger?.warn(`Watching again failed, try ${tried}/${WATCH_TRIES}`, {
          error: this.#redactor.clean(thrown),
        });
        if (tried === WATCH_TRIES) this.#report('watch', thrown);
      }
    }
  }

  get #redactor(): Redactor {
    return redactorFor({ options: this.#options });
  }

  /** To the logger, else to the platform; never thrown. */
  #report(event: string, thrown: unknown): void {
    const error = new CoordinatorError('LISTENER_FAILED', blame(thrown, this.#redactor, { event }));
    if (this.#settings.logger === undefined) platform.reportUncaught(error);
    else this.#settings.logger.error(error.message, { error });
  }
}
