// What every kind of server has on the command line: an address to listen at, one line for each thing that happens,
// and an end that lets running work finish.
import type { Command } from 'commander';
import { textOf } from '../../errors.ts';
import type { Logger } from '../../options.ts';
import { EXIT, UsageError, type ExitCode, type Io } from '../io.ts';
import { parsePort } from '../port.ts';
import { untilEnded } from '../signals.ts';
import { harmless, styleOf } from '../style.ts';

export interface ServeSettings {
  readonly port: number;
  readonly host: string;
  readonly isQuiet: boolean;
}

/** As commander leaves them. */
export interface ServeFlags {
  readonly port: number;
  readonly host: string;
  readonly quiet?: true;
}

export const addServeOptions = (command: Command, defaultPort: number): Command =>
  command
    .option('--port <port>', 'the port to listen on (0: any)', parsePort, defaultPort)
    .option('--host <host>', 'the address to listen at; 0.0.0.0 is all of them', '127.0.0.1')
    .option('--quiet', 'do not tell of connections');

export const serveSettingsOf = ({ port, host, quiet }: ServeFlags): ServeSettings => ({
  port,
  host,
  isQuiet: quiet === true,
});

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/;

/** Whether only programs on this machine reach an address. */
export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** @throws {UsageError} for an address that cannot be listened at */
export async function listening<Server>(
  { port, host }: ServeSettings,
  start: () => Promise<Server>,
): Promise<Server> {
  try {
    return await start();
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (thrown instanceof UsageError || code === undefined || code.startsWith('ERR_')) throw thrown;
    if (code === 'EADDRINUSE')
      throw new UsageError(
        `Port ${port} is taken.`,
        'Give another one with --port, or 0 for any that is free.',
      );
    throw new UsageError(
      `${harmless(host)}, port ${port}, cannot be listened at: ${textOf(thrown)}.`,
      'Check --host and --port.',
    );
  }
}

export interface Ending {
  /** What is still running, such as `2 crawls`; nothing if nothing is. */
  readonly running: () => string | undefined;
  readonly close: () => Promise<void>;
}

/** Serves until the first signal, then lets what is running finish; a second signal ends the process at once. */
export async function serveUntilEnded({ running, close }: Ending, io: Io): Promise<ExitCode> {
  const code = await untilEnded(io);
  const hurry = [
    io.onSignal('SIGINT', () => io.exit(EXIT.interrupted)),
    io.onSignal('SIGTERM', () => io.exit(EXIT.terminated)),
  ];
  const left = running();
  if (left !== undefined) io.stderr.write(`statewire: Ending with ${left}. Ctrl-C ends at once.\n`);
  await close();
  for (const one of hurry) one();
  return code;
}

export const warn = (text: string, io: Io): void => void io.stderr.write(`statewire: ${text}\n`);

/** One line for each thing that happens. */
export function loggerOf(io: Io): Logger {
  const { dim } = styleOf(io, io.stderr);
  const write = (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
    const known = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
    const words = known.map(([name, value]) => `${name} ${String(value)}`);
    io.stderr.write(`${dim(harmless(`statewire: ${[message, ...words].join('  ')}`))}\n`);
  };
  return { debug: () => undefined, info: write, warn: write, error: write };
}
