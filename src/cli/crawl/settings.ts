// What `statewire crawl` was asked for, checked as far as that is possible before it begins.
import type { CrawlEncoding } from '../../crawl/results.ts';
import { parseUrl } from '../../providers.ts';
import { redactUrl } from '../../redact.ts';
import { UsageError } from '../io.ts';

export type CrawlTransport = 'websocket' | 'ndjson' | 'sse';

/** The options as commander hands them over, parsed one by one. */
export interface CrawlFlags {
  readonly input?: string;
  readonly output?: string;
  readonly resume?: string;
  readonly quiet?: true;
  readonly server?: string;
  readonly apiKey?: string;
  readonly transport: CrawlTransport;
  readonly encoding: CrawlEncoding;
  readonly allowPrivate?: true;
  readonly concurrency?: number;
  readonly timeout?: number;
}

/** Where results go. */
export type Destination =
  | { readonly kind: 'lines' }
  | { readonly kind: 'stdout' }
  | { readonly kind: 'file'; readonly path: string; readonly resumes: boolean };

export interface CrawlSettings {
  /** As they were given; `-` is the input. */
  readonly urls: readonly string[];
  readonly inputFile: string | undefined;
  readonly destination: Destination;
  /** `undefined`: one is started. */
  readonly server: string | undefined;
  readonly keyFile: string | undefined;
  readonly transport: CrawlTransport;
  readonly encoding: CrawlEncoding;
  readonly allowsPrivate: boolean;
  readonly concurrency: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly isQuiet: boolean;
}

const HELP = 'See: statewire crawl --help';
const SERVER = 'Give one such as ws://localhost:3000 or https://crawl.example.com.';

/** @throws {UsageError} for options that contradict each other, and for a server that is no URL */
export function settingsOf(urls: readonly string[], flags: CrawlFlags): CrawlSettings {
  const { input, server, apiKey, transport, encoding, allowPrivate, concurrency, timeout, quiet } = flags;
  if (urls.length === 0 && input === undefined) throw new UsageError('There is no URL to crawl.', HELP);
  if (server === undefined && apiKey !== undefined)
    throw new UsageError('--api-key is for a server.', 'Give its address with --server.');
  if (server !== undefined && allowPrivate)
    throw new UsageError('--allow-private is for the server that is started without --server.', HELP);
  if (transport !== 'websocket' && encoding !== 'json')
    throw new UsageError(`--transport ${transport} carries JSON only.`, 'Leave --encoding out.');
  return {
    ...{ urls, inputFile: input, transport, encoding, concurrency },
    destination: destinationOf(flags),
    server: server === undefined ? undefined : checkServer(server),
    keyFile: apiKey,
    allowsPrivate: allowPrivate === true,
    timeoutMs: timeout === undefined ? undefined : Math.ceil(timeout * 1_000),
    isQuiet: quiet === true,
  };
}

function destinationOf({ output, resume }: CrawlFlags): Destination {
  if (resume === '-')
    throw new UsageError('--resume needs a file: what has left by stdout cannot be read again.', HELP);
  if (resume !== undefined && output !== undefined && resume !== output)
    throw new UsageError('--resume appends to its own file.', 'Leave --output out.');
  if (resume !== undefined) return { kind: 'file', path: resume, resumes: true };
  if (output === undefined) return { kind: 'lines' };
  return output === '-' ? { kind: 'stdout' } : { kind: 'file', path: output, resumes: false };
}

function checkServer(url: string): string {
  try {
    return parseUrl(url);
  } catch {
    const guess = redactUrl(`ws://${url}`);
    const isGuess = !/:\/\//.test(url) && URL.canParse(guess);
    throw new UsageError(
      `'${isGuess ? guess.slice('ws://'.length) : redactUrl(url)}' is no URL of a server.`,
      isGuess ? `Did you mean ${guess}?` : SERVER,
    );
  }
}
