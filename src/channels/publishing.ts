// What becomes of a publication: one outcome. With a hub it is acknowledged, and sent again after a reconnect until it is,
// under an id by which the hub knows what it has; any other server is only known to have been sent it.
import { systemClock } from '../clock.ts';
import type { Connection } from '../connection.ts';
import { deferred, type Deferred } from '../deferred.ts';
import { ConnectionError, DeliveryError, textOf } from '../errors.ts';
import { ChannelError } from './errors.ts';
import type { ChannelSettings } from './options.ts';
import type { OutgoingFrame } from './protocol.ts';
import { frameAround, type Envelope, type Reply } from './wire.ts';

export interface PublishOptions {
  /** For everything, all attempts included, in milliseconds. Default: the client's `sendTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Aborting takes the message back if it was not sent yet. */
  readonly signal?: AbortSignal;
}

/** What is known of a publication that succeeded. */
export type Publication =
  /** A hub has it, exactly once, under this number. */
  | { readonly outcome: 'acknowledged'; readonly seq: number }
  /** It was handed to the network: a server that acknowledges nothing got it at least once, if it got it. */
  | { readonly outcome: 'flushed' };

export type ServerKind = 'unknown' | 'plain' | 'hub';

/** Of our own messages, so many ids are remembered, to know them when they come back. */
const MAX_OWN_IDS = 4_096;
/** Publications that wait for their turn. */
const MAX_HELD = 1_000;

/** Why a message that was not sent yet is taken back: an earlier one must be sent again before it. */
const RECALLED = Symbol('recalled');

interface Job {
  /** Its place among all others. */
  readonly number: number;
  readonly channel: string;
  readonly payloadJson: string;
  readonly over: AbortController;
  readonly outcome: Deferred<Publication>;
  attempts: number;
  /** It may have arrived: a link was lost with it. */
  mayHaveArrived: boolean;
  refusal: ConnectionError | undefined;
  /** Under which a hub has it. */
  seq: number;
}

export class Publishing {
  readonly #settings: ChannelSettings;
  readonly #connection: Connection<Envelope, OutgoingFrame>;
  /** What a hub was sent and has not answered, by its id. */
  readonly #unanswered = new Map<string, Job>();
  /** What a plain server is being sent, and by what it is taken back. */
  readonly #flushing = new Map<Job, AbortController>();
  readonly #ownIds = new Set<string>();
  readonly #prefix = randomPrefix();
  #count = 0;
  #server: ServerKind = 'unknown';
  /** In order: until it is known what kind of server it is, and while a lost message waits to be sent again. */
  #held: Job[] = [];
  #retryTimer: unknown;

  constructor(settings: ChannelSettings, connection: Connection<Envelope, OutgoingFrame>) {
    this.#settings = settings;
    this.#connection = connection;
  }

  get server(): ServerKind {
    return this.#server;
  }

  /** What the server is was seen. A hub stays one: it may only have been slow to say so. */
  learn(server: Exclude<ServerKind, 'unknown'>): void {
    const wasUnknown = this.#server === 'unknown';
    if (this.#server !== 'hub') this.#server = server;
    if (wasUnknown) this.releaseHeld();
  }

  isOwn(messageId: string | undefined): boolean {
    return messageId !== undefined && this.#ownIds.has(messageId);
  }

  publish(channel: string, payloadJson: string, options: PublishOptions): Promise<Publication> {
    const { timeoutMs = this.#settings.sendTimeoutMs, signal } = options;
    const { clock = systemClock } = this.#settings;
    const job = this.#jobOf(channel, payloadJson);
    const abort = (): void => this.#cancel(job, signal?.reason);
    const expire = (): void =>
      this.#cancel(job, new DeliveryError('MESSAGE_EXPIRED', { details: { ttlMs: timeoutMs } }));
    const timer = clock.setTimeout(expire, timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
    if (this.#server !== 'unknown' && this.#held.length === 0) void this.#attempt(job);
    else if (this.#held.length < MAX_HELD) this.#hold(job);
    else job.outcome.reject(new DeliveryError('OUTBOX_FULL', { details: { messages: MAX_HELD, bytes: 0 } }));
    return job.outcome.promise.finally(() => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
  }

  /** A hub has a message of ours. */
  published({ message_id, seq }: Extract<Reply, { action: 'published' }>): void {
    const job = this.#unanswered.get(message_id);
    if (job !== undefined) job.seq = seq;
  }

  /**
   * A hub does not want a message of ours, which tells nothing of the first time that it was sent. Returns whether it is
   * one of which we still wait to hear.
   */
  refused(messageId: string, error: ChannelError): boolean {
    const job = this.#unanswered.get(messageId);
    if (job === undefined) return false;
    job.refusal = job.mayHaveArrived ? new DeliveryError('DELIVERY_UNKNOWN', { cause: error }) : error;
    job.over.abort(error);
    return true;
  }

  /** What a hub has not answered yet is sent to it once more. */
  linkLost(): void {
    for (const job of this.#unanswered.values()) job.mayHaveArrived = true;
  }

  /** Whatever is held has its turn, in order; a connection that has ended refuses it. */
  releaseHeld(): void {
    const { clock = systemClock } = this.#settings;
    clock.clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    const held = this.#held;
    this.#held = [];
    for (const job of held) void this.#attempt(job);
  }

  #jobOf(channel: string, payloadJson: string): Job {
    this.#count += 1;
    return {
      number: this.#count,
      channel,
      payloadJson,
      over: new AbortController(),
      outcome: deferred(),
      attempts: 0,
      mayHaveArrived: false,
      refusal: undefined,
      seq: 0,
    };
  }

  async #attempt(job: Job): Promise<void> {
    job.attempts += 1;
    const isHub = this.#server === 'hub';
    try {
      job.outcome.resolve(isHub ? await this.#acknowledged(job) : await this.#flushed(job));
    } catch (thrown) {
      if (thrown === RECALLED) {
        this.#holdBack(job);
        return;
      }
      const isLost = thrown instanceof ConnectionError && thrown.code === 'DELIVERY_UNKNOWN';
      if (isLost) job.mayHaveArrived = true;
      if (!isLost || isHub || job.over.signal.aborted || !this.#isWanted) this.#fail(job, thrown);
      else if (job.attempts < this.#settings.maxRetries) this.#repeat(job);
      else this.#exhaust(job, thrown);
    }
  }

  async #acknowledged(job: Job): Promise<Publication> {
    const messageId = `${this.#prefix}-${job.number}`;
    this.#remember(messageId);
    this.#unanswered.set(messageId, job);
    const frame = frameAround(job.channel, job.payloadJson, { message_id: messageId });
    try {
      await this.#connection.deliver({ frame, messageId }, { signal: job.over.signal });
      return { outcome: 'acknowledged', seq: job.seq };
    } finally {
      this.#unanswered.delete(messageId);
    }
  }

  async #flushed(job: Job): Promise<Publication> {
    const recall = new AbortController();
    const { signal } = recall;
    this.#flushing.set(job, recall);
    try {
      await this.#connection.deliver({ frame: frameAround(job.channel, job.payloadJson) }, { signal });
      return { outcome: 'flushed' };
    } finally {
      this.#flushing.delete(job);
    }
  }

  /** A lost one is sent again; those behind it that still wait for the link must not go before it. */
  #repeat(job: Job): void {
    this.#hold(job);
    for (const [{ number }, recall] of [...this.#flushing]) if (number > job.number) recall.abort(RECALLED);
  }

  /** That was no attempt: it was not sent. */
  #holdBack(job: Job): void {
    const { signal } = job.over;
    job.attempts -= 1;
    if (signal.aborted) this.#fail(job, signal.reason);
    else this.#hold(job);
  }

  /** At its place in the order, which those that were published later wait behind. */
  #hold(job: Job): void {
    const after = this.#held.findIndex(({ number }) => number > job.number);
    this.#held.splice(after < 0 ? this.#held.length : after, 0, job);
    if (this.#server === 'unknown' || this.#retryTimer !== undefined) return;
    const { clock = systemClock, retryDelayMs } = this.#settings;
    this.#retryTimer = clock.setTimeout(() => this.releaseHeld(), retryDelayMs);
  }

  #cancel(job: Job, reason: unknown): void {
    job.over.abort(reason);
    this.#flushing.get(job)?.abort(reason);
    const at = this.#held.indexOf(job);
    if (at < 0) return;
    this.#held.splice(at, 1);
    this.#fail(job, reason);
    if (this.#held.length === 0) this.releaseHeld();
  }

  #exhaust({ channel, attempts, outcome }: Job, thrown: unknown): void {
    const details = { channel, attempts, last: textOf(thrown) };
    outcome.reject(new ChannelError('PUBLISH_FAILED', { details, cause: thrown }));
  }

  /** What may have arrived is not said to be undelivered. */
  #fail({ outcome, mayHaveArrived, refusal }: Job, thrown: unknown): void {
    const isKnown = thrown instanceof ConnectionError && thrown.code === 'DELIVERY_UNKNOWN';
    if (refusal !== undefined) outcome.reject(refusal);
    else if (mayHaveArrived && !isKnown)
      outcome.reject(new DeliveryError('DELIVERY_UNKNOWN', { cause: thrown }));
    else outcome.reject(thrown);
  }

  /** Whether there will be a connection again. */
  get #isWanted(): boolean {
    const { state } = this.#connection;
    return state !== 'closing' && state !== 'closed' && state !== 'failed';
  }

  #remember(id: string): void {
    this.#ownIds.add(id);
    if (this.#ownIds.size <= MAX_OWN_IDS) return;
    const [oldest = id] = this.#ownIds;
    this.#ownIds.delete(oldest);
  }
}

/** 96 random bits. Not `crypto.randomUUID()`, which pages without TLS do not have. */
function randomPrefix(): string {
  const words = crypto.getRandomValues(new Uint32Array(3));
  return [...words].map((word) => word.toString(36)).join('');
}
