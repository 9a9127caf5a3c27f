// The file that results go to, one a line, and what an earlier run has left in it.
import { createReadStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { CrawlPage } from '../../crawl/messages.ts';
import { textOf } from '../../errors.ts';
import { UsageError } from '../io.ts';
import { pageOf } from './targets.ts';

/** What became of a page in an earlier run; an error that may pass is nothing final, and is not in here. */
export type Outcome = 'fetched' | 'failed';

export interface Earlier {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** How much of a half-written last line was cut off. */
  readonly cutBytes: number;
  readonly isNew: boolean;
}

/** Every line begins so, and a line that was cut short does too. */
const BEGINNING = '{"url":"';
const NEWLINE = 0x0a;

/** A result as it is written: the page, under the URL that it was asked for by. */
export const resultLine = (url: string, page: CrawlPage): string =>
  `${JSON.stringify(Object.assign({ url, error: null }, page, { url }))}\n`;

export class ResultsFile implements AsyncDisposable {
  readonly earlier: Earlier;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, earlier: Earlier) {
    this.#handle = handle;
    this.earlier = earlier;
  }

  /**
   * Opens a file to append to. Only one that is to go on with may have something in it.
   *
   * @throws {UsageError} for one that cannot be opened, or that holds something else
   */
  static async open(path: string, resumes: boolean): Promise<ResultsFile> {
    const before = await unlessUnusable(path, () => stat(path).catch(unlessMissing));
    const size = before?.isFile() === true ? before.size : 0;
    if (resumes && before?.isFile() === false)
      throw new UsageError(`${path} is no file.`, 'Give the output of an earlier run.');
    if (!resumes && size > 0)
      throw new UsageError(
        `${path} exists already.`,
        `Go on with it by --resume ${path}, or remove it, or give another one.`,
      );
    const found = size > 0 ? await unlessUnusable(path, () => scan(path)) : NOTHING;
    const handle = await unlessUnusable(path, () => open(path, 'a'));
    const cutBytes = await mend(handle, found, size);
    return new ResultsFile(handle, { outcomes: found.outcomes, cutBytes, isNew: before === undefined });
  }

  /** Resolves when the system has it: a process that is killed afterwards has not lost it. */
  async write(line: string): Promise<void> {
    await this.#handle.appendFile(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

interface Scan {
  readonly outcomes: Map<string, Outcome>;
  /** Up to the last end of a line. */
  readonly wholeBytes: number;
  /** What follows it: nothing, a line that only lacks its end, or a part of a line. */
  readonly end: 'none' | 'whole' | 'cut';
}

const NOTHING: Scan = { outcomes: new Map(), wholeBytes: 0, end: 'none' };

/** Makes the file end with the end of a line. Returns how many bytes were cut off. */
async function mend(handle: FileHandle, { end, wholeBytes }: Scan, size: number): Promise<number> {
  if (end === 'whole') await handle.appendFile('\n');
  if (end !== 'cut') return 0;
  await handle.truncate(wholeBytes);
  return size - wholeBytes;
}

/** @throws {UsageError} for a line that is no result: nobody's file is to be cut short by mistake */
async function scan(path: string): Promise<Scan> {
  const outcomes = new Map<string, Outcome>();
  let number = 0;
  let wholeBytes = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const { line, isWhole } of linesOf(path)) {
    if (!isWhole) {
      rest = line;
      break;
    }
    number += 1;
    wholeBytes += line.length + 1;
    if (!learn(line, outcomes)) throw noResult(path, number);
  }
  if (rest.length === 0) return { outcomes, wholeBytes, end: 'none' };
  if (learn(rest, outcomes)) return { outcomes, wholeBytes, end: 'whole' };
  const text = rest.toString('latin1', 0, BEGINNING.length);
  if (!BEGINNING.startsWith(text)) throw noResult(path, number + 1);
  return { outcomes, wholeBytes, end: 'cut' };
}

const noResult = (path: string, line: number): UsageError =>
  new UsageError(`${path}:${line}: This is no result of a crawl.`, 'Give the output of an earlier run.');

/** Whether it is a result. */
function learn(line: Buffer, outcomes: Map<string, Outcome>): boolean {
  const page = parse(line);
  if (page === undefined) return false;
  const { url, error } = page;
  if ((error as unknown) == null) outcomes.set(pageOf(url), 'fetched');
  else if (error?.retryable === true) outcomes.delete(pageOf(url));
  else outcomes.set(pageOf(url), 'failed');
  return true;
}

function parse(line: Buffer): CrawlPage | undefined {
  try {
    const value = JSON.parse(line.toString()) as Partial<CrawlPage> | null;
    const isResult = typeof value?.url === 'string' && URL.canParse(value.url) && 'error' in value;
    return isResult ? (value as CrawlPage) : undefined;
  } catch {
    return undefined;
  }
}

/** Lines as bytes, without their ends; the last one is not whole unless it has one. */
async function* linesOf(path: string): AsyncGenerator<{ readonly line: Buffer; readonly isWhole: boolean }> {
  let pieces: Buffer[] = [];
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      yield { line: Buffer.concat([...pieces, chunk.subarray(from, end)]), isWhole: true };
      pieces = [];
      from = end + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
  if (pieces.length > 0) yield { line: Buffer.concat(pieces), isWhole: false };
}

function unlessMissing(thrown: unknown): undefined {
  if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  return undefined;
}

async function unlessUnusable<Value>(path: string, use: () => Promise<Value>): Promise<Value> {
  try {
    return await use();
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown;
    throw new UsageError(
      `${path} cannot be used: ${textOf(thrown)}.`,
      'Give the path of a file to write to.',
    );
  }
}
