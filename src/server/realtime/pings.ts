// Pings that wait for their pong.
import type { Clock } from '../../clock.ts';
import { deferred, type Deferred } from '../../deferred.ts';
import { rejected, SessionError } from './errors.ts';

interface Pending {
  readonly payload: string;
  readonly sentAtMs: number;
  readonly answer: Deferred<number>;
}

/** Fewer than the pongs (60) after which a client that uses `ws` hangs up. */
const MAX_PENDING = 32;

export class Pings {
  readonly #clock: Clock;
  #pending: Pending[] = [];
  #rttMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The last round trip. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /** Resolves with the round trip in milliseconds. */
  sent(payload: Buffer): Promise<number> {
    if (this.#pending.length >= MAX_PENDING)
      return rejected(new SessionError('TOO_MANY_PINGS', { count: MAX_PENDING }));
    const answer = deferred<number>();
    answer.promise.catch(() => undefined);
    this.#pending.push({ payload: payload.toString('latin1'), sentAtMs: this.#clock.now(), answer });
    return answer.promise;
  }

  /** RFC 6455 §5.5.3: a pong may answer the last of several pings only; one that nobody asked for says nothing. */
  answered(payload: Buffer): void {
    const text = payload.toString('latin1');
    const index = this.#pending.findLastIndex((ping) => ping.payload === text);
    const nowMs = this.#clock.now();
    for (const { answer, sentAtMs } of this.#pending.splice(0, index + 1)) {
      this.#rttMs = nowMs - sentAtMs;
      answer.resolve(nowMs - sentAtMs);
    }
  }

  end(error: Error): void {
    for (const { answer } of this.#pending) answer.reject(error);
    this.#pending = [];
  }
}
