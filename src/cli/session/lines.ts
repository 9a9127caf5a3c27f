// Lines from a pipe or a file, one at a time: the next is read when the last has been taken.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/**
 * Hands each line to `take` and waits for it; resolves at the end of the input, or when the signal is aborted.
 *
 * @throws what the input fails with, and what `take` throws
 */
export async function readLines(
  input: Readable,
  signal: AbortSignal,
  take: (line: string) => Promise<void>,
): Promise<void> {
  const isOver = () => signal.aborted;
  if (isOver()) return;
  const lines = createInterface({ input, crlfDelay: Infinity, terminal: false });
  const failures: Error[] = [];
  const close = () => lines.close();
  const fail = (thrown: Error) => {
    failures.push(thrown);
    close();
  };
  signal.addEventListener('abort', close, { once: true });
  input.once('error', fail);
  try {
    for await (const line of lines) {
      // Lines that were read before the end of interest are still handed out.
      if (isOver()) break;
      await take(line);
    }
  } finally {
    signal.removeEventListener('abort', close);
    input.off('error', fail);
    close();
  }
  const [failure] = failures;
  if (failure !== undefined) throw failure;
}
