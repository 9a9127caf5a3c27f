// What becomes of a message that is sent: written, queued within bounds, or refused; and its one outcome.
// The current state of the connection installs the mode; the machine never sees a message.
import type { ConnectionState } from '../machines/index.ts';
import type { Clock } from './clock.ts';
import { DeliveryError, describe } from './errors.ts';
import { deferred, type Deferred } from './deferred.ts';
import type { OutboxOptions } from './options.ts';
import type { Protocol } from './protocols/protocol.ts';
import type { Frame, Link } from './transports/transport.ts';

/** How far a delivered message is known to have come. */
export interface Delivery {
  /** `flushed`: the platform has taken every byte. `acknowledged`: the server said that it has the message. */
  readonly outcome: 'flushed' | 'acknowledged';
}

export interface DeliverOptions {
  /** Aborting cancels a message that still waits: it is never sent, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long the message may wait, in milliseconds. Default: `outbox.ttlMs`. */
  readonly ttlMs?: number;
}

type Mode =
  | { readonly kind: 'writes'; readonly link: Link }
  | { readonly kind: 'queues' }
  | { readonly kind: 'refuses'; readonly state: ConnectionState };

interface Entry<Outgoing> {
  readonly message: Outgoing;
  readonly frame: Frame;
  readonly bytes: number;
  readonly ackId: string | undefined;
  /** Present for `deliver()`, absent for `send()`. */
  readonly receipt: Deferred<Delivery> | undefined;
  readonly ttlMs: number;
  readonly expiresAt: number;
  timer?: unknown;
}

export interface OutboxEvents<Outgoing> {
  /** A message of `send()` that will never be sent, and why. */
  dropped(message: Outgoing, error: DeliveryError): void;
  drained(): void;
}

const encoder = new TextEncoder();
const bytesOf = (frame: Frame): number =>
  typeof frame === 'string' ? encoder.encode(frame).length : frame.byteLength;

export class Outbox<Incoming, Outgoing> {
  readonly #options: Required<OutboxOptions>;
  readonly #protocol: Pick<Protocol<Incoming, Outgoing>, 'encode' | 'acknowledgements'>;
  readonly #clock: Clock;
  readonly #events: OutboxEvents<Outgoing>;
  readonly #highWaterBytes: number;

  #mode: Mode = { kind: 'queues' };
  #queue: Entry<Outgoing>[] = [];
  #queuedBytes = 0;
  /** Handed to the platform, which has not said that it took them. */
  #inFlight: Set<Entry<Outgoing>> | undefined;
  /** Sent, waiting for the server's word; in the order of sending. */
  #unacknowledged: Entry<Outgoing>[] = [];
  /** Exists from the moment that `send()` returned false until there is room again. */
  #drain: Deferred<void> | undefined;
  /** The link that was asked to tell when it has drained, and did not yet. */
  #asked: Link | undefined;

  messagesOut = 0;
  droppedMessages = 0;
  expiredMessages = 0;

  constructor(
    options: Required<OutboxOptions>,
    protocol: Pick<Protocol<Incoming, Outgoing>, 'encode' | 'acknowledgements'>,
    clock: Clock,
    events: OutboxEvents<Outgoing>,
  ) {
    this.#options = options;
    this.#protocol = protocol;
    this.#clock = clock;
    this.#events = events;
    this.#highWaterBytes = options.highWaterBytes;
  }

  get queuedMessages(): number {
    return this.#queue.length;
  }

  get bufferedBytes(): number {
    return this.#queuedBytes + (this.#mode.kind === 'writes' ? this.#mode.link.bufferedBytes : 0);
  }

  send(message: Outgoing): boolean {
    const frame = this.#encode(message);
    const mode = this.#mode;
    if (mode.kind !== 'writes' || this.#queue.length > 0 || mode.link.bufferedBytes >= this.#highWaterBytes) {
      return this.#enqueue(this.#entry(message, frame));
    }
    mode.link.send(frame);
    this.messagesOut += 1;
    return mode.link.bufferedBytes < this.#highWaterBytes || this.#awaitDrain();
  }

  deliver(message: Outgoing, { signal, ttlMs = this.#options.ttlMs }: DeliverOptions): Promise<Delivery> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const receipt = deferred<Delivery>();
    const ackId = this.#protocol.acknowledgements?.idOf(message);
    const entry = { ...this.#entry(message, this.#encode(message), ttlMs), receipt, ackId };
    this.#enqueue(entry);
    if (signal !== undefined) this.#cancelOn(signal, entry);
    return receipt.promise;
  }

  drained(): Promise<void> {
    return this.#drain?.promise ?? Promise.resolve();
  }

  /** An incoming message may be the server's word that it has one of ours. */
  noticeAcknowledgement(message: Incoming): void {
    if (this.#unacknowledged.length === 0) return;
    const id = this.#protocol.acknowledgements?.acknowledgedBy(message);
    if (id === undefined) return;
    const entry = this.#unacknowledged.find(({ ackId }) => ackId === id);
    if (entry === undefined) return;
    this.#forget(entry);
    this.#settle(entry, { outcome: 'acknowledged' });
  }

  /** Installs what the state wants: write to this link … */
  write(link: Link): void {
    if (this.#mode.kind === 'writes' && this.#mode.link === link) return;
    this.#mode = { kind: 'writes', link };
    this.#flush(link);
  }

  /** … or queue, the link being lost: what was in flight is unknown, what the server did not acknowledge goes first … */
  queue(): void {
    if (this.#mode.kind === 'queues') return;
    this.#mode = { kind: 'queues' };
    this.#abandonInFlight();
    const now = this.#clock.now();
    const resend = this.#unacknowledged;
    this.#unacknowledged = [];
    for (const entry of resend) {
      this.#queuedBytes += entry.bytes;
      this.#armExpiry(entry, entry.expiresAt - now);
    }
    this.#queue.unshift(...resend);
  }

  /** … or refuse, the connection having ended or being about to: whatever still waits will never be sent. */
  refuse(state: ConnectionState): void {
    if (this.#mode.kind === 'refuses' && this.#mode.state === state) return;
    this.#mode = { kind: 'refuses', state };
    const waiting = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const entry of waiting) this.#drop(entry, this.#undelivered(state));
    this.#drain?.reject(this.#undelivered(state));
    this.#drain = undefined;
    if (state === 'closing') return;
    this.#abandonInFlight();
    for (const entry of this.#unacknowledged) this.#settle(entry, new DeliveryError('DELIVERY_UNKNOWN'));
    this.#unacknowledged = [];
  }

  /** Hands everything that waits to a link that is about to be closed, however much it is. */
  flushTo(link: Link): void {
    while (this.#queue.length > 0) this.#writeNext(link);
  }

  #encode(message: Outgoing): Frame {
    const frame: unknown = this.#protocol.encode(message);
    if (typeof frame === 'string' || frame instanceof Uint8Array) return frame;
    throw new TypeError(`Expected the protocol to encode to a string or bytes, got ${describe(frame)}.`);
  }

  #entry(message: Outgoing, frame: Frame, ttlMs = this.#options.ttlMs): Entry<Outgoing> {
    const expiresAt = this.#clock.now() + ttlMs;
    return { message, frame, bytes: bytesOf(frame), ackId: undefined, receipt: undefined, ttlMs, expiresAt };
  }

  /** Returns whether there is still room below the high-water mark. */
  #enqueue(entry: Entry<Outgoing>): boolean {
    const mode = this.#mode;
    if (mode.kind === 'refuses') return this.#reject(entry, this.#undelivered(mode.state));
    if (!this.#makeRoomFor(entry)) return false;
    this.#queue.push(entry);
    this.#queuedBytes += entry.bytes;
    this.#armExpiry(entry, entry.ttlMs);
    if (mode.kind === 'writes') this.#flush(mode.link);
    return this.bufferedBytes < this.#highWaterBytes || this.#awaitDrain();
  }

  #makeRoomFor(entry: Entry<Outgoing>): boolean {
    const { maxMessages, maxBytes, overflow } = this.#options;
    const details = { messages: this.#queue.length, bytes: this.#queuedBytes };
    const isFull = () => this.#queue.length >= maxMessages || this.#queuedBytes + entry.bytes > maxBytes;
    if (!isFull()) return true;
    if (overflow === 'reject' || entry.bytes > maxBytes)
      return this.#reject(entry, new DeliveryError('OUTBOX_FULL', { details }));
    if (overflow === 'drop-newest') {
      this.#drop(entry, new DeliveryError('MESSAGE_DROPPED'));
      return false;
    }
    while (isFull()) {
      const oldest = this.#queue[0];
      if (oldest === undefined) break;
      this.#remove(oldest);
      this.#drop(oldest, new DeliveryError('MESSAGE_DROPPED'));
    }
    return true;
  }

  #flush(link: Link): void {
    while (this.#queue.length > 0 && link.bufferedBytes < this.#highWaterBytes) this.#writeNext(link);
    if (this.#queue.length > 0) this.#awaitDrain();
    if (link.bufferedBytes < this.#highWaterBytes) this.#announceDrain();
    else this.#askLink(link);
  }

  #writeNext(link: Link): void {
    const entry = this.#queue.shift();
    if (entry === undefined) return;
    this.#queuedBytes -= entry.bytes;
    this.#clock.clearTimeout(entry.timer);
    // Its timer may be late: a blocked loop, a sleep.
    if (entry.expiresAt <= this.#clock.now()) {
      this.#expired(entry);
      return;
    }
    this.messagesOut += 1;
    if (entry.receipt === undefined) {
      link.send(entry.frame);
    } else if (entry.ackId === undefined) {
      (this.#inFlight ??= new Set()).add(entry);
      link.send(entry.frame, (error) => {
        if (this.#inFlight?.delete(entry) !== true) return;
        this.#settle(entry, error === undefined ? { outcome: 'flushed' } : unknownDelivery(error));
      });
    } else {
      this.#unacknowledged.push(entry);
      link.send(entry.frame);
    }
  }

  /** Returns false, for `send()` to return. */
  #awaitDrain(): false {
    if (this.#drain === undefined) {
      this.#drain = deferred();
      // Most callers only look at what send() returns.
      this.#drain.promise.catch(() => undefined);
    }
    if (this.#mode.kind === 'writes') this.#askLink(this.#mode.link);
    return false;
  }

  #askLink(link: Link): void {
    if (this.#asked === link) return;
    this.#asked = link;
    link.whenDrained(() => {
      this.#asked = undefined;
      if (this.#mode.kind === 'writes' && this.#mode.link === link) this.#flush(link);
    });
  }

  #announceDrain(): void {
    if (this.#drain === undefined) return;
    this.#drain.resolve();
    this.#drain = undefined;
    this.#events.drained();
  }

  #armExpiry(entry: Entry<Outgoing>, inMs: number): void {
    if (inMs < Infinity) entry.timer = this.#clock.setTimeout(() => this.#expire(entry), inMs);
  }

  #expire(entry: Entry<Outgoing>): void {
    if (this.#remove(entry)) this.#expired(entry);
  }

  #expired(entry: Entry<Outgoing>): void {
    this.expiredMessages += 1;
    this.#settleOrReport(entry, new DeliveryError('MESSAGE_EXPIRED', { details: { ttlMs: entry.ttlMs } }));
  }

  #cancelOn(signal: AbortSignal, entry: Entry<Outgoing>): void {
    const cancel = () => {
      if (this.#remove(entry)) entry.receipt?.reject(signal.reason);
      else if (this.#forget(entry)) {
        this.#settle(entry, unknownDelivery(signal.reason));
      }
    };
    signal.addEventListener('abort', cancel, { once: true });
    const forget = () => signal.removeEventListener('abort', cancel);
    entry.receipt?.promise.then(forget, forget);
  }

  #remove(entry: Entry<Outgoing>): boolean {
    const at = this.#queue.indexOf(entry);
    if (at < 0) return false;
    this.#queue.splice(at, 1);
    this.#queuedBytes -= entry.bytes;
    this.#clock.clearTimeout(entry.timer);
    if (this.bufferedBytes < this.#highWaterBytes) this.#announceDrain();
    return true;
  }

  /** Returns whether the entry was waiting for its acknowledgement. */
  #forget(entry: Entry<Outgoing>): boolean {
    const at = this.#unacknowledged.indexOf(entry);
    if (at >= 0) this.#unacknowledged.splice(at, 1);
    return at >= 0;
  }

  #abandonInFlight(): void {
    for (const entry of this.#inFlight ?? []) this.#settle(entry, new DeliveryError('DELIVERY_UNKNOWN'));
    this.#inFlight = undefined;
  }

  #drop(entry: Entry<Outgoing>, error: DeliveryError): void {
    this.#clock.clearTimeout(entry.timer);
    this.droppedMessages += 1;
    this.#settleOrReport(entry, error);
  }

  /** The caller of `send()` is told at once; the caller of `deliver()` by its promise. */
  #reject(entry: Entry<Outgoing>, error: DeliveryError): false {
    if (entry.receipt === undefined) throw error;
    entry.receipt.reject(error);
    return false;
  }

  #settleOrReport(entry: Entry<Outgoing>, error: DeliveryError): void {
    if (entry.receipt === undefined) this.#events.dropped(entry.message, error);
    else entry.receipt.reject(error);
  }

  #settle(entry: Entry<Outgoing>, outcome: Delivery | DeliveryError): void {
    if (outcome instanceof DeliveryError) entry.receipt?.reject(outcome);
    else entry.receipt?.resolve(outcome);
  }

  #undelivered(state: ConnectionState): DeliveryError {
    return new DeliveryError('MESSAGE_UNDELIVERED', { details: { state } });
  }
}

const unknownDelivery = (cause: unknown) => new DeliveryError('DELIVERY_UNKNOWN', { cause });
