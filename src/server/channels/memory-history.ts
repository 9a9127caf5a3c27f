// What a broker in memory keeps of one channel: the last messages, and the ids by which it knows those that come again.
import { randomUUID } from 'node:crypto';
import type { FollowOptions, NewMessage, Replay, StoredMessage } from './broker.ts';

export interface HistoryLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

interface Kept {
  readonly message: StoredMessage;
  readonly bytes: number;
  readonly keptAtMs: number;
}

/** Publications that are recognised when they come again. */
const MAX_KNOWN_IDS = 10_000;
/** Of a message or an id, beside its text. */
const OVERHEAD_BYTES = 100;

export class MemoryHistory {
  /** New with each history: numbers of a channel that was forgotten mean nothing. */
  readonly epoch = randomUUID();
  readonly followers = new Set<FollowOptions>();
  readonly #limits: HistoryLimits;
  readonly #seqById = new Map<string, number>();
  #seq = 0;
  #kept: Kept[] = [];
  /** Where the messages begin in `#kept`: `shift()` moves everything, each time. */
  #head = 0;
  #payloadBytes = 0;
  #idBytes = 0;

  constructor(limits: HistoryLimits) {
    this.#limits = limits;
  }

  get position(): number {
    return this.#seq;
  }

  /** What it holds in all. */
  get bytes(): number {
    return this.#payloadBytes + this.#idBytes + this.#size * OVERHEAD_BYTES;
  }

  get #size(): number {
    return this.#kept.length - this.#head;
  }

  /** The number under which a message is known already. */
  seqOf(messageId: string | undefined): number | undefined {
    return messageId === undefined ? undefined : this.#seqById.get(messageId);
  }

  add(message: NewMessage, nowMs: number): StoredMessage {
    const { messageId } = message;
    this.#seq += 1;
    const stored: StoredMessage = { ...message, seq: this.#seq };
    if (messageId !== undefined) this.#rememberId(messageId);
    const bytes = Buffer.byteLength(message.payload);
    this.#kept.push({ message: stored, bytes, keptAtMs: nowMs });
    this.#payloadBytes += bytes;
    this.#trim(nowMs);
    return stored;
  }

  replay(after: number, upTo: number, nowMs: number): Replay {
    this.#trim(nowMs);
    const kept = this.#kept.slice(this.#head).map(({ message }) => message);
    const before = (kept[0]?.seq ?? this.#seq + 1) - 1;
    return { messages: kept.filter(({ seq }) => seq > after && seq <= upTo), isComplete: after >= before };
  }

  /** Gives up what is oldest. Returns whether there was anything. */
  giveUpOldest(): boolean {
    if (this.#size > 0) {
      this.#dropOldest();
      return true;
    }
    return this.#forgetOldestId();
  }

  #trim(nowMs: number): void {
    const { maxMessages, maxBytes, maxAgeMs } = this.#limits;
    const isTooOld = (kept: Kept | undefined): boolean => nowMs - (kept?.keptAtMs ?? nowMs) > maxAgeMs;
    while (this.#size > maxMessages || this.#payloadBytes > maxBytes || isTooOld(this.#kept[this.#head]))
      this.#dropOldest();
  }

  #dropOldest(): void {
    this.#payloadBytes -= this.#kept[this.#head]?.bytes ?? 0;
    this.#head += 1;
    if (this.#head < 64 || this.#head < this.#kept.length / 2) return;
    this.#kept = this.#kept.slice(this.#head);
    this.#head = 0;
  }

  #rememberId(messageId: string): void {
    this.#seqById.set(messageId, this.#seq);
    this.#idBytes += idBytes(messageId);
    if (this.#seqById.size > MAX_KNOWN_IDS) this.#forgetOldestId();
  }

  #forgetOldestId(): boolean {
    for (const oldest of this.#seqById.keys()) {
      this.#idBytes -= idBytes(oldest);
      return this.#seqById.delete(oldest);
    }
    return false;
  }
}

const idBytes = (messageId: string): number => messageId.length + OVERHEAD_BYTES;
