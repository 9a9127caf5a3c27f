// How many may come in: in total, from one address at once, and how often.
import type { Clock } from '../clock.ts';
import { REFUSALS, type Refusal } from './refusals.ts';

export interface AdmissionLimits {
  /** At once. */
  readonly maxConnections: number;
  /** At once, from one address. */
  readonly maxConnectionsPerAddress: number;
  /** From one address (or key), on average. */
  readonly requestsPerSecond: number;
  /** From one address (or key), after a pause. */
  readonly requestBurst: number;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

const MAX_BUCKETS = 10_000;
const AT_CAPACITY_RETRY_S = 30;
const PER_ADDRESS_RETRY_S = 60;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #clock: Clock;
  readonly #connections = new Map<string, number>();
  readonly #buckets = new Map<string, Bucket>();
  #total = 0;

  constructor(limits: AdmissionLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get connections(): number {
    return this.#total;
  }

  /** Counts a request. A refusal says when the next one would be let through. */
  request(who: string): Refusal | undefined {
    const { requestsPerSecond, requestBurst } = this.#limits;
    const nowMs = this.#clock.now();
    const bucket = this.#buckets.get(who) ?? { tokens: requestBurst, filledAtMs: nowMs };
    const gained = ((nowMs - bucket.filledAtMs) / 1000) * requestsPerSecond;
    bucket.tokens = Math.min(requestBurst, bucket.tokens + gained);
    bucket.filledAtMs = nowMs;
    this.#keep(who, bucket);
    if (bucket.tokens < 1) return REFUSALS.tooManyRequests((1 - bucket.tokens) / requestsPerSecond);
    bucket.tokens -= 1;
    return undefined;
  }

  /** A connection that is let in counts until the returned function is called. */
  enter(address: string): Refusal | (() => void) {
    const here = this.#connections.get(address) ?? 0;
    if (this.#total >= this.#limits.maxConnections) return REFUSALS.atCapacity(AT_CAPACITY_RETRY_S);
    if (here >= this.#limits.maxConnectionsPerAddress)
      return REFUSALS.tooManyConnections(PER_ADDRESS_RETRY_S);
    this.#total += 1;
    this.#connections.set(address, here + 1);
    let isIn = true;
    return () => {
      if (isIn) this.#leave(address);
      isIn = false;
    };
  }

  #leave(address: string): void {
    this.#total -= 1;
    const left = (this.#connections.get(address) ?? 1) - 1;
    if (left === 0) this.#connections.delete(address);
    else this.#connections.set(address, left);
  }

  /** Whoever has not come for longest is forgotten first, and by then mostly has a full bucket anyway. */
  #keep(who: string, bucket: Bucket): void {
    this.#buckets.delete(who);
    this.#buckets.set(who, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
