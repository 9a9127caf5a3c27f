// One run of `statewire crawl`: URLs in, results out, until all are done or somebody ends it.
import { once } from 'node:events';
import type { CrawlPage, CrawlResult } from '../../crawl/index.ts';
import { redactUrl } from '../../redact.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { count, seconds } from '../style.ts';
import { Progress } from './progress.ts';
import { ResultsFile, resultLine, type Outcome } from './results-file.ts';
import type { CrawlSettings } from './settings.ts';
import { checkAddresses, messageOf, openSource, remedyOf } from './source.ts';
import { pageOf, readTargets } from './targets.ts';
import { CrawlView } from './view.ts';

/** Runs until it is over; resolves with the exit code, with nothing left open. @throws {UsageError} before it begins */
export async function crawl(settings: CrawlSettings, io: Io): Promise<ExitCode> {
  const interruption = new Interruption(io);
  const gone = (error: Error) => interruption.end(EXIT.failed, error);
  io.stdout.on('error', gone);
  try {
    return await new CrawlRun(settings, io, interruption).run();
  } finally {
    interruption.release();
    io.stdout.off('error', gone);
  }
}

/** The first signal ends the crawl as soon as all that is known has been written, the second one at once. */
class Interruption {
  /** Why the run ends before its end. */
  code: ExitCode | undefined;
  /** What the output failed with. */
  failure: (Error & { readonly code?: string }) | undefined;
  readonly #over = new AbortController();
  readonly #io: Io;
  readonly #forget: readonly (() => void)[];

  constructor(io: Io) {
    this.#io = io;
    this.#forget = [
      io.onSignal('SIGINT', () => this.#signalled(EXIT.interrupted)),
      io.onSignal('SIGTERM', () => this.#signalled(EXIT.terminated)),
    ];
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  end(code: ExitCode, failure?: Error): void {
    this.code ??= code;
    this.failure ??= failure;
    this.#over.abort();
  }

  release(): void {
    for (const one of this.#forget) one();
  }

  #signalled(code: ExitCode): void {
    if (this.signal.aborted) this.#io.exit(code);
    else this.end(code);
  }
}

const isFetched = ({ error, gate_decision }: CrawlPage): boolean =>
  (error as unknown) == null && gate_decision !== 'failed';

/** A list that nobody would read to its end. */
const MAX_LISTED = 20;

class CrawlRun {
  readonly #settings: CrawlSettings;
  readonly #io: Io;
  readonly #interruption: Interruption;
  readonly #view: CrawlView;
  readonly #startedAt = performance.now();
  /** The URLs that are asked for now, and which of them have a result. */
  #urls: readonly string[] = [];
  readonly #answered = new Set<number>();
  #failed = 0;
  #mayPass = 0;
  /** How many were left out, because an earlier run has their pages, or errors that would come again. */
  #earlier: Readonly<Record<Outcome, number>> = { fetched: 0, failed: 0 };

  constructor(settings: CrawlSettings, io: Io, interruption: Interruption) {
    const { isQuiet, destination } = settings;
    this.#settings = settings;
    this.#io = io;
    this.#interruption = interruption;
    this.#view = new CrawlView(io, { isQuiet, showsFailuresOnly: destination.kind !== 'lines' });
  }

  async run(): Promise<ExitCode> {
    const { signal } = this.#interruption;
    const { urls, duplicates } = await readTargets(this.#settings, this.#io.stdin, signal);
    if (signal.aborted) return this.#interruption.code ?? EXIT.failed;
    checkAddresses(urls, this.#settings);
    await using file = await this.#openFile();
    if (duplicates > 0) this.#view.note(`${count(duplicates, 'URL')} given again: each is crawled once.`);
    this.#leaveOut(urls, file);
    let thrown: unknown;
    if (this.#urls.length > 0) thrown = await this.#crawl(file);
    this.#view.close();
    return this.#conclude(thrown);
  }

  async #openFile(): Promise<ResultsFile | undefined> {
    const { destination } = this.#settings;
    if (destination.kind !== 'file') return undefined;
    const file = await ResultsFile.open(destination.path, destination.resumes);
    const { cutBytes, isNew } = file.earlier;
    if (cutBytes > 0)
      this.#view.note(
        `The last line of ${destination.path} was cut short: ${cutBytes} bytes of it are removed.`,
      );
    if (isNew && destination.resumes)
      this.#view.note(`${destination.path} does not exist: this is the beginning.`);
    return file;
  }

  #leaveOut(urls: readonly string[], file: ResultsFile | undefined): void {
    const outcomes = urls.map((url) => file?.earlier.outcomes.get(pageOf(url)));
    const number = (wanted: Outcome) => outcomes.filter((outcome) => outcome === wanted).length;
    this.#urls = urls.filter((_, index) => outcomes[index] === undefined);
    this.#earlier = { fetched: number('fetched'), failed: number('failed') };
    const { fetched, failed } = this.#earlier;
    if (fetched + failed === 0) return;
    const words = failed === 0 ? `${fetched} fetched` : `${fetched} fetched, ${failed} failed for good`;
    this.#view.note(`Of ${count(urls.length, 'URL')} an earlier run has done ${fetched + failed}: ${words}.`);
  }

  /** Returns what ended the crawl early, if something did. */
  async #crawl(file: ResultsFile | undefined): Promise<unknown> {
    const { signal } = this.#interruption;
    const progress = new Progress(this.#urls.length, () => performance.now());
    try {
      await using source = await openSource(this.#settings, this.#io, (text) => this.#view.note(text));
      this.#view.follow(progress);
      for await (const result of source.crawl(this.#urls, signal)) await this.#take(result, progress, file);
    } catch (thrown) {
      return thrown;
    }
    return undefined;
  }

  async #take(message: CrawlResult, progress: Progress, file: ResultsFile | undefined): Promise<void> {
    if (message.type === 'error' && message.data.raw !== undefined)
      this.#view.note(`A message of the server could not be read: ${message.data.message}.`);
    if (message.type !== 'result') return;
    const { index, result: page } = message.data;
    const url = this.#urls[index] ?? page.url;
    await this.#keep(resultLine(url, page), file);
    this.#answered.add(index);
    if (!isFetched(page)) this.#failed += 1;
    if (page.error?.retryable === true) this.#mayPass += 1;
    progress.record(isFetched(page));
    this.#view.page(url, page, isFetched(page));
  }

  /** Resolves when there is room for the next one: whoever does not read slows the server down. */
  async #keep(line: string, file: ResultsFile | undefined): Promise<void> {
    const { stdout } = this.#io;
    const { signal } = this.#interruption;
    await file?.write(line);
    if (this.#settings.destination.kind === 'stdout') stdout.write(line);
    if (stdout.writableNeedDrain) await once(stdout, 'drain', { signal }).catch(() => undefined);
  }

  #conclude(thrown: unknown): ExitCode {
    const { code, failure } = this.#interruption;
    // Whoever read the results has gone; there is nobody to tell.
    if (failure?.code === 'EPIPE') return EXIT.failed;
    if (thrown !== undefined || this.#missing.length > 0) {
      this.#tellWhy(thrown);
      return code ?? EXIT.failed;
    }
    const failed = this.#failed + this.#earlier.failed;
    const fetched = this.#urls.length - this.#failed + this.#earlier.fetched;
    const time = `in ${seconds(performance.now() - this.#startedAt, 1)}`;
    const all = count(fetched + failed, 'page');
    if (failed === 0) this.#view.verdict(true, `${all} fetched ${time}`);
    else this.#view.verdict(false, `${fetched} of ${all} fetched, ${failed} failed, ${time}`);
    if (this.#mayPass > 0 && this.#settings.destination.kind === 'file')
      this.#view.note(`${this.#mayPass} of them may succeed later. ${this.#howToResume}`);
    return failed === 0 ? (code ?? EXIT.done) : EXIT.failed;
  }

  get #missing(): readonly string[] {
    return this.#urls.filter((_, index) => !this.#answered.has(index));
  }

  #tellWhy(thrown: unknown): void {
    const { code, failure } = this.#interruption;
    const missing = this.#missing;
    const total = count(this.#urls.length, 'URL');
    // What it failed with has been said.
    if (failure !== undefined) this.#view.problem('The crawl ended early.');
    else if (code !== undefined) this.#view.problem('The crawl was interrupted.');
    else this.#view.problem(messageOf(thrown), remedyOf(thrown, this.#settings.server !== undefined));
    if (missing.length === 0) return;
    this.#view.detail(`${missing.length} of ${total} ${missing.length === 1 ? 'has' : 'have'} no result:`);
    for (const url of missing.slice(0, MAX_LISTED)) this.#view.detail(`  ${redactUrl(url)}`);
    if (missing.length > MAX_LISTED) this.#view.detail(`  … and ${missing.length - MAX_LISTED} more`);
    this.#view.detail(this.#howToResume);
  }

  get #howToResume(): string {
    const { destination } = this.#settings;
    if (destination.kind !== 'file')
      return 'With --output FILE a crawl can be gone on with by --resume FILE.';
    return destination.resumes
      ? 'Run it again to go on.'
      : `To go on, run it again with --resume ${destination.path} instead of --output.`;
  }
}
