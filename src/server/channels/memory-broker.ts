// A broker in the memory of one process: numbers by one, a bounded history for each channel, and nothing that outlives it.
import { randomUUID } from 'node:crypto';
import { InvalidOptionError } from '../../errors.ts';
import type {
  Broker,
  Following,
  FollowOptions,
  NewMessage,
  Published,
  Replay,
  StoredMessage,
} from './broker.ts';

export interface MemoryBrokerOptions {
  /**
   * Messages that are kept of each channel for those who come back; 0 for none.
   *
   * @defaultValue `100`
   */
  readonly maxMessages?: number;
  /**
   * Bytes of payloads that are kept of each channel.
   *
   * @defaultValue `1_048_576`
   */
  readonly maxBytes?: number;
  /**
   * Channels that nobody follows whose messages are kept; then those go that were left alone for longest, and whoever
   * comes back to them is told of a gap.
   *
   * @defaultValue `10_000`
   */
  readonly maxIdleChannels?: number;
}

export const MEMORY_BROKER_DEFAULTS = {
  maxMessages: 100,
  maxBytes: 1_048_576,
  maxIdleChannels: 10_000,
} as const;

/** Publications of each channel that are recognised when they come again. */
const MAX_KNOWN_IDS = 10_000;

interface Kept {
  /** New with each history: numbers of a channel that was forgotten mean nothing. */
  readonly epoch: string;
  seq: number;
  /** The number before the oldest message. */
  before: number;
  bytes: number;
  messages: StoredMessage[];
  readonly seqById: Map<string, number>;
  readonly followers: Set<FollowOptions>;
}

/**
 * The broker of a single hub, in memory: the default.
 *
 * @throws {InvalidOptionError} for an option that cannot be meant
 */
export const memoryBroker = (options: MemoryBrokerOptions = {}): Broker => new MemoryBroker(options);

class MemoryBroker implements Broker {
  readonly name = 'memory';
  readonly #limits: Required<MemoryBrokerOptions>;
  /** Those that nobody follows come first, in the order in which they were left. */
  readonly #channels = new Map<string, Kept>();
  #idle = 0;

  constructor(options: MemoryBrokerOptions) {
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    for (const [name, value] of given)
      if (typeof value !== 'number' || !(value >= 0))
        throw new InvalidOptionError(name, 'a number of at least 0', value);
    this.#limits = { ...MEMORY_BROKER_DEFAULTS, ...Object.fromEntries(given) };
  }

  publish(channel: string, message: NewMessage): Promise<Published> {
    const kept = this.#of(channel);
    const { messageId } = message;
    const known = messageId === undefined ? undefined : kept.seqById.get(messageId);
    if (known !== undefined) return Promise.resolve({ seq: known, isDuplicate: true });
    kept.seq += 1;
    const { seq } = kept;
    const stored: StoredMessage = { ...message, seq };
    if (messageId !== undefined) rememberId(kept, messageId);
    this.#keep(kept, stored);
    for (const { onMessage } of kept.followers) onMessage(stored);
    return Promise.resolve({ seq, isDuplicate: false });
  }

  follow(channel: string, options: FollowOptions): Promise<Following> {
    const kept = this.#of(channel);
    if (kept.followers.size === 0) this.#idle -= 1;
    kept.followers.add(options);
    const stop = (): void => this.#unfollow(channel, kept, options);
    return Promise.resolve({ epoch: kept.epoch, position: kept.seq, stop });
  }

  replay(channel: string, { after, upTo }: { after: number; upTo: number }): Promise<Replay> {
    const { messages, before } = this.#of(channel);
    const wanted = messages.filter(({ seq }) => seq > after && seq <= upTo);
    return Promise.resolve({ messages: wanted, isComplete: after >= before });
  }

  close(): Promise<void> {
    this.#channels.clear();
    return Promise.resolve();
  }

  #of(channel: string): Kept {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const kept: Kept = {
      epoch: randomUUID(),
      seq: 0,
      before: 0,
      bytes: 0,
      messages: [],
      seqById: new Map(),
      followers: new Set(),
    };
    this.#channels.set(channel, kept);
    this.#idle += 1;
    this.#forgetIdle();
    return kept;
  }

  #unfollow(channel: string, kept: Kept, options: FollowOptions): void {
    if (!kept.followers.delete(options) || kept.followers.size > 0) return;
    this.#idle += 1;
    // To the end: it was left last.
    if (this.#channels.delete(channel)) this.#channels.set(channel, kept);
    this.#forgetIdle();
  }

  #forgetIdle(): void {
    for (const [channel, { followers }] of this.#channels) {
      if (this.#idle <= this.#limits.maxIdleChannels) return;
      if (followers.size > 0) continue;
      this.#channels.delete(channel);
      this.#idle -= 1;
    }
  }

  #keep(kept: Kept, stored: StoredMessage): void {
    const { maxMessages, maxBytes } = this.#limits;
    kept.messages.push(stored);
    kept.bytes += Buffer.byteLength(stored.payload);
    while (kept.messages.length > maxMessages || kept.bytes > maxBytes) {
      const oldest = kept.messages.shift();
      if (oldest === undefined) break;
      kept.bytes -= Buffer.byteLength(oldest.payload);
      kept.before = oldest.seq;
    }
  }
}

function rememberId(kept: Kept, messageId: string): void {
  kept.seqById.set(messageId, kept.seq);
  if (kept.seqById.size <= MAX_KNOWN_IDS) return;
  for (const oldest of kept.seqById.keys()) {
    kept.seqById.delete(oldest);
    return;
  }
}
