// A recording that a command was given as a file.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { ConnectionError, textOf } from '../errors.ts';
import { parseRecording, type Recording } from '../inspection/recording.ts';
import { UsageError, type Io } from './io.ts';

/** `-` reads the input. @throws {UsageError} for a file that cannot be read, or that holds no recording */
export async function readRecording(file: string, io: Io): Promise<Recording> {
  let content: string;
  try {
    content = file === '-' ? await text(io.stdin) : await readFile(file, 'utf8');
  } catch (thrown) {
    throw new UsageError(
      `${file} cannot be read: ${textOf(thrown)}.`,
      'Give the path of a recording, or - for the input.',
    );
  }
  return orUsageError(file, () => parseRecording(content));
}

/** What is wrong with a recording is wrong with the file that the user gave. */
export function orUsageError<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof ConnectionError)) throw thrown;
    throw new UsageError(`${file}: ${thrown.message}`, thrown.remedy);
  }
}
