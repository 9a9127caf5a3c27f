// Which URLs are to be crawled: from the arguments, a file and the input, each once, in the order in which they came.
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { textOf } from '../../errors.ts';
import { redactUrl } from '../../redact.ts';
import { readLines } from '../session/lines.ts';
import { UsageError, type InputStream } from '../io.ts';
import type { CrawlSettings } from './settings.ts';

export interface Targets {
  readonly urls: readonly string[];
  /** How often a URL was given again. */
  readonly duplicates: number;
}

/** A crawl server takes no longer ones. */
const MAX_CHARACTERS = 2_048;

/** What two URLs of one page have in common: a fragment is not asked for. */
export function pageOf(url: string): string {
  const page = new URL(url);
  page.hash = '';
  return page.href;
}

/** @throws {UsageError} for what cannot be crawled, and for a file that cannot be read */
export async function readTargets(
  { urls, inputFile }: Pick<CrawlSettings, 'urls' | 'inputFile'>,
  stdin: InputStream,
  signal: AbortSignal,
): Promise<Targets> {
  const list = new TargetList();
  const sources = new Set([
    ...urls.filter((url) => url === '-'),
    ...(inputFile === undefined ? [] : [inputFile]),
  ]);
  for (const url of urls) if (url !== '-') list.add(url, '');
  for (const source of sources) {
    const input = source === '-' ? stdin : createReadStream(source);
    await list.addLines(input, source === '-' ? 'the input' : source, signal);
  }
  if (list.urls.length === 0 && !signal.aborted)
    throw new UsageError('There is no URL to crawl in the input.', 'Write one a line; # begins a comment.');
  return list;
}

class TargetList implements Targets {
  readonly urls: string[] = [];
  duplicates = 0;
  readonly #pages = new Set<string>();

  add(url: string, place: string): void {
    check(url, place);
    const page = pageOf(url);
    if (this.#pages.has(page)) this.duplicates += 1;
    else this.urls.push(url);
    this.#pages.add(page);
  }

  async addLines(input: Readable, name: string, signal: AbortSignal): Promise<void> {
    let number = 0;
    const take = (line: string): Promise<void> => {
      number += 1;
      // A file from Windows may begin with a byte order mark; trim() takes it for a space.
      const text = line.trim();
      if (text !== '' && !text.startsWith('#')) this.add(text, `${name}:${number}: `);
      return Promise.resolve();
    };
    try {
      await readLines(input, signal, take);
    } catch (thrown) {
      if (thrown instanceof UsageError) throw thrown;
      throw new UsageError(
        `${name} cannot be read: ${textOf(thrown)}.`,
        'Give the path of a file with one URL a line.',
      );
    }
  }
}

/** One URL that a server refuses would end the whole crawl. */
function check(url: string, place: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    const guess = `https://${url}`;
    const isGuess = !url.includes('://') && URL.canParse(guess) && /^[^/]*\.|^localhost\b/.test(url);
    throw new UsageError(
      `${place}'${redactUrl(isGuess ? guess : url).slice(isGuess ? 'https://'.length : 0)}' is no URL of a page.`,
      isGuess ? `Did you mean ${redactUrl(guess)}?` : 'Give one such as https://example.com/page.',
    );
  }
  const remedy = 'Leave it out: no crawl server takes it.';
  if (parsed.username !== '' || parsed.password !== '')
    throw new UsageError(`${place}${redactUrl(url)} contains a user name or a password.`, remedy);
  if (url.length > MAX_CHARACTERS)
    throw new UsageError(`${place}A URL is longer than ${MAX_CHARACTERS} characters.`, remedy);
}
