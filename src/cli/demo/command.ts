// `statewire demo` as the user types it.
import type { Command } from 'commander';
import { DEFAULT_PORT } from '../inspect/command.ts';
import { parsePort } from '../port.ts';

const DESCRIPTION = `Shows what a connection survives, in about 20 seconds.

Starts a mock coordinator behind a fault proxy on 127.0.0.1, connects a client, commits one real fault
after the other, and checks what it claims. Nothing leaves this machine. Exit code 0 if all was survived.`;

const EXAMPLES = `
Examples:
  $ statewire demo
  $ statewire demo --inspect    open the printed address, and watch the machine go through it

In a terminal, the live view stays after the end, to slide back in time, until Ctrl-C.`;

export interface DemoSettings {
  /** The port of the live view; absent: there is none. */
  readonly viewPort?: number;
  /** Whether the live view stays after the end, if there is somebody to look at it. */
  readonly wait: boolean;
}

interface Flags {
  readonly inspect?: true;
  readonly port: number;
  readonly wait: boolean;
}

export const addDemoCommand = (program: Command, start: (settings: DemoSettings) => Promise<void>): Command =>
  program
    .command('demo')
    .summary('see what a connection survives, in about 20 seconds')
    .description(DESCRIPTION)
    .option('--inspect', 'show the machines of the demo in a browser, live')
    .option('--port <port>', 'the port of the live view (0: any)', parsePort, DEFAULT_PORT)
    .option('--no-wait', 'end the live view with the demo, as it does outside of a terminal')
    .addHelpText('after', EXAMPLES)
    .action(async ({ inspect, port, wait }: Flags) => start({ wait, ...(inspect && { viewPort: port }) }));
