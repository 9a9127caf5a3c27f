// What a crawl client and a crawl server say to each other. Types and names only: both sides, the three transports
// (WebSocket, NDJSON, SSE) and both encodings (JSON, MessagePack) share them. Field names are those of the wire.

export const CRAWL_PATH = '/crawl/ws';
export const CRAWL_NDJSON_PATH = '/crawl/stream';
export const CRAWL_SSE_PATH = '/crawl/sse';
export const CRAWL_PROTOCOL_VERSION = '1.0';
/** The longest message either side takes, in bytes (S1-19). */
export const CRAWL_MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
/** URLs in one crawl request, at most. */
export const CRAWL_MAX_URLS = 100;

/** Subprotocols for `Sec-WebSocket-Protocol`. A server that knows neither speaks JSON. */
export const CRAWL_SUBPROTOCOLS = {
  json: 'statewire.crawl.json',
  messagePack: 'statewire.crawl.msgpack',
} as const;

/** Before the key, in base64url, in a subprotocol: for browsers, which cannot send headers. Never selected by a server. */
export const CRAWL_BEARER_SUBPROTOCOL = 'statewire.bearer.';

/** Operations beyond the plain protocol that a server offers in `welcome.supported_operations`. */
export const CRAWL_EXTENSIONS = {
  /** Requests carry a `request_id`, every answer repeats it, and several crawls run at once on one connection. */
  multiplexing: 'multiplexing',
  /** `{request_type: 'cancel', request_id}` ends a crawl early; its summary follows. */
  cancel: 'cancel',
  /** `{request_type: 'pause' | 'resume', request_id}` holds back, and lets go, the results of one crawl. */
  pause: 'pause',
} as const;

export type CacheMode = 'none' | 'read' | 'write' | 'read_write';

/** What a crawl is asked to do, as it goes over the wire. Servers ignore what they do not know. */
export interface CrawlOptions {
  readonly cache_mode?: CacheMode;
  /** Pages fetched at once. */
  readonly concurrency?: number;
  readonly use_spider?: boolean;
  readonly chunking_config?: ChunkingConfig;
  readonly timeout_secs?: number;
}

export interface ChunkingConfig {
  readonly enabled: boolean;
  readonly max_chunk_size?: number;
  readonly overlap?: number;
  readonly strategy?: string;
}

export type CrawlRequest =
  | {
      readonly request_type: 'crawl';
      readonly data: { readonly urls: readonly string[]; readonly options?: CrawlOptions };
      readonly request_id?: string;
    }
  | {
      readonly request_type: 'ping' | 'status';
      readonly data: Record<string, never>;
      readonly request_id?: string;
    }
  | {
      readonly request_type: 'cancel' | 'pause' | 'resume';
      readonly data: Record<string, never>;
      readonly request_id: string;
    };

interface Envelope<Type extends string, Data> {
  readonly message_type: Type;
  readonly data: Data;
  /** RFC 3339, UTC. */
  readonly timestamp: string;
  /** Repeats that of the request, where it had one. */
  readonly request_id?: string;
}

export interface WelcomeData {
  readonly session_id: string;
  readonly server_time: string;
  readonly protocol_version: string;
  readonly supported_operations: readonly string[];
}

export interface MetadataData {
  readonly total_urls: number;
  readonly session_id: string;
  readonly timestamp: string;
  readonly stream_type: 'crawl';
}

export interface CrawledDocument {
  readonly url: string;
  readonly title?: string;
  readonly text: string;
  readonly markdown?: string;
  readonly html?: string;
  readonly links: readonly string[];
  readonly media: readonly string[];
  readonly description?: string;
  readonly site_name?: string;
  readonly byline?: string;
  readonly published_iso?: string;
  readonly language?: string;
  readonly word_count?: number;
  /** Minutes, at 200 words a minute. */
  readonly reading_time?: number;
}

export interface CrawlPageError {
  readonly error_type: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** What became of one URL: a document, or an error. */
export interface CrawlPage {
  readonly url: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly from_cache: boolean;
  readonly gate_decision: 'raw' | 'probes_first' | 'headless' | 'cached' | 'failed';
  /** From 0 to 1. */
  readonly quality_score: number;
  readonly processing_time_ms: number;
  readonly document: CrawledDocument | null;
  readonly error: CrawlPageError | null;
  readonly cache_key: string;
}

export interface ResultData {
  /** The place of the URL in the request. Results come as they complete, in any order. */
  readonly index: number;
  readonly result: CrawlPage;
  readonly progress: { readonly completed: number; readonly total: number; readonly success_rate: number };
}

export interface SummaryData {
  readonly total_urls: number;
  readonly successful: number;
  readonly failed: number;
  readonly total_processing_time_ms: number;
}

export interface PongData {
  readonly timestamp: string;
  readonly session_id: string;
}

export interface StatusData {
  readonly session_id: string;
  readonly connected_duration_ms: number;
  readonly is_healthy: boolean;
  readonly message_count: number;
  readonly backpressure_count: number;
}

export interface CrawlErrorData {
  /** `validation_error`, `unknown_request`, `feature_disabled`, `invalid_message`, … */
  readonly error_type: string;
  readonly message: string;
}

export type CrawlMessage =
  | Envelope<'welcome', WelcomeData>
  | Envelope<'metadata', MetadataData>
  | Envelope<'result', ResultData>
  | Envelope<'summary', SummaryData>
  | Envelope<'error', CrawlErrorData>
  | Envelope<'pong', PongData>
  | Envelope<'status', StatusData>;
