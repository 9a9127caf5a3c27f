import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { turn, until } from '../../../src/testing/wait.ts';
import { Site } from '../../support/site.ts';
import { RawClient, serve } from './raw-client.ts';

const PATHS = [
  '/page/1',
  '/page/2',
  '/gzip',
  '/text',
  '/status/404',
  '/status/503',
  '/reset',
  '/json',
  '/loop',
  '/to-page',
];
const SUCCEED = new Set(['/page/1', '/page/2', '/gzip', '/text', '/to-page']);

const crawls = fc.array(
  fc.record({
    paths: fc.array(fc.constantFrom(...PATHS), { minLength: 1, maxLength: 12 }),
    concurrency: fc.integer({ min: 1, max: 8 }),
    isNamed: fc.boolean(),
    cache_mode: fc.constantFrom('none', 'read_write'),
  }),
  { minLength: 1, maxLength: 4 },
);

describe('whatever is crawled, however much of it at once', { timeout: 60_000 }, () => {
  it('each URL has one result, the progress adds up, and the summary says the same', async () => {
    await using site = await Site.listen();
    await using server = await serve({ limits: { concurrencyPerHost: 4 } });
    await fc.assert(
      fc.asyncProperty(crawls, async (asked) => {
        await using client = await RawClient.connect(server);
        asked.forEach(({ paths, isNamed, ...options }, index) => {
          const urls = paths.map((path) => site.url(path));
          client.crawl(urls, options, isNamed ? String(index) : undefined);
        });
        await client.until('summary', asked.length);

        const named = asked.flatMap((crawl, index) => (crawl.isNamed ? [{ id: String(index), crawl }] : []));
        for (const { id, crawl } of named) check(client, id, crawl.paths);
        const plain = asked.filter(({ isNamed }) => !isNamed).flatMap(({ paths }) => paths);
        const plainResults = client.of('result').filter((message) => message.request_id === undefined);
        expect(plainResults).toHaveLength(plain.length);
      }),
      { numRuns: 25 },
    );
    await until(() => server.stats.connections.open === 0);
    expect(server.stats.crawls.running).toBe(0);
  });
});

describe('whenever a crawl is cancelled', { timeout: 60_000 }, () => {
  it('its summary is its last message and counts the results before it', async () => {
    await using site = await Site.listen();
    await using server = await serve({ limits: { concurrencyPerHost: 8 } });
    const cancelled = fc.record({
      paths: fc.array(fc.constantFrom(...PATHS), { minLength: 4, maxLength: 30 }),
      concurrency: fc.integer({ min: 1, max: 8 }),
      afterResults: fc.integer({ min: 0, max: 6 }),
      afterTurns: fc.integer({ min: 0, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(cancelled, async ({ paths, concurrency, afterResults, afterTurns }) => {
        await using client = await RawClient.connect(server);
        const urls = paths.map((path) => site.url(path));
        client.crawl(urls, { concurrency, cache_mode: 'none' }, 'a');
        await client.until('result', Math.min(afterResults, paths.length - 1));
        for (let turns = 0; turns < afterTurns; turns += 1) await turn();
        client.ask('cancel', 'a');
        await client.until('summary');
        client.ask('ping');
        await client.until('pong');

        const results = client.of('result');
        const { successful, failed } = client.of('summary')[0]!.data;
        expect(successful + failed).toBe(results.length);
        expect(client.messages.at(-2)?.message_type).toBe('summary');
      }),
      { numRuns: 40 },
    );
  });
});

function check(client: RawClient, id: string, paths: readonly string[]): void {
  const total = paths.length;
  const mine = client.messages.filter((message) => message.request_id === id);
  const results = client.of('result').filter((message) => message.request_id === id);
  expect(mine.map((message) => message.message_type)).toEqual([
    'metadata',
    ...paths.map(() => 'result'),
    'summary',
  ]);
  expect(results.map(({ data }) => data.index).toSorted((a, b) => a - b)).toEqual([...paths.keys()]);
  let successful = 0;
  results.forEach(({ data }, place) => {
    successful += data.result.error === null ? 1 : 0;
    expect(data.progress).toEqual({
      completed: place + 1,
      total,
      success_rate: successful / (place + 1),
    });
    expect(data.result.error === null).toBe(SUCCEED.has(paths[data.index]!));
  });
  const summary = client.of('summary').find((message) => message.request_id === id);
  expect(summary?.data).toMatchObject({ total_urls: total, successful, failed: total - successful });
}
