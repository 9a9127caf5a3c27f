// Everything that a command touches of the process it runs in, so that a test can hold all of it.
import type { Readable, Writable } from 'node:stream';

export type Signal = 'SIGINT' | 'SIGTERM';

export type InputStream = Readable & { readonly isTTY?: boolean };
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export interface Io {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back at every such signal, until the function that is returned is called. */
  onSignal(signal: Signal, handler: () => void): () => void;
  /** Ends the process at once, whatever it is doing. */
  exit(code: number): void;
}

export const processIo = (): Io => ({
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  onSignal: (signal, handler) => {
    process.on(signal, handler);
    return () => process.off(signal, handler);
  },
  exit: (code) => process.exit(code),
});

/** What a command ends with; `statewire --help` explains them. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A wrong argument that is only found out when the command begins. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** An error as a terminal shows it: what happened, and under it what to do. */
export function complaint(message: string, remedy?: string): string {
  const lines = remedy === undefined ? [message] : [message, remedy];
  return `statewire: ${lines.join('\n           ')}\n`;
}
