// A crawl goes on through connections that break: each page has its result exactly once.
import type { CrawlConnection } from '../../../crawl/index.ts';
import type { Chapter, Outcome } from '../chapter.ts';

const PAGES = 12;
const FIRST_CUT_AFTER = 4;
const SECOND_CUT_AFTER = 8;
/** Less than a result is long. */
const CUT_AFTER_BYTES = 300;

export const crawlCut: Chapter = {
  title: 'A crawl is cut twice',
  announcement: `${PAGES} pages are crawled. After ${FIRST_CUT_AFTER} the connection is reset, after ${SECOND_CUT_AFTER} again, in mid-message.`,
  async run(stage) {
    const { CrawlWorld } = await import('./crawl-world.ts');
    const { client, proxy, urlsOf } = await stage.use(CrawlWorld.make);
    const cuts = new Cuts();
    client.on('connection', (connection) => cuts.watch(connection));
    const titles: (string | undefined)[] = [];
    for await (const { type, data } of client.crawl(urlsOf(PAGES), { options: { concurrency: 2 } })) {
      if (type === 'summary')
        stage.check(`the summary says ${data.successful} of ${PAGES}`, data.successful === PAGES);
      if (type !== 'result') continue;
      titles.push(data.result.document?.title);
      if (titles.length === FIRST_CUT_AFTER) cuts.commit(() => proxy.reset());
      if (titles.length === SECOND_CUT_AFTER)
        cuts.commit(() => proxy.cutAfter(CUT_AFTER_BYTES, { direction: 'toClient', how: 'rst', times: 1 }));
    }
    const { requests, connections } = client.metrics;
    stage.check('the connection was lost twice and restored twice', connections.reconnects === 2);
    stage.check('each of them was asked only for what had no result yet', requests === connections.opened);
    const isComplete = new Set(titles).size === PAGES && !titles.includes(undefined);
    stage.check(`${titles.length} results: nothing is missing`, isComplete);
    stage.check('nothing came twice', titles.length === PAGES);
    await client.disconnect();
    return cuts.outcome;
  },
};

/** Takes the time of faults, of which the slowest counts. */
class Cuts {
  outcome: Required<Outcome> = { noticedAfterMs: 0, recoveredAfterMs: 0, attempts: 0 };
  #faultAt = 0;

  commit(fault: () => void): void {
    this.#faultAt = performance.now();
    fault();
  }

  watch(connection: CrawlConnection): void {
    connection.on('statechange', ({ state, previous }) => {
      const { noticedAfterMs, recoveredAfterMs, attempts } = this.outcome;
      const sinceMs = performance.now() - this.#faultAt;
      if (previous === 'open' && state === 'reconnecting')
        this.outcome = { ...this.outcome, noticedAfterMs: Math.max(noticedAfterMs, sinceMs) };
      if (previous === 'reconnecting') this.outcome = { ...this.outcome, attempts: attempts + 1 };
      if (state === 'open' && this.#faultAt > 0)
        this.outcome = { ...this.outcome, recoveredAfterMs: Math.max(recoveredAfterMs, sinceMs) };
    });
  }
}
