// The connections of a client, and the guests that wait for a place on one: first come, first served.
import { ConnectionError } from '../errors.ts';
import type { ConnectionOptions } from '../options.ts';
import type { RetryPolicy } from '../retry-policy.ts';
import { Lane, type Guest, type LaneHost } from './lane.ts';
import type { MetricsRecorder, Traffic } from './metrics.ts';
import type { CrawlSettings } from './options.ts';
import type { CrawlOutgoing } from './protocol.ts';
import type { CrawlEvent, Welcomed } from './results.ts';

interface Waiting {
  readonly guest: Guest;
  /** `present`: on a connection that exists, if one does. */
  readonly place: 'any' | 'present';
}

export class Pool implements LaneHost {
  readonly settings: CrawlSettings;
  readonly metrics: MetricsRecorder;
  readonly connectionOptions: (
    policy: RetryPolicy,
    isExcused: () => boolean,
  ) => ConnectionOptions<CrawlEvent, CrawlOutgoing, Welcomed>;
  readonly #opened: (lane: Lane) => void;
  #lanes: readonly Lane[] = [];
  /** As many as the server was seen to allow, when it refused one more. */
  #maxLanes = Infinity;
  #waiting: readonly Waiting[] = [];
  /** What connections that are over have carried. */
  #past: Traffic = { messagesIn: 0, bytesIn: 0, bytesOut: 0 };
  readonly #closing = new Set<Promise<unknown>>();

  constructor(
    settings: CrawlSettings,
    metrics: MetricsRecorder,
    connectionOptions: Pool['connectionOptions'],
    opened: (lane: Lane) => void,
  ) {
    this.settings = settings;
    this.metrics = metrics;
    this.connectionOptions = connectionOptions;
    this.#opened = opened;
  }

  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  get traffic(): readonly Traffic[] {
    return [this.#past, ...this.#lanes.map(({ connection }) => connection.stats)];
  }

  enter(guest: Guest, place: Waiting['place'] = 'any'): void {
    this.#waiting = [...this.#waiting, { guest, place }];
    this.changed();
  }

  leave(guest: Guest, how: 'done' | 'underWay'): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.guest !== guest);
    for (const lane of this.#lanes) lane.leave(guest, how);
  }

  changed(): void {
    for (const waiting of this.#waiting) {
      const lane = this.#waiting.includes(waiting) ? this.#placeFor(waiting) : undefined;
      if (lane === undefined) continue;
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      lane.admit(waiting.guest);
    }
  }

  hasOthers(lane: Lane): boolean {
    return this.#lanes.some((other) => other !== lane);
  }

  rehouse(guests: readonly Guest[]): void {
    this.#waiting = [...guests.map((guest) => ({ guest, place: 'any' }) as const), ...this.#waiting];
    this.changed();
  }

  gone(lane: Lane): void {
    if (!this.#lanes.includes(lane)) return;
    this.#lanes = this.#lanes.filter((other) => other !== lane);
    if (this.#lanes.length === 0) this.#maxLanes = Infinity;
    else if (lane.wasRefused) this.#maxLanes = this.#lanes.length;
    const { connection } = lane;
    const ended = connection.disconnect().then(() => {
      const { messagesIn, bytesIn, bytesOut } = connection.stats;
      this.#past = {
        messagesIn: this.#past.messagesIn + messagesIn,
        bytesIn: this.#past.bytesIn + bytesIn,
        bytesOut: this.#past.bytesOut + bytesOut,
      };
      this.#closing.delete(ended);
    });
    this.#closing.add(ended);
    this.changed();
  }

  /** Ends everything; resolves when no socket is left. */
  async close(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { guest } of waiting) guest.fail(new ConnectionError('DISCONNECTED'));
    for (const lane of this.#lanes) void lane.close();
    await Promise.all(this.#closing);
  }

  /** A new connection only when no present one will do, and none is about to say whether it can be shared. */
  #placeFor({ place }: Waiting): Lane | undefined {
    const free = this.#lanes.find((lane) => lane.canTakeAnother);
    if (free !== undefined) return free;
    if (this.#lanes.length >= Math.min(this.settings.maxConnections, this.#maxLanes)) return undefined;
    if (this.#lanes.some((lane) => lane.isOpening) || (place === 'present' && this.#lanes.length > 0))
      return undefined;
    return this.#open();
  }

  #open(): Lane {
    const lane = new Lane(this);
    this.#lanes = [...this.#lanes, lane];
    this.#opened(lane);
    lane.open();
    return lane;
  }
}
