// Pages that were crawled before: the least recently used go first when the bytes do not suffice.
import { createHash } from 'node:crypto';
import type { CrawlPage } from '../../crawl/messages.ts';
import type { Clock } from '../../clock.ts';

interface Entry {
  readonly page: CrawlPage;
  readonly bytes: number;
  readonly expiresAtMs: number;
}

const KEY_LENGTH = 32;
/** Object headers, keys, the entry itself: an estimate that keeps many tiny pages from being free. */
const OVERHEAD_BYTES = 512;

/** The key of a URL: what a server answers to is the URL without its fragment. */
export function cacheKey(url: URL): string {
  const asked = new URL(url);
  asked.hash = '';
  return createHash('sha256').update(asked.href).digest('hex').slice(0, KEY_LENGTH);
}

export interface PageCacheOptions {
  readonly maxBytes: number;
  readonly ttlMs: number;
  readonly clock: Clock;
}

export class PageCache {
  readonly #options: PageCacheOptions;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(options: PageCacheOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  read(key: string): CrawlPage | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#drop(key);
    if (entry.expiresAtMs <= this.#options.clock.now()) return undefined;
    this.#put(key, entry);
    return entry.page;
  }

  write(key: string, page: CrawlPage): void {
    const { maxBytes, ttlMs, clock } = this.#options;
    const bytes = sizeOf(page);
    this.#drop(key);
    if (bytes > maxBytes) return;
    this.#put(key, { page, bytes, expiresAtMs: clock.now() + ttlMs });
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= maxBytes) break;
      this.#drop(oldest);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #put(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}

/** Two bytes a character at most, whatever the engine does. */
function sizeOf({ document }: CrawlPage): number {
  if (document === null) return OVERHEAD_BYTES;
  let characters = 0;
  for (const value of Object.values(document)) {
    if (typeof value === 'string') characters += value.length;
    else if (Array.isArray(value)) for (const item of value as readonly string[]) characters += item.length;
  }
  return OVERHEAD_BYTES + characters * 2;
}
