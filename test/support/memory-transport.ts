// A transport without a network: whatever happens on a link, the test does, and whatever a link is told, it remembers.
import type { Clock } from '../../src/clock.ts';
import type { Frame, Link, LinkEnd, LinkEvents, Target, Transport } from '../../src/index.ts';

/** Something that was done to a link, in the order in which it was done. */
export type Act =
  | { readonly kind: 'send'; readonly frame: Frame; readonly at: number }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'terminate' };

type Stage = 'dialling' | 'open' | 'closing' | 'gone';

interface Unsent {
  readonly bytes: number;
  readonly flushed: (error?: unknown) => void;
}

const STUCK_BYTES = 64;

const sizeOf = (frame: Frame): number => frame.length;

export class MemoryTransport implements Transport {
  readonly name = 'memory';
  readonly links: MemoryLink[] = [];
  /** What the port forbids, and was done all the same. */
  readonly breaches: string[] = [];
  /** The most links that ever existed at the same time. */
  mostLive = 0;
  /** Whether its links can stop reading, as Node's can and a browser's cannot. */
  readonly canPause: boolean;

  constructor({ canPause = true } = {}) {
    this.canPause = canPause;
  }

  open(target: Target, events: LinkEvents, clock: Clock): Link {
    const link = new MemoryLink(target, events, clock, (breach) => this.breaches.push(breach));
    if (!this.canPause) Object.assign(link, { pause: undefined, resume: undefined });
    this.links.push(link);
    this.mostLive = Math.max(this.mostLive, this.live.length);
    return link;
  }

  /** The links that have neither ended nor been terminated. */
  get live(): readonly MemoryLink[] {
    return this.links.filter(({ isLive }) => isLive);
  }

  /** The latest link, if it is alive. */
  get current(): MemoryLink | undefined {
    const latest = this.links.at(-1);
    return latest?.isLive === true ? latest : undefined;
  }
}

/**
 * One link, with two sides: the port's, which the connection uses, and the world's, which the test uses.
 * What the world does returns whether it could happen at all: nothing is heard from a link that has died.
 */
export class MemoryLink implements Link {
  readonly target: Target;
  readonly acts: Act[] = [];
  terminations = 0;
  /** How much had been done when the server let us in, for whoever wants to remember that. */
  acceptedAt: number | undefined;
  bytesIn = 0;
  bytesOut = 0;
  bufferedBytes = 0;
  /** Nothing comes in any more, and nobody is told. */
  isDead = false;
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  readonly #report: (breach: string) => void;
  #isStalled = false;
  #stage: Stage = 'dialling';
  #unsent: Unsent[] = [];
  #waiting: (() => void)[] = [];
  /** What came in and was not read yet: frames, and the end. */
  #unread: (() => void)[] = [];
  /** Whether it has stopped reading. */
  isPaused = false;

  constructor(target: Target, events: LinkEvents, clock: Clock, report: (breach: string) => void) {
    this.target = target;
    this.#clock = clock;
    this.#events = events;
    this.#report = report;
  }

  get isLive(): boolean {
    return this.#stage !== 'gone';
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** What was sent, in order; what was handed over after the close frame never leaves. */
  get frames(): readonly Frame[] {
    return this.acts.flatMap((act) => (act.kind === 'send' ? [act.frame] : []));
  }

  send(frame: Frame, flushed: (error?: unknown) => void = () => undefined): void {
    if (this.#stage !== 'open') {
      this.#report(`a frame was sent on a link that is ${this.#stage}: ${String(frame)}`);
      queueMicrotask(() => flushed(new Error('The link is not open.')));
      return;
    }
    this.acts.push({ kind: 'send', frame, at: this.#clock.now() });
    const bytes = sizeOf(frame);
    this.bytesOut += bytes;
    this.bufferedBytes += bytes;
    this.#unsent.push({ bytes, flushed });
    queueMicrotask(() => this.#leave());
  }

  whenDrained(callback: () => void): void {
    if (this.#stage !== 'open') return;
    this.#waiting.push(callback);
    queueMicrotask(() => this.#leave());
  }

  ping(): void {
    if (this.#stage !== 'open') this.#report(`a ping was sent on a link that is ${this.#stage}`);
    this.acts.push({ kind: 'ping' });
    this.bytesOut += 2;
  }

  close(code: number, reason: string): void {
    if (this.#stage !== 'open') this.#report(`close() was called on a link that is ${this.#stage}`);
    if (this.isLive) this.#stage = 'closing';
    this.acts.push({ kind: 'close', code, reason });
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    queueMicrotask(() => this.#read());
  }

  terminate(): void {
    this.terminations += 1;
    this.acts.push({ kind: 'terminate' });
    const unsent = this.#abandon();
    queueMicrotask(() => lose(unsent));
  }

  /** The upgrade succeeded. */
  opens(): boolean {
    if (this.#stage !== 'dialling' || this.isDead) return false;
    this.#stage = 'open';
    this.#events.opened({ subprotocol: this.target.subprotocols[0] ?? '', timings: { totalMs: 1 } });
    return true;
  }

  /** A frame came in. */
  hears(frame: Frame): boolean {
    return this.#comes(() => {
      this.bytesIn += sizeOf(frame);
      this.#events.received(frame);
    });
  }

  /** A part of a frame came in. */
  hearsHalf(bytes: number): boolean {
    return this.#comes(() => {
      this.bytesIn += bytes;
    });
  }

  /** A pong came in. */
  pongs(): boolean {
    return this.#comes(() => {
      this.bytesIn += 2;
      this.#events.ponged();
    });
  }

  /** The link ended: refused, closed, or cut; what was cut (1006) is noticed at once, a close frame when it is read. */
  ends(end: Partial<LinkEnd> = {}): boolean {
    if (!this.isLive || this.isDead) return false;
    const { closeCode = 1006 } = end;
    const ended = () => {
      lose(this.#abandon());
      this.#events.ended({ closeReason: '', ...end, closeCode });
    };
    if (closeCode === 1006) ended();
    else this.#comes(ended);
    return true;
  }

  /** Nothing leaves any more, and what had been handed over turns out not to have left. */
  stalls(): void {
    this.#isStalled = true;
    this.bufferedBytes += STUCK_BYTES;
  }

  /** Everything that was handed over leaves, now and from now on. */
  drains(): boolean {
    this.#isStalled = false;
    this.#leave();
    return this.isLive;
  }

  /** Something comes in, to be read at once unless reading has stopped. */
  #comes(read: () => void): boolean {
    if (this.isDead || (this.#stage !== 'open' && this.#stage !== 'closing')) return false;
    this.#unread.push(read);
    this.#read();
    return true;
  }

  #read(): void {
    while (!this.isPaused && this.isLive) {
      const read = this.#unread.shift();
      if (read === undefined) return;
      read();
    }
  }

  #leave(): void {
    if (this.#isStalled || !this.isLive) return;
    const unsent = this.#unsent.splice(0);
    const waiting = this.#waiting.splice(0);
    this.bufferedBytes = 0;
    for (const { flushed } of unsent) flushed();
    for (const drained of waiting) drained();
  }

  #abandon(): Unsent[] {
    this.#stage = 'gone';
    this.#waiting = [];
    return this.#unsent.splice(0);
  }
}

function lose(unsent: readonly Unsent[]): void {
  for (const { flushed } of unsent) flushed(new Error('The link ended before the frame had left.'));
}
