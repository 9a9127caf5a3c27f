// The public door of "statewire/crawl".
export {
  CrawlClient,
  crawlServerStatus,
  pingCrawlServer,
  type CrawlClientEvents,
  type PingAnswer,
  type ServerStatus,
} from './client.ts';
export type { CrawlCall } from './crawl.ts';
export { crawlNdjson, crawlSse, type HttpCrawlOptions } from './http.ts';
export type { CrawlConnection } from './lane.ts';
export { StreamingError, ValidationError, type StreamingErrorCode } from './errors.ts';
export type { CrawlMetrics } from './metrics.ts';
export { CRAWL_DEFAULTS, type CrawlClientOptions } from './options.ts';
export { crawlBackoff } from './patience.ts';
export { crawlProtocol, type CrawlOutgoing, type CrawlProtocol } from './protocol.ts';
export type { AskOptions } from './question.ts';
export type {
  CrawlEncoding,
  CrawlErrorResult,
  CrawlEvent,
  CrawlResult,
  CrawlResultOf,
  Welcomed,
} from './results.ts';
export {
  CRAWL_BEARER_SUBPROTOCOL,
  CRAWL_EXTENSIONS,
  CRAWL_MAX_MESSAGE_BYTES,
  CRAWL_MAX_URLS,
  CRAWL_NDJSON_PATH,
  CRAWL_PATH,
  CRAWL_PROTOCOL_VERSION,
  CRAWL_SSE_PATH,
  CRAWL_SUBPROTOCOLS,
  type CacheMode,
  type ChunkingConfig,
  type CrawledDocument,
  type CrawlErrorData,
  type CrawlMessage,
  type CrawlOptions,
  type CrawlPage,
  type CrawlPageError,
  type CrawlRequest,
  type MetadataData,
  type PongData,
  type ResultData,
  type StatusData,
  type SummaryData,
  type WelcomeData,
} from './messages.ts';
