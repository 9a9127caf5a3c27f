// What an answer means that opens no stream, and what it said: enough of its body to read why.
import type { Failure } from '../../machines/index.ts';
import type { Clock } from '../clock.ts';
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

/** As much of a page as anyone will read to learn why. */
const MAX_BODY_BYTES = 4_096;
/** The status is known: the verdict waits for no server that is slow to explain itself. */
const MAX_BODY_MS = 1_000;

/** The beginning of a body as text, as far as it has come within the time; empty where there is none. Never rejects. */
export async function beginningOf({ body }: Response, clock: Clock, signal: AbortSignal): Promise<string> {
  // A `fetch` of one's own may have read it, or be reading it.
  if (body === null || body.locked) return '';
  const reader = body.getReader();
  const stop = (): void => {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    // What is being waited for is then over, without an error.
    reader.cancel().catch(() => undefined);
  };
  const timer = clock.setTimeout(stop, MAX_BODY_MS);
  signal.addEventListener('abort', stop);
  try {
    return await readBeginning(reader);
  } finally {
    stop();
  }
}

async function readBeginning(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let wanted = MAX_BODY_BYTES;
  while (wanted > 0) {
    // A body that breaks in the middle has said what it has said.
    const chunk = await reader.read().catch(() => undefined);
    if (chunk?.value === undefined) break;
    // What a cut splits of a character is left out.
    text += decoder.decode(chunk.value.subarray(0, wanted), { stream: true });
    wanted -= chunk.value.length;
  }
  return text;
}
