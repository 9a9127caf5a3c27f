// An API key comes from a file: on the command line every user of the machine could read it.
import { readFileSync } from 'node:fs';
import { textOf } from '../errors.ts';
import { UsageError } from './io.ts';

/** Of `@file` the path, once it is known that there is a key in it. @throws {UsageError} */
export function parseKeyFile(given: string): string {
  const path = given.slice(1);
  // Not as the others, which say what was given: it may well be the key itself.
  if (!given.startsWith('@') || path === '')
    throw new UsageError(
      '--api-key is wrong: expected @file.',
      'Write the key into a file that only you can read, and give its path after the @.',
    );
  readKeys(path);
  return path;
}

/** One key a line; blank lines are skipped. @throws {UsageError} for a file that cannot be read, or that holds none */
export function readKeys(path: string): readonly [string, ...string[]] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new UsageError(
      `--api-key cannot be read: ${textOf(thrown)}.`,
      'Give the path of a readable file after the @.',
    );
  }
  const [first, ...others] = content.split(/\r?\n/).flatMap((line) => line.trim() || []);
  if (first === undefined)
    throw new UsageError(`--api-key: there is no key in ${path}.`, 'Write one a line.');
  return [first, ...others];
}
