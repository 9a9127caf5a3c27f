// The way into NATS: publications go out in the order in which they came, and after a lost connection those that nobody
// confirmed go out again in the same order; NATS knows by their ids what it has.
import { deferred } from '../../../deferred.ts';
import type { Published } from '../broker.ts';
import { explain, isStreamAway, isTimeout, NatsBrokerError } from './errors.ts';
import type { Link, Session } from './link.ts';
import type { Publication } from './stream.ts';

/** Bytes of payloads that may wait for NATS to come back. */
const MAX_WAITING_BYTES = 67_108_864;

interface Entry {
  readonly publication: Publication;
  readonly bytes: number;
  readonly deadline: number;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: NatsBrokerError) => void;
  timesSent: number;
  /** Sent, and not answered yet. */
  isOut: boolean;
  /** A later one of the same channel was stored: this one would come out of order. */
  isOvertaken: boolean;
}

export class Outlet {
  readonly #link: Link;
  readonly #timeoutMs: number;
  readonly #entries = new Set<Entry>();
  #bytes = 0;
  #session: Session | undefined;
  /** The stream has refused something: what waits is sent when everything that is out has been answered. */
  #isStalled = false;

  constructor(link: Link, timeoutMs: number) {
    this.#link = link;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws {NatsBrokerError} when it was not confirmed in time; then it may or may not be stored */
  publish(publication: Publication): Promise<Published> {
    const bytes = Buffer.byteLength(publication.message.payload);
    if (this.#bytes + bytes > MAX_WAITING_BYTES) {
      const message = 'Too many messages wait for NATS already; publish it again later.';
      return Promise.reject(new NatsBrokerError(message, { retryable: true }));
    }
    const { promise, resolve, reject } = deferred<Published>();
    const deadline = performance.now() + this.#timeoutMs;
    const timer = setTimeout(() => this.#refuse(entry, this.#link.unavailable()), this.#timeoutMs);
    const state = { timesSent: 0, isOut: false, isOvertaken: false };
    const entry: Entry = { publication, bytes, deadline, timer, resolve, reject, ...state };
    this.#entries.add(entry);
    this.#bytes += bytes;
    if (this.#session !== undefined && !this.#isStalled) this.#send(entry, this.#session);
    return promise;
  }

  open(session: Session): void {
    this.#session = session;
    this.#isStalled = false;
    for (const entry of [...this.#entries]) this.#send(entry, session);
  }

  shut(): void {
    this.#session = undefined;
    for (const entry of this.#entries) entry.isOut = false;
  }

  refuseAll(error: NatsBrokerError): void {
    for (const entry of [...this.#entries]) this.#refuse(entry, error);
  }

  /** Resolves when nothing is waited for any more, whatever became of it. */
  async settled(): Promise<void> {
    const waiting = [...this.#entries].map(({ resolve, reject }) => ({ resolve, reject }));
    if (waiting.length === 0) return;
    const over = deferred<undefined>();
    this.#whenEmpty = () => over.resolve(undefined);
    await over.promise;
  }

  #whenEmpty: () => void = () => undefined;

  #send(entry: Entry, session: Session): void {
    if (entry.isOvertaken) {
      const message = 'NATS has a later message of the channel, and did not confirm this one.';
      this.#refuse(entry, new NatsBrokerError(message, { retryable: true }));
      return;
    }
    entry.timesSent += 1;
    entry.isOut = true;
    const timeoutMs = Math.max(1, entry.deadline - performance.now());
    session.stream.publish(entry.publication, timeoutMs).then(
      (published) => this.#stored(entry, published),
      (thrown) => {
        // What another session says of it says nothing any more.
        if (session === this.#session && this.#entries.has(entry)) this.#notStored(entry, thrown);
      },
    );
  }

  #stored(entry: Entry, { seq, isDuplicate }: Published): void {
    if (!this.#entries.has(entry)) return;
    for (const earlier of this.#entries) {
      if (earlier === entry) break;
      if (earlier.publication.subject === entry.publication.subject) earlier.isOvertaken = true;
    }
    this.#forget(entry);
    // What we have sent twice ourselves is known to NATS from the first time.
    entry.resolve({ seq, isDuplicate: isDuplicate && entry.timesSent === 1 });
    this.#makeStreamIfStalled();
  }

  #notStored(entry: Entry, thrown: unknown): void {
    entry.isOut = false;
    if (isStreamAway(thrown)) this.#isStalled = true;
    // Its own timer says so in a moment.
    else if (!isTimeout(thrown)) {
      const message = `NATS did not take the message: ${explain(thrown)}.`;
      this.#refuse(entry, new NatsBrokerError(message, { retryable: true, cause: thrown }));
    }
    this.#makeStreamIfStalled();
  }

  #makeStreamIfStalled(): void {
    if (!this.#isStalled || this.#session === undefined) return;
    for (const { isOut } of this.#entries) if (isOut) return;
    this.#link.renew(this.#session);
  }

  #refuse(entry: Entry, error: NatsBrokerError): void {
    if (!this.#forget(entry)) return;
    entry.reject(error);
    this.#makeStreamIfStalled();
  }

  #forget(entry: Entry): boolean {
    if (!this.#entries.delete(entry)) return false;
    clearTimeout(entry.timer);
    this.#bytes -= entry.bytes;
    if (this.#entries.size === 0) this.#whenEmpty();
    return true;
  }
}
