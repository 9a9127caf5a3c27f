// What a crawl shows: a line for each page where nothing else takes the results, and how far it is, on stderr: as a bar
// that stays below on a terminal, else as a line now and then.
import { clearLine, cursorTo } from 'node:readline';
import type { CrawlPage, CrawlPageError } from '../../crawl/messages.ts';
import { redactUrl } from '../../redact.ts';
import { complaint, type Io, type OutputStream } from '../io.ts';
import { fit, harmless, padStart, seconds, styleOf, type Style } from '../style.ts';
import { barOf, inWords, type Progress } from './progress.ts';

export interface ViewOptions {
  readonly isQuiet: boolean;
  /** Whether results go elsewhere: then only those that failed are shown, beside the progress. */
  readonly showsFailuresOnly: boolean;
}

const TICK_MS = 200;
const DEFAULT_COLUMNS = 80;
/** Without a terminal: a line for each tenth, and after that time for less. */
const TENTHS = 10;
const LINE_EVERY_MS = 10_000;

export class CrawlView {
  readonly #io: Pick<Io, 'stdout' | 'stderr' | 'env'>;
  readonly #options: ViewOptions;
  readonly #hasBar: boolean;
  #progress: Progress | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #isBarShown = false;
  #tenths = 0;
  #lastLineAt = 0;

  constructor(io: Pick<Io, 'stdout' | 'stderr' | 'env'>, options: ViewOptions) {
    this.#io = io;
    this.#options = options;
    this.#hasBar = !options.isQuiet && io.stderr.isTTY === true && io.env['TERM'] !== 'dumb';
  }

  follow(progress: Progress): void {
    this.#progress = progress;
    this.#lastLineAt = performance.now();
    if (!this.#hasBar) return;
    this.#showBar();
    this.#ticking = setInterval(() => this.#redrawBar(), TICK_MS);
  }

  /** A page is done, and counted. */
  page(url: string, page: CrawlPage, isFetched: boolean): void {
    const { isQuiet, showsFailuresOnly } = this.#options;
    const { stdout, stderr } = this.#io;
    if (!showsFailuresOnly) this.#print(stdout, (style) => lineOf(url, page, style));
    else if (!isFetched && !isQuiet) this.#print(stderr, (style) => lineOf(url, page, style));
    this.#tellProgress();
  }

  /** Something worth knowing, unless only results are wanted. */
  note(text: string): void {
    if (!this.#options.isQuiet)
      this.#print(this.#io.stderr, ({ dim }) => dim(harmless(`statewire: ${text}`)));
  }

  problem(message: string, remedy?: string): void {
    this.#hideBar();
    this.#io.stderr.write(complaint(harmless(message), remedy));
    this.#showBar();
  }

  /** What belongs to a problem. */
  detail(text: string): void {
    this.#print(this.#io.stderr, () => harmless(`           ${text}`));
  }

  /** The last word. */
  verdict(isGood: boolean, text: string): void {
    this.close();
    if (this.#options.isQuiet) return;
    this.#print(this.#io.stderr, ({ green, red }) => (isGood ? green(`✔ ${text}`) : red(`✘ ${text}`)));
  }

  /** No bar any more. */
  close(): void {
    clearInterval(this.#ticking);
    this.#hideBar();
    this.#progress = undefined;
  }

  #print(stream: OutputStream, line: (style: Style) => string): void {
    this.#hideBar();
    stream.write(`${line(styleOf(this.#io, stream))}\n`);
    this.#showBar();
  }

  #tellProgress(): void {
    const progress = this.#progress;
    if (this.#hasBar || this.#options.isQuiet || progress === undefined) return;
    const now = performance.now();
    const tenths = Math.floor((progress.done * TENTHS) / progress.total);
    const isDue = tenths > this.#tenths || now - this.#lastLineAt >= LINE_EVERY_MS;
    // The end has its own line, and so few pages are all seen.
    if (!isDue || progress.done === progress.total || progress.total < TENTHS) return;
    this.#tenths = tenths;
    this.#lastLineAt = now;
    this.note(inWords(progress));
  }

  #redrawBar(): void {
    this.#hideBar();
    this.#showBar();
  }

  #showBar(): void {
    if (!this.#hasBar || this.#progress === undefined) return;
    const { stderr } = this.#io;
    this.#isBarShown = true;
    // A terminal that does not know its size says 0.
    const columns = stderr.columns || DEFAULT_COLUMNS;
    stderr.write(barOf(this.#progress, columns, styleOf(this.#io, stderr)));
  }

  #hideBar(): void {
    if (!this.#isBarShown) return;
    this.#isBarShown = false;
    cursorTo(this.#io.stderr, 0);
    clearLine(this.#io.stderr, 1);
  }
}

const STATUS_CELLS = 3;

/** `✔ 200   0.12 s  https://example.com/  Example Domain` */
function lineOf(url: string, page: CrawlPage, style: Style): string {
  const { status, processing_time_ms: tookMs, document } = page;
  // A stranger's server may leave it out.
  const error = page.error as CrawlPageError | null | undefined;
  const isGood = error == null && page.gate_decision !== 'failed';
  const sign = isGood ? style.green('✔') : style.red('✘');
  const code = padStart(status === 0 ? '–' : String(status), STATUS_CELLS);
  const time = style.dim(padStart(page.from_cache ? 'cached' : seconds(tookMs), 8));
  const words = oneLine(error == null ? (document?.title ?? '') : `${error.error_type}: ${error.message}`);
  return `${sign} ${code} ${time}  ${harmless(redactUrl(url))}  ${isGood ? style.dim(words) : words}`.trimEnd();
}

const MAX_CELLS = 120;
const oneLine = (text: string): string => fit(harmless(text.replace(/\s+/g, ' ').trim()), MAX_CELLS);
