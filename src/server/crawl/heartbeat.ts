// Whether a client is still there: pings at regular times, and a limit for its silence.
import type { Clock } from '../../clock.ts';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly ping: () => void;
  /** Whether the silence has a reason that somebody else watches over. */
  readonly isExcused: () => boolean;
  readonly onDead: () => void;
}

/**
 * A client is dead when nothing has come from it, and nothing has gone to it, for an interval and the time for a pong.
 * Any frame is life: a client that has stopped reading for a while sees no ping, and sends its own all the same.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #limitMs: number;
  #lastLifeMs: number;
  #pingTimer: unknown;
  #deathTimer: unknown;
  #verdict: NodeJS.Immediate | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#limitMs = options.intervalMs + options.timeoutMs;
    this.#lastLifeMs = options.clock.now();
    this.#beat();
    this.#await(this.#limitMs);
  }

  life(): void {
    this.#lastLifeMs = this.#options.clock.now();
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#pingTimer);
    this.#options.clock.clearTimeout(this.#deathTimer);
    clearImmediate(this.#verdict);
  }

  #beat(): void {
    const { clock, intervalMs, ping } = this.#options;
    this.#pingTimer = clock.setTimeout(() => this.#beat(), intervalMs);
    ping();
  }

  #await(delayMs: number): void {
    this.#deathTimer = this.#options.clock.setTimeout(() => {
      // A timer that is late says that we were away: what has come meanwhile is read before anybody is judged.
      this.#verdict = setImmediate(() => this.#judge());
    }, delayMs);
  }

  #judge(): void {
    const leftMs = this.#lastLifeMs + this.#limitMs - this.#options.clock.now();
    if (leftMs > 0) this.#await(leftMs);
    else if (this.#options.isExcused()) this.#await(this.#options.timeoutMs);
    else this.#options.onDead();
  }
}
