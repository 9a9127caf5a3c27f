// What an answer means that opens no stream.
import type { Failure } from '../../machines/index.ts';
import type { Details, ErrorCode } from '../errors.ts';
import { cureOfStatus, parseRetryAfter } from '../failures.ts';

/** Why an answer opens no stream, if it does not. WHATWG HTML §9.2.3: 200 and text/event-stream, nothing else. */
export function refusalOf({ status: httpStatus, headers }: Response): Failure | undefined {
  if (httpStatus === 204) return failure('STREAM_OVER', 'stop', { httpStatus });
  if (httpStatus !== 200) {
    const retryAfterMs = parseRetryAfter(headers.get('retry-after') ?? undefined);
    const details = { httpStatus, ...(retryAfterMs !== undefined && { retryAfterMs }) };
    return failure('STREAM_REFUSED', cureOfStatus(httpStatus), details);
  }
  const contentType = headers.get('content-type') ?? 'none';
  const [essence = ''] = contentType.split(';');
  if (essence.trim().toLowerCase() === 'text/event-stream') return undefined;
  return failure('NOT_AN_EVENT_STREAM', 'stop', { httpStatus, contentType });
}

const failure = (code: ErrorCode, cure: Failure['cure'], details: Details): Failure => ({
  code,
  cure,
  details,
});
