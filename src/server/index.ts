// The door of "statewire/server": Node only.
export { createCrawlServer, type CloseServerOptions, type CrawlServer } from './crawl/server.ts';
export {
  CRAWL_SERVER_DEFAULTS,
  type CrawlCacheOptions,
  type CrawlLimits,
  type CrawlServerOptions,
} from './crawl/options.ts';
export type { AllowAddress, ResolvedAddress, ResolveHost } from './crawl/addresses.ts';
export type { CrawlServerStats } from './crawl/statistics.ts';
export type { PageErrorType } from './crawl/page-errors.ts';
export type { ApiKeys } from './access.ts';
