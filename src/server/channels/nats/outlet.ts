// The way into NATS: publications go out in the order in which they came, and after a lost connection those that nobody
// confirmed go out again in the same order; NATS knows by their ids what it has.
import { deferred, type Deferred } from '../../../deferred.ts';
import type { Published } from '../broker.ts';
import { explain, isStreamAway, isTimeout, NatsBrokerError } from './errors.ts';
import type { Link, Session } from './link.ts';
import { attemptMs } from './options.ts';
import type { Publication } from './stream.ts';

/** Bytes of payloads that may wait for NATS to come back. */
const MAX_WAITING_BYTES = 67_108_864;

/** Publications that NATS has not confirmed yet; then the next one waits, so that each is answered soon. */
const MAX_OUT = 512;

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
  /** Those of them that are to be sent, in the same order. */
  #unsent = new Set<Entry>();
  #out = 0;
  #bytes = 0;
  #session: Session | undefined;
  /** The stream has refused something: what waits is sent when everything that is out has been answered. */
  #isStalled = false;
  #emptied: Deferred<undefined> | undefined;

  constructor(link: Link, timeoutMs: number) {
    this.#link = link;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws {NatsBrokerError} when it was not confirmed in time; then it may or may not be stored */
  publish(publication: Publication): Promise<Published> {
    const { refusal } = this.#link;
    if (refusal !== undefined) return Promise.reject(refusal);
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
    this.#unsent.add(entry);
    this.#bytes += bytes;
    this.#sendNext();
    return promise;
  }

  open(session: Session): void {
    this.#session = session;
    this.#isStalled = false;
    this.#unsent = new Set(this.#entries);
    this.#sendNext();
  }

  shut(): void {
    this.#session = undefined;
    this.#out = 0;
    for (const entry of this.#entries) entry.isOut = false;
  }

  refuseAll(error: NatsBrokerError): void {
    for (const entry of [...this.#entries]) this.#refuse(entry, error);
  }

  /** Resolves when nothing waits any more, whatever became of it. */
  async settled(): Promise<void> {
    if (this.#entries.size === 0) return;
    this.#emptied ??= deferred<undefined>();
    await this.#emptied.promise;
  }

  #sendNext(): void {
    for (const entry of this.#unsent) {
      if (this.#session === undefined || this.#isStalled || this.#out >= MAX_OUT) return;
      this.#unsent.delete(entry);
      this.#send(entry, this.#session);
    }
  }

  #send(entry: Entry, session: Session): void {
    if (entry.isOvertaken) {
      const message = 'NATS has a later message of the channel, and did not confirm this one.';
      this.#refuse(entry, new NatsBrokerError(message, { retryable: true }));
      return;
    }
    entry.timesSent += 1;
    entry.isOut = true;
    this.#out += 1;
    const leftMs = Math.min(attemptMs({ timeoutMs: this.#timeoutMs }), entry.deadline - performance.now());
    session.stream.publish(entry.publication, Math.max(1, leftMs)).then(
      (published) => this.#stored(entry, published),
      (thrown: unknown) => {
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
    this.#goOn();
  }

  #notStored(entry: Entry, thrown: unknown): void {
    this.#isAnswered(entry);
    if (isStreamAway(thrown) || isTimeout(thrown)) this.#isStalled = true;
    else {
      const message = `NATS did not take the message: ${explain(thrown)}.`;
      this.#refuse(entry, new NatsBrokerError(message, { retryable: true, cause: thrown }));
    }
    this.#goOn();
  }

  #goOn(): void {
    if (!this.#isStalled) this.#sendNext();
    else if (this.#out === 0 && this.#session !== undefined) this.#link.renew(this.#session);
  }

  #isAnswered(entry: Entry): void {
    if (!entry.isOut) return;
    entry.isOut = false;
    this.#out -= 1;
  }

  #refuse(entry: Entry, error: NatsBrokerError): void {
    if (!this.#forget(entry)) return;
    entry.reject(error);
    this.#goOn();
  }

  #forget(entry: Entry): boolean {
    if (!this.#entries.delete(entry)) return false;
    this.#unsent.delete(entry);
    this.#isAnswered(entry);
    clearTimeout(entry.timer);
    this.#bytes -= entry.bytes;
    if (this.#entries.size === 0) this.#emptied?.resolve(undefined);
    return true;
  }
}
