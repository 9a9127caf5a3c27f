// `statewire serve` as the user types it: a command for each kind of server.
import type { Command } from 'commander';
import { parseKeyFile } from '../key-file.ts';
import { parsePort } from '../port.ts';
import { UsageError } from '../io.ts';

export interface ServeCrawlSettings {
  readonly port: number;
  readonly host: string;
  readonly keyFile: string | undefined;
  readonly allowsPrivate: boolean;
  readonly hasExtensions: boolean;
  readonly isQuiet: boolean;
}

/** What each server is started with. */
export interface ServeStarts {
  crawl(settings: ServeCrawlSettings): Promise<void>;
}

const CRAWL_DESCRIPTION = `Runs a crawl server: it fetches pages, and streams what they say as they come.

Clients ask over WebSocket (GET /crawl/ws), or by POST /crawl/stream (NDJSON) and
POST /crawl/sse. robots.txt is honoured, and pages at addresses that are not public are
refused, whatever name they have.`;

const CRAWL_EXAMPLES = `
Examples:
  $ statewire serve crawl
  $ statewire crawl https://example.com --server ws://localhost:3000
  $ statewire serve crawl --host 0.0.0.0 --api-key @keys.txt

Ctrl-C ends it as soon as the crawls that are running are done, after ten seconds at most; a second
one ends it at once.`;

interface CrawlFlags {
  readonly port: number;
  readonly host: string;
  readonly apiKey?: string;
  readonly allowPrivate?: true;
  readonly extensions: boolean;
  readonly quiet?: true;
}

export function addServeCommand(program: Command, starts: ServeStarts): Command {
  const serve = program.command('serve').summary('run a server').description('Runs a server, until Ctrl-C.');
  serve
    .command('crawl')
    .summary('run a crawl server')
    .description(CRAWL_DESCRIPTION)
    .option('--port <port>', 'the port to listen on (0: any)', parsePort, 3000)
    .option('--host <host>', 'the address to listen at; 0.0.0.0 is all of them', '127.0.0.1')
    .option('--api-key <@file>', 'let in only who has a key of this file, one a line', parseKeyFile)
    .option('--allow-private', 'fetch pages at addresses that are not public too')
    .option('--no-extensions', 'the plain protocol: one request at a time on a connection')
    .option('--quiet', 'do not tell of connections')
    .addHelpText('after', CRAWL_EXAMPLES)
    .action(async (flags: CrawlFlags) => starts.crawl(crawlSettingsOf(flags)));
  return serve;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/;

/** Whether only programs on this machine reach an address. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

function crawlSettingsOf({ port, host, apiKey, ...flags }: CrawlFlags): ServeCrawlSettings {
  const allowsPrivate = flags.allowPrivate === true;
  if (allowsPrivate && apiKey === undefined && !isLoopback(host))
    throw new UsageError(
      `Everybody who reaches ${host} would see the network of this machine.`,
      'Give --api-key, or leave --allow-private out.',
    );
  const { extensions: hasExtensions, quiet } = flags;
  return { port, host, keyFile: apiKey, allowsPrivate, hasExtensions, isQuiet: quiet === true };
}
