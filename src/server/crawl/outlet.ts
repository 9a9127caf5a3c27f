// The way out to one client: every message in order, nothing dropped, and a count of how often it got stuck.
import { CRAWL_MAX_MESSAGE_BYTES, type CrawlMessage } from '../../crawl/messages.ts';
import type { Clock } from '../../clock.ts';
import type { CrawlStatistics } from './statistics.ts';

/** A tenth of the original server's client_response_timeout. */
export const SLOW_SEND_MS = 6_000;
/** More than this many slow sends: the connection is not healthy any more. */
export const UNHEALTHY_AFTER = 10;
/** This many slow sends: its crawls are aborted. */
export const ABORT_AFTER = 100;

/** JSON may need six bytes for a character (`\u0000`). */
const MAX_BYTES_PER_CHARACTER = 6;
/** All of a result but its document. */
const FRAME_BYTES = 16 * 1024;

export interface OutletOptions {
  readonly sessionId: string;
  readonly clock: Clock;
  readonly statistics: CrawlStatistics;
  readonly encode: (message: CrawlMessage) => string | Uint8Array;
  /** Calls back when the operating system has taken the frame, or when it never will. */
  readonly write: (frame: string | Uint8Array, done: (error?: Error | null) => void) => void;
  /** A crawl whose results nobody reads is to be aborted. */
  readonly onStuck: () => void;
}

export class Outlet {
  readonly #options: OutletOptions;
  #messages = 0;
  #pending = 0;
  #backpressure = 0;
  #timer: unknown;
  #isClosed = false;

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  get sessionId(): string {
    return this.#options.sessionId;
  }

  /** Messages that were handed over. */
  get messages(): number {
    return this.#messages;
  }

  /** Messages that the operating system has not taken yet. */
  get pending(): number {
    return this.#pending;
  }

  get backpressure(): number {
    return this.#backpressure;
  }

  get isHealthy(): boolean {
    return this.#backpressure <= UNHEALTHY_AFTER;
  }

  /** Whether a result can go out as one message. Only a document comes anywhere near the limit. */
  fits(message: CrawlMessage): boolean {
    const estimate = charactersIn(message) * MAX_BYTES_PER_CHARACTER + FRAME_BYTES;
    if (estimate <= CRAWL_MAX_MESSAGE_BYTES) return true;
    return Buffer.byteLength(this.#options.encode(message)) <= CRAWL_MAX_MESSAGE_BYTES;
  }

  /** Resolves when the operating system has taken the message. Rejects when the client is gone. */
  send(message: CrawlMessage): Promise<void> {
    const { encode, write, statistics } = this.#options;
    const frame = encode(message);
    this.#messages += 1;
    statistics.messages.sent += 1;
    statistics.bytes.sent += Buffer.byteLength(frame);
    this.#begin();
    return new Promise((resolve, reject) => {
      write(frame, (error) => {
        this.#end();
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Nothing is timed any more. */
  close(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending = 0;
    this.#isClosed = true;
  }

  #begin(): void {
    if (this.#isClosed) return;
    this.#pending += 1;
    if (this.#timer === undefined) this.#watch();
  }

  /** Messages leave one after the other: each has its own six seconds, from the end of the one before. */
  #end(): void {
    if (this.#pending === 0) return;
    this.#pending -= 1;
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending > 0) this.#watch();
  }

  #watch(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#backpressure += 1;
      this.#options.statistics.backpressure += 1;
      this.#watch();
      if (this.#backpressure >= ABORT_AFTER) this.#options.onStuck();
    }, SLOW_SEND_MS);
  }
}

function charactersIn(message: CrawlMessage): number {
  if (message.message_type !== 'result') return 0;
  const { document } = message.data.result;
  let characters = 0;
  for (const value of Object.values(document ?? {}) as unknown[]) {
    if (typeof value === 'string') characters += value.length;
    else if (Array.isArray(value)) for (const item of value as string[]) characters += item.length + 3;
  }
  return characters;
}
