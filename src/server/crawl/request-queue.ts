// The crawls of one connection: one after the other where requests have no id, several at once where they have one.
import { Crawl, type CrawlEnvironment, type EndOfCrawl } from './crawl.ts';
import type { Outlet } from './outlet.ts';
import type { CrawlJob } from './requests.ts';

export interface RequestQueueOptions {
  readonly outlet: Outlet;
  readonly environment: CrawlEnvironment;
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** Called whenever nothing runs and nothing waits any more. */
  readonly onIdle: () => void;
}

type Task = () => Promise<void>;

export class RequestQueue {
  readonly #options: RequestQueueOptions;
  readonly #running = new Set<Crawl>();
  /** Those with an id, running and waiting. */
  readonly #named = new Map<string, Crawl>();
  readonly #waiting = new Set<Crawl>();
  readonly #inOrder: Task[] = [];
  #isOrderBusy = false;
  #ended: EndOfCrawl | undefined;

  constructor(options: RequestQueueOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0 && !this.#isOrderBusy;
  }

  get isCrawling(): boolean {
    return this.#running.size > 0;
  }

  get isFull(): boolean {
    return this.#waiting.size + this.#inOrder.length >= this.#options.maxWaiting;
  }

  has(requestId: string): boolean {
    return this.#named.has(requestId);
  }

  /** Starts a crawl when its turn has come. Ask `isFull` and `has()` first. */
  crawl(job: CrawlJob): void {
    const crawl = new Crawl(job, this.#options.outlet, this.#options.environment);
    if (crawl.requestId === undefined) {
      this.afterCrawls(() => this.#run(crawl));
      return;
    }
    this.#named.set(crawl.requestId, crawl);
    if (this.#running.size < this.#options.maxRunning) void this.#run(crawl);
    else this.#waiting.add(crawl);
  }

  /** Does something when every request without an id that came before has been answered. */
  afterCrawls(task: Task): void {
    this.#inOrder.push(task);
    if (!this.#isOrderBusy) void this.#workOff();
  }

  /** One that waits is begun, so that its metadata and its summary come. */
  cancel(requestId: string): void {
    const crawl = this.#named.get(requestId);
    if (crawl === undefined) return;
    crawl.end('cancelled');
    if (this.#waiting.delete(crawl)) void this.#run(crawl);
  }

  pause(requestId: string): void {
    this.#named.get(requestId)?.pause();
  }

  resume(requestId: string): void {
    this.#named.get(requestId)?.resume();
  }

  /** Ends everything, and whatever is added later. */
  endAll(reason: EndOfCrawl): void {
    this.#ended = reason;
    for (const crawl of [...this.#running, ...this.#waiting]) crawl.end(reason);
  }

  /** Ends what runs, because its results are not read. */
  endRunning(reason: EndOfCrawl): void {
    for (const crawl of this.#running) crawl.end(reason);
  }

  async #workOff(): Promise<void> {
    this.#isOrderBusy = true;
    for (let task = this.#inOrder.shift(); task !== undefined; task = this.#inOrder.shift()) await task();
    this.#isOrderBusy = false;
    this.#settle();
  }

  async #run(crawl: Crawl): Promise<void> {
    if (this.#ended !== undefined) crawl.end(this.#ended);
    this.#running.add(crawl);
    await crawl.run();
    this.#running.delete(crawl);
    if (crawl.requestId !== undefined) this.#named.delete(crawl.requestId);
    const [next] = this.#waiting;
    if (next !== undefined && this.#running.size < this.#options.maxRunning) {
      this.#waiting.delete(next);
      void this.#run(next);
    }
    this.#settle();
  }

  #settle(): void {
    if (this.isIdle) this.#options.onIdle();
  }
}
