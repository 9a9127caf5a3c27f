// What a crawl client counts and measures about itself: a few numbers, however long it lives.
import type { Clock } from '../clock.ts';

export interface CrawlMetrics {
  readonly crawls: {
    readonly started: number;
    readonly active: number;
    readonly completed: number;
    readonly failed: number;
    /** Left early by their consumer, or by a signal. */
    readonly cancelled: number;
  };
  /** URLs that got their result; `duplicates` came again and were passed over. */
  readonly results: { readonly succeeded: number; readonly failed: number; readonly duplicates: number };
  /** Crawl requests sent, the repeated ones included. */
  readonly requests: number;
  /** `error` frames, and frames that could not be read. */
  readonly errors: { readonly told: number; readonly unreadable: number };
  readonly connections: {
    readonly opened: number;
    readonly lost: number;
    /** Sessions that were opened after a loss. */
    readonly reconnects: number;
    /** How long a session lasted, on average over those that are over, in milliseconds. */
    readonly averageMs: number;
    /** The share of sessions that were not lost, from 0 to 1; 1 before the first. */
    readonly healthRatio: number;
  };
  readonly backpressure: {
    /** How often a consumer was too slow for what came in, so that the server was slowed down. */
    readonly times: number;
    /** For how long altogether, in milliseconds. */
    readonly waitedMs: number;
    /** Whether most of the last 50 messages, of at least 25, kept their consumer busy for more than 100 ms. */
    readonly isSlow: boolean;
  };
  /** Round trips of `ping()`. */
  readonly latency: {
    readonly count: number;
    readonly lastMs: number | undefined;
    readonly averageMs: number;
  };
  readonly messagesIn: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

const SLOW_MS = 100;
const WINDOW = 50;
const MIN_SAMPLES = 25;

/** Whether a consumer is slow: more than half of the last messages took it long. */
export class SlownessGauge {
  #samples: boolean[] = [];

  record(tookMs: number): void {
    this.#samples = [...this.#samples.slice(1 - WINDOW), tookMs > SLOW_MS];
  }

  get isSlow(): boolean {
    const slow = this.#samples.filter(Boolean).length;
    return this.#samples.length >= MIN_SAMPLES && slow > this.#samples.length / 2;
  }
}

/** A sum and a number, for an average. */
class Mean {
  count = 0;
  sumMs = 0;
  lastMs: number | undefined;

  record(ms: number): void {
    this.count += 1;
    this.sumMs += ms;
    this.lastMs = ms;
  }

  get averageMs(): number {
    return this.count === 0 ? 0 : this.sumMs / this.count;
  }
}

export type CrawlOutcome = 'completed' | 'failed' | 'cancelled';

/** The traffic of a connection, as far as it is counted here. */
export type Traffic = Pick<CrawlMetrics, 'messagesIn' | 'bytesIn' | 'bytesOut'>;

export class MetricsRecorder {
  readonly slowness = new SlownessGauge();
  readonly latency = new Mean();
  readonly sessions = new Mean();
  requests = 0;
  succeeded = 0;
  failed = 0;
  duplicates = 0;
  errorsTold = 0;
  unreadable = 0;
  sessionsOpened = 0;
  sessionsLost = 0;
  reconnects = 0;
  readonly #clock: Clock;
  readonly #outcomes: Record<CrawlOutcome, number> = { completed: 0, failed: 0, cancelled: 0 };
  readonly #waits = new Mean();
  #started = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  started(): void {
    this.#started += 1;
  }

  ended(outcome: CrawlOutcome): void {
    this.#outcomes[outcome] += 1;
  }

  /** A consumer could not take more; returns what is to be called when it can. */
  waits(): () => void {
    const since = this.#clock.now();
    this.#waits.count += 1;
    return () => (this.#waits.sumMs += this.#clock.now() - since);
  }

  report(traffic: readonly Traffic[]): CrawlMetrics {
    const { completed, failed, cancelled } = this.#outcomes;
    const { sessionsOpened: opened, sessionsLost: lost, reconnects } = this;
    const sum = (name: keyof Traffic) => traffic.reduce((total, { [name]: count }) => total + count, 0);
    return {
      crawls: {
        started: this.#started,
        active: this.#started - completed - failed - cancelled,
        ...{ completed, failed, cancelled },
      },
      results: { succeeded: this.succeeded, failed: this.failed, duplicates: this.duplicates },
      requests: this.requests,
      errors: { told: this.errorsTold, unreadable: this.unreadable },
      connections: {
        ...{ opened, lost, reconnects, averageMs: this.sessions.averageMs },
        healthRatio: opened === 0 ? 1 : (opened - lost) / opened,
      },
      backpressure: {
        times: this.#waits.count,
        waitedMs: this.#waits.sumMs,
        isSlow: this.slowness.isSlow,
      },
      latency: {
        count: this.latency.count,
        lastMs: this.latency.lastMs,
        averageMs: this.latency.averageMs,
      },
      messagesIn: sum('messagesIn'),
      bytesIn: sum('bytesIn'),
      bytesOut: sum('bytesOut'),
    };
  }
}
