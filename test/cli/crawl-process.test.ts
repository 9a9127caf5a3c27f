// `statewire crawl` as a real process: an interruption, and how it is gone on with.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { CrawlPage } from '../../src/crawl/index.ts';
import { until } from '../../src/testing/wait.ts';
import { Site } from '../support/site.ts';
import { spawnCli } from './spawned.ts';

const STARTING = { timeoutMs: 20_000 };

async function stage() {
  const site = await Site.listen();
  const folder = mkdtempSync(join(tmpdir(), 'statewire-'));
  onTestFinished(async () => {
    await site.close();
    rmSync(folder, { recursive: true });
  });
  const urls = [
    ...[1, 2, 3].map((n) => site.url(`/page/${n}`)),
    ...[4, 5].map((n) => site.url(`/held/${n}`)),
  ];
  const [input, output] = [join(folder, 'urls.txt'), join(folder, 'out.jsonl')];
  writeFileSync(input, `${urls.join('\n')}\n`);
  const linesOfOutput = () =>
    existsSync(output) ? readFileSync(output, 'utf8').split('\n').slice(0, -1) : [];
  const crawled = () => linesOfOutput().map((line) => (JSON.parse(line) as CrawlPage).url);
  const crawl = (option: string) => spawnCli('crawl', '--input', input, option, output, '--allow-private');
  return { site, urls, crawled, crawl };
}

test.each(['SIGINT', 'SIGKILL'] as const)(
  'what %s interrupts is gone on with: every page once',
  { timeout: 60_000 },
  async (signal) => {
    const { site, urls, crawled, crawl } = await stage();
    const first = crawl('--output');
    await until(() => crawled().length === 3 && site.held === 2, STARTING);
    first.child.kill(signal);
    expect(await first.ended).toEqual(
      signal === 'SIGINT' ? { code: 130, signal: null } : { code: null, signal },
    );
    expect(crawled().sort()).toEqual(urls.slice(0, 3));
    site.release();

    const second = crawl('--resume');
    second.child.stdin.end();

    expect(await second.ended).toEqual({ code: 0, signal: null });
    expect(crawled().sort()).toEqual([...urls].sort());
    expect(site.pages.filter((path) => path.startsWith('/page/'))).toHaveLength(3);
    expect(second.stderr()).toContain('Of 5 URLs an earlier run has done 3: 3 fetched.\n');
  },
);

test('ends although its input stays open', { timeout: 60_000 }, async () => {
  const site = await Site.listen();
  onTestFinished(() => site.close());
  const { ended, stdout } = spawnCli('crawl', site.url('/page/1'), '--allow-private', '--quiet');

  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stdout()).toMatch(/^✔ 200 .* Page 1\n$/);
});
