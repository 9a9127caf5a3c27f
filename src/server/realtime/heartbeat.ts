// Whether a client is still there: a ping at regular times, and a limit for the silence after it.
import type { Clock } from '../../clock.ts';
import type { Report } from './life.ts';

/** Whose heart beats. */
export interface HeartbeatOwner {
  readonly settings: { readonly clock: Clock };
  /** Bytes that ever came in. Any of them is life; to count them costs nothing for each message. */
  readonly bytesIn: number;
  /** Whether we are not listening at the moment. */
  readonly isDeaf: boolean;
  /** Calls back when the operating system has taken the ping. */
  beat(onSent: () => void): void;
}

export interface HeartbeatTimes {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export class Heartbeat {
  readonly #owner: HeartbeatOwner;
  readonly #times: HeartbeatTimes;
  readonly #report: Report;
  #timer: unknown;
  #verdict: NodeJS.Immediate | undefined;
  #bytesInBefore = 0;
  #isSent = false;
  #isOverdue = false;

  constructor(owner: HeartbeatOwner, times: HeartbeatTimes, report: Report) {
    this.#owner = owner;
    this.#times = times;
    this.#report = report;
    this.#rest();
  }

  stop(): void {
    this.#owner.settings.clock.clearTimeout(this.#timer);
    clearImmediate(this.#verdict);
  }

  /** @param waitedMs for a sign of life: it counts, so that pings come every `intervalMs` */
  #rest(waitedMs = 0): void {
    this.#verdict = undefined;
    this.#after(Math.max(this.#times.intervalMs - waitedMs, 0), () => this.#beat());
  }

  #beat(): void {
    this.#bytesInBefore = this.#owner.bytesIn;
    this.#isSent = false;
    this.#isOverdue = false;
    this.#owner.beat(() => (this.#isSent = true));
    this.#await(this.#times.timeoutMs);
  }

  #await(limitMs: number): void {
    // A timer that is late says that we were away: what has come meanwhile is read before anybody is judged.
    this.#after(limitMs, () => (this.#verdict = setImmediate(() => this.#judge())));
  }

  #judge(): void {
    const { bytesIn, isDeaf } = this.#owner;
    if (bytesIn > this.#bytesInBefore) this.#rest(this.#times.timeoutMs);
    // Not judged, but pinged again: whoever does not read learns of the peer's end only by a write that fails.
    else if (isDeaf) this.#rest(this.#times.timeoutMs);
    else if (this.#isSent || this.#isOverdue) this.#report({ type: 'heartbeat.missed' });
    else {
      // The ping itself waits behind what the client has not read yet.
      this.#isOverdue = true;
      this.#await(this.#times.intervalMs);
    }
  }

  #after(delayMs: number, act: () => void): void {
    this.#timer = this.#owner.settings.clock.setTimeout(act, delayMs);
  }
}
