import { describe, expect, it } from 'vitest';
import { until } from '../../../src/testing/wait.ts';
import { Site } from '../../support/site.ts';
import { RawClient, serve } from './raw-client.ts';

const urls = (site: Site, paths: readonly string[]): string[] => paths.map((path) => site.url(path));

describe('a crawl', () => {
  it('sends results as they complete, with their place in the request and the progress', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl(urls(site, ['/held/1', '/page/2', '/status/500']), { concurrency: 3 });
    await client.until('result', 2);
    site.release();
    await client.until('summary');

    const results = client.of('result').map(({ data }) => data);
    expect(results.at(-1)?.index).toBe(0);
    expect(results.map(({ progress }) => progress.completed)).toEqual([1, 2, 3]);
    expect(results.at(-1)?.progress).toEqual({ completed: 3, total: 3, success_rate: 2 / 3 });
    expect(client.of('summary')[0]!.data).toEqual({
      total_urls: 3,
      successful: 2,
      failed: 1,
      total_processing_time_ms: expect.any(Number) as number,
    });
  });

  it('fetches no more pages at once than it asks for', async () => {
    await using site = await Site.listen();
    await using server = await serve({ limits: { concurrencyPerHost: 10 } });
    await using client = await RawClient.connect(server);
    client.crawl(urls(site, ['/held/1', '/held/2', '/held/3', '/held/4']), { concurrency: 2 });
    await site.whenHeld(2);
    client.ask('ping');
    await client.until('pong');
    expect(site.pages).toHaveLength(2);

    site.release();
    await client.until('summary');
    expect(site.pages).toHaveLength(4);
  });

  it.each([
    ['in total', { concurrency: 2, concurrencyPerHost: 10 }],
    ['from one host', { concurrencyPerHost: 2 }],
    ['in one crawl', { maxCrawlConcurrency: 2, concurrencyPerHost: 10 }],
  ])('fetches no more pages at once than the server allows %s', async (_where, limits) => {
    await using site = await Site.listen();
    await using server = await serve({ limits });
    await using client = await RawClient.connect(server);
    client.crawl(urls(site, ['/held/1', '/held/2', '/held/3', '/held/4']), { concurrency: 10 });
    await site.whenHeld(2);
    client.ask('ping');
    await client.until('pong');

    expect(site.pages).toHaveLength(2);
    site.release();
    await client.until('summary');
  });

  it('leaves a pause between two fetches from one host', async () => {
    await using site = await Site.listen();
    await using server = await serve({ limits: { hostDelayMs: 40 } });
    await using client = await RawClient.connect(server);
    const startedAtMs = performance.now();
    client.crawl(urls(site, ['/page/1', '/page/2', '/page/3']));
    await client.until('summary');

    expect(performance.now() - startedAtMs).toBeGreaterThan(75);
  });

  it('leaves the pause that robots.txt asks for, up to a limit', async () => {
    await using site = await Site.listen();
    site.robots = 'User-agent: *\nCrawl-delay: 3600';
    await using server = await serve({ limits: { maxCrawlDelayMs: 50 } });
    await using client = await RawClient.connect(server);
    const startedAtMs = performance.now();
    client.crawl(urls(site, ['/page/1', '/page/2']));
    await client.until('summary');

    expect(performance.now() - startedAtMs).toBeGreaterThan(45);
  });

  it('answers a URL that is given twice twice', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl(urls(site, ['/page/1', '/page/1']));
    await client.until('summary');

    expect(
      client
        .of('result')
        .map(({ data }) => data.index)
        .toSorted(),
    ).toEqual([0, 1]);
  });

  it('ends when its client is gone: what is being fetched is given up', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    const client = await RawClient.connect(server);
    client.crawl(urls(site, ['/held/1', '/held/2', '/page/3']), { concurrency: 2 });
    await site.whenHeld(2);
    await client[Symbol.asyncDispose]();

    await until(() => site.held === 0 && server.stats.crawls.running === 0);
    expect(site.pages).not.toContain('/page/3');
    expect(server.stats.crawls).toEqual({ running: 0, started: 1, aborted: 1 });
  });
});

describe('requests without an id', () => {
  it('are answered in order, but for pings, which are answered at once', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')]);
    client.crawl([site.url('/page/2')]);
    client.ask('status');
    client.ask('ping');
    await client.until('pong');
    site.release();
    await client.until('status');

    const order = client.messages.map((message) => message.message_type);
    expect(order).toEqual([
      'welcome',
      'metadata',
      'pong',
      'result',
      'summary',
      'metadata',
      'result',
      'summary',
      'status',
    ]);
  });

  it('are refused when too many wait', async () => {
    await using site = await Site.listen();
    await using server = await serve({ limits: { waitingPerConnection: 1 } });
    await using client = await RawClient.connect(server);
    for (const path of ['/held/1', '/held/2', '/held/3']) client.crawl([site.url(path)]);
    client.ask('status');

    const errors = await client.until('error', 2);
    expect(errors.map(({ data }) => data.error_type)).toEqual(['too_many_requests', 'too_many_requests']);
    site.release();
    await client.until('summary', 2);
  });
});

describe('requests with an id', () => {
  it('are answered side by side, and every answer repeats the id', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')], {}, 'slow');
    await site.whenHeld(1);
    client.crawl([site.url('/page/1')], {}, 'fast');
    client.ask('status', 's');
    client.ask('ping', 'p');
    client.crawl([], {}, 'wrong');
    await client.until('summary');
    site.release();
    await client.until('summary', 2);

    const types = (id: string | undefined) =>
      client.messages.filter((message) => message.request_id === id).map((message) => message.message_type);
    expect(types('slow')).toEqual(['metadata', 'result', 'summary']);
    expect(types('fast')).toEqual(['metadata', 'result', 'summary']);
    expect([types('s'), types('p'), types('wrong')]).toEqual([['status'], ['pong'], ['error']]);
    expect(types(undefined)).toEqual(['welcome']);
  });

  it('wait when too many crawls run, and are refused when too many wait', async () => {
    await using site = await Site.listen();
    await using server = await serve({ limits: { crawlsPerConnection: 1, waitingPerConnection: 1 } });
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')], {}, 'a');
    client.crawl([site.url('/held/2')], {}, 'b');
    client.crawl([site.url('/held/3')], {}, 'c');
    const [error] = await client.until('error');
    expect([error!.request_id, error!.data.error_type]).toEqual(['c', 'too_many_requests']);
    expect(client.of('metadata').map((message) => message.request_id)).toEqual(['a']);

    site.release();
    await client.until('summary', 2);
    expect(client.of('summary').map((message) => message.request_id)).toEqual(['a', 'b']);
  });

  it('are refused while their id is in use, without that id', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')], {}, 'a');
    client.crawl([site.url('/page/1')], {}, 'a');
    const [error] = await client.until('error');
    expect([error!.request_id, error!.data.error_type]).toEqual([undefined, 'duplicate_request_id']);

    site.release();
    await client.until('summary');
    client.crawl([site.url('/page/1')], {}, 'a');
    await client.until('summary', 2);
  });

  it('are the plain requests of old for a server without extensions', async () => {
    await using site = await Site.listen();
    await using server = await serve({ extensions: false });
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')], {}, 'a');
    client.crawl([site.url('/page/2')], {}, 'b');
    client.ask('cancel', 'a');
    const [error] = await client.until('error');
    await site.whenHeld(1);
    expect(client.of('metadata')).toHaveLength(1);
    site.release();
    await client.until('summary', 2);

    const [welcome] = client.of('welcome');
    expect(welcome!.data.supported_operations).toEqual(['crawl', 'ping', 'status']);
    expect(error!.data.message).toBe('Unknown request type: cancel');
    expect(client.messages.filter((message) => message.request_id !== undefined)).toEqual([]);
  });
});

describe('a cancellation', () => {
  it('ends a crawl with the summary of what was done', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl(urls(site, ['/page/1', '/held/2', '/page/3']), { concurrency: 1 }, 'a');
    await site.whenHeld(1);
    client.ask('cancel', 'a');

    const [summary] = await client.until('summary');
    expect(summary!.data).toMatchObject({ total_urls: 3, successful: 1, failed: 0 });
    await until(() => site.held === 0);
    expect(client.of('result')).toHaveLength(1);
    expect(site.pages).not.toContain('/page/3');
  });

  it('ends a crawl that has not begun', async () => {
    await using site = await Site.listen();
    await using server = await serve({ limits: { crawlsPerConnection: 1 } });
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')], {}, 'a');
    client.crawl([site.url('/page/2')], {}, 'b');
    client.ask('cancel', 'b');

    const [summary] = await client.until('summary');
    expect(summary).toMatchObject({ request_id: 'b', data: { total_urls: 1, successful: 0, failed: 0 } });
    expect(site.pages).not.toContain('/page/2');
    site.release();
    await client.until('summary', 2);
  });

  it('of a crawl that is over is not answered', async () => {
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.ask('cancel', 'nobody');
    client.ask('ping');
    await client.until('pong');

    expect(client.messages.map((message) => message.message_type)).toEqual(['welcome', 'pong']);
  });
});

describe('a pause', () => {
  it('holds the results of one crawl back, and those of no other, until it is over', async () => {
    await using site = await Site.listen();
    await using server = await serve({ limits: { concurrencyPerHost: 10 } });
    await using client = await RawClient.connect(server);
    client.crawl(urls(site, ['/held/1', '/held/2', '/held/3']), { concurrency: 2 }, 'a');
    await site.whenHeld(2);
    client.ask('pause', 'a');
    site.release();
    client.crawl([site.url('/page/1')], {}, 'b');
    await client.until('summary');
    expect(client.of('result').map((message) => message.request_id)).toEqual(['b']);

    client.ask('resume', 'a');
    await client.until('summary', 2);
    expect(client.of('result')).toHaveLength(4);
  });

  it('does not hold up a cancellation', async () => {
    await using site = await Site.listen();
    await using server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')], {}, 'a');
    await site.whenHeld(1);
    client.ask('pause', 'a');
    site.release();
    client.ask('cancel', 'a');

    const [summary] = await client.until('summary');
    expect(summary!.data).toMatchObject({ successful: 0, failed: 0 });
  });
});
