// What becomes of a message that is sent: written, queued within bounds, or refused; and its one outcome.
// The current state of the connection installs the mode; the machine never sees a message.
import type { ConnectionState } from '../machines/index.ts';
import type { Clock } from './clock.ts';
import { bytesOf, type DeliverOptions, type Delivery, type Entry } from './delivery.ts';
import { DeliveryError, describe, InvalidOptionError } from './errors.ts';
import { deferred, type Deferred } from './deferred.ts';
import type { OutboxOptions } from './options.ts';
import type { Protocol } from './protocols/protocol.ts';
import type { ConnectionStats } from './statistics.ts';
import type { Frame, Link } from './transports/transport.ts';
import { Unacknowledged } from './unacknowledged.ts';

type Mode =
  | { readonly kind: 'writes'; readonly link: Link }
  | { readonly kind: 'queues' }
  | { readonly kind: 'refuses'; readonly state: ConnectionState };

export type OutboxStats = Pick<
  ConnectionStats,
  'messagesOut' | 'droppedMessages' | 'expiredMessages' | 'waitingMessages' | 'bufferedBytes'
>;

export interface OutboxEvents<Outgoing> {
  /** A message of `send()` that will never be sent, and why. */
  dropped(message: Outgoing, error: DeliveryError): void;
  drained(): void;
}

/** Shared by all connections of which nothing waits. Frozen: who pushed on it would send to all of them. */
const NONE = Object.freeze([]) as never as never[];

export class Outbox<Incoming, Outgoing> {
  readonly #options: Required<OutboxOptions>;
  readonly #protocol: Pick<Protocol<Incoming, Outgoing>, 'encode' | 'acknowledgements'>;
  readonly #clock: Clock;
  readonly #events: OutboxEvents<Outgoing>;
  readonly #highWaterBytes: number;

  #mode: Mode = { kind: 'queues' };
  #queue: Entry<Outgoing>[] = NONE;
  #queuedBytes = 0;
  /** Handed to the platform, which has not said that it took them. */
  #inFlight: Set<Entry<Outgoing>> | undefined;
  /** Sent, waiting for the server's word. They count as waiting. Made with the first of them. */
  #unacknowledged: Unacknowledged<Outgoing> | undefined;
  /** Exists from the moment that `send()` returned false until there is room again. */
  #drain: Deferred<undefined> | undefined;
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

  /** What waits to be written, or for the server's word. */
  get waitingMessages(): number {
    return this.#queue.length + (this.#unacknowledged?.messages ?? 0);
  }

  get stats(): OutboxStats {
    const { messagesOut, droppedMessages, expiredMessages, waitingMessages, bufferedBytes } = this;
    return { messagesOut, droppedMessages, expiredMessages, waitingMessages, bufferedBytes };
  }

  get bufferedBytes(): number {
    return this.#queuedBytes + (this.#mode.kind === 'writes' ? this.#mode.link.bufferedBytes : 0);
  }

  send(message: Outgoing): boolean {
    const frame = this.#encode(message);
    const mode = this.#mode;
    if (mode.kind !== 'writes' || !this.#isClear(mode.link))
      return this.#enqueue(this.#entry(message, frame));
    mode.link.send(frame);
    this.messagesOut += 1;
    return mode.link.bufferedBytes < this.#highWaterBytes || this.#awaitDrain();
  }

  deliver(message: Outgoing, { signal, ttlMs = this.#options.ttlMs }: DeliverOptions): Promise<Delivery> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (typeof ttlMs !== 'number' || !(ttlMs > 0))
      throw new InvalidOptionError('ttlMs', 'a number above 0', ttlMs);
    const receipt = deferred<Delivery>();
    const ackId = this.#protocol.acknowledgements?.idOf(message);
    const entry = { ...this.#entry(message, this.#encode(message), ttlMs), receipt, ackId };
    const mode = this.#mode;
    if (mode.kind === 'writes' && ackId === undefined && this.#isClear(mode.link))
      this.#write(entry, mode.link);
    else this.#enqueue(entry);
    if (signal !== undefined) this.#cancelOn(signal, entry);
    return receipt.promise;
  }

  drained(): Promise<void> {
    return this.#drain?.promise ?? Promise.resolve();
  }

  /** An incoming message may be the server's word that it has one of ours. */
  noticeAcknowledgement(message: Incoming): void {
    const unacknowledged = this.#unacknowledged;
    if (unacknowledged === undefined || unacknowledged.messages === 0) return;
    const id = this.#protocol.acknowledgements?.acknowledgedBy(message);
    for (const entry of id === undefined ? NONE : unacknowledged.of(id)) {
      unacknowledged.remove(entry);
      this.#clock.clearTimeout(entry.timer);
      entry.receipt?.resolve({ outcome: 'acknowledged' });
    }
  }

  /** Installs what the state wants: write to this link … */
  write(link: Link): void {
    if (this.#mode.kind === 'writes' && this.#mode.link === link) return;
    this.#mode = { kind: 'writes', link };
    this.#flush(link);
  }

  /** … or queue … */
  queue(): void {
    if (this.#mode.kind === 'writes') this.detach();
    this.#mode = { kind: 'queues' };
  }

  /** … or refuse, the connection having ended or being about to: whatever still waits will never be sent. */
  refuse(state: ConnectionState): void {
    if (this.#mode.kind === 'refuses' && this.#mode.state === state) return;
    this.#mode = { kind: 'refuses', state };
    if (state !== 'closing') this.detach();
    const waiting = this.#queue;
    const drain = this.#drain;
    this.#queue = NONE;
    this.#queuedBytes = 0;
    this.#drain = undefined;
    drain?.reject(this.#undelivered(state));
    for (const entry of waiting) this.#drop(entry, this.#undelivered(state));
  }

  /** The link is gone: what was in flight is unknown, what the server did not acknowledge goes first the next time. */
  detach(): void {
    if (this.#mode.kind === 'writes') this.#mode = { kind: 'queues' };
    const inFlight = this.#inFlight ?? NONE;
    const resendBytes = this.#unacknowledged?.bytes ?? 0;
    const resend = this.#unacknowledged?.takeAll() ?? NONE;
    this.#inFlight = undefined;
    this.#queue = resend.length === 0 ? this.#queue : [...resend, ...this.#queue];
    this.#queuedBytes += resendBytes;
    for (const entry of inFlight) entry.receipt?.reject(new DeliveryError('DELIVERY_UNKNOWN'));
  }

  /** Hands everything that waits to a link that is about to be closed, however much it is. */
  flushTo(link: Link): void {
    while (this.#queue.length > 0) this.#writeNext(link);
  }

  /** Nothing waits before it, and the link takes it. */
  #isClear(link: Link): boolean {
    return this.#queue.length === 0 && link.bufferedBytes < this.#highWaterBytes;
  }

  #encode(message: Outgoing): Frame {
    const frame: unknown = this.#protocol.encode(message);
    if (typeof frame === 'string' || frame instanceof Uint8Array) return frame;
    throw new TypeError(`Expected the protocol to encode to a string or bytes, got ${describe(frame)}.`);
  }

  #entry(message: Outgoing, frame: Frame, ttlMs = this.#options.ttlMs): Entry<Outgoing> {
    const expiresAt = this.#clock.now() + ttlMs;
    return {
      message,
      frame,
      bytes: bytesOf(frame),
      ackId: undefined,
      receipt: undefined,
      ttlMs,
      expiresAt,
      writes: 0,
    };
  }

  /** Returns whether there is still room below the high-water mark. */
  #enqueue(entry: Entry<Outgoing>): boolean {
    if (this.#mode.kind === 'refuses') return this.#reject(entry, this.#undelivered(this.#mode.state));
    const crowdedOut = this.#makeRoomFor(entry);
    if (crowdedOut === undefined) return false;
    if (this.#queue === NONE) this.#queue = [];
    this.#queue.push(entry);
    this.#queuedBytes += entry.bytes;
    if (entry.ttlMs < Infinity) {
      entry.timer = this.#clock.setTimeout(() => this.#expire(entry), entry.ttlMs);
      // That a message grows old is no reason for a process to live on (Node's timers only).
      (entry.timer as { unref?: () => void } | undefined)?.unref?.();
    }
    // Told last: a listener may call disconnect(), and then this entry must be in the queue to be refused with it.
    for (const dropped of crowdedOut) this.#drop(dropped, new DeliveryError('MESSAGE_DROPPED'));
    if (this.#mode.kind === 'writes') this.#flush(this.#mode.link);
    return this.bufferedBytes < this.#highWaterBytes || this.#awaitDrain();
  }

  /** Returns what must go to make room; `undefined` when the entry itself must. */
  #makeRoomFor(entry: Entry<Outgoing>): readonly Entry<Outgoing>[] | undefined {
    const { maxMessages, maxBytes, overflow } = this.#options;
    const messages = this.waitingMessages;
    const bytes = this.#queuedBytes + (this.#unacknowledged?.bytes ?? 0);
    if (messages < maxMessages && bytes + entry.bytes <= maxBytes) return NONE;
    let count = 0;
    let freed = 0;
    while (
      overflow === 'drop-oldest' &&
      (messages - count >= maxMessages || bytes - freed + entry.bytes > maxBytes)
    ) {
      const oldest = this.#queue[count];
      if (oldest === undefined) break;
      count += 1;
      freed += oldest.bytes;
    }
    if (messages - count < maxMessages && bytes - freed + entry.bytes <= maxBytes) {
      this.#queuedBytes -= freed;
      return this.#queue.splice(0, count);
    }
    if (overflow === 'drop-newest') this.#drop(entry, new DeliveryError('MESSAGE_DROPPED'));
    else this.#reject(entry, new DeliveryError('OUTBOX_FULL', { details: { messages, bytes } }));
    return undefined;
  }

  #flush(link: Link): void {
    // An expired entry is told to a listener, who may end it all: the mode is looked at again each time.
    const isOurs = () => this.#mode.kind === 'writes' && this.#mode.link === link;
    while (this.#queue.length > 0 && isOurs() && link.bufferedBytes < this.#highWaterBytes)
      this.#writeNext(link);
    if (!isOurs()) return;
    if (this.#queue.length > 0) this.#awaitDrain();
    if (link.bufferedBytes < this.#highWaterBytes) this.#announceDrain();
    else this.#askLink(link);
  }

  #writeNext(link: Link): void {
    const entry = this.#queue.shift();
    if (entry === undefined) return;
    this.#queuedBytes -= entry.bytes;
    // Its timer may be late: a blocked loop, a sleep.
    if (entry.expiresAt <= this.#clock.now()) this.#giveUpExpired(entry);
    else this.#write(entry, link);
  }

  #write(entry: Entry<Outgoing>, link: Link): void {
    entry.writes += 1;
    this.messagesOut += 1;
    if (entry.receipt !== undefined && entry.ackId !== undefined) {
      // Its time goes on: it bounds the wait for the server's word too.
      this.#unacknowledged ??= new Unacknowledged();
      this.#unacknowledged.add(entry.ackId, entry);
      link.send(entry.frame);
      return;
    }
    this.#clock.clearTimeout(entry.timer);
    if (entry.receipt === undefined) {
      link.send(entry.frame);
      return;
    }
    (this.#inFlight ??= new Set()).add(entry);
    link.send(entry.frame, (cause) => {
      if (this.#inFlight?.delete(entry) !== true) return;
      if (cause === undefined) entry.receipt?.resolve({ outcome: 'flushed' });
      else entry.receipt?.reject(new DeliveryError('DELIVERY_UNKNOWN', { cause }));
    });
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
    this.#drain.resolve(undefined);
    this.#drain = undefined;
    this.#events.drained();
  }

  #expire(entry: Entry<Outgoing>): void {
    if (this.#remove(entry)) this.#giveUpExpired(entry);
  }

  #giveUpExpired(entry: Entry<Outgoing>): void {
    this.expiredMessages += 1;
    this.#giveUp(entry, new DeliveryError('MESSAGE_EXPIRED', { details: { ttlMs: entry.ttlMs } }));
  }

  #cancelOn(signal: AbortSignal, entry: Entry<Outgoing>): void {
    const cancel = () => {
      if (this.#remove(entry)) this.#giveUp(entry, signal.reason);
    };
    signal.addEventListener('abort', cancel, { once: true });
    const forget = () => signal.removeEventListener('abort', cancel);
    entry.receipt?.promise.then(forget, forget);
  }

  /** Takes an entry back that waits in the queue, or for the server's word; returns whether it did. */
  #remove(entry: Entry<Outgoing>): boolean {
    const at = this.#queue.indexOf(entry);
    if (at < 0) return this.#unacknowledged?.remove(entry) === true;
    this.#queue.splice(at, 1);
    this.#queuedBytes -= entry.bytes;
    if (this.bufferedBytes < this.#highWaterBytes) this.#announceDrain();
    return true;
  }

  #drop(entry: Entry<Outgoing>, error: DeliveryError): void {
    this.droppedMessages += 1;
    this.#giveUp(entry, error);
  }

  /** The one outcome of a message that will not be sent any more; if it ever was, nobody knows whether it arrived. */
  #giveUp(entry: Entry<Outgoing>, reason: unknown): void {
    this.#clock.clearTimeout(entry.timer);
    if (entry.receipt === undefined) this.#events.dropped(entry.message, reason as DeliveryError);
    else if (entry.writes === 0) entry.receipt.reject(reason);
    else entry.receipt.reject(new DeliveryError('DELIVERY_UNKNOWN', { cause: reason }));
  }

  /** The caller of `send()` is told at once; the caller of `deliver()` by its promise. */
  #reject(entry: Entry<Outgoing>, error: DeliveryError): false {
    if (entry.receipt === undefined) throw error;
    entry.receipt.reject(error);
    return false;
  }

  #undelivered(state: ConnectionState): DeliveryError {
    return new DeliveryError('MESSAGE_UNDELIVERED', { details: { state } });
  }
}
