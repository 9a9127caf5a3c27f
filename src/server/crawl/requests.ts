// What clients ask for: from whatever came in to a request that can be carried out, or to the error that answers it.
import { CRAWL_MAX_URLS, type CacheMode, type CrawlErrorData } from '../../crawl/messages.ts';
import type { AddressPolicy } from './addresses.ts';
import type { CrawlLimits } from './options.ts';

/** A crawl, as it will be done. */
export interface CrawlJob {
  readonly urls: readonly string[];
  readonly cacheMode: CacheMode;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly requestId?: string | undefined;
}

interface Identified {
  readonly requestId?: string | undefined;
}

export type ServerRequest =
  | (Identified & { readonly kind: 'crawl'; readonly job: CrawlJob })
  | (Identified & { readonly kind: 'ping' | 'status' })
  | { readonly kind: 'cancel' | 'pause' | 'resume'; readonly requestId: string }
  | (Identified & { readonly kind: 'refused'; readonly error: CrawlErrorData });

export interface RequestRules {
  readonly policy: AddressPolicy;
  readonly limits: Required<CrawlLimits>;
  readonly extensions: boolean;
}

/**
 * A hundred URLs of 2048 characters, every one of them escaped, and their options. The protocol's ten megabytes of
 * nothing but brackets would take more memory than there is.
 */
export const MAX_REQUEST_BYTES = 2 * 1024 * 1024;
const MAX_URL_CHARACTERS = 2048;
const MAX_REQUEST_ID_CHARACTERS = 128;
const MAX_QUOTED_CHARACTERS = 200;

/** The words of the original client, and those of the original server. */
const CACHE_MODES: Readonly<Record<string, CacheMode>> = {
  none: 'none',
  read: 'read',
  write: 'write',
  read_write: 'read_write',
  read_through: 'read_write',
  enabled: 'read_write',
  bypass: 'none',
};

/** Requests about a crawl that runs, which they name. */
const ABOUT_CRAWLS: ReadonlySet<string> = new Set(['cancel', 'pause', 'resume']);

/** What a client did wrong, in the words of an `error` frame. */
class RequestError extends Error {
  readonly data: CrawlErrorData;

  constructor(type: string, message: string) {
    super(message);
    this.data = { error_type: type, message };
  }
}

const invalidMessage = (message: string): RequestError => new RequestError('invalid_message', message);
const validationError = (message: string): RequestError => new RequestError('validation_error', message);

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Never throws: whatever is wrong with a message is the answer to it. */
export function readRequest(message: unknown, rules: RequestRules): ServerRequest {
  const requestId = rules.extensions ? requestIdOf(message) : undefined;
  try {
    if (!isFields(message)) throw invalidMessage('A request is an object');
    return { ...readFields(message, requestId, rules), requestId } as ServerRequest;
  } catch (thrown) {
    if (thrown instanceof RequestError) return { kind: 'refused', error: thrown.data, requestId };
    throw thrown;
  }
}

/** The answer to a frame that is not even looked at, or could not be decoded. */
export const unreadable = (reason: 'could not be decoded' | 'is too large for a request'): ServerRequest => ({
  kind: 'refused',
  error: invalidMessage(`The message ${reason}`).data,
});

/** The crawl in the body of an HTTP request: the `data` of a request, or a whole one. */
export function readCrawlBody(body: unknown, rules: RequestRules): CrawlJob | CrawlErrorData {
  const data = isFields(body) && body['request_type'] === 'crawl' ? body['data'] : body;
  try {
    return readJob(data, undefined, rules);
  } catch (thrown) {
    if (thrown instanceof RequestError) return thrown.data;
    throw thrown;
  }
}

function requestIdOf(message: unknown): string | undefined {
  const id = isFields(message) ? message['request_id'] : undefined;
  return isRequestId(id) ? id : undefined;
}

const isRequestId = (id: unknown): id is string =>
  typeof id === 'string' && id !== '' && id.length <= MAX_REQUEST_ID_CHARACTERS;

function readFields(message: Fields, requestId: string | undefined, rules: RequestRules): object {
  const { request_type: type, data } = message;
  if (typeof type !== 'string') throw invalidMessage('Missing field: request_type');
  if (data === undefined) throw invalidMessage('Missing field: data');
  if (rules.extensions && message['request_id'] !== undefined && requestId === undefined)
    throw invalidMessage(`A request_id is a string of 1 to ${MAX_REQUEST_ID_CHARACTERS} characters`);
  if (type === 'crawl') return { kind: type, job: readJob(data, requestId, rules) };
  if (type === 'ping' || type === 'status') return { kind: type };
  if (!rules.extensions || !ABOUT_CRAWLS.has(type))
    throw new RequestError(
      'unknown_request',
      `Unknown request type: ${type.slice(0, MAX_QUOTED_CHARACTERS)}`,
    );
  if (requestId === undefined) throw invalidMessage('Missing field: request_id');
  return { kind: type };
}

function readJob(data: unknown, requestId: string | undefined, rules: RequestRules): CrawlJob {
  const urls = isFields(data) ? data['urls'] : undefined;
  if (!isFields(data) || !Array.isArray(urls))
    throw invalidMessage('Missing field: data.urls, a list of URLs');
  if (urls.length === 0) throw validationError('Validation error: At least one URL is required');
  if (urls.length > CRAWL_MAX_URLS)
    throw validationError(`Validation error: Too many URLs: ${urls.length} (maximum: ${CRAWL_MAX_URLS})`);
  urls.forEach((url: unknown, index) => checkUrl(url, index + 1, rules.policy));
  return { urls: urls as string[], requestId, ...readOptions(data['options'] ?? {}, rules.limits) };
}

function checkUrl(url: unknown, place: number, policy: AddressPolicy): void {
  if (typeof url !== 'string') throw invalidMessage('Every URL is a string');
  const flaw = flawOf(url, policy);
  if (flaw === undefined) return;
  const quoted = withoutCredentials(url).slice(0, MAX_QUOTED_CHARACTERS);
  throw validationError(`Invalid URL: ${quoted} - URL ${place} validation failed: ${flaw}`);
}

function flawOf(url: string, policy: AddressPolicy): string | undefined {
  if (url.length > MAX_URL_CHARACTERS) return `longer than ${MAX_URL_CHARACTERS} characters`;
  if (!URL.canParse(url)) return 'not an absolute URL';
  const { protocol, username, password, hostname } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return 'only http and https are crawled';
  if (username !== '' || password !== '') return 'it contains credentials';
  return policy.isForbiddenHost(hostname) ? 'the address is not public' : undefined;
}

/** An error message ends up in logs. */
const withoutCredentials = (url: string): string => url.replace(/^([^/?#]*\/\/)[^/?#]*@/, '$1');

function readOptions(
  options: unknown,
  limits: Required<CrawlLimits>,
): Pick<CrawlJob, 'cacheMode' | 'concurrency' | 'timeoutMs'> {
  if (!isFields(options)) throw invalidMessage('data.options is an object');
  const { cache_mode: mode = 'read_write', concurrency = limits.crawlConcurrency } = options;
  const cacheMode =
    typeof mode === 'string' && Object.hasOwn(CACHE_MODES, mode) ? CACHE_MODES[mode] : undefined;
  if (cacheMode === undefined) throw validationError('Validation error: Unknown cache_mode');
  if (!Number.isSafeInteger(concurrency) || Number(concurrency) < 1)
    throw validationError('Validation error: concurrency is a whole number of at least 1');
  return {
    cacheMode,
    concurrency: Math.min(Number(concurrency), limits.maxCrawlConcurrency),
    timeoutMs: timeoutOf(options['timeout_secs'] ?? 0, limits.pageMs),
  };
}

/** 0 and nothing mean the server's limit. */
function timeoutOf(seconds: unknown, limitMs: number): number {
  if (typeof seconds !== 'number' || !(seconds >= 0))
    throw validationError('Validation error: timeout_secs is a number of at least 0');
  return seconds === 0 ? limitMs : Math.min(seconds * 1000, limitMs);
}
