// What can become of a page that is no document: one row each, in words that tell nothing about this machine.
import type { CrawlPageError } from '../../crawl/messages.ts';

interface PageErrorRow {
  readonly message: string;
  /** Whether the same URL may succeed later. */
  readonly retryable: boolean;
}

const row = (retryable: boolean, message: string): PageErrorRow => ({ retryable, message });

/** The words of `error.error_type` in a result. */
export const PAGE_ERRORS = {
  http_error: row(false, 'The site answered with an error status'),
  dns_failed: row(true, 'The host name could not be resolved'),
  connection_failed: row(true, 'The connection to the site failed'),
  tls_failed: row(false, 'The TLS handshake with the site failed'),
  timeout: row(true, 'The page did not arrive in time'),
  too_large: row(false, 'The page is larger than the limit'),
  too_many_redirects: row(false, 'Too many redirects'),
  invalid_redirect: row(false, 'The site redirects to something that is no web address'),
  unsupported_content_type: row(false, 'The content is neither HTML nor plain text'),
  robots_disallowed: row(false, 'The robots.txt of the site disallows this page'),
  robots_unavailable: row(true, 'The robots.txt of the site could not be read'),
  forbidden_address: row(false, 'The host is at an address that is not public'),
  forbidden_port: row(false, 'The port is one that browsers refuse to fetch from'),
  invalid_response: row(false, 'The answer of the site could not be understood'),
  extraction_failed: row(false, 'The text of the page could not be extracted'),
  processing_error: row(true, 'Failed to process URL'),
} as const satisfies Record<string, PageErrorRow>;

export type PageErrorType = keyof typeof PAGE_ERRORS;

interface PageErrorExtras {
  /** The HTTP status, where there was an answer. */
  readonly status?: number;
  readonly message?: string;
  readonly retryable?: boolean;
}

/** Why there is no document. Its message may be shown to anybody. */
export class PageError extends Error {
  override readonly name = 'PageError';
  readonly type: PageErrorType;
  readonly status: number;
  readonly retryable: boolean;

  constructor(type: PageErrorType, extras: PageErrorExtras = {}) {
    super(extras.message ?? PAGE_ERRORS[type].message);
    this.type = type;
    this.status = extras.status ?? 0;
    this.retryable = extras.retryable ?? PAGE_ERRORS[type].retryable;
  }

  /** As it goes over the wire. */
  toWire(): CrawlPageError {
    return { error_type: this.type, message: this.message, retryable: this.retryable };
  }
}

/** Statuses that say "later": RFC 9110 §15.5.9 and §15.6, RFC 8470, RFC 6585. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export function httpError(status: number): PageError {
  const message = `The site answered with HTTP ${status}`;
  return new PageError('http_error', { status, message, retryable: TRANSIENT_STATUSES.has(status) });
}

const TYPE_OF_CODE: readonly (readonly [RegExp, PageErrorType])[] = [
  [/^(ENOTFOUND|EAI_)/, 'dns_failed'],
  [/^(UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT)$/, 'timeout'],
  [/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO|EPROTO|HOSTNAME_MISMATCH)/, 'tls_failed'],
  [/^(HPE_|Z_|ERR_|UND_ERR_(HEADERS_OVERFLOW|RES_|INVALID|RESPONSE))/, 'invalid_response'],
  [/^(E[A-Z]+|UND_ERR_SOCKET|UND_ERR_CLOSED|UND_ERR_DESTROYED)$/, 'connection_failed'],
];

/** What went wrong, told from what `fetch` or the body's stream threw. */
export function toPageError(thrown: unknown): PageError {
  for (let cause = thrown, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    if (cause instanceof PageError) return cause;
    // The standard's list of ports that belong to other protocols: there is no code for it.
    if (cause.message === 'bad port') return new PageError('forbidden_port');
    if (cause.name === 'HTTPParserError') return new PageError('invalid_response');
    const code = (cause as NodeJS.ErrnoException).code;
    const known = typeof code === 'string' && TYPE_OF_CODE.find(([pattern]) => pattern.test(code));
    if (known) return new PageError(known[1]);
  }
  return new PageError('processing_error');
}
