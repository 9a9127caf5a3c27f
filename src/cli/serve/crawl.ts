// `statewire serve crawl`: a crawl server, until somebody ends it.
import { textOf } from '../../errors.ts';
import type { Logger } from '../../options.ts';
import { CRAWL_NDJSON_PATH, CRAWL_PATH, CRAWL_SSE_PATH } from '../../crawl/messages.ts';
import { createCrawlServer, type CrawlServer } from '../../server/index.ts';
import { EXIT, UsageError, type ExitCode, type Io } from '../io.ts';
import { readKeys } from '../key-file.ts';
import { untilEnded } from '../signals.ts';
import { count, harmless, styleOf } from '../style.ts';
import { isLoopback, type ServeCrawlSettings } from './command.ts';

/** @throws {UsageError} for an address that cannot be listened at */
export async function serveCrawl(settings: ServeCrawlSettings, io: Io): Promise<ExitCode> {
  const server = await listen(settings, io);
  announce(server, settings, io);
  const code = await untilEnded(io);
  const hurry = [
    io.onSignal('SIGINT', () => io.exit(EXIT.interrupted)),
    io.onSignal('SIGTERM', () => io.exit(EXIT.terminated)),
  ];
  const { running } = server.stats.crawls;
  if (running > 0)
    io.stderr.write(`statewire: Ending with ${count(running, 'crawl')}. Ctrl-C ends at once.\n`);
  await server.close();
  for (const one of hurry) one();
  return code;
}

async function listen(settings: ServeCrawlSettings, io: Io): Promise<CrawlServer> {
  const { port, host, keyFile, allowsPrivate, hasExtensions, isQuiet } = settings;
  try {
    return await createCrawlServer({
      ...{ port, host, allowPrivateAddresses: allowsPrivate, extensions: hasExtensions },
      ...(keyFile !== undefined && { apiKeys: readKeys(keyFile) }),
      ...(!isQuiet && { logger: loggerOf(io) }),
    });
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (thrown instanceof UsageError || code === undefined || code.startsWith('ERR_')) throw thrown;
    if (code === 'EADDRINUSE')
      throw new UsageError(
        `Port ${port} is taken.`,
        'Give another one with --port, or 0 for any that is free.',
      );
    throw new UsageError(
      `${harmless(host)}, port ${port}, cannot be listened at: ${textOf(thrown)}.`,
      'Check --host and --port.',
    );
  }
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
  const warn = (text: string) => io.stderr.write(`statewire: ${text}\n`);
  if (!isLoopback(host) && keyFile === undefined)
    warn('Everybody who reaches this address may crawl with it: give --api-key.');
  if (!isLoopback(host) && keyFile !== undefined)
    warn('Keys come in clear text: let a proxy with TLS stand in front of it.');
  if (allowsPrivate) warn('Pages at addresses that are not public are fetched too.');
}

/** One line for each thing that happens. */
function loggerOf(io: Io): Logger {
  const { dim } = styleOf(io, io.stderr);
  const write = (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
    const words = Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`);
    io.stderr.write(`${dim(harmless(`statewire: ${[message, ...words].join('  ')}`))}\n`);
  };
  return { debug: () => undefined, info: write, warn: write, error: write };
}
