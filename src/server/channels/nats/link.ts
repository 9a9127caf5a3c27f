// The connection to NATS, made and made again for as long as the broker lives; and the waiting for it.
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import { deferred, type Deferred } from '../../../deferred.ts';
import { abortable } from '../../abortable.ts';
import { explain, isFinal, isStreamAway, isTimeout, namesOf, NatsBrokerError } from './errors.ts';
import type { NatsSettings } from './options.ts';
import { loadPackages, type Packages } from './packages.ts';
import { Stream, StreamRenewed } from './stream.ts';
import type { Subjects } from './subjects.ts';

/** A time in which NATS can be asked: it is connected, and the stream is there. */
export interface Session {
  readonly connection: NatsConnection;
  readonly stream: Stream;
  /** Aborted at its end. */
  readonly over: AbortSignal;
}

export interface LinkListener {
  opened(session: Session): void;
  /** NATS cannot be asked now. */
  shut(): void;
  /** Nor later, unless somebody does something about it. */
  refused(error: NatsBrokerError): void;
}

/** Between attempts, and at most as long again, so that hubs do not come back all at once. */
const RETRY_MS = 250;
const RETRY_SETTINGS_MS = 2_000;
/** A stream that has no leader looks as if it were there. */
const RENEW_MS = 50;
/** A silent network is noticed after two of these. */
const PING_MS = 10_000;

const DEFAULTS = {
  reconnectTimeWait: RETRY_MS,
  reconnectJitter: RETRY_MS,
  reconnectJitterTLS: RETRY_MS,
  pingInterval: PING_MS,
  noAsyncTraces: true,
};

export class Link {
  readonly #settings: NatsSettings;
  readonly #subjects: Subjects;
  readonly #listener: LinkListener;
  readonly #closed = new AbortController();
  readonly #life: Promise<void>;
  #connection: NatsConnection | undefined;
  #packages: Packages | undefined;
  #session: Session | undefined;
  #over = new AbortController();
  /** Changes whenever what is being prepared is of no use any more. */
  #attempt = 0;
  #problem = 'not connected yet';
  #final: NatsBrokerError | undefined;
  readonly #waiting = new Set<Deferred<Session>>();

  constructor(settings: NatsSettings, subjects: Subjects, listener: LinkListener) {
    this.#settings = settings;
    this.#subjects = subjects;
    this.#listener = listener;
    this.#life = this.#live();
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Why NATS cannot be asked at present. */
  get trouble(): string | undefined {
    return this.#session === undefined ? this.unavailable().message : undefined;
  }

  /** Why there is no point in waiting. */
  get refusal(): NatsBrokerError | undefined {
    return this.#closed.signal.aborted
      ? new NatsBrokerError('The broker is closed.', { retryable: false })
      : this.#final;
  }

  unavailable(): NatsBrokerError {
    const { refusal } = this;
    if (refusal !== undefined) return refusal;
    const { servers, timeoutMs } = this.#settings;
    const reason = this.#session === undefined ? this.#problem : `no answer within ${timeoutMs} ms`;
    return new NatsBrokerError(`NATS at ${namesOf(servers)} is not available: ${reason}.`, {
      retryable: true,
    });
  }

  /**
   * Does something with NATS, and again when the connection was lost over it: it must be such that doing it twice does no
   * harm.
   *
   * @throws {NatsBrokerError} when it is not done after `timeoutMs`
   */
  async run<T>(work: (session: Session) => Promise<T>, timeoutMs: number, stopped?: AbortSignal): Promise<T> {
    const over = new AbortController();
    const stop = (): void => over.abort(stopped?.reason);
    const timer =
      timeoutMs === Infinity ? undefined : setTimeout(() => over.abort(this.unavailable()), timeoutMs);
    stopped?.addEventListener('abort', stop);
    try {
      for (;;) {
        const session = await this.#ready(over.signal);
        try {
          return await abortable(abortable(work(session), session.over), over.signal);
        } catch (thrown) {
          await this.#again(thrown, session, over.signal);
        }
      }
    } finally {
      clearTimeout(timer);
      stopped?.removeEventListener('abort', stop);
    }
  }

  /** The stream is not what it was: nothing more is asked until it is there again. */
  renew(session: Session): void {
    if (this.#session !== session) return;
    this.#shut('the stream is not there');
    void this.#prepare(RENEW_MS);
  }

  /** Resolves when nothing is left of it. */
  async close(): Promise<void> {
    const { timeoutMs } = this.#settings;
    const connection = this.#connection;
    const isConnected = this.#session !== undefined;
    this.#closed.abort(new NatsBrokerError('The broker is closed.', { retryable: false }));
    this.#shut('closed');
    const given = new AbortController();
    if (isConnected)
      await Promise.race([
        connection?.drain().catch(() => undefined),
        pause(timeoutMs, undefined, { signal: given.signal }).catch(() => undefined),
      ]);
    given.abort();
    await connection?.close();
    await this.#life;
  }

  /** @throws what cannot be helped by trying again */
  async #again(thrown: unknown, session: Session, over: AbortSignal): Promise<void> {
    over.throwIfAborted();
    if (session.over.aborted) return;
    if (thrown instanceof NatsBrokerError) throw thrown;
    if (thrown instanceof StreamRenewed || isStreamAway(thrown)) {
      this.#problem = explain(thrown);
      this.renew(session);
    } else if (!isTimeout(thrown))
      throw new NatsBrokerError(`NATS refused it: ${explain(thrown)}.`, { retryable: true, cause: thrown });
    await pause(RETRY_MS, undefined, { signal: over }).catch(() => over.throwIfAborted());
  }

  async #ready(over: AbortSignal): Promise<Session> {
    over.throwIfAborted();
    if (this.#session !== undefined) return this.#session;
    if (this.refusal !== undefined) throw this.refusal;
    const waiting = deferred<Session>();
    this.#waiting.add(waiting);
    try {
      return await abortable(waiting.promise, over);
    } finally {
      // Whoever gave up is not kept for as long as NATS is away.
      this.#waiting.delete(waiting);
    }
  }

  async #live(): Promise<void> {
    try {
      this.#packages = await loadPackages();
    } catch (thrown) {
      this.#fail(thrown as NatsBrokerError);
      return;
    }
    while (!this.#closed.signal.aborted) {
      this.#connection = await this.#dial(this.#packages);
      if (this.#connection !== undefined) await this.#attend(this.#connection);
    }
  }

  async #dial({ transport }: Packages): Promise<NatsConnection | undefined> {
    const { servers, timeoutMs, connection } = this.#settings;
    // Refused credentials may be accepted later.
    const always = { servers: [...servers], maxReconnectAttempts: -1, ignoreAuthErrorAbort: true };
    try {
      const dialled = await transport.connect({ timeout: timeoutMs, ...DEFAULTS, ...connection, ...always });
      if (!this.#closed.signal.aborted) return dialled;
      await dialled.close();
    } catch (thrown) {
      this.#problem = explain(thrown);
      await this.#pause(RETRY_MS * (1 + Math.random()));
    }
    return undefined;
  }

  /** Resolves when this connection is closed for good: its package makes it again while it can. */
  async #attend(connection: NatsConnection): Promise<void> {
    this.#problem = 'JetStream has not answered yet';
    void this.#prepare();
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') this.#shut('the connection was lost');
      else if (status.type === 'reconnect' && this.#session === undefined) void this.#prepare();
      else if (status.type === 'error' && this.#session === undefined) this.#problem = explain(status.error);
    }
    this.#shut('the connection was closed');
  }

  async #prepare(afterMs = 0): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    if (afterMs > 0) await this.#pause(afterMs);
    const connection = this.#connection as NatsConnection;
    const packages = this.#packages as Packages;
    while (attempt === this.#attempt) {
      const world = { packages, connection, settings: this.#settings, subjects: this.#subjects };
      try {
        const stream = await Stream.open(world);
        if (attempt === this.#attempt) this.#open(connection, stream);
        return;
      } catch (thrown) {
        if (attempt !== this.#attempt) return;
        if (isFinal(thrown)) this.#fail(thrown);
        else this.#problem = explain(thrown);
      }
      await this.#pause(this.#final === undefined ? RETRY_MS : RETRY_SETTINGS_MS);
    }
  }

  #open(connection: NatsConnection, stream: Stream): void {
    this.#over = new AbortController();
    // Everything that is being asked listens to it.
    setMaxListeners(0, this.#over.signal);
    const session = { connection, stream, over: this.#over.signal };
    this.#session = session;
    this.#final = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#listener.opened(session);
    for (const { resolve } of waiting) resolve(session);
  }

  #shut(problem: string): void {
    this.#attempt += 1;
    this.#problem = problem;
    this.#session?.stream.end();
    this.#session = undefined;
    this.#over.abort();
    this.#listener.shut();
    if (this.refusal !== undefined) this.#refuse(this.refusal);
  }

  #fail(error: NatsBrokerError): void {
    this.#final = error;
    this.#refuse(error);
  }

  #refuse(error: NatsBrokerError): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
    this.#listener.refused(error);
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#closed.signal }).catch(() => undefined);
  }
}
