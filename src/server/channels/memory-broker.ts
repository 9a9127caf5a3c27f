// A broker in the memory of one process: numbers by one, a bounded history for each channel, and nothing that outlives it.
import { systemClock, type Clock } from '../../clock.ts';
import { InvalidOptionError } from '../../errors.ts';
import type { Broker, Following, FollowOptions, NewMessage, Published, Replay } from './broker.ts';
import { MemoryHistory } from './memory-history.ts';

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
   * How long a message is kept, in milliseconds.
   *
   * @defaultValue `Infinity`
   */
  readonly maxAgeMs?: number;
  /**
   * Channels that nobody follows whose messages are kept; then those go that were left alone for longest, and whoever
   * comes back to them is told of a gap.
   *
   * @defaultValue `10_000`
   */
  readonly maxIdleChannels?: number;
  /**
   * Bytes that are kept of all channels together, roughly. Above that, channels that nobody follows are forgotten, then a
   * channel keeps the less the more is published to it.
   *
   * @defaultValue `268_435_456`
   */
  readonly maxTotalBytes?: number;
  /** For `maxAgeMs`. */
  readonly clock?: Clock;
}

export const MEMORY_BROKER_DEFAULTS = {
  maxMessages: 100,
  maxBytes: 1_048_576,
  maxAgeMs: Infinity,
  maxIdleChannels: 10_000,
  maxTotalBytes: 268_435_456,
} as const;

type Limits = Readonly<Record<keyof typeof MEMORY_BROKER_DEFAULTS, number>>;

/**
 * A broker in memory, for one hub or for several in one process: the default.
 *
 * @throws {InvalidOptionError} for an option that cannot be meant
 */
export const memoryBroker = (options: MemoryBrokerOptions = {}): Broker => new MemoryBroker(options);

class MemoryBroker implements Broker {
  readonly name = 'memory';
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #followed = new Map<string, MemoryHistory>();
  /** Those that nobody follows, in the order in which they were left alone. */
  readonly #idle = new Map<string, MemoryHistory>();
  readonly #listeners = new Map<string, Set<(text: string) => void>>();
  #bytes = 0;

  constructor({ clock = systemClock, ...options }: MemoryBrokerOptions) {
    const given = Object.entries<unknown>({ ...options }).filter(([, value]) => value !== undefined);
    for (const [name, value] of given)
      if (typeof value !== 'number' || !(value >= 0))
        throw new InvalidOptionError(name, 'a number of at least 0', value);
    this.#limits = { ...MEMORY_BROKER_DEFAULTS, ...Object.fromEntries(given) };
    this.#clock = clock;
  }

  publish(channel: string, message: NewMessage): Promise<Published> {
    const known = this.#historyOf(channel).seqOf(message.messageId);
    if (known !== undefined) return Promise.resolve({ seq: known, isDuplicate: true });
    const stored = this.#using(channel, (history) => history.add(message, this.#clock.now()));
    for (const { onMessage } of this.#followed.get(channel)?.followers ?? []) onMessage(stored);
    return Promise.resolve({ seq: stored.seq, isDuplicate: false });
  }

  follow(channel: string, options: FollowOptions): Promise<Following> {
    const history = this.#historyOf(channel);
    this.#idle.delete(channel);
    this.#followed.set(channel, history);
    history.followers.add(options);
    const stop = (): void => this.#unfollow(channel, history, options);
    return Promise.resolve({ epoch: history.epoch, position: history.position, stop });
  }

  replay(channel: string, { after, upTo }: { after: number; upTo: number }): Promise<Replay> {
    return Promise.resolve(this.#using(channel, (history) => history.replay(after, upTo, this.#clock.now())));
  }

  signal(topic: string, text: string): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(text);
  }

  onSignal(topic: string, listener: (text: string) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#followed.clear();
    this.#idle.clear();
    this.#bytes = 0;
    return Promise.resolve();
  }

  #historyOf(channel: string): MemoryHistory {
    return this.#followed.get(channel) ?? this.#idle.get(channel) ?? new MemoryHistory(this.#limits);
  }

  /** Does something that may change how much is kept. */
  #using<Outcome>(channel: string, use: (history: MemoryHistory) => Outcome): Outcome {
    const history = this.#historyOf(channel);
    const bytesBefore = history.bytes;
    if (!this.#followed.has(channel)) this.#leaveAlone(channel, history);
    const outcome = use(history);
    this.#bytes += history.bytes - bytesBefore;
    this.#makeRoom(history);
    return outcome;
  }

  #unfollow(channel: string, history: MemoryHistory, options: FollowOptions): void {
    if (!history.followers.delete(options) || history.followers.size > 0) return;
    if (!this.#followed.delete(channel)) return;
    this.#leaveAlone(channel, history);
    this.#makeRoom(history);
  }

  /** It was left alone last. */
  #leaveAlone(channel: string, history: MemoryHistory): void {
    this.#idle.delete(channel);
    this.#idle.set(channel, history);
  }

  #makeRoom(history: MemoryHistory): void {
    const { maxIdleChannels, maxTotalBytes } = this.#limits;
    for (const [channel, idle] of this.#idle) {
      if (this.#idle.size <= maxIdleChannels && this.#bytes <= maxTotalBytes) return;
      this.#idle.delete(channel);
      this.#bytes -= idle.bytes;
    }
    while (this.#bytes > maxTotalBytes) {
      const bytesBefore = history.bytes;
      if (!history.giveUpOldest()) return;
      this.#bytes -= bytesBefore - history.bytes;
    }
  }
}
