// What a crawl gives its consumer, whichever of the three transports carried it.
import type {
  CrawlErrorData,
  MetadataData,
  PongData,
  ResultData,
  StatusData,
  SummaryData,
  WelcomeData,
} from './messages.ts';

interface Told<Type extends string, Data> {
  readonly type: Type;
  readonly data: Data;
  /** When the server said it (RFC 3339); `null` when it did not say, or when nobody said it but this client. */
  readonly timestamp: string | null;
}

/** An error of the server's, or (`invalid_message`, with what came as `raw`) a frame that could not be read. */
export interface CrawlErrorResult extends CrawlErrorData {
  readonly raw?: string;
}

/**
 * One message of a crawl: `welcome` (over a WebSocket only) and `metadata` once, a `result` for each URL as it completes,
 * `summary` once and last. `error` is yielded before it is thrown, except for a frame that could not be read: then the
 * crawl goes on. `message` is whatever else the server says, as a whole.
 */
export type CrawlResult =
  | Told<'welcome', WelcomeData>
  | Told<'metadata', MetadataData>
  | Told<'result', ResultData>
  | Told<'summary', SummaryData>
  | Told<'error', CrawlErrorResult>
  | Told<'message', unknown>;

export type CrawlResultOf<Type extends CrawlResult['type']> = Extract<CrawlResult, { type: Type }>;

export type CrawlEncoding = 'json' | 'messagepack';

/** What the server said that greets a session, and how it said it: requests are answered in kind. */
export type Welcomed = CrawlResultOf<'welcome'> & { readonly encoding: CrawlEncoding };

/** A message as it came off the wire. */
export type CrawlEvent = (
  | Exclude<CrawlResult, { type: 'welcome' }>
  | Welcomed
  | Told<'pong', PongData>
  | Told<'status', StatusData>
  | Told<'unreadable', CrawlErrorResult>
) & { readonly requestId?: string };

/** The same message without what only the wire needed. */
export const told = <Event extends CrawlResult>({ type, data, timestamp }: Event): Event =>
  ({ type, data, timestamp }) as Event;
