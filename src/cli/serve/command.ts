// `statewire serve` as the user types it: a command for each kind of server.
import { randomInt } from 'node:crypto';
import { InvalidArgumentError, type Command } from 'commander';
import { HUB_DEFAULTS } from '../../server/channels/options.ts';
import { parseKeyFile } from '../key-file.ts';
import { UsageError } from '../io.ts';
import { natsAddress, type NatsAddress } from './nats-address.ts';
import {
  addServeOptions,
  isLoopback,
  serveSettingsOf,
  type ServeFlags,
  type ServeSettings,
} from './serving.ts';

export interface ServeChannelsSettings extends ServeSettings {
  readonly path: string;
  /** Where messages are kept; `undefined`: in memory. */
  readonly nats: NatsAddress | undefined;
  /** Messages to keep of each channel; `undefined`: as many as by default. */
  readonly history: number | undefined;
  readonly echo: boolean;
  readonly presence: boolean;
  readonly hasMetrics: boolean;
}

export interface ServeCrawlSettings extends ServeSettings {
  readonly keyFile: string | undefined;
  readonly allowsPrivate: boolean;
  readonly hasExtensions: boolean;
}

export interface ServeDemoSettings extends ServeSettings {
  readonly seed: number;
  /** What the pauses are multiplied with. */
  readonly pace: number;
}

/** What each server is started with. */
export interface ServeStarts {
  channels(settings: ServeChannelsSettings): Promise<void>;
  crawl(settings: ServeCrawlSettings): Promise<void>;
  demo(settings: ServeDemoSettings): Promise<void>;
}

export function addServeCommand(program: Command, starts: ServeStarts): Command {
  const serve = program.command('serve').summary('run a server').description('Runs a server, until Ctrl-C.');
  addChannels(serve, starts);
  addCrawl(serve, starts);
  addDemo(serve, starts);
  return serve;
}

const CHANNELS_DESCRIPTION = `Runs a channel hub: who subscribes to a channel gets what others publish to it, in order,
and after a reconnect what was missed.

Hubs that share a NATS server, started with nats-server -js, act as one: a client may come
back to another one of them.`;

const CHANNELS_EXAMPLES = `
Examples:
  $ statewire serve channels
  $ statewire subscribe news                      in another terminal
  $ statewire publish news 'dinner is ready'      in a third one
  $ statewire serve channels --nats nats://127.0.0.1:4222 --port 8081

Ctrl-C says goodbye to everybody, and waits ten seconds at most; a second one ends it at once.`;

interface ChannelsFlags extends ServeFlags {
  readonly path: string;
  readonly nats?: NatsAddress;
  readonly history?: number;
  readonly echo?: true;
  readonly presence?: true;
  readonly metrics?: true;
}

function addChannels(serve: Command, starts: ServeStarts): void {
  addServeOptions(serve.command('channels'), 8080)
    .summary('run a channel hub')
    .description(CHANNELS_DESCRIPTION)
    .option('--path <path>', 'where clients connect to', parsePath, HUB_DEFAULTS.path)
    .option('--nats <urls>', 'nats://host:port, or @file with it, which keeps a password secret', natsAddress)
    .option('--history <n>', 'messages to keep of each channel (default: 100)', parseHistory)
    .option('--presence', 'tell subscribers who else there is')
    .option('--echo', 'give who publishes the message too')
    .option('--metrics', 'figures for Prometheus at /metrics')
    .addHelpText('after', CHANNELS_EXAMPLES)
    .action(async (flags: ChannelsFlags) => starts.channels(channelsSettingsOf(flags)));
}

function channelsSettingsOf({
  path,
  nats,
  history,
  echo,
  presence,
  metrics,
  ...flags
}: ChannelsFlags): ServeChannelsSettings {
  if (nats !== undefined && history === 0)
    throw new UsageError('NATS keeps at least one message of a channel.', 'Give --history 1 or more.');
  return {
    ...serveSettingsOf(flags),
    ...{ path, nats, history },
    echo: echo === true,
    presence: presence === true,
    hasMetrics: metrics === true,
  };
}

function parsePath(text: string): string {
  if (!/^\/[\w/.~-]*$/.test(text)) throw new InvalidArgumentError('Expected a path such as /ws.');
  return text;
}

function parseHistory(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of at least 0.');
  return Number(text);
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

interface CrawlFlags extends ServeFlags {
  readonly apiKey?: string;
  readonly allowPrivate?: true;
  readonly extensions: boolean;
}

function addCrawl(serve: Command, starts: ServeStarts): void {
  addServeOptions(serve.command('crawl'), 3000)
    .summary('run a crawl server')
    .description(CRAWL_DESCRIPTION)
    .option('--api-key <@file>', 'let in only who has a key of this file, one a line', parseKeyFile)
    .option('--allow-private', 'fetch pages at addresses that are not public too')
    .option('--no-extensions', 'the plain protocol: one request at a time on a connection')
    .addHelpText('after', CRAWL_EXAMPLES)
    .action(async (flags: CrawlFlags) => starts.crawl(crawlSettingsOf(flags)));
}

function crawlSettingsOf({ apiKey, ...flags }: CrawlFlags): ServeCrawlSettings {
  const allowsPrivate = flags.allowPrivate === true;
  if (allowsPrivate && apiKey === undefined && !isLoopback(flags.host))
    throw new UsageError(
      `Everybody who reaches ${flags.host} would see the network of this machine.`,
      'Give --api-key, or leave --allow-private out.',
    );
  return { ...serveSettingsOf(flags), keyFile: apiKey, allowsPrivate, hasExtensions: flags.extensions };
}

const DEMO_DESCRIPTION = `Runs a demo server: WebSocket and SSE endpoints to try a client with, and a page that
shows them live.

It echoes, chats, streams and measures over WebSocket, and tells the time, metrics, stock
prices and log lines over SSE. All of it is invented, and the same again with the same seed.`;

const DEMO_EXAMPLES = `
Examples:
  $ statewire serve demo
  $ statewire connect ws://localhost:8000/ws/echo
  $ statewire serve demo --seed 42 --pace 0.1    the same data each time, ten times as fast

Ctrl-C says goodbye to everybody, and waits ten seconds at most; a second one ends it at once.`;

interface DemoFlags extends ServeFlags {
  readonly seed?: number;
  readonly pace: number;
}

function addDemo(serve: Command, starts: ServeStarts): void {
  addServeOptions(serve.command('demo'), 8000)
    .summary('run a demo server')
    .description(DEMO_DESCRIPTION)
    .option('--seed <number>', 'what everything random comes from; printed (default: any)', parseSeed)
    .option('--pace <factor>', 'what the pauses are multiplied with; 0 leaves them out', parsePace, 1)
    .addHelpText('after', DEMO_EXAMPLES)
    .action(async ({ seed = randomInt(2 ** 32), pace, ...flags }: DemoFlags) =>
      starts.demo({ ...serveSettingsOf(flags), seed, pace }),
    );
}

function parseSeed(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of at least 0.');
  return Number(text);
}

function parsePace(text: string): number {
  if (!/^\d{1,6}(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Expected a number of at least 0.');
  return Number(text);
}
