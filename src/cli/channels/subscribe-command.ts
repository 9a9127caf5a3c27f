// `statewire subscribe` as the user types it: its arguments, its options, its help.
import type { Command } from 'commander';
import { addLimits, addOutput, addTimeout } from '../session/options.ts';
import { inMs } from '../session/settings.ts';
import { addHub, hubAddressOf, type HubAddress, type HubFlags } from './settings.ts';

export interface SubscribeSettings extends HubAddress {
  readonly connectWithinMs: number | undefined;
  readonly isJson: boolean;
  /** After how many messages it is over; `Infinity`: it is not. */
  readonly maxMessages: number;
  readonly output: 'text' | 'json';
  readonly isQuiet: boolean;
}

interface SubscribeFlags extends HubFlags {
  readonly timeout?: number;
  readonly json?: true;
  readonly once?: true;
  readonly maxMessages?: number;
  readonly output: 'text' | 'json';
  readonly quiet?: true;
}

const DESCRIPTION = `Prints the messages of a channel as they come, one a line, and stays subscribed.

What was published while the connection was lost is printed when it is back; where a hub does
not have it any more, a gap is told on stderr, as everything else is that is no message.`;

const EXAMPLES = `
Examples:
  $ statewire serve channels                                   run a hub
  $ statewire subscribe news
  $ statewire subscribe news --output json > news.ndjson
  $ statewire subscribe news --url wss://example.com/ws --header @headers.txt
  $ statewire subscribe news --retry forever                   wait until the hub is up

Ctrl-C ends it.`;

export function addSubscribeCommand(
  program: Command,
  start: (settings: SubscribeSettings) => Promise<void>,
): Command {
  const command = program
    .command('subscribe')
    .summary('print the messages of a channel, and stay subscribed')
    .description(DESCRIPTION)
    .argument('<channel>', 'its name');
  addHub(command, 'subscribe');
  addTimeout(command).optionsGroup('Receiving:').option('--json', 'print messages indented');
  addLimits(command, 'message');
  addOutput(command, 'state, subscription, message, gap, presence, error');
  return command
    .optionsGroup('Options:')
    .addHelpText('after', EXAMPLES)
    .action(async (channel: string, flags: SubscribeFlags) => start(settingsOf(channel, flags)));
}

const settingsOf = (channel: string, flags: SubscribeFlags): SubscribeSettings => ({
  ...hubAddressOf(channel, flags),
  connectWithinMs: inMs(flags.timeout),
  isJson: flags.json === true,
  maxMessages: flags.once === true ? 1 : (flags.maxMessages ?? Infinity),
  output: flags.output,
  isQuiet: flags.quiet === true,
});
