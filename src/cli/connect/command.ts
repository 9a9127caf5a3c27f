// `statewire connect` as the user types it: its arguments, its options, its help.
import { Option, type Command } from 'commander';
import {
  parseCount,
  parseHeader,
  parseHeartbeat,
  parseRetry,
  parseSeconds,
  parseSubprotocol,
  settingsOf,
  type ConnectFlags,
  type ConnectSettings,
} from './settings.ts';

const DESCRIPTION = `Connects to any WebSocket server, and stays connected.

Lines typed or piped in are sent as text messages; messages received are printed.
A lost connection is restored; what is sent meanwhile waits, and is sent in order.`;

const EXAMPLES = `
Examples:
  $ statewire connect wss://example.com/chat
  $ statewire connect wss://example.com/feed --listen --output json > feed.ndjson
  $ echo '{"op":"ping"}' | statewire connect wss://example.com/api --json --once
  $ statewire connect wss://example.com/api --header @headers.txt --auth-frame @token.json
  $ statewire connect ws://localhost:8080 --retry forever    wait until the server is up

In a terminal, Ctrl-C and Ctrl-D close the connection (1000) and end the session; a second
Ctrl-C does not wait for the server. From a pipe, the end of the input closes it, once all is sent.`;

export function addConnectCommand(
  program: Command,
  start: (settings: ConnectSettings) => Promise<void>,
): Command {
  return program
    .command('connect')
    .summary('connect to any WebSocket server and stay connected')
    .description(DESCRIPTION)
    .argument('<url>', 'ws:// or wss:// (http and https mean the same)')
    .optionsGroup('Connecting:')
    .addOption(
      new Option('-H, --header <header>', "'Name: value' of the upgrade request, or @file (repeatable)")
        .argParser(parseHeader)
        .default([], 'none'),
    )
    .addOption(
      new Option('-s, --subprotocol <name>', 'subprotocol to offer (repeatable)')
        .argParser(parseSubprotocol)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--auth-frame <text>',
        'sent first on every connect; the answer is awaited and shown. @file reads it from a file, which keeps a secret out of the process list',
      ),
    )
    .option('--timeout <seconds>', 'give up when not connected by then', parseSeconds)
    .option('--insecure', 'accept any certificate')
    .optionsGroup('Staying connected:')
    .option(
      '--retry <count>',
      "attempts after a loss, 'forever' or 'off'; if given, it holds for the first connection too (default: forever after a loss, the first connection once)",
      parseRetry,
    )
    .option('--retry-max-delay <seconds>', 'longest wait between attempts (default: 10)', parseSeconds)
    .option(
      '--heartbeat <seconds>',
      "silence after which the server is pinged, or 'off'; without an answer for 10 s more the link is dead (default: 15)",
      parseHeartbeat,
    )
    .optionsGroup('Sending and receiving:')
    .option('--json', 'send lines as JSON, refuse those that are none, and print messages indented')
    .option('--once', 'end after the first message')
    .option('--max-messages <n>', 'end after n messages', parseCount)
    .option('--listen', 'do not read the input')
    .addOption(
      new Option('--output <format>', 'json: one object a line (state, welcome, message, error), and nothing else')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--quiet', 'print messages and errors only')
    .optionsGroup('Options:')
    .addHelpText('after', EXAMPLES)
    .action(async (url: string, flags: ConnectFlags) => start(settingsOf(url, flags)));
}
