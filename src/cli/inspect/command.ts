// `statewire inspect` as the user types it.
import { InvalidArgumentError, type Command } from 'commander';
import { parsePort } from '../port.ts';

/** Where `remoteInspector()` looks for a live view. */
export const DEFAULT_PORT = 4242;

export interface InspectSettings {
  readonly port: number;
  readonly allowOrigins: readonly string[];
  /** Recordings to show beside what is told. */
  readonly files: readonly string[];
}

const DESCRIPTION = `Shows connections in a browser: the machine at work, its events, and a slider through time.

Starts a server on 127.0.0.1 and prints its address; nothing leaves this machine. Applications tell it of
connections, with inspect: remoteInspector(), and of any XState 5 actor, by @statelyai/inspect.`;

const EXAMPLES = `
Examples:
  $ statewire inspect
  $ statewire inspect --allow-origin http://localhost:5173    for connections in a page of that origin
  $ statewire inspect --open-recording bug-1234.json
  $ statewire demo --inspect                                  to see it at work

Ctrl-C ends it.`;

interface Flags {
  readonly port: number;
  readonly allowOrigin?: readonly string[];
  readonly openRecording?: readonly string[];
}

export const addInspectCommand = (
  program: Command,
  start: (settings: InspectSettings) => Promise<void>,
): Command =>
  program
    .command('inspect')
    .summary('see connections and their machines in a browser')
    .description(DESCRIPTION)
    .option('--port <port>', 'the port to listen on (0: any)', parsePort, DEFAULT_PORT)
    .option(
      '--allow-origin <origin>',
      'a page of this origin may tell of its connections (repeatable)',
      parseOrigin,
    )
    .option('--open-recording <file>', 'show a recording too (repeatable)', collect)
    .addHelpText('after', EXAMPLES)
    .action(async ({ port, allowOrigin = [], openRecording = [] }: Flags) =>
      start({ port, allowOrigins: allowOrigin, files: openRecording }),
    );

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** What a browser sends: scheme, host and port, nothing behind them. */
function parseOrigin(text: string, before?: readonly string[]): readonly string[] {
  const origin = URL.canParse(text) ? new URL(text).origin : 'null';
  if (origin === 'null') throw new InvalidArgumentError('Expected an origin: http://localhost:5173 is one.');
  return collect(origin, before);
}
