// `statewire connect` as the user types it: its arguments, its options, its help.
import type { Command } from 'commander';
import { addInsecure, addLimits, addOutput, addRetry, addTimeout } from '../session/options.ts';
import { headerParser, parseSecondsOrOff } from '../session/settings.ts';
import { parseSubprotocol, settingsOf, type ConnectFlags, type ConnectSettings } from './settings.ts';

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
  const command = program
    .command('connect')
    .summary('connect to any WebSocket server, and stay connected')
    .description(DESCRIPTION)
    .argument('<url>', 'ws:// or wss:// (http and https mean the same)');
  addConnecting(command);
  addStaying(command);
  addMessages(command);
  return command
    .optionsGroup('Options:')
    .addHelpText('after', EXAMPLES)
    .action(async (url: string, flags: ConnectFlags) => start(settingsOf(url, flags)));
}

function addConnecting(command: Command): void {
  command
    .optionsGroup('Connecting:')
    .option(
      '-H, --header <header>',
      "'Name: value' of the upgrade request, or @file with one a line (repeatable)",
      headerParser('connect'),
    )
    .option('-s, --subprotocol <name>', 'a subprotocol to offer (repeatable)', parseSubprotocol)
    .option(
      '--auth-frame <text>',
      'sent first on every connect; its answer is awaited and shown. @file keeps a secret out of the list of processes',
    );
  addTimeout(command);
  addInsecure(command);
}

function addStaying(command: Command): void {
  command.optionsGroup('Staying connected:');
  addRetry(command, 'forever after a loss, but the first connection is not retried', ' (default: 10)').option(
    '--heartbeat <seconds>',
    "silence after which the server is pinged, or 'off'. Without an answer for 10 s more the link is dead (default: 15)",
    parseSecondsOrOff,
  );
}

function addMessages(command: Command): void {
  command
    .optionsGroup('Sending and receiving:')
    .option('--json', 'send JSON only, and print messages indented');
  addLimits(command, 'message').option('--listen', 'do not read the input');
  addOutput(command, 'state, welcome, message, error');
}
