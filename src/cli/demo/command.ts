// `statewire demo` as the user types it.
import type { Command } from 'commander';

const DESCRIPTION = `Shows what a connection survives, in about 15 seconds.

Starts a mock coordinator behind a fault proxy on 127.0.0.1, connects a client, commits one real fault
after the other, and checks what it claims. Nothing leaves this machine. Exit code 0 if all was survived.`;

export const addDemoCommand = (program: Command, start: () => Promise<void>): Command =>
  program
    .command('demo')
    .summary('see what a connection survives, in about 15 seconds')
    .description(DESCRIPTION)
    .action(start);
