// The live side of a connection: the present link, the present session, and what the reader last saw.
// The socket actor writes it; the heartbeat, the farewell, the retry policy and the facade read it.
import type { Clock } from './clock.ts';
import type { OutboxStats } from './outbox.ts';
import { Outages, RttRecorder, type ConnectionStats } from './statistics.ts';
import type { ConnectTimings, Frame, Link, LinkEnd } from './transports/transport.ts';

/** Looks at inbound traffic for as long as a probe is unanswered. */
export interface Watcher<Incoming> {
  sign(): void;
  pong(): void;
  message(message: Incoming): void;
}

/** Where the reader takes what it has read. */
export interface Inbox<Incoming> {
  message(message: Incoming): void;
  invalid(frame: Frame, thrown: unknown): void;
}

const NONE: readonly never[] = [];
const NO_ROUND_TRIPS = new RttRecorder();

export class Wire<Incoming, Welcome> {
  readonly inbox: Inbox<Incoming>;
  readonly #clock: Clock;
  /** Made with the first round trip, and with the first loss. */
  #rtt: RttRecorder | undefined;
  #outages: Outages | undefined;

  link: Link | undefined;
  /** What the server said when it let us in; present exactly while messages may flow. */
  session: { readonly welcome: Welcome; readonly openedAt: number } | undefined;
  watcher: Watcher<Incoming> | undefined;

  lastReceivedAt: number | undefined;
  /** How the present link ended, once it has. */
  end: LinkEnd | undefined;
  /** Present while the server has not accepted us yet: stops listening to it. */
  handshake: { abandon(): void } | undefined;
  #lastEnd: LinkEnd | undefined;
  connectTimings: ConnectTimings | undefined;
  messagesIn = 0;
  invalidMessages = 0;
  /** How long the last session was open; 0 once another attempt has begun. */
  stableForMs = 0;
  /** When the last session was lost, or the first attempt began. */
  downSince = 0;

  /** When reading went on after a pause; what had queued is read from then on. */
  resumedAt = 0;

  #attempts = 0;
  #reconnects = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  /** Consumers that cannot take more for now. The peer is slowed down while there is one. */
  #slow: readonly object[] = NONE;

  constructor(clock: Clock, inbox: Inbox<Incoming>) {
    this.#clock = clock;
    this.inbox = inbox;
  }

  get isPaused(): boolean {
    return this.#slow.length > 0 && this.link?.pause !== undefined;
  }

  get stats(): Omit<ConnectionStats, keyof OutboxStats> {
    return {
      messagesIn: this.messagesIn,
      invalidMessages: this.invalidMessages,
      bytesIn: this.#bytesIn + (this.link?.bytesIn ?? 0),
      bytesOut: this.#bytesOut + (this.link?.bytesOut ?? 0),
      attempts: this.#attempts,
      reconnects: this.#reconnects,
      rttMs: this.#rtt?.lastMs,
      rttHistogram: (this.#rtt ?? NO_ROUND_TRIPS).histogram(),
      connectTimings: this.connectTimings,
      downtimeMs: this.#outages?.totalMs ?? 0,
      lastCloseCode: this.#lastEnd?.closeCode,
      lastCloseReason: this.#lastEnd?.closeReason,
      lastReceivedAt: this.lastReceivedAt,
    };
  }

  begin(isFirst: boolean): void {
    this.#attempts += 1;
    this.stableForMs = 0;
    this.end = undefined;
    if (isFirst) this.downSince = this.#clock.now();
  }

  open(welcome: Welcome, isReconnect: boolean): void {
    if (isReconnect) this.#reconnects += 1;
    this.handshake = undefined;
    this.session = { welcome, openedAt: this.#clock.now() };
    if (this.#slow.length > 0) this.link?.pause?.();
  }

  ended(end: LinkEnd): void {
    this.end = end;
    this.#lastEnd = end;
  }

  /** Lets go of the link, however it ended. */
  release(): void {
    const { link, session } = this;
    if (session !== undefined) {
      this.downSince = this.#clock.now();
      this.stableForMs = this.downSince - session.openedAt;
    }
    this.link = undefined;
    this.session = undefined;
    this.handshake = undefined;
    this.watcher = undefined;
    if (link === undefined) return;
    link.terminate();
    this.#bytesIn += link.bytesIn;
    this.#bytesOut += link.bytesOut;
  }

  noteRoundTrip(rttMs: number): void {
    this.#rtt ??= new RttRecorder();
    this.#rtt.record(rttMs);
  }

  beginOutage(): void {
    this.#outages ??= new Outages(this.#clock);
    this.#outages.begin();
  }

  endOutage(): void {
    this.#outages?.end();
  }

  get lastOutageMs(): number {
    return this.#outages?.lastMs ?? 0;
  }

  slowDown(consumer: object): void {
    this.#slow = [...this.#slow.filter((other) => other !== consumer), consumer];
    this.link?.pause?.();
  }

  speedUp(consumer: object): void {
    if (!this.#slow.includes(consumer)) return;
    this.#slow = this.#slow.filter((other) => other !== consumer);
    if (this.#slow.length > 0) return;
    this.resumedAt = this.#clock.now();
    this.link?.resume?.();
  }
}
