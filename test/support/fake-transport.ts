// A transport without a wire: a test opens, feeds, fills and ends the links itself.
import type { Frame, Link, LinkEnd, LinkEvents, Target, Transport } from '../../src/index.ts';

export class FakeLink implements Link {
  readonly target: Target;
  readonly events: LinkEvents;
  readonly sent: Frame[] = [];
  /** What `close()` was called with. */
  readonly closed: { code: number; reason: string }[] = [];
  pings = 0;
  isTerminated = false;
  isPaused = false;
  bufferedBytes = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly #flushes: ((error?: unknown) => void)[] = [];
  #drained: (() => void)[] = [];

  constructor(target: Target, events: LinkEvents) {
    this.target = target;
    this.events = events;
  }

  send(frame: Frame, flushed?: (error?: unknown) => void): void {
    this.sent.push(frame);
    this.bytesOut += frame.length;
    if (flushed) this.#flushes.push(flushed);
  }

  /** Everything handed over has left. */
  drain(): void {
    this.bufferedBytes = 0;
    for (const flushed of this.#flushes.splice(0)) flushed();
    for (const callback of this.#drained.splice(0)) callback();
  }

  whenDrained(callback: () => void): void {
    this.#drained.push(callback);
  }

  open(): void {
    this.events.opened({ subprotocol: '', timings: { totalMs: 0 } });
  }

  receive(frame: Frame): void {
    this.bytesIn += frame.length;
    this.events.received(frame);
  }

  end(end: Partial<LinkEnd> = {}): void {
    this.events.ended({ closeCode: 1006, closeReason: '', ...end });
  }

  ping(): void {
    this.pings += 1;
  }

  close(code: number, reason: string): void {
    this.closed.push({ code, reason });
  }

  terminate(): void {
    this.isTerminated = true;
    this.#drained = [];
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}

export class FakeTransport implements Transport {
  readonly name = 'fake';
  readonly links: FakeLink[] = [];

  open(target: Target, events: LinkEvents): FakeLink {
    const link = new FakeLink(target, events);
    this.links.push(link);
    return link;
  }

  /** The latest link. */
  get link(): FakeLink {
    const link = this.links.at(-1);
    if (!link) throw new Error('No link was opened yet.');
    return link;
  }
}
