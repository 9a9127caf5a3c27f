// Whether a client is still there: a ping at regular times, and a limit for the silence after it.
import type { Clock } from '../../clock.ts';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Calls back when the operating system has taken the ping. */
  readonly ping: (onSent: () => void) => void;
  /** Bytes that ever came in. Any of them is life; to count them costs nothing for each message. */
  readonly bytesIn: () => number;
  /** Whether we are not listening at the moment. */
  readonly isDeaf: () => boolean;
  readonly onMissed: () => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: unknown;
  #verdict: NodeJS.Immediate | undefined;
  #bytesInBefore = 0;
  #isSent = false;
  #isOverdue = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#rest();
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    clearImmediate(this.#verdict);
  }

  #rest(): void {
    this.#after(this.#options.intervalMs, () => this.#beat());
  }

  #beat(): void {
    const { ping, bytesIn, timeoutMs } = this.#options;
    this.#bytesInBefore = bytesIn();
    this.#isSent = false;
    this.#isOverdue = false;
    ping(() => (this.#isSent = true));
    this.#await(timeoutMs);
  }

  #await(limitMs: number): void {
    // A timer that is late says that we were away: what has come meanwhile is read before anybody is judged.
    this.#after(limitMs, () => (this.#verdict = setImmediate(() => this.#judge())));
  }

  #judge(): void {
    const { bytesIn, isDeaf, intervalMs, timeoutMs, onMissed } = this.#options;
    if (bytesIn() > this.#bytesInBefore) this.#rest();
    else if (isDeaf()) this.#await(timeoutMs);
    else if (this.#isSent || this.#isOverdue) onMissed();
    else {
      // The ping itself waits behind what the client has not read yet.
      this.#isOverdue = true;
      this.#await(intervalMs);
    }
  }

  #after(delayMs: number, act: () => void): void {
    this.#timer = this.#options.clock.setTimeout(act, delayMs);
  }
}
