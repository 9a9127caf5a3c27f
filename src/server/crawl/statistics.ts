// What a crawl server has done so far.

/** Counted from the start of the server. */
export interface CrawlServerStats {
  readonly connections: {
    /** WebSocket connections and streaming requests that are open now. */
    readonly open: number;
    /** Let in, ever. */
    readonly total: number;
    /** Turned away with an HTTP status. */
    readonly refused: number;
  };
  readonly crawls: { readonly running: number; readonly started: number; readonly aborted: number };
  readonly pages: { readonly crawled: number; readonly cached: number; readonly failed: number };
  /** Of page bodies, decompressed; and of messages, before compression. */
  readonly bytes: { readonly fetched: number; readonly sent: number };
  readonly messages: { readonly received: number; readonly sent: number };
  /** Times that a client took more than six seconds to take anything. */
  readonly backpressure: number;
}

type Counters<T> = {
  -readonly [Name in keyof T]: T[Name] extends number
    ? number
    : { -readonly [Part in keyof T[Name]]: number };
};

export type CrawlStatistics = Counters<CrawlServerStats>;

export const newStatistics = (): CrawlStatistics => ({
  connections: { open: 0, total: 0, refused: 0 },
  crawls: { running: 0, started: 0, aborted: 0 },
  pages: { crawled: 0, cached: 0, failed: 0 },
  bytes: { fetched: 0, sent: 0 },
  messages: { received: 0, sent: 0 },
  backpressure: 0,
});

export const snapshot = (statistics: CrawlStatistics): CrawlServerStats => structuredClone(statistics);
