// The command line, and the examples, as processes of their own.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export const ROOT = join(import.meta.dirname, '../..');

export interface Spawned {
  readonly child: ChildProcessWithoutNullStreams;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when the process has ended and all that it wrote was read. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Runs a file of this repository from source. */
export function spawnSource(file: string, ...argv: readonly string[]): Spawned {
  const options = ['--conditions=statewire-source', '--import=tsx', join(ROOT, file), ...argv];
  const env = { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined };
  const child = spawn(process.execPath, options, { cwd: ROOT, env });
  onTestFinished(() => void child.kill('SIGKILL'));
  const read = (stream: NodeJS.ReadableStream) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return () => text;
  };
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  // A test may end a process that is still being written to.
  child.stdin.on('error', () => undefined);
  return { child, stdout: read(child.stdout), stderr: read(child.stderr), ended };
}

export const spawnCli = (...argv: readonly string[]): Spawned => spawnSource('src/cli/main.ts', ...argv);
