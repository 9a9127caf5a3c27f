// The way out to one client: bounded, one write for what is sent in one go, and no faster than the client reads.
import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.ts';
import { rejected, SessionError } from './errors.ts';

export interface OutletLimits {
  /** Above this many unsent bytes a send resolves only when its own are sent. */
  readonly highWaterBytes: number;
  /** Above this many a send is refused. */
  readonly maxBufferedBytes: number;
  /** How long a client may take nothing at all while sends wait for it. */
  readonly stuckMs: number;
}

/** Whose way out it is. */
export interface OutletOwner {
  readonly settings: { readonly limits: OutletLimits; readonly clock: Clock };
  readonly tcp: Duplex;
  /** Bytes that the operating system has not taken yet. */
  readonly bufferedAmount: number;
  /** Why nothing is sent any more; `undefined` while it is. */
  readonly refusal: Error | undefined;
  giveUp(): void;
}

type Done = (error?: Error | null) => void;

/**
 * A socket that takes everything at once never makes its sender wait, and the sender would keep the process from all
 * else: after this many sends it waits for a turn of the event loop.
 */
const SENDS_PER_TURN = 256;

const SENT = Promise.resolve();

export class Outlet {
  readonly #owner: OutletOwner;
  #isCorked = false;
  #sends = 0;
  #turn: Promise<void> | undefined;
  #awaited = 0;
  #stuckTimer: unknown;

  constructor(owner: OutletOwner) {
    this.#owner = owner;
  }

  /** Whether one more message would be refused. */
  isFullFor(bytes: number): boolean {
    const { bufferedAmount, settings } = this.#owner;
    return bufferedAmount > 0 && bufferedAmount + bytes > settings.limits.maxBufferedBytes;
  }

  /**
   * Has `write` called, at once. Resolves when there is room for more: at once, or when the operating system has taken
   * the bytes if many wait already.
   */
  send(bytes: number, write: (done?: Done) => void): Promise<void> {
    const { refusal, bufferedAmount, settings } = this.#owner;
    if (refusal !== undefined) return rejected(refusal);
    if (this.isFullFor(bytes))
      return rejected(new SessionError('SEND_BUFFER_FULL', { bytes: bufferedAmount }));
    this.#cork();
    if (bufferedAmount + bytes > settings.limits.highWaterBytes) return this.#sendAndWait(write);
    write();
    this.#sends += 1;
    return this.#sends < SENDS_PER_TURN ? SENT : this.#untilNextTurn();
  }

  stop(): void {
    this.#owner.settings.clock.clearTimeout(this.#stuckTimer);
    this.#stuckTimer = undefined;
  }

  #sendAndWait(write: (done: Done) => void): Promise<void> {
    this.#awaited += 1;
    if (this.#awaited === 1) this.#watch();
    const promise = new Promise<void>((resolve, reject) => {
      write((error) => {
        this.#awaited -= 1;
        this.stop();
        if (this.#awaited > 0) this.#watch();
        const { tcp, refusal } = this.#owner;
        // Node calls back without an error for a write that was under way when the socket was destroyed.
        if (error || tcp.destroyed) reject(refusal ?? new SessionError('SESSION_CLOSED', { how: 'cut off' }));
        else resolve();
      });
    });
    promise.catch(() => undefined);
    return promise;
  }

  #watch(): void {
    const { settings } = this.#owner;
    const { stuckMs } = settings.limits;
    if (stuckMs < Infinity) this.#stuckTimer = settings.clock.setTimeout(() => this.#owner.giveUp(), stuckMs);
  }

  /** What is sent in one go, by whomever, leaves in one write: four times as fast for a burst of small messages. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#owner.tcp.cork();
    process.nextTick(uncork, this);
  }

  uncork(): void {
    this.#isCorked = false;
    this.#owner.tcp.uncork();
  }

  #untilNextTurn(): Promise<void> {
    this.#turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = undefined;
        this.#sends = 0;
        resolve();
      });
    });
    return this.#turn;
  }
}

function uncork(outlet: Outlet): void {
  outlet.uncork();
}
