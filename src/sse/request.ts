// The request that opens an event stream: what `fetch` is called with.
import type { Target } from '../transports/transport.ts';

/** What a request may carry: all that `fetch` takes. A `ReadableStream` can be sent once, so it takes a function. */
export type SseBody = NonNullable<RequestInit['body']>;

/** Whether a browser sends cookies. */
export type SseCredentials = 'omit' | 'same-origin' | 'include';

/** What is used of `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface RequestShape {
  readonly method: string;
  readonly credentials: SseCredentials;
}

/** @throws {TypeError} what the platform says of headers that it cannot send */
export function requestOf(
  target: Target,
  { method, credentials }: RequestShape,
  lastEventId: string,
): { readonly url: string; readonly init: RequestInit } {
  const headers = new Headers(target.headers);
  if (!headers.has('accept')) headers.set('Accept', 'text/event-stream');
  const place = headerOf(lastEventId);
  if (place !== undefined) headers.set('Last-Event-ID', place);
  const body = target.body as SseBody | undefined;
  const init: RequestInit & { duplex?: 'half' } = {
    method,
    headers,
    credentials,
    // WHATWG HTML §9.2.2. It asks caches for nothing by a header of ours, which would cost a preflight.
    cache: 'no-store',
    ...(body !== undefined && { body }),
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  };
  return { url: withoutUser(target.url, headers), init };
}

/** `fetch` refuses URLs with a user in them; what they mean is a header (RFC 7617 §2). */
function withoutUser(href: string, headers: Headers): string {
  const url = new URL(href);
  const { username, password } = url;
  if (username === '' && password === '') return href;
  url.username = url.password = '';
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  if (!headers.has('authorization')) headers.set('Authorization', `Basic ${btoa(bytesOf(user))}`);
  return url.href;
}

/** A header's value is bytes; each character of it is one of them. */
const bytesOf = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');

/** Servers refuse headers that are much longer, and would refuse every request from then on. */
const MAX_ID_BYTES = 4_096;
/** RFC 9110 §5.5. Any other character would make `fetch` refuse every request from then on. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;

/** An id as a header's value, in UTF-8 (WHATWG HTML §9.2.3); `undefined` where there is none, or none that can be sent. */
export function headerOf(lastEventId: string): string | undefined {
  if (lastEventId.length > MAX_ID_BYTES) return undefined;
  const value = bytesOf(lastEventId);
  return value.length <= MAX_ID_BYTES && FIELD_VALUE.test(value) ? value : undefined;
}
