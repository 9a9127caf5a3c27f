// What a crawl throws: two classes, one for a mistake of the caller's, one for a crawl that did not end as it began.
import { ConnectionError, InvalidOptionError, textOf, type ErrorCode, type ErrorExtras } from '../errors.ts';
import { redactUrl } from '../redact.ts';

/** A wrong argument: thrown at the call, before anything happened. */
export class ValidationError extends InvalidOptionError {
  override readonly name: string = 'ValidationError';
}

export type StreamingErrorCode = Extract<ErrorCode, 'CRAWL_INCOMPLETE' | 'CRAWL_REFUSED' | 'ANSWER_MISSING'>;

export interface StreamingErrorExtras extends ErrorExtras {
  /** Every URL of the crawl that has no result, in the order in which they were given. */
  readonly missingUrls?: readonly string[];
}

/** A crawl, or a question to a crawl server, that did not end as it should have. `code` says why, `cause` what broke. */
export class StreamingError extends ConnectionError {
  override readonly name: string = 'StreamingError';
  /** The URLs that have no result, in the order in which they were given; empty where nothing was being crawled. */
  readonly missingUrls: readonly string[];

  constructor(code: StreamingErrorCode, { missingUrls = [], ...extras }: StreamingErrorExtras = {}) {
    super(code, extras);
    this.missingUrls = missingUrls;
  }
}

const MAX_LISTED = 5;

/** "2 of 5 URLs have no result: https://a, https://b": as many as fit into a line. */
export function incomplete(total: number, missingUrls: readonly string[], thrown: unknown): StreamingError {
  const listed = missingUrls.slice(0, MAX_LISTED).map(redactUrl).join(', ');
  const more = missingUrls.length > MAX_LISTED ? `, and ${missingUrls.length - MAX_LISTED} more` : '';
  const details = { cause: textOf(thrown), missing: missingUrls.length, total, urls: listed + more };
  return new StreamingError('CRAWL_INCOMPLETE', { details, cause: thrown, missingUrls });
}
