// `statewire replay` as the user types it.
import { Option, type Command } from 'commander';
import { parsePort } from '../port.ts';

export interface ReplaySettings {
  readonly file: string;
  readonly output: 'text' | 'json';
  /** The port of the live view to open the recording in; absent: it is printed. */
  readonly viewPort?: number;
}

const DESCRIPTION = `Plays a recording through the machine again, and prints each transition.

A recording is the JSON of connection.recording(), or what "Save recording" of the live view gives. Nothing is
connected to. Exit code 1 if the machine of this version goes another way than the recorded one did.`;

const EXAMPLES = `
Examples:
  $ statewire replay recording.json
  $ statewire replay recording.json --view               in the browser, with a slider through time
  $ statewire replay - --output json < recording.json | jq .state`;

interface Flags {
  readonly output: 'text' | 'json';
  readonly view?: true;
  readonly port: number;
}

export const addReplayCommand = (
  program: Command,
  start: (settings: ReplaySettings) => Promise<void>,
): Command =>
  program
    .command('replay')
    .summary('play a recording through the machine again')
    .description(DESCRIPTION)
    .argument('<file>', 'the recording; - reads it from the input')
    .option('--view', 'show it in the live view, until Ctrl-C')
    .option('--port <port>', 'the port of the live view (0: any)', parsePort, 0)
    .addOption(
      new Option('--output <format>', 'json: one object a line').choices(['text', 'json']).default('text'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { output, view, port }: Flags) =>
      start({ file, output, ...(view && { viewPort: port }) }),
    );
