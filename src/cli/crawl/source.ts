// Where the results of a crawl come from: a server, its own or another one, and a client by one of three transports.
import { randomUUID } from 'node:crypto';
import { ConnectionError, textOf, toError } from '../../errors.ts';
import type { StateChange } from '../../events.ts';
import {
  CrawlClient,
  crawlNdjson,
  crawlSse,
  type CrawlCall,
  type CrawlConnection,
  type CrawlOptions,
  StreamingError,
  type CrawlResult,
} from '../../crawl/index.ts';
import { AddressPolicy } from '../../server/crawl/addresses.ts';
import { createCrawlServer, CRAWL_SERVER_DEFAULTS, type CrawlServer } from '../../server/index.ts';
import { UsageError, type Io } from '../io.ts';
import { readKeys } from '../key-file.ts';
import { seconds } from '../style.ts';
import type { CrawlSettings } from './settings.ts';

export interface Source extends AsyncDisposable {
  crawl(urls: readonly string[], signal: AbortSignal): AsyncIterable<CrawlResult>;
}

/** A server is silent for as long as a page takes, and its client is to wait for longer. */
const IDLE_MS = 60_000;

/** @param note is told of connections that were lost and restored */
export async function openSource(
  settings: CrawlSettings,
  { env }: Pick<Io, 'env'>,
  note: (text: string) => void,
): Promise<Source> {
  const { server: baseUrl } = settings;
  if (baseUrl !== undefined)
    return new ClientSource(settings, { baseUrl, apiKey: keyOf(settings, env) }, note);
  // Whoever else is on this machine is not to crawl with it.
  const key = randomUUID();
  const server = await createCrawlServer(serverOptions(settings, key));
  return new ClientSource(settings, { baseUrl: server.url, apiKey: () => key, server }, note);
}

/** A server of ours refuses a whole crawl for one such URL. @throws {UsageError} */
export function checkAddresses(urls: readonly string[], { server, allowsPrivate }: CrawlSettings): void {
  if (server !== undefined || allowsPrivate) return;
  const policy = new AddressPolicy(false);
  const refused = urls.find((url) => policy.isForbiddenHost(new URL(url).hostname));
  if (refused === undefined) return;
  const { host } = new URL(refused);
  throw new UsageError(
    `${host} is an address that is not public.`,
    'Allow such pages with --allow-private, if you trust them.',
  );
}

/** The key is read anew for each attempt. */
function keyOf({ keyFile }: CrawlSettings, env: Io['env']): (() => string) | undefined {
  if (keyFile !== undefined) return () => readKeys(keyFile)[0];
  const key = env['STATEWIRE_API_KEY'];
  return key === undefined || key === '' ? undefined : () => key;
}

function serverOptions({ allowsPrivate, concurrency = 0, timeoutMs }: CrawlSettings, key: string) {
  const { limits } = CRAWL_SERVER_DEFAULTS;
  return {
    apiKeys: [key],
    allowPrivateAddresses: allowsPrivate,
    limits: {
      concurrency: Math.max(limits.concurrency, concurrency),
      maxCrawlConcurrency: Math.max(limits.maxCrawlConcurrency, concurrency),
      pageMs: timeoutMs ?? limits.pageMs,
    },
  };
}

interface Access {
  readonly baseUrl: string;
  readonly apiKey: (() => string) | undefined;
  /** To be closed at the end. */
  readonly server?: CrawlServer;
}

class ClientSource implements Source {
  readonly #settings: CrawlSettings;
  readonly #access: Access;
  readonly #client: CrawlClient | undefined;

  constructor(settings: CrawlSettings, access: Access, note: (text: string) => void) {
    this.#settings = settings;
    this.#access = access;
    if (settings.transport !== 'websocket') return;
    this.#client = new CrawlClient({ ...this.#common, encoding: settings.encoding, recorder: false });
    this.#client.on('connection', (connection) => follow(connection, note));
  }

  crawl(urls: readonly string[], signal: AbortSignal): AsyncIterable<CrawlResult> {
    const call: CrawlCall = { signal, options: this.#options };
    if (this.#client !== undefined) return this.#client.crawl(urls, call);
    const crawl = this.#settings.transport === 'ndjson' ? crawlNdjson : crawlSse;
    return crawl(urls, { ...call, ...this.#common });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.disconnect();
    await this.#access.server?.close({ deadlineMs: 0 });
  }

  get #common() {
    const crawlIdleMs = Math.max(IDLE_MS, 2 * (this.#settings.timeoutMs ?? 0));
    const { baseUrl, apiKey } = this.#access;
    return { baseUrl, crawlIdleMs, ...(apiKey && { apiKey }) };
  }

  get #options(): CrawlOptions {
    const { concurrency, timeoutMs } = this.#settings;
    return {
      ...(concurrency !== undefined && { concurrency }),
      ...(timeoutMs !== undefined && { timeout_secs: timeoutMs / 1_000 }),
    };
  }
}

function follow(connection: CrawlConnection, note: (text: string) => void): void {
  connection.on('statechange', (change) => {
    const text = wordsFor(change, connection);
    if (text !== undefined) note(text);
  });
}

/** `undefined` for what goes without saying. */
function wordsFor(
  { state, attempt, retryInMs }: StateChange,
  { actor }: CrawlConnection,
): string | undefined {
  const { failure, sessions } = actor.getSnapshot().context;
  if (state === 'open' && sessions > 1) return 'Connected again.';
  if (state !== 'reconnecting' || failure === null || retryInMs === null) return undefined;
  return `${toError(failure).message} Retry ${attempt} in ${seconds(retryInMs)}.`;
}

/** What to do about an error that ended a crawl, in words of the command line. */
export function remedyOf(thrown: unknown, hasServer: boolean): string | undefined {
  if (!(thrown instanceof ConnectionError)) return undefined;
  const reason = reasonOf(thrown);
  const { code, details, remedy } = reason instanceof ConnectionError ? reason : thrown;
  if (details['httpStatus'] === 401) return 'Check --api-key, or STATEWIRE_API_KEY.';
  if (code === 'UPGRADE_REJECTED' || code === 'CONNECT_FAILED')
    return hasServer ? 'Check that a crawl server runs at the URL given with --server.' : remedy;
  return reason instanceof StreamingError && reason.missingUrls.length > 0 ? undefined : remedy;
}

/** Why a crawl ended early: its own message repeats what is listed here in full. */
export const messageOf = (thrown: unknown): string => textOf(reasonOf(thrown));

const reasonOf = (thrown: unknown): unknown =>
  thrown instanceof StreamingError ? (thrown.cause ?? thrown) : thrown;
