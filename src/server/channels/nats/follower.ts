// One channel that is followed: what NATS hands on comes straight from there, and what is found to be missing is read from
// the stream before anything later.
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { textOf } from '../../../errors.ts';
import type { FollowOptions, Replay } from '../broker.ts';
import { explain, NatsBrokerError } from './errors.ts';
import type { Link, Session } from './link.ts';
import type { NatsSettings } from './options.ts';
import { readLive, type LiveRecord, type StreamRecord } from './records.ts';
import { Recent, type Memory } from './recent.ts';
import type { Subjects } from './subjects.ts';

/** Bytes of messages that wait until earlier ones have been read; what is more is read with those. */
const MAX_WAITING_BYTES = 4_194_304;
/** Messages that are read before looking again at what waits. */
const READ_AT_ONCE = 256;

export interface FollowerOptions extends FollowOptions {
  readonly channel: string;
  readonly link: Link;
  readonly settings: NatsSettings;
  readonly subjects: Subjects;
  readonly memory: Memory;
}

export class Follower {
  readonly channel: string;
  readonly #options: FollowerOptions;
  readonly #kept: string;
  readonly #stopped = new AbortController();
  #waiting: LiveRecord[] = [];
  #waitingBytes = 0;
  #subscription: Subscription | undefined;
  #connection: NatsConnection | undefined;
  #refused: Error | undefined;
  #epoch: string | undefined;
  #last = 0;
  #lastStoredAt = 0;
  /** Nothing is handed on before something else has been read. */
  #isReading = true;
  #mustReadAgain = false;
  #recent: Recent | undefined;
  /** Somebody reads what came before, and others wait for the outcome. */
  #reading: Promise<Replay> | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.channel = options.channel;
    this.#kept = options.subjects.kept(options.channel);
  }

  /** Where it began, once it has. */
  get epoch(): string {
    return this.#epoch ?? '';
  }

  /**
   * Resolves with the number of the last message before what is handed on.
   *
   * @throws {NatsBrokerError}
   */
  async begin(): Promise<number> {
    const { link, settings } = this.#options;
    const { last, session } = await link.run((now) => this.#beginIn(now), settings.timeoutMs);
    this.#epoch = session.stream.epoch;
    this.#last = last.seq;
    this.#lastStoredAt = last.storedAt;
    this.#recent = new Recent(this.#options.memory, settings.maxMessages, last.seq);
    this.#isReading = false;
    if (!this.#handWaiting() || this.#mustReadAgain || link.session !== session) this.readOn();
    return last.seq;
  }

  /** NATS was away, or may have kept something from us: what was missed is read. */
  readOn(): void {
    if (this.#epoch === undefined || this.#stopped.signal.aborted) return;
    this.#mustReadAgain = true;
    if (!this.#isReading) void this.#readAll();
  }

  /**
   * What is remembered, if it is enough; else what NATS knows, which is asked by one at a time and remembered for the next.
   *
   * @throws {NatsBrokerError}
   */
  async replay(after: number, upTo: number): Promise<Replay> {
    const known = this.#recall(after, upTo);
    if (known !== undefined) return known;
    const before = this.#reading;
    const reading = (before ?? Promise.resolve()).then(
      () => this.#recall(after, upTo) ?? this.#readBefore(after, upTo),
    );
    this.#reading = reading;
    try {
      return await reading;
    } finally {
      if (this.#reading === reading) this.#reading = undefined;
    }
  }

  #recall(after: number, upTo: number): Replay | undefined {
    return upTo > this.#last ? undefined : this.#recent?.replay(after, upTo);
  }

  async #readBefore(after: number, upTo: number): Promise<Replay> {
    const { link, settings } = this.#options;
    const replay = await link.run(({ stream }) => stream.replay(this.#kept, after, upTo), settings.timeoutMs);
    this.#recent?.learn(after, upTo, replay);
    return replay;
  }

  stop(): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#waiting = [];
    this.#recent?.forget();
    this.#recent = undefined;
    this.#unsubscribe();
  }

  async #beginIn(session: Session): Promise<{ session: Session; last: StreamRecord }> {
    this.#subscribe(session.connection);
    // From here on NATS hands us whatever is stored.
    await session.connection.flush();
    if (this.#refused !== undefined) throw this.#refused;
    return { session, last: await session.stream.last(this.#kept) };
  }

  #subscribe(connection: NatsConnection): void {
    if (this.#connection === connection) return;
    this.#unsubscribe();
    this.#connection = connection;
    this.#subscription = connection.subscribe(this.#options.subjects.live(this.channel), {
      callback: (error, { headers, data }) => {
        if (error !== null) this.#refuse(error);
        else {
          const record = readLive(headers, () => Buffer.from(data).toString());
          if (record !== undefined) this.#hear(record);
        }
      },
    });
  }

  #unsubscribe(): void {
    if (this.#connection?.isClosed() === false) this.#subscription?.unsubscribe();
    this.#subscription = undefined;
  }

  #refuse(error: Error): void {
    const message = `NATS does not let us follow channels: ${explain(error)}.`;
    this.#refused = new NatsBrokerError(message, { retryable: false, cause: error });
    if (this.#epoch !== undefined) this.#lose(message);
  }

  #hear(record: LiveRecord): void {
    if (this.#stopped.signal.aborted) return;
    if (!this.#isReading && this.#follows(record)) {
      this.#hand(record);
      return;
    }
    this.#waiting.push(record);
    this.#waitingBytes += sizeOf(record);
    // It is in the stream: who reads up to the first that waits, or to the end once more, reads it too.
    while (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#mustReadAgain = true;
      this.#nextWaiting();
    }
    if (!this.#isReading) this.readOn();
  }

  /** Nothing is missing before it. When all of a channel has grown too old, its next message follows upon nothing. */
  #follows({ seq, previous, storedAt }: LiveRecord): boolean {
    if (seq <= this.#last) return false;
    const isGone = previous === 0 && storedAt - this.#lastStoredAt > this.#options.settings.maxAgeMs;
    return previous === this.#last || isGone;
  }

  #hand({ seq, storedAt, message }: StreamRecord): void {
    this.#last = seq;
    this.#lastStoredAt = storedAt;
    if (message === undefined) return;
    this.#recent?.add(message);
    this.#options.onMessage(message);
  }

  async #readAll(): Promise<void> {
    this.#isReading = true;
    try {
      while ((this.#mustReadAgain || this.#waiting.length > 0) && !this.#stopped.signal.aborted) {
        this.#mustReadAgain = false;
        await this.#options.link.run((session) => this.#readIn(session), Infinity, this.#stopped.signal);
      }
    } catch (thrown) {
      if (!this.#stopped.signal.aborted) this.#lose(textOf(thrown));
    } finally {
      this.#isReading = false;
    }
  }

  async #readIn(session: Session): Promise<void> {
    const { stream } = session;
    if (stream.epoch !== this.#epoch)
      throw new NatsBrokerError('The stream of NATS was made anew.', { retryable: true });
    this.#subscribe(session.connection);
    await stream.verify();
    for (;;) {
      const upTo = this.#waiting[0]?.previous ?? Infinity;
      const range = { after: this.#last, upTo, limit: READ_AT_ONCE };
      const { records, isComplete } = await stream.read(this.#kept, range);
      // Whoever asked for it has gone, or asks elsewhere by now.
      if (this.#stopped.signal.aborted || session.over.aborted) return;
      if (!isComplete)
        throw new NatsBrokerError('Messages were missed that NATS has no more.', { retryable: true });
      for (const record of records) this.#hand(record);
      if (records.length === READ_AT_ONCE) continue;
      if (upTo !== Infinity) this.#last = Math.max(this.#last, upTo);
      if (this.#handWaiting()) return;
    }
  }

  /** @returns whether nothing waits any more */
  #handWaiting(): boolean {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const isNew = first.seq > this.#last;
      if (isNew && first.previous > this.#last) return false;
      this.#nextWaiting();
      if (isNew) this.#hand(first);
    }
    return true;
  }

  #nextWaiting(): void {
    const record = this.#waiting.shift();
    if (record !== undefined) this.#waitingBytes -= sizeOf(record);
  }

  #lose(reason: string): void {
    if (this.#stopped.signal.aborted) return;
    this.stop();
    this.#options.onLost(reason);
  }
}

const sizeOf = ({ message }: LiveRecord): number => 100 + (message?.payload.length ?? 0);
