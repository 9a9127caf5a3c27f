// How many things go on at once, in total and per host, and how far apart their starts are.
import type { Clock } from '../../clock.ts';

export type Release = () => void;

/**
 * A number of places. Who waits is served in turn by the crawl they belong to, which their signal tells: a crawl with many
 * pages must not keep one with few waiting until its client loses patience.
 */
export class Slots {
  readonly #size: number;
  /** Those who wait, by crawl; the crawl whose turn it is comes first. */
  readonly #waiting = new Map<AbortSignal, Set<() => void>>();
  #taken = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get isIdle(): boolean {
    return this.#taken === 0 && this.#waiting.size === 0;
  }

  /** Resolves with the function that gives the place back. Rejects with the signal's reason. */
  async acquire(signal: AbortSignal): Promise<Release> {
    signal.throwIfAborted();
    if (this.#taken < this.#size) this.#taken += 1;
    else await this.#turn(signal);
    let isHeld = true;
    return () => {
      if (isHeld) this.#giveBack();
      isHeld = false;
    };
  }

  /** The place passes from hand to hand, so that nobody can slip in between. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(signal);
        reject(signal.reason);
      };
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const others = this.#waiting.get(signal);
      if (others === undefined) this.#waiting.set(signal, new Set([enter]));
      else others.add(enter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #giveBack(): void {
    const [turn] = this.#waiting;
    if (turn === undefined) {
      this.#taken -= 1;
      return;
    }
    const [signal, waiting] = turn;
    const [next] = waiting;
    // To the end of the row, if anybody of this crawl waits on.
    this.#waiting.delete(signal);
    if (waiting.size > 1) this.#waiting.set(signal, waiting);
    if (next === undefined) return;
    waiting.delete(next);
    next();
  }
}

/** Resolves after a while; rejects with the signal's reason. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const leave = (): void => {
      clock.clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', leave);
      resolve();
    }, delayMs);
    signal.addEventListener('abort', leave, { once: true });
  });
}

interface Gate {
  readonly slots: Slots;
  /** When the next one may start. */
  freeAtMs: number;
}

/** Hosts that are remembered only because of their delay are forgotten beyond this number. */
const MAX_IDLE_GATES = 10_000;

/** A few places for each host, and a pause between two starts at the same host. */
export class HostGates {
  readonly #perHost: number;
  readonly #clock: Clock;
  readonly #gates = new Map<string, Gate>();

  constructor(perHost: number, clock: Clock) {
    this.#perHost = perHost;
    this.#clock = clock;
  }

  async enter(host: string, delayMs: number, signal: AbortSignal): Promise<Release> {
    const gate = this.#gateOf(host);
    const release = await gate.slots.acquire(signal);
    const leave = (): void => {
      release();
      this.#forget(host, gate);
    };
    try {
      const nowMs = this.#clock.now();
      const startMs = Math.max(nowMs, gate.freeAtMs);
      gate.freeAtMs = startMs + delayMs;
      if (startMs > nowMs) await pause(this.#clock, startMs - nowMs, signal);
      return leave;
    } catch (thrown) {
      leave();
      throw thrown;
    }
  }

  #gateOf(host: string): Gate {
    const known = this.#gates.get(host);
    if (known !== undefined) return known;
    if (this.#gates.size >= MAX_IDLE_GATES) for (const [name, gate] of this.#gates) this.#forget(name, gate);
    const gate: Gate = { slots: new Slots(this.#perHost), freeAtMs: -Infinity };
    this.#gates.set(host, gate);
    return gate;
  }

  #forget(host: string, gate: Gate): void {
    const isOver = gate.slots.isIdle && gate.freeAtMs <= this.#clock.now();
    if (isOver && this.#gates.get(host) === gate) this.#gates.delete(host);
  }
}
