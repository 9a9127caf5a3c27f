// `statewire serve crawl`: a crawl server, until somebody ends it.
import { CRAWL_NDJSON_PATH, CRAWL_PATH, CRAWL_SSE_PATH } from '../../crawl/messages.ts';
import { createCrawlServer, type CrawlServer } from '../../server/index.ts';
import type { ExitCode, Io } from '../io.ts';
import { readKeys } from '../key-file.ts';
import { count, styleOf } from '../style.ts';
import type { ServeCrawlSettings } from './command.ts';
import { isLoopback, listening, loggerOf, serveUntilEnded, warn } from './serving.ts';

/** @throws {UsageError} for an address that cannot be listened at */
export async function serveCrawl(settings: ServeCrawlSettings, io: Io): Promise<ExitCode> {
  const server = await listening(settings, () => start(settings, io));
  announce(server, settings, io);
  const running = (): string | undefined => {
    const { running: crawls } = server.stats.crawls;
    return crawls > 0 ? count(crawls, 'crawl') : undefined;
  };
  return serveUntilEnded({ running, close: () => server.close() }, io);
}

async function start(settings: ServeCrawlSettings, io: Io): Promise<CrawlServer> {
  const { port, host, keyFile, allowsPrivate, hasExtensions, isQuiet } = settings;
  return createCrawlServer({
    ...{ port, host, allowPrivateAddresses: allowsPrivate, extensions: hasExtensions },
    ...(keyFile !== undefined && { apiKeys: readKeys(keyFile) }),
    ...(!isQuiet && { logger: loggerOf(io) }),
  });
}

function announce({ url }: CrawlServer, { host, keyFile, allowsPrivate }: ServeCrawlSettings, io: Io): void {
  const { bold, dim } = styleOf(io, io.stdout);
  const ws = url.replace(/^http/, 'ws');
  const lines = [
    `${bold(url)}  ${dim('A crawl server; Ctrl-C ends it.')}`,
    '',
    `  WebSocket  ${ws}${CRAWL_PATH}`,
    `  NDJSON     POST ${url}${CRAWL_NDJSON_PATH}`,
    `  SSE        POST ${url}${CRAWL_SSE_PATH}`,
    `  Health     ${url}/health`,
    '',
    `  statewire crawl https://example.com --server ${ws}${keyFile === undefined ? '' : ' --api-key @file'}`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
  if (!isLoopback(host) && keyFile === undefined)
    warn('Everybody who reaches this address may crawl with it: give --api-key.', io);
  if (!isLoopback(host) && keyFile !== undefined)
    warn('Keys come in clear text: let a proxy with TLS stand in front of it.', io);
  if (allowsPrivate) warn('Pages at addresses that are not public are fetched too.', io);
}
