// The last messages of a channel that is followed, as far as they fit into memory: when many clients come back at once,
// NATS is asked for what they missed once and not by each of them.
import type { Replay, StoredMessage } from '../broker.ts';

/** Bytes of payloads that are remembered of one channel, and of all channels of a broker. */
const MAX_BYTES = 262_144;
const MAX_BYTES_IN_ALL = 67_108_864;

/** What all channels of a broker remember. */
export interface Memory {
  bytes: number;
}

export class Recent {
  readonly #memory: Memory;
  readonly #maxMessages: number;
  #messages: StoredMessage[] = [];
  #bytes = 0;
  /** Everything after it is here. */
  #from: number;
  /** NATS has nothing older. */
  #isAll = false;

  constructor(memory: Memory, maxMessages: number, from: number) {
    this.#memory = memory;
    this.#maxMessages = maxMessages;
    this.#from = from;
  }

  add(message: StoredMessage): void {
    this.#messages.push(message);
    this.#count(Buffer.byteLength(message.payload));
    this.#trim();
  }

  /** `undefined` when NATS may know more. */
  replay(after: number, upTo: number): Replay | undefined {
    const isComplete = after >= this.#from;
    if (!isComplete && !this.#isAll) return undefined;
    return { messages: this.#messages.filter(({ seq }) => seq > after && seq <= upTo), isComplete };
  }

  /** What NATS has said about the time before: everything from `after` on, or all that there is. */
  learn(after: number, upTo: number, { messages, isComplete }: Replay): void {
    if (after >= this.#from || upTo < this.#from) return;
    const first = messages[0]?.seq;
    if (!isComplete && first === undefined) return;
    const older = messages.filter(({ seq }) => seq <= this.#from);
    this.#from = Math.min(this.#from, isComplete || first === undefined ? after : first - 1);
    this.#isAll = !isComplete;
    this.#messages = [...older, ...this.#messages];
    for (const { payload } of older) this.#count(Buffer.byteLength(payload));
    this.#trim();
  }

  forget(): void {
    this.#count(-this.#bytes);
    this.#messages = [];
  }

  #trim(): void {
    while (this.#messages.length > this.#maxMessages) this.#drop();
    while (this.#bytes > MAX_BYTES || (this.#bytes > 0 && this.#memory.bytes > MAX_BYTES_IN_ALL)) {
      this.#drop();
      this.#isAll = false;
    }
  }

  #drop(): void {
    const oldest = this.#messages.shift();
    if (oldest === undefined) return;
    this.#from = oldest.seq;
    this.#count(-Buffer.byteLength(oldest.payload));
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#memory.bytes += bytes;
  }
}
