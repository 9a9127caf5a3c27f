// The heartbeat: doubts a silent link, asks it for a sign of life, and declares it dead. It reads the time of the
// last frame; a message re-arms no timer. It lives exactly as long as the state `open`.
import type { Doubt, HeartbeatEvent, SurroundingsEvent } from '../../machines/index.ts';
import type { Settings } from '../settings.ts';
import type { HeartbeatProtocol } from '../protocols/protocol.ts';
import type { Link } from '../transports/transport.ts';
import type { Held, World } from '../world.ts';

/** A timer that fires later than this means that we were away, not the peer: a sleep, a frozen page, a blocked loop. */
const LATE_MS = 1_000;
/**
 * A timer runs before what has queued in the socket is read: after a pause that ends at the deadline, a link would be
 * judged by an answer that is there and unread. So we look up this long before it, and judge after another turn.
 */
const LOOK_UP_MS = 20;

type HeartbeatWorld<Incoming, Welcome> = Pick<
  World<Incoming, never, Welcome, never>,
  'settings' | 'protocol' | 'wire' | 'surroundings' | 'report' | 'asking'
>;

type Tell = (event: HeartbeatEvent) => void;

export const heartbeatActor =
  <Incoming, Welcome>(world: HeartbeatWorld<Incoming, Welcome>) =>
  ({ sendBack }: { sendBack: Tell }): Held | undefined => {
    const { heartbeat } = world.protocol;
    const { link, session } = world.wire;
    if (
      world.settings.heartbeat === false ||
      heartbeat === undefined ||
      link === undefined ||
      session === undefined
    )
      return undefined;
    const cannotPing = heartbeat.probe === 'ping' && link.ping === undefined;
    if (cannotPing && heartbeat.insteadOfPing === undefined) return undefined;
    const beating = new Heartbeat(world, heartbeat, link, sendBack);
    beating.start();
    return beating;
  };

/** What had moved when a question was asked: bytes that move in either direction are life too. */
interface Mark {
  readonly askedAt: number;
  readonly bytesIn: number;
  readonly bytesLeft: number;
  readonly backlog: number;
}

class Heartbeat<Incoming, Welcome> implements Held {
  readonly #world: HeartbeatWorld<Incoming, Welcome>;
  readonly #protocol: HeartbeatProtocol<Incoming, Welcome>;
  readonly #link: Link;
  readonly #tell: Tell;
  readonly #limits: { readonly intervalMs: number; readonly timeoutMs: number; readonly silenceMs: number };
  readonly #openedAt: number;

  /** A listener or an inspector that is told of a doubt may end the connection: nothing is asked or timed after that. */
  #hasStopped = false;
  #timer: unknown;
  #dueAt = 0;
  #nextBeatAt: number;
  /** Present while a question is unanswered. */
  #mark: Mark | undefined;
  /** When the link is dead, as the rules have it; `#deadAt` is when it is judged, `#lookUpAt` when that is prepared. */
  #deadline = 0;
  #deadAt = 0;
  #lookUpAt = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(
    world: HeartbeatWorld<Incoming, Welcome>,
    protocol: HeartbeatProtocol<Incoming, Welcome>,
    link: Link,
    tell: Tell,
  ) {
    this.#world = world;
    this.#protocol = protocol;
    this.#link = link;
    this.#tell = tell;
    this.#limits = world.settings.heartbeat as Exclude<Settings['heartbeat'], false>;
    this.#openedAt = this.#now;
    this.#nextBeatAt = this.#openedAt + this.#limits.intervalMs;
    this.#setDeadline(this.#openedAt + this.#limits.silenceMs);
  }

  start(): void {
    const { surroundings } = this.#world;
    const heard = (event: SurroundingsEvent['type']) =>
      this.#doubt(event === 'page.returned' ? 'page' : 'network');
    const subscribe = () => surroundings.subscribe(heard);
    this.#unsubscribe = this.#world.asking('LISTENER_FAILED', 'surroundings', subscribe);
    this.#arm();
  }

  dispose(): void {
    this.#hasStopped = true;
    this.#world.asking('LISTENER_FAILED', 'surroundings', () => this.#unsubscribe?.());
    this.#world.settings.clock.clearTimeout(this.#timer);
    this.#world.wire.watcher = undefined;
  }

  get #now(): number {
    return this.#world.settings.clock.now();
  }

  get #lastSignAt(): number {
    const { isPaused, lastReceivedAt = 0, resumedAt } = this.#world.wire;
    // While we do not read, silence is ours.
    return isPaused ? this.#now : Math.max(this.#openedAt, lastReceivedAt, resumedAt);
  }

  #arm(): void {
    const { clock } = this.#world.settings;
    clock.clearTimeout(this.#timer);
    if (this.#hasStopped) return;
    this.#dueAt = Math.min(this.#nextBeatAt, this.#lookUpAt, this.#deadAt);
    this.#timer = clock.setTimeout(this.#tick.bind(this), this.#dueAt - this.#now);
  }

  #tick(): void {
    const now = this.#now;
    const { intervalMs, silenceMs } = this.#limits;
    if (now - this.#dueAt > LATE_MS) {
      this.#doubt('clock');
      return;
    }
    if (this.#mark === undefined) this.#setDeadline(this.#lastSignAt + silenceMs);
    if (now >= this.#lookUpAt) this.#lookUp();
    else if (now >= this.#deadAt && this.#judge()) return;
    if (now >= this.#nextBeatAt) this.#beat();
    else if (this.#protocol.when !== 'always' && this.#mark === undefined)
      this.#nextBeatAt = this.#lastSignAt + intervalMs;
    this.#arm();
  }

  #setDeadline(at: number): void {
    if (at === this.#deadline) return;
    this.#deadline = at;
    this.#deadAt = at;
    this.#lookUpAt = at - LOOK_UP_MS;
  }

  #lookUp(): void {
    this.#lookUpAt = Infinity;
    this.#deadAt = Math.max(this.#deadAt, this.#now + LOOK_UP_MS);
  }

  #beat(): void {
    const now = this.#now;
    const { intervalMs, silenceMs } = this.#limits;
    const isQuiet = now - this.#lastSignAt >= intervalMs;
    this.#nextBeatAt = this.#protocol.when === 'always' ? now + intervalMs : this.#lastSignAt + intervalMs;
    if (isQuiet && this.#mark === undefined) {
      this.#tell({ type: 'heartbeat.doubted', cause: 'silence' });
      this.#ask(this.#lastSignAt + silenceMs);
    } else if (this.#protocol.when === 'always') this.#probe();
  }

  /** Ask now. Who was away gives the link the whole time to answer; a page that flickers does not extend it. */
  #doubt(cause: Doubt): void {
    const wholeTime = this.#now + this.#wholeTimeMs;
    const isAsking = this.#mark !== undefined && cause !== 'clock';
    this.#tell({ type: 'heartbeat.doubted', cause });
    this.#ask(isAsking ? Math.min(this.#deadline, wholeTime) : wholeTime);
    this.#nextBeatAt = this.#protocol.when === 'always' ? this.#now + this.#limits.intervalMs : Infinity;
    this.#arm();
  }

  /** Where nothing can be asked, the next sign of life comes when the peer says something of its own accord. */
  get #wholeTimeMs(): number {
    return this.#protocol.probe === 'none' ? this.#limits.silenceMs : this.#limits.timeoutMs;
  }

  #ask(deadAt: number): void {
    // Before the probe: its own bytes are no sign of life.
    this.#setMark();
    this.#probe();
    this.#setDeadline(deadAt);
    if (this.#protocol.when !== 'always') this.#nextBeatAt = Infinity;
  }

  #setMark(): void {
    const { bytesIn, bytesOut, bufferedBytes } = this.#link;
    this.#mark = { askedAt: this.#now, bytesIn, bytesLeft: bytesOut - bufferedBytes, backlog: bufferedBytes };
  }

  /** Sends a probe, and watches for its answer. */
  #probe(): void {
    if (this.#hasStopped) return;
    const { wire, report } = this.#world;
    const { probe, isAnswer = () => true } = this.#protocol;
    const isPing = probe === 'ping' && this.#link.ping !== undefined;
    const sentAt = this.#now;
    const answered = () => {
      wire.watcher = undefined;
      wire.noteRoundTrip(this.#now - sentAt);
    };
    wire.watcher = {
      sign: () => this.#sign(),
      pong: () => {
        this.#sign();
        if (isPing) answered();
      },
      message: (message) => {
        if (isPing || probe === 'none') return;
        try {
          if (isAnswer(message)) answered();
        } catch (thrown) {
          report('PROTOCOL_FAILED', 'protocol', thrown);
        }
      },
    };
    try {
      if (isPing) this.#link.ping?.();
      else if (probe !== 'none' && wire.session !== undefined) this.#sendProbe(wire.session.welcome);
    } catch (thrown) {
      report('PROTOCOL_FAILED', 'protocol', thrown);
    }
  }

  #sendProbe(welcome: Welcome): void {
    const { probe, insteadOfPing } = this.#protocol;
    const frame = typeof probe === 'function' ? probe(welcome) : insteadOfPing?.();
    if (frame !== undefined) this.#link.send(frame);
  }

  #sign(): void {
    if (this.#mark === undefined) return;
    this.#mark = undefined;
    this.#setDeadline(this.#now + this.#limits.silenceMs);
    if (this.#protocol.when !== 'always') this.#nextBeatAt = this.#now + this.#limits.intervalMs;
    this.#tell({ type: 'heartbeat.answered' });
    this.#arm();
  }

  #isExcused(): boolean {
    const { probe, insteadOfPing, isExcused } = this.#protocol;
    const cannotPing = probe === 'ping' && this.#link.ping === undefined;
    return (
      this.#world.asking(
        'PROTOCOL_FAILED',
        'protocol',
        // Who can be asked nothing may be silent for as long as it likes.
        () => isExcused?.() === true || (cannotPing && insteadOfPing?.() === undefined),
      ) === true
    );
  }

  /** Returns whether the link is dead: nothing came, nothing left, and it was not we who did not read. */
  #judge(): boolean {
    const { bytesIn, bytesOut, bufferedBytes } = this.#link;
    const mark = this.#mark;
    const hasMoved =
      mark !== undefined &&
      (bytesIn > mark.bytesIn || (mark.backlog > 0 && bytesOut - bufferedBytes > mark.bytesLeft));
    const wasUnread = mark !== undefined && this.#lastSignAt > mark.askedAt;
    if (hasMoved || wasUnread || this.#isExcused()) {
      this.#setMark();
      this.#setDeadline(this.#now + this.#wholeTimeMs);
      return false;
    }
    // The chart lets go only of a link in doubt; probes that are always sent may all have gone out before the silence.
    if (mark === undefined) this.#tell({ type: 'heartbeat.doubted', cause: 'silence' });
    this.#tell({ type: 'heartbeat.missed', silentForMs: Math.round(this.#now - this.#lastSignAt) });
    return true;
  }
}
