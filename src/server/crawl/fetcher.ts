// One HTTP exchange with a site: redirects by hand, every hop checked, the body read up to a limit.
import { Agent, fetch, type Response } from 'undici';
import type { AddressPolicy } from './addresses.ts';
import { PageError, toPageError } from './page-errors.ts';

export interface Fetched {
  /** After redirects. */
  readonly url: URL;
  readonly status: number;
  readonly contentType: string;
  /** Decompressed. */
  readonly body: Buffer;
  /** The site asks not to keep the answer (RFC 9111 §5.2.2.5). */
  readonly mayBeStored: boolean;
}

export interface FetchRequest {
  readonly signal: AbortSignal;
  /** Of the decompressed body. */
  readonly maxBytes: number;
  readonly maxRedirects: number;
  /** What becomes of a longer body: an error, or its beginning. */
  readonly whenTooLarge: 'fail' | 'cut';
  /** Asked before each hop; throws what forbids it. */
  readonly beforeHop?: (url: URL) => Promise<void>;
  /** Whether the body is worth reading. Default: always. */
  readonly accept?: (status: number, contentType: string) => void;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MAX_HEADER_BYTES = 64 * 1024;
const ACCEPT = 'text/html,application/xhtml+xml;q=0.9,text/plain;q=0.8';

export interface FetcherOptions {
  readonly policy: AddressPolicy;
  readonly userAgent: string;
  readonly connectMs: number;
  readonly connectionsPerHost: number;
}

export class Fetcher {
  readonly #agent: Agent;
  readonly #policy: AddressPolicy;
  readonly #userAgent: string;

  constructor({ policy, userAgent, connectMs, connectionsPerHost }: FetcherOptions) {
    this.#policy = policy;
    this.#userAgent = userAgent;
    this.#agent = new Agent({
      connect: { lookup: policy.lookup, timeout: connectMs },
      connections: connectionsPerHost,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
  }

  /** @throws {PageError} for everything but an abort, which throws the signal's reason */
  async fetch(start: URL, request: FetchRequest): Promise<Fetched> {
    try {
      return await this.#follow(start, request);
    } catch (thrown) {
      request.signal.throwIfAborted();
      throw toPageError(thrown);
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #follow(start: URL, request: FetchRequest): Promise<Fetched> {
    let url = start;
    for (let hops = 0; hops <= request.maxRedirects; hops += 1) {
      this.#check(url);
      await request.beforeHop?.(url);
      const response = await this.#ask(url, request.signal);
      const target = REDIRECTS.has(response.status) ? response.headers.get('location') : null;
      if (target === null) return await read(url, response, request);
      await response.body?.cancel();
      url = redirected(url, target);
    }
    throw new PageError('too_many_redirects');
  }

  #check(url: URL): void {
    if (this.#policy.isForbiddenHost(url.hostname)) throw new PageError('forbidden_address');
  }

  #ask(url: URL, signal: AbortSignal): Promise<Response> {
    const headers = { 'User-Agent': this.#userAgent, Accept: ACCEPT };
    return fetch(url, { dispatcher: this.#agent, redirect: 'manual', headers, signal });
  }
}

function redirected(from: URL, location: string): URL {
  if (!URL.canParse(location, from)) throw new PageError('invalid_redirect');
  const url = new URL(location, from);
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  if (!isWeb || url.username !== '' || url.password !== '') throw new PageError('invalid_redirect');
  return url;
}

async function read(url: URL, response: Response, request: FetchRequest): Promise<Fetched> {
  const { status, headers } = response;
  const contentType = headers.get('content-type') ?? '';
  try {
    request.accept?.(status, contentType);
    // A compressed body may only be longer than that.
    if (request.whenTooLarge === 'fail' && Number(headers.get('content-length')) > request.maxBytes)
      throw new PageError('too_large', { status });
  } catch (refusal) {
    await response.body?.cancel();
    throw refusal;
  }
  const body = await readBody(response, request).catch((thrown: unknown): never => {
    const { type } = toPageError(thrown);
    throw new PageError(type, { status });
  });
  const mayBeStored = !/\bno-store\b/i.test(headers.get('cache-control') ?? '');
  return { url, status, contentType, body, mayBeStored };
}

async function readBody({ body, status }: Response, request: FetchRequest): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the stream, and with it the decompressor and the connection.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes <= request.maxBytes) continue;
    if (request.whenTooLarge === 'fail') throw new PageError('too_large', { status });
    break;
  }
  return Buffer.concat(chunks).subarray(0, request.maxBytes);
}
