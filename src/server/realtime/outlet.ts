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

export interface OutletOptions {
  readonly limits: OutletLimits;
  readonly clock: Clock;
  readonly socket: Duplex;
  /** Bytes that the operating system has not taken yet. */
  readonly buffered: () => number;
  readonly onStuck: () => void;
  /** Why nothing is sent any more; `undefined` while it is. */
  readonly ending: () => Error | undefined;
}

type Done = (error?: Error | null) => void;

/**
 * A socket that takes everything at once never makes its sender wait, and the sender would keep the process from all
 * else: after this many sends it waits for a turn of the event loop.
 */
const SENDS_PER_TURN = 256;

const SENT = Promise.resolve();

export class Outlet {
  readonly #options: OutletOptions;
  #isCorked = false;
  #sends = 0;
  #turn: Promise<void> | undefined;
  #awaited = 0;
  #stuckTimer: unknown;

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  /** Whether one more message would be refused. */
  isFullFor(bytes: number): boolean {
    const buffered = this.#options.buffered();
    return buffered > 0 && buffered + bytes > this.#options.limits.maxBufferedBytes;
  }

  /**
   * Has `write` called, at once. Resolves when there is room for more: at once, or when the operating system has taken
   * the bytes if many wait already.
   */
  send(bytes: number, write: (done?: Done) => void): Promise<void> {
    const { ending, buffered, limits } = this.#options;
    const error = ending();
    if (error !== undefined) return rejected(error);
    if (this.isFullFor(bytes)) return rejected(new SessionError('SEND_BUFFER_FULL', buffered()));
    this.#cork();
    if (buffered() + bytes > limits.highWaterBytes) return this.#sendAndWait(write);
    write();
    this.#sends += 1;
    return this.#sends < SENDS_PER_TURN ? SENT : this.#untilNextTurn();
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#stuckTimer);
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
        // Node calls back without an error for a write that was under way when the socket was destroyed.
        if (error || this.#options.socket.destroyed)
          reject(this.#options.ending() ?? new SessionError('SESSION_CLOSED', 'cut off'));
        else resolve();
      });
    });
    promise.catch(() => undefined);
    return promise;
  }

  #watch(): void {
    const { clock, limits, onStuck } = this.#options;
    if (limits.stuckMs < Infinity) this.#stuckTimer = clock.setTimeout(onStuck, limits.stuckMs);
  }

  /** What is sent in one go, by whomever, leaves in one write: four times as fast for a burst of small messages. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#options.socket.cork();
    process.nextTick(uncork, this);
  }

  uncork(): void {
    this.#isCorked = false;
    this.#options.socket.uncork();
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
