// `statewire crawl` as the user types it: its arguments, its options, its help.
import { Option, type Command } from 'commander';
import { parseCount, parseSeconds } from '../session/settings.ts';
import { parseKeyFile } from '../key-file.ts';
import { settingsOf, type CrawlFlags, type CrawlSettings } from './settings.ts';

const DESCRIPTION = `Fetches pages, extracts what they say, and gives each result as it completes.

The crawling is done by a crawl server: the one given with --server, or else one that is
started on 127.0.0.1 for as long as it takes. A connection that is lost is restored, and only
what has no result yet is asked for again: every URL has exactly one result. robots.txt is
honoured, and no host is asked for more than two pages at once.`;

const EXAMPLES = `
Examples:
  $ statewire crawl https://example.com https://example.org
  $ statewire crawl --input urls.txt --output results.jsonl
  $ statewire crawl --input urls.txt --resume results.jsonl     go on after an interruption
  $ grep -o 'https://[^ ]*' notes.txt | statewire crawl - --output - | jq .document.title
  $ statewire crawl --input urls.txt --server wss://crawl.example.com --api-key @key.txt

Each line of --output is a page as JSON: url, status, document (title, text, markdown, links
and more), error. With --resume, URLs that have a page there, or an error that would come again,
are left out.

Exit codes: 0 all pages were fetched; 1 some failed, or the crawl ended early; 2 wrong usage;
130 Ctrl-C (what is done is kept; a second Ctrl-C does not wait); 143 SIGTERM.`;

export function addCrawlCommand(
  program: Command,
  start: (settings: CrawlSettings) => Promise<void>,
): Command {
  const command = program
    .command('crawl')
    .summary('fetch pages, and give what they say as it comes')
    .description(DESCRIPTION)
    .argument('[urls...]', 'http:// or https://; - reads them from the input');
  addSources(command);
  addServer(command);
  addCrawling(command);
  return command
    .optionsGroup('Options:')
    .addHelpText('after', EXAMPLES)
    .action(async (urls: readonly string[], flags: CrawlFlags) => start(settingsOf(urls, flags)));
}

function addSources(command: Command): void {
  command
    .optionsGroup('From where, to where:')
    .option('-i, --input <file>', 'more URLs, one a line; # begins a comment, - is the input')
    .option(
      '-o, --output <file>',
      'results as JSON, one a line; - is stdout (default: a readable line a page)',
    )
    .option('--resume <file>', 'go on with the output of an earlier run: it is read, and appended to')
    .option('--quiet', 'no progress and no notes: results and errors only');
}

function addServer(command: Command): void {
  command
    .optionsGroup('Server:')
    .option('--server <url>', 'ws://, wss://, http:// or https:// (default: one is started)')
    .option(
      '--api-key <@file>',
      'the file with the key for --server (default: the environment variable STATEWIRE_API_KEY)',
      parseKeyFile,
    )
    .addOption(
      new Option('--transport <name>', 'what carries the results')
        .choices(['websocket', 'ndjson', 'sse'])
        .default('websocket'),
    )
    .addOption(
      new Option('--encoding <name>', 'of the messages of a websocket')
        .choices(['json', 'messagepack'])
        .default('json'),
    )
    .option('--allow-private', 'without --server: pages at addresses that are not public may be fetched');
}

function addCrawling(command: Command): void {
  command
    .optionsGroup('Crawling:')
    .option(
      '--concurrency <count>',
      'pages fetched at once (default: what the server does, mostly 5)',
      parseCount,
    )
    .option('--timeout <seconds>', 'for one page (default: what the server allows, mostly 30)', parseSeconds);
}
