// One connection to a crawl server, and who is using it: one guest at a time, or several where the server tells their
// answers apart. It brings each message to the guest that it is for, and waits for a guest that cannot take more.
import { Connection } from '../connection.ts';
import { ConnectionError } from '../errors.ts';
import type { StateChange } from '../events.ts';
import type { ConnectionOptions } from '../options.ts';
import type { Loss, RetryPolicy, Verdict } from '../retry-policy.ts';
import { CRAWL_EXTENSIONS, type CrawlOptions, type CrawlRequest } from './messages.ts';
import type { MetricsRecorder } from './metrics.ts';
import type { CrawlSettings } from './options.ts';
import { unlessBusy } from './patience.ts';
import type { CrawlOutgoing } from './protocol.ts';
import type { CrawlEvent, Welcomed } from './results.ts';

export type CrawlConnection = Connection<CrawlEvent, CrawlOutgoing, Welcomed>;

/** A crawl, or a question, that uses a connection. */
export interface Guest {
  /** It has its place. The welcome of the session, the first or the next one, is what comes next. */
  admitted(lane: Lane): void;
  /** What the server said to it. Nothing more is read until the promise that it returns has resolved. */
  receive(event: CrawlEvent): Promise<unknown> | undefined;
  /** The connection is over, and so is its place. */
  fail(reason: unknown): void;
}

/** What a request is about; the lane gives it its id. */
export type Asked =
  | {
      readonly request_type: 'crawl';
      readonly data: { readonly urls: readonly string[]; readonly options?: CrawlOptions };
    }
  | { readonly request_type: 'ping' | 'status'; readonly data: Record<string, never> };

export interface LaneHost {
  readonly settings: CrawlSettings;
  readonly metrics: MetricsRecorder;
  connectionOptions(
    policy: RetryPolicy,
    isExcused: () => boolean,
  ): ConnectionOptions<CrawlEvent, CrawlOutgoing, Welcomed>;
  /** There may be room for somebody who waits. */
  changed(): void;
  /** Whether there are others, so that nobody depends on this one. */
  hasOthers(lane: Lane): boolean;
  /** The lane is over. */
  gone(lane: Lane): void;
  /** Finds these another place, before anybody else gets one. */
  rehouse(guests: readonly Guest[]): void;
}

export class Lane {
  readonly connection: CrawlConnection;
  readonly #host: LaneHost;
  /** Each with the id of its present request, where it has one. */
  readonly #guests = new Map<Guest, string | undefined>();
  /** What the server last said, as far as it was read. */
  #welcome: Welcomed | undefined;
  #sessionsOpened = 0;
  #sessionsRead = 0;
  #openedAt = 0;
  #requests = 0;
  /** Guests that the reader waits for. */
  #heldUp = 0;
  #idleTimer: unknown;

  constructor(host: LaneHost) {
    this.#host = host;
    this.connection = new Connection(
      host.connectionOptions(
        (loss, verdict) => this.#verdictOn(loss, verdict),
        () => this.#isWorking,
      ),
    );
    this.connection.on('open', ({ isReconnect }) => this.#opened(isReconnect));
    this.connection.on('statechange', (change) => this.#follow(change));
  }

  /** Begins to connect and to read. */
  open(): void {
    void this.#read();
  }

  /** Whether the server has not yet said what it can do. */
  get isOpening(): boolean {
    return this.#welcome === undefined && this.#isOfUse;
  }

  /** Whether there is a session in which what is asked now would be answered, as far as anyone can know. */
  get isListening(): boolean {
    return this.#isCurrent && this.#heldUp === 0;
  }

  /** Whether the server let nobody in. */
  get wasRefused(): boolean {
    return this.#welcome === undefined && this.connection.state === 'failed';
  }

  get isShared(): boolean {
    return this.#host.settings.multiplexing && this.#offers(CRAWL_EXTENSIONS.multiplexing);
  }

  get canTakeAnother(): boolean {
    return this.#isOfUse && (this.#guests.size === 0 || this.isShared);
  }

  /** Whether the server holds back what a guest cannot take, so that the others need not wait for it. */
  get canPause(): boolean {
    return this.isShared && this.#offers(CRAWL_EXTENSIONS.pause);
  }

  admit(guest: Guest): void {
    this.#host.settings.clock.clearTimeout(this.#idleTimer);
    this.#guests.set(guest, undefined);
    guest.admitted(this);
    if (this.#isCurrent && this.#welcome !== undefined) void guest.receive(this.#welcome);
  }

  /** Sends a guest's request. Returns its id, which the answers bear; `undefined` where they bear none. */
  ask(guest: Guest, asked: Asked): string | undefined {
    this.#requests += 1;
    const requestId = this.isShared ? String(this.#requests) : undefined;
    this.#guests.set(guest, requestId);
    this.#send(requestId === undefined ? asked : { ...asked, request_id: requestId });
    return requestId;
  }

  /** Tells the server to end, to hold back or to let go what it is doing for a guest, where it can be told. */
  tell(guest: Guest, request: 'cancel' | 'pause' | 'resume'): void {
    const requestId = this.#guests.get(guest);
    if (requestId === undefined || !this.#offers(CRAWL_EXTENSIONS[request === 'cancel' ? 'cancel' : 'pause']))
      return;
    this.#send({ request_type: request, data: {}, request_id: requestId });
  }

  /** @param how a server that is left in the middle of its work must be told, or else be left altogether */
  leave(guest: Guest, how: 'done' | 'underWay'): void {
    if (!this.#guests.has(guest)) return;
    const isTold = this.isShared && this.#offers(CRAWL_EXTENSIONS.cancel);
    if (how === 'underWay' && isTold) this.tell(guest, 'cancel');
    this.#guests.delete(guest);
    if (this.#guests.size === 0 && how === 'underWay' && !isTold) void this.close();
    else if (this.#guests.size === 0) this.#rest();
    this.#host.changed();
  }

  /** Ends a session that leads nowhere; the next one follows at once. */
  restart(): void {
    if (this.connection.state !== 'open') return;
    void this.connection.disconnect();
    this.connection.connect().catch(() => undefined);
  }

  close(): Promise<void> {
    this.#host.settings.clock.clearTimeout(this.#idleTimer);
    this.#host.gone(this);
    return this.connection.disconnect();
  }

  /** Such a server reads nothing while it crawls, pings included. */
  get #isWorking(): boolean {
    return this.#guests.size > 0 && !this.isShared;
  }

  get #isOfUse(): boolean {
    const { state } = this.connection;
    return state !== 'failed' && state !== 'closed' && state !== 'closing';
  }

  /** The reader may be behind: what it has read of a session that is over is no session to ask in. */
  get #isCurrent(): boolean {
    return this.connection.state === 'open' && this.#sessionsRead === this.#sessionsOpened;
  }

  #offers(operation: string): boolean {
    return this.#welcome?.data.supported_operations.includes(operation) === true;
  }

  #send(request: CrawlRequest): void {
    // Else it would be sent in a session whose welcome is on its way, upon which everybody asks again.
    if (!this.#isCurrent || this.#welcome === undefined) return;
    this.connection.send({ request, encoding: this.#welcome.encoding });
  }

  async #read(): Promise<void> {
    const { maxBuffered } = this.#host.settings;
    const messages = this.connection.messages({ maxBuffered });
    this.connection.connect().catch(() => undefined); // the messages end with the same failure
    let reason: unknown = new ConnectionError('DISCONNECTED');
    try {
      for await (const event of messages) await this.#bring(event);
    } catch (thrown) {
      reason = thrown;
    }
    const guests = [...this.#guests.keys()];
    this.#guests.clear();
    const isSpare = this.wasRefused && this.#host.hasOthers(this);
    void this.close();
    if (isSpare) this.#host.rehouse(guests);
    else for (const guest of guests) guest.fail(reason);
  }

  #bring(event: CrawlEvent): Promise<unknown> | undefined {
    if (event.type === 'welcome') {
      this.#sessionsRead += 1;
      this.#welcome = event;
      if (!this.#isCurrent) return undefined; // the next one is on its way
      if (!this.isShared) this.#moveOut([...this.#guests.keys()].slice(1));
    }
    const waits = this.#guestsFor(event).flatMap((guest) => guest.receive(event) ?? []);
    if (event.type === 'welcome') this.#host.changed();
    if (waits.length === 0) return undefined;
    this.#heldUp = waits.length;
    return Promise.all(waits).then(() => (this.#heldUp = 0));
  }

  /** The server that was reached this time tells the answers of several guests no longer apart. */
  #moveOut(guests: readonly Guest[]): void {
    for (const guest of guests) this.#guests.delete(guest);
    if (guests.length > 0) this.#host.rehouse(guests);
  }

  #guestsFor({ requestId, type }: CrawlEvent): readonly Guest[] {
    const guests = [...this.#guests.keys()];
    const isForAll = type === 'welcome' || type === 'unreadable' || requestId === undefined;
    return isForAll ? guests : guests.filter((guest) => this.#guests.get(guest) === requestId);
  }

  /** Nobody needs a connection that is lost while nobody uses it, or that could not be made beside another one. */
  #verdictOn(loss: Loss, verdict: Verdict): Verdict {
    const isSpare = loss.initial && this.#host.hasOthers(this);
    if (this.#guests.size === 0 || isSpare) return { action: 'stop' };
    return unlessBusy(loss, verdict, this.#host.settings);
  }

  #opened(isReconnect: boolean): void {
    const { metrics, settings } = this.#host;
    this.#sessionsOpened += 1;
    this.#openedAt = settings.clock.now();
    metrics.sessionsOpened += 1;
    if (isReconnect) metrics.reconnects += 1;
  }

  #follow({ state, previous }: StateChange): void {
    if (previous !== 'open') return;
    const { metrics, settings } = this.#host;
    metrics.sessions.record(settings.clock.now() - this.#openedAt);
    if (state !== 'closing') metrics.sessionsLost += 1;
  }

  #rest(): void {
    const { clock, keepOpenMs } = this.#host.settings;
    if (keepOpenMs === Infinity || !this.#isOfUse) return;
    this.#idleTimer = clock.setTimeout(() => void this.close(), keepOpenMs);
  }
}
