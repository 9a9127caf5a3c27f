// `statewire demo` as the user types it.
import type { Command } from 'commander';

export interface DemoSettings {
  readonly only: readonly string[];
}
export function addDemoCommand(program: Command, start: (settings: DemoSettings) => Promise<void>): Command {
  return program.command('demo').action(async () => start({ only: [] }));
}
