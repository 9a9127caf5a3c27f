// What is still owed to a crawl: which URLs have no result, and what progress and summary say over all requests that it
// took. Pure: messages in, messages out. A place in the list is what counts, so that a URL may stand in it twice.
import type { MetadataData, ResultData, SummaryData } from './messages.ts';

export class Tally {
  readonly #urls: readonly string[];
  readonly #maxUrls: number;
  /** Places that no request is under way for. */
  #waiting: number[];
  /** What each index of the present request stands for; `undefined` once it has its result. */
  #asked: (number | undefined)[] = [];
  #completed = 0;
  #successful = 0;
  #requests = 0;
  /** Results that the present request has brought. */
  #gained = 0;

  /** @param maxUrls in one request */
  constructor(urls: readonly string[], maxUrls: number) {
    this.#urls = urls;
    this.#maxUrls = maxUrls;
    this.#waiting = [...urls.keys()];
  }

  get total(): number {
    return this.#urls.length;
  }

  get isComplete(): boolean {
    return this.#completed === this.total;
  }

  /** Whether the present request has brought a result. */
  get hasGained(): boolean {
    return this.#gained > 0;
  }

  /** The URLs without a result, in the order in which they were given. */
  get missingUrls(): readonly string[] {
    return [...this.#unanswered, ...this.#waiting]
      .sort((a, b) => a - b)
      .map((place) => this.#urls[place] ?? '');
  }

  /** The URLs to ask for next, the unanswered ones of the present request included, which is over. */
  nextRequest(): readonly string[] {
    this.#waiting.unshift(...this.#unanswered);
    const places = this.#waiting.splice(0, this.#maxUrls);
    this.#asked = places;
    this.#gained = 0;
    this.#requests += 1;
    return places.map((place) => this.#urls[place] ?? '');
  }

  metadata(data: MetadataData): MetadataData {
    return { ...data, total_urls: this.total };
  }

  /** The result of a place in the whole list; `undefined` for one that has its result, or that was not asked for. */
  result(data: ResultData): ResultData | undefined {
    const place = this.#asked[data.index];
    if (place === undefined) return undefined;
    this.#asked[data.index] = undefined;
    this.#gained += 1;
    this.#completed += 1;
    if (isSuccess(data)) this.#successful += 1;
    const progress = {
      completed: this.#completed,
      total: this.total,
      success_rate: this.#successful / this.#completed,
    };
    return { ...data, index: place, progress };
  }

  /** Of the whole crawl: the server's where one request was enough, else counted, and timed, here. */
  summary(said: SummaryData | undefined, elapsedMs: number): SummaryData {
    const counted = {
      total_urls: this.total,
      successful: this.#successful,
      failed: this.total - this.#successful,
      total_processing_time_ms: Math.round(elapsedMs),
    };
    // The time that a server says is its own; what it says beside that has to agree with what came.
    if (said === undefined || this.#requests !== 1) return counted;
    const { total_processing_time_ms: spentMs } = said as Partial<SummaryData>;
    return { ...said, ...counted, ...(typeof spentMs === 'number' && { total_processing_time_ms: spentMs }) };
  }

  get #unanswered(): number[] {
    return this.#asked.filter((place) => place !== undefined);
  }
}

const isSuccess = ({ result }: ResultData): boolean =>
  (result.error as unknown) == null && result.gate_decision !== 'failed';
