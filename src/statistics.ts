// What a connection counts and measures about itself.
import type { Clock } from './clock.ts';
import type { ConnectTimings } from './transports/transport.ts';

/** Upper bounds of the buckets of the round-trip histogram, in milliseconds; one more bucket holds what is above. */
export const RTT_BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000] as const;

export interface RttHistogram {
  readonly count: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly meanMs: number;
  /** One per bound of `RTT_BUCKETS_MS`: how many were at most that; a last one with `Infinity`: how many were above. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[];
}

/** Counters since the connection was made, over all its sessions. Times are on the connection's clock. */
export interface ConnectionStats {
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Dials, the first one of each `connect()` included. */
  readonly attempts: number;
  /** Sessions that were opened after a loss. */
  readonly reconnects: number;
  /** The last round trip of a heartbeat probe, in milliseconds. */
  readonly rttMs: number | undefined;
  readonly rttHistogram: RttHistogram;
  /** How long each part of opening the present or last socket took. */
  readonly connectTimings: ConnectTimings | undefined;
  /** Time without a session after a loss, in milliseconds, the present outage included. */
  readonly downtimeMs: number;
  /** Messages that wait to be written, or for their acknowledgement. */
  readonly waitingMessages: number;
  /** Bytes that wait to be written, or to be taken by the platform. */
  readonly bufferedBytes: number;
  readonly droppedMessages: number;
  readonly expiredMessages: number;
  readonly invalidMessages: number;
  readonly lastCloseCode: number | undefined;
  readonly lastCloseReason: string | undefined;
  /** When the last frame came in: milliseconds on the connection's clock (`performance.now()` by default). */
  readonly lastReceivedAt: number | undefined;
}

/** Round trips in buckets: constant size, however long a connection lives. */
export class RttRecorder {
  #lastMs: number | undefined;
  #minMs = Infinity;
  #maxMs = 0;
  #sumMs = 0;
  #count = 0;
  /** Made with the first round trip. */
  #counts: number[] | undefined;

  record(rttMs: number): void {
    this.#lastMs = rttMs;
    this.#count += 1;
    this.#sumMs += rttMs;
    this.#minMs = Math.min(this.#minMs, rttMs);
    this.#maxMs = Math.max(this.#maxMs, rttMs);
    const found = RTT_BUCKETS_MS.findIndex((upToMs) => rttMs <= upToMs);
    const bucket = found < 0 ? RTT_BUCKETS_MS.length : found;
    this.#counts ??= new Array<number>(RTT_BUCKETS_MS.length + 1).fill(0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  histogram(): RttHistogram {
    const bounds = [...RTT_BUCKETS_MS, Infinity];
    return {
      count: this.#count,
      minMs: this.#count === 0 ? 0 : this.#minMs,
      maxMs: this.#maxMs,
      meanMs: this.#count === 0 ? 0 : this.#sumMs / this.#count,
      buckets: bounds.map((upToMs, index) => ({ upToMs, count: this.#counts?.[index] ?? 0 })),
    };
  }
}

/** Time without a session after a loss; neither the wait for a first session nor the time after the end counts. */
export class Outages {
  readonly #clock: Clock;
  #since: number | undefined;
  #endedMs = 0;
  /** How long the last outage lasted that is over. */
  lastMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get totalMs(): number {
    return this.#endedMs + (this.#since === undefined ? 0 : this.#clock.now() - this.#since);
  }

  begin(): void {
    this.#since ??= this.#clock.now();
  }

  end(): void {
    if (this.#since === undefined) return;
    this.lastMs = this.#clock.now() - this.#since;
    this.#endedMs += this.lastMs;
    this.#since = undefined;
  }
}
