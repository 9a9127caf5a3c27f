// Connections that are lost in the middle of a crawl: the consumer sees each result once, and one stream.
import { describe, expect, it } from 'vitest';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../testing/leftovers.ts';
import {
  A,
  B,
  C,
  crawled,
  crawling,
  mockAnd,
  MULTIPLEXING,
  only,
  pagesByIndex,
  puppetAnd,
  say,
  typesOf,
  urlsOf,
  welcomed,
} from './setup.ts';

type Scene = Awaited<ReturnType<typeof puppetAnd>>;

/** Lets the wait before the next attempt pass, and welcomes the client again. Returns the wait too. */
async function again({ server, clock, connections }: Scene, operations?: readonly string[]) {
  await until(() => connections[0]?.state === 'reconnecting', { describe: 'reconnecting' });
  const waitMs = connections[0]?.actor.getSnapshot().context.retryInMs ?? 0;
  clock.advance(waitMs);
  return { waitMs, socket: await welcomed(server, operations) };
}

/** Second by second, so that pings are answered in between. */
async function pass(clock: VirtualClock, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 1) {
    await quiet();
    clock.advance(1_000);
  }
}

describe('a connection that is lost during a crawl (S1-24, S1-36)', () => {
  it('asks again after 2 s, only for the URLs without a result, and maps them back', async () => {
    const scene = await puppetAnd();
    const crawl = crawling(scene.client, [A, B, C, A]);
    const first = await welcomed(scene.server);
    await first.nextFrame();
    for (const message of [say.metadata(4), say.result(1, B)]) first.send(message);
    await until(() => crawl.results.length === 3);
    first.reset();
    const { waitMs, socket } = await again(scene);
    expect([waitMs, await socket.nextJson()]).toEqual([
      2_000,
      { request_type: 'crawl', data: { urls: [A, C, A] } },
    ]);
    for (const message of [say.metadata(3), say.result(2, A), say.result(0, A), say.result(1, C)])
      socket.send(message);
    socket.send(say.summary(3));
    await crawl.ended;

    expect(typesOf(crawl)).toEqual(['welcome', 'metadata', ...Array<string>(4).fill('result'), 'summary']);
    expect(only(crawl, 'result').map(({ data }) => [data.index, data.result.url])).toEqual([
      [1, B],
      [3, A],
      [0, A],
      [2, C],
    ]);
    expect(only(crawl, 'result').map(({ data }) => data.progress)).toEqual(
      [1, 2, 3, 4].map((completed) => ({ completed, total: 4, success_rate: 1 })),
    );
    expect(only(crawl, 'metadata')[0]?.data.total_urls).toBe(4);
    expect(crawl.results.at(-1)?.data).toEqual({
      total_urls: 4,
      successful: 4,
      failed: 0,
      total_processing_time_ms: 2_000,
    });
    expect(scene.client.metrics).toMatchObject({
      requests: 2,
      connections: { opened: 2, lost: 1, reconnects: 1, healthRatio: 0.5 },
    });
  });

  it('waits 2, 4 and 8 s, and then throws with the URLs that are missing', async () => {
    const { client, clock, connections, server } = await mockAnd();
    server.hold();
    const crawl = crawling(client, [A, B]);
    const connection = await server.nextConnection();
    await until(() => connection.isCrawling);
    server.release(1);
    await until(() => crawl.results.length === 3);
    await server.goAway();
    const waits: unknown[] = [];
    for (let retries = 0; retries < 3; retries += 1) {
      await until(() => connections[0]?.state === 'reconnecting');
      waits.push(connections[0]?.actor.getSnapshot().context.retryInMs);
      clock.advance(Number(waits.at(-1)));
      await until(() => connections[0]?.state !== 'connecting');
    }
    await crawl.ended;

    expect(waits).toEqual([2_000, 4_000, 8_000]);
    expect(crawl.thrown).toMatchObject({
      code: 'CRAWL_INCOMPLETE',
      missingUrls: [B],
      cause: { code: 'RETRIES_EXHAUSTED' },
    });
  });

  it('gives up on a server that lets it in again and again and never answers', async () => {
    const scene = await puppetAnd({ retry: { maxAttempts: 2 } });
    const crawl = crawling(scene.client, [A]);
    let socket = await welcomed(scene.server);
    for (let sessions = 0; sessions < 2; sessions += 1) {
      await socket.nextFrame();
      socket.reset();
      ({ socket } = await again(scene));
    }
    await socket.nextFrame();
    socket.reset();
    await again(scene);
    await crawl.ended;

    expect(crawl.thrown).toMatchObject({
      code: 'CRAWL_INCOMPLETE',
      missingUrls: [A],
      message: expect.stringContaining('The sessions ended without a new result.') as unknown,
    });
  });

  it('goes on for as long as each session brings something', async () => {
    const urls = urlsOf(6);
    const scene = await puppetAnd({ retry: { maxAttempts: 1 } });
    const crawl = crawling(scene.client, urls);
    let socket = await welcomed(scene.server);
    for (const [place, url] of urls.entries()) {
      expect(await socket.nextJson()).toEqual({ request_type: 'crawl', data: { urls: urls.slice(place) } });
      socket.send(say.result(0, url));
      await until(() => only(crawl, 'result').length === place + 1);
      socket.reset();
      if (place < urls.length - 1) ({ socket } = await again(scene));
    }
    await again(scene);
    await crawl.ended;

    expect([pagesByIndex(crawl), crawl.thrown]).toEqual([urls, undefined]);
  });

  it('asks again for what a summary left out', async () => {
    let isDropping = true;
    const { client, server } = await mockAnd(
      {},
      {
        sends: (index) => {
          const isSent = !(isDropping && index === 1);
          if (!isSent) isDropping = false;
          return isSent;
        },
      },
    );
    const crawl = await crawled(client, [A, B, C]);

    expect(server.requestedUrls).toEqual([[A, B, C], [B]]);
    expect([pagesByIndex(crawl), typesOf(crawl).filter((type) => type === 'summary')]).toEqual([
      [A, B, C],
      ['summary'],
    ]);
  });

  it('passes over results that came before, or that it did not ask for', async () => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A, B]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    for (const index of [0, 0, 7, 1, 0]) socket.send(say.result(index, index === 1 ? B : A));
    socket.send(say.summary(2));
    await crawl.ended;

    expect([pagesByIndex(crawl), client.metrics.results.duplicates]).toEqual([[A, B], 3]);
  });

  it('asks once, when it reads the end of one part while the connection is being restored', async () => {
    const scene = await puppetAnd({ maxUrlsPerRequest: 1 });
    const iterator = scene.client.crawl([A, B]);
    const started = iterator.next();
    const first = await welcomed(scene.server);
    await first.nextFrame();
    await started;
    for (const message of [say.result(0, A), say.summary(1)]) first.send(message);
    await until(() => scene.client.metrics.messagesIn === 3);
    first.reset();
    await until(() => scene.connections[0]?.state === 'reconnecting');
    expect((await iterator.next()).value?.type).toBe('result');
    const rest = iterator.next();
    await quiet();
    const { socket } = await again(scene);
    expect(await socket.nextJson()).toEqual({ request_type: 'crawl', data: { urls: [B] } });
    await quiet();
    expect(socket.frames).toHaveLength(1);
    socket.send(say.result(0, B));

    expect((await rest).value).toMatchObject({ type: 'result', data: { index: 1 } });
  });

  it('asks in the last of several sessions only, when it was slow to read of the others', async () => {
    const scene = await puppetAnd();
    const iterator = scene.client.crawl([A, B]);
    const first = iterator.next();
    let socket = await welcomed(scene.server);
    await socket.nextFrame();
    await first;
    for (let sessions = 2; sessions <= 3; sessions += 1) {
      socket.reset();
      ({ socket } = await again(scene));
      await until(() => scene.client.metrics.messagesIn === sessions);
    }
    const rest = iterator.next();
    expect(await socket.nextJson()).toEqual({ request_type: 'crawl', data: { urls: [A, B] } });
    socket.send(say.result(1, B));

    expect((await rest).value).toMatchObject({ type: 'result', data: { index: 1 } });
    await quiet();
    expect(socket.frames).toHaveLength(1);
  });
});

describe('a server that is busy', () => {
  it.each([429, 503])('honours Retry-After of an upgrade refused with %i', async (status) => {
    const { client, server, clock, connections } = await mockAnd();
    server.refuse(status, { 'Retry-After': '60' });
    const crawl = crawling(client, [A]);
    await until(() => connections[0]?.state === 'reconnecting');
    server.accept();
    clock.advance(59_999);
    expect(connections[0]?.state).toBe('reconnecting');
    clock.advance(1);
    await crawl.ended;

    expect(typesOf(crawl).at(-1)).toBe('summary');
  });

  it('asks again later after an error that passes', async () => {
    const { client, server, clock } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    socket.send(say.error('shutting_down', 'Not now.'));
    await until(() => crawl.results.length === 2);
    await quiet();
    clock.advance(1_999);
    await quiet();
    expect(socket.frames).toHaveLength(1);
    clock.advance(1);
    await until(() => socket.frames.length === 2);
    for (const message of [say.result(0, A), say.summary(1)]) socket.send(message);
    await crawl.ended;

    expect([typesOf(crawl), crawl.thrown]).toEqual([['welcome', 'error', 'result', 'summary'], undefined]);
  });
});

describe('silence', () => {
  it('bears a crawl without pongs, as a server that reads nothing meanwhile makes it (S1-17)', async () => {
    const { client, server, clock, connections } = await mockAnd();
    server.hold();
    const crawl = crawling(client, [A]);
    const connection = await server.nextConnection();
    await until(() => connection.isCrawling);
    await until(() => crawl.results.length === 2);
    // Through the pings at 30 s, beyond the 10 s for a pong.
    await pass(clock, 55);
    server.release();
    await crawl.ended;

    expect([crawl.thrown, connections[0]?.stats.reconnects]).toEqual([undefined, 0]);
  });

  it.each([
    ['nobody crawls', undefined],
    ['a crawl shares it, during which pings are answered', MULTIPLEXING],
  ])('takes a link without pongs for dead after 40 s when %s (S1-17)', async (_, operations) => {
    const { client, server, clock, connections } = await puppetAnd({ keepOpenMs: Infinity });
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server, operations);
    await socket.nextFrame();
    if (operations === undefined) {
      for (const message of [say.result(0, A), say.summary(1)]) socket.send(message);
      await crawl.ended;
    }
    await until(() => connections[0]?.state === 'open');
    await pass(clock, 39);
    expect(connections[0]?.state).toBe('open');
    await pass(clock, 2);

    expect(connections[0]?.state).toBe(operations === undefined ? 'closed' : 'reconnecting');
  });

  it('begins a new session when a crawl says nothing for 60 s', async () => {
    const scene = await puppetAnd({ timeouts: { closeMs: 1_000 } });
    const crawl = crawling(scene.client, [A, B]);
    const first = await welcomed(scene.server);
    await first.nextFrame();
    first.send(say.result(0, A));
    first.autoPong(true);
    await until(() => crawl.results.length === 2);
    await pass(scene.clock, 60);
    const second = await welcomed(scene.server);
    expect(await second.nextJson()).toEqual({ request_type: 'crawl', data: { urls: [B] } });
    for (const message of [say.result(0, B), say.summary(1)]) second.send(message);
    await crawl.ended;

    expect([pagesByIndex(crawl), first.closeReceived?.code]).toEqual([[A, B], 1000]);
  });

  it('asks again under another id where the connection is shared', async () => {
    const { client, server, clock } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server, MULTIPLEXING);
    socket.autoPong(true);
    const { request_id: id } = (await socket.nextJson()) as { request_id: string };
    await until(() => crawl.results.length === 1);
    await pass(clock, 60);
    expect(await socket.nextJson()).toEqual({ request_type: 'cancel', data: {}, request_id: id });
    const { request_id: secondId } = (await socket.nextJson()) as { request_id: string };
    for (const message of [say.summary(1, id), say.result(0, A, secondId), say.summary(1, secondId)])
      socket.send(message);
    await crawl.ended;

    expect([secondId === id, pagesByIndex(crawl), server.totalConnections]).toEqual([false, [A], 1]);
  });

  it('ends when every result is there and the summary was dropped', async () => {
    const { client, server, clock } = await mockAnd({}, { sendsSummary: false });
    const crawl = crawling(client, [A]);
    await until(() => crawl.results.length === 3);
    await pass(clock, 60);
    await crawl.ended;

    expect(crawl.results.at(-1)).toMatchObject({ type: 'summary', data: { total_urls: 1, successful: 1 } });
    expect(server.connections).toHaveLength(1);
  });

  it('does not count the time that the consumer takes', async () => {
    const { client, server, clock } = await mockAnd();
    const crawl = client.crawl([A, B]);
    await crawl.next();
    await crawl.next();
    await crawl.next();
    clock.advance(30_000);
    await quiet();
    clock.advance(29_000);
    const types = [(await crawl.next()).value?.type, (await crawl.next()).value?.type];

    expect([types, server.connections.length]).toEqual([['result', 'summary'], 1]);
  });
});
