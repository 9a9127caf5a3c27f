// `statewire publish` as the user types it: its arguments, its options, its help.
import { Option, type Command } from 'commander';
import { UsageError } from '../io.ts';
import { inMs, parseSeconds } from '../session/settings.ts';
import { payloadOf } from './payload.ts';
import { addHub, hubAddressOf, type HubAddress, type HubFlags } from './settings.ts';

export interface PublishSettings extends HubAddress {
  /** The message; `undefined`: the lines of the input are. */
  readonly payload: { readonly value: unknown } | undefined;
  /** Whether everything must be JSON. */
  readonly isJson: boolean;
  /** For each message, connecting included. */
  readonly timeoutMs: number;
  readonly output: 'text' | 'json';
  readonly isQuiet: boolean;
}

interface PublishFlags extends HubFlags {
  readonly timeout?: number;
  readonly json?: true;
  readonly output: 'text' | 'json';
  readonly quiet?: true;
}

const DEFAULT_TIMEOUT_MS = 10_000;

const DESCRIPTION = `Publishes a message to a channel, or each line of the input, and says what became of it.

An object or an array in JSON is the payload as it is. Everything else is text, and goes as
{"message": text}. Lines go one after the other, in order; empty ones are passed over.

Printed is one line for each message: 'acknowledged' and its number when a hub has it, exactly
once whatever happened to the connection; 'flushed' when the server is one that does not say.`;

const EXAMPLES = `
Examples:
  $ statewire publish news 'dinner is ready'
  $ statewire publish orders '{"id": 7, "item": "lamp"}'
  $ tail -f log.ndjson | statewire publish logs --quiet
  $ statewire publish news hello --url wss://example.com/ws --header @headers.txt

It ends with 0 when all were published, else with 1. It subscribes to the channel first, and so
must be allowed to.`;

export function addPublishCommand(
  program: Command,
  start: (settings: PublishSettings) => Promise<void>,
): Command {
  const command = program
    .command('publish')
    .summary('publish a message to a channel, or each line of the input')
    .description(DESCRIPTION)
    .argument('<channel>', 'its name')
    .argument('[message]', 'text or JSON; without it the input is read, a message a line');
  addHub(command, 'publish');
  return command
    .optionsGroup('Publishing:')
    .option('--json', 'take nothing but JSON, and all of JSON as it is')
    .option(
      '--timeout <seconds>',
      'give up on a message that is not published by then, connecting included (default: 10)',
      parseSeconds,
    )
    .addOption(
      new Option('--output <format>', 'json: one object a line (state, published, error), nothing else')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--quiet', 'print errors only')
    .optionsGroup('Options:')
    .addHelpText('after', EXAMPLES)
    .action(async (channel: string, message: string | undefined, flags: PublishFlags) =>
      start(settingsOf(channel, message, flags)),
    );
}

/** @throws {UsageError} */
function settingsOf(channel: string, message: string | undefined, flags: PublishFlags): PublishSettings {
  const isJson = flags.json === true;
  const payload = message === undefined ? undefined : payloadOf(message, isJson);
  if (message !== undefined && payload === undefined)
    throw new UsageError(
      'The message is no JSON.',
      'Correct it, or leave --json out to send it as {"message": text}.',
    );
  return {
    ...hubAddressOf(channel, flags),
    payload,
    isJson,
    timeoutMs: inMs(flags.timeout) ?? DEFAULT_TIMEOUT_MS,
    output: flags.output,
    isQuiet: flags.quiet === true,
  };
}
