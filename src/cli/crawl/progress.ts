// How far a crawl is, how fast it goes, and how long that will take. No clock of its own and no output.
import { fit, type Style } from '../style.ts';

/** The rate is that of the last so many pages. */
const WINDOW = 50;

export class Progress {
  readonly total: number;
  readonly #now: () => number;
  /** When the last pages were done, and before them the beginning. */
  #times: number[];
  #done = 0;
  #failed = 0;

  /** @param now in milliseconds */
  constructor(total: number, now: () => number) {
    this.total = total;
    this.#now = now;
    this.#times = [now()];
  }

  record(isFetched: boolean): void {
    this.#done += 1;
    if (!isFetched) this.#failed += 1;
    this.#times = [...this.#times.slice(-WINDOW), this.#now()];
  }

  get done(): number {
    return this.#done;
  }

  get failed(): number {
    return this.#failed;
  }

  /** Pages a second; 0 before the first one. It falls while none comes. */
  get rate(): number {
    const [since = 0] = this.#times;
    const spentMs = this.#now() - since;
    return this.#done === 0 || spentMs <= 0 ? 0 : ((this.#times.length - 1) * 1_000) / spentMs;
  }

  /** `undefined` as long as nobody can tell. */
  get remainingMs(): number | undefined {
    const { rate } = this;
    return rate === 0 ? undefined : ((this.total - this.#done) / rate) * 1_000;
  }
}

const SEPARATOR = ' · ';

/** `45 of 100 · 2 failed · 12.3/s · 5 s left` */
export function inWords(progress: Progress): string {
  const { done, total, failed, rate, remainingMs } = progress;
  const speed = rate === 0 ? [] : [`${rate.toFixed(rate < 100 ? 1 : 0)}/s`];
  const left = remainingMs === undefined || done === total ? [] : [`${duration(remainingMs)} left`];
  return [`${done} of ${total}`, ...(failed === 0 ? [] : [`${failed} failed`]), ...speed, ...left].join(
    SEPARATOR,
  );
}

/** `5 s`, `2 min 05 s`, `3 h 07 min`. */
export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  const two = (n: number) => String(n).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${two(Math.floor((seconds % 3_600) / 60))} min`;
}

const BAR_CELLS = 30;
const MIN_BAR_CELLS = 10;

/** A bar and words, in one row of so many columns. */
export function barOf(progress: Progress, columns: number, style: Style): string {
  const words = fit(inWords(progress), columns - 1);
  const room = Math.min(BAR_CELLS, columns - words.length - 3);
  if (room < MIN_BAR_CELLS) return words;
  const { done, failed, total } = progress;
  const full = Math.round((done / total) * room);
  const red = failed === 0 ? 0 : Math.max(1, Math.round((failed / total) * room));
  const green = Math.max(0, full - red);
  const bar =
    style.green('━'.repeat(green)) + style.red('━'.repeat(full - green)) + style.dim('─'.repeat(room - full));
  return `${bar} ${words}`;
}
