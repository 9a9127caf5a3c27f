// `statewire sse` as the user types it: its arguments, its options, its help.
import type { Command } from 'commander';
import { addInsecure, addLimits, addOutput, addRetry, addTimeout } from '../session/options.ts';
import { headerParser, parseSecondsOrOff } from '../session/settings.ts';
import { parseEventId, parseMethod, settingsOf, type SseFlags, type SseSettings } from './settings.ts';

const DESCRIPTION = `Reads a stream of server-sent events, and stays connected.

Each event is printed as it comes, with its name and its id where it has some. A stream that
is lost, or that the server ends, is asked for again from the last event on.`;

const EXAMPLES = `
Examples:
  $ statewire sse https://example.com/events
  $ statewire sse https://example.com/events --output json > events.ndjson
  $ statewire sse https://example.com/events --header @headers.txt --last-event-id 42
  $ statewire sse https://example.com/answers --data @question.json --json
  $ statewire sse http://localhost:8080/events --retry forever    wait until the server is up

Ctrl-C ends it. With --retry off, and by HTTP 204, the server ends it.`;

export function addSseCommand(program: Command, start: (settings: SseSettings) => Promise<void>): Command {
  const command = program
    .command('sse')
    .summary('read a stream of server-sent events, and stay connected')
    .description(DESCRIPTION)
    .argument('<url>', 'http:// or https://');
  addRequest(command);
  addStaying(command);
  command.optionsGroup('Receiving:').option('--json', 'print data that is JSON indented');
  addLimits(command, 'event');
  addOutput(command, 'state, event, error', 'event');
  return command
    .optionsGroup('Options:')
    .addHelpText('after', EXAMPLES)
    .action(async (url: string, flags: SseFlags) => start(settingsOf(url, flags)));
}

function addRequest(command: Command): void {
  command
    .optionsGroup('The request:')
    .option(
      '-H, --header <header>',
      "'Name: value', or @file with one a line (repeatable)",
      headerParser('sse'),
    )
    .option('--method <method>', 'the method (default: GET, with --data POST)', parseMethod)
    .option(
      '--data <text>',
      'the body; application/json where it is JSON and --header says nothing else. @file is read anew for each request, and keeps a secret out of the list of processes',
    )
    .option('--last-event-id <id>', 'the id after which to go on', parseEventId);
  addTimeout(command);
  addInsecure(command);
}

function addStaying(command: Command): void {
  command.optionsGroup('Staying connected:');
  addRetry(
    command,
    'forever after a loss, but the first request is not retried, and with another method than GET none is',
    ' (default: 10); retry: and Retry-After of the server go before it',
  ).option(
    '--silence <seconds>',
    "silence after which the stream is taken for dead, comments being no silence, or 'off' (default: 60)",
    parseSecondsOrOff,
  );
}
