import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createCrawlServer, type CrawlServer } from '../../../src/server/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { turn, until } from '../../../src/testing/wait.ts';
import { Site } from '../../support/site.ts';
import { RawClient, serve } from './raw-client.ts';

/** Lets time pass in steps, so that what a timer begins can begin the next. */
async function pass(clock: VirtualClock, ms: number, stepMs = 1_000): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
    clock.advance(stepMs);
    await turn();
    await turn();
  }
}

describe('a crawl that waits for its pages', () => {
  it('says every 15 s that it is not dead, to clients of the extended protocol', async () => {
    await using site = await Site.listen();
    const clock = new VirtualClock();
    await using server = await serve({ clock });
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')], {}, 'patient');
    await site.whenHeld(1);
    await pass(clock, 16_000);
    const [told] = await client.until('metadata', 2);
    site.release();
    const messages = await client.until('summary');

    expect(told).toMatchObject({ request_id: 'patient', data: { total_urls: 1 } });
    expect(messages.at(-1)).toMatchObject({ data: { successful: 1, failed: 0 } });
  });
});

describe('closing the server', () => {
  it('says goodbye to idle clients at once', async () => {
    const server = await serve();
    await using client = await RawClient.connect(server);
    await client.until('welcome');
    await server.close();

    expect(await client.end()).toEqual({ code: 1001, reason: 'server shutting down' });
    await expect(fetch(`${server.url}/health`)).rejects.toThrow('fetch failed');
    expect(server.stats.connections.open).toBe(0);
  });

  it('lets crawls end that run, and begins no others', async () => {
    await using site = await Site.listen();
    const server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')]);
    await site.whenHeld(1);
    const closing = server.close();
    client.crawl([site.url('/page/2')], {}, 'late');
    const [error] = await client.until('error');
    const refused = await fetch(`${server.url}/crawl/stream`, { method: 'POST', body: '{"urls":[]}' });
    const health = await fetch(`${server.url}/health`);
    site.release();
    await client.until('summary');
    await closing;

    expect(error).toMatchObject({ request_id: 'late', data: { error_type: 'shutting_down' } });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '30']);
    expect([health.status, await health.json()]).toEqual([
      503,
      { status: 'draining', connections: 1, crawls: 1 },
    ]);
    expect((await client.end()).code).toBe(1001);
  });

  it('ends crawls at the deadline, with a word', async () => {
    await using site = await Site.listen();
    const server = await serve();
    await using client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')]);
    const streaming = fetch(`${server.url}/crawl/stream`, {
      method: 'POST',
      body: JSON.stringify({ urls: [site.url('/held/2')] }),
    });
    await site.whenHeld(2);
    await server.close({ deadlineMs: 0 });

    expect(client.of('error').map(({ data }) => data.error_type)).toEqual(['shutting_down']);
    expect(client.of('summary')).toEqual([]);
    expect((await client.end()).code).toBe(1001);
    expect(await (await streaming).text()).toContain('"error_type":"shutting_down"');
  });

  it('ends the crawls too that wait', async () => {
    await using site = await Site.listen();
    const server = await serve({ limits: { crawlsPerConnection: 1 } });
    await using client = await RawClient.connect(server);
    for (const path of ['/held/1', '/held/2']) client.crawl([site.url(path)]);
    client.crawl([site.url('/held/3')], {}, 'a');
    await site.whenHeld(1);
    await server.close({ deadlineMs: 0 });
    await client.end();

    expect(client.of('error').map(({ data }) => data.error_type)).toEqual(Array(3).fill('shutting_down'));
    expect(site.pages).toEqual(['/held/1']);
  });

  it('leaves no timer behind, whatever the server has done', async () => {
    await using site = await Site.listen();
    const clock = new VirtualClock();
    const server = await serve({ clock });
    const client = await RawClient.connect(server);
    client.crawl(['/page/1', '/reset', '/huge', '/page/2'].map((path) => site.url(path)));
    client.crawl([site.url('/held/1')], {}, 'left');
    await client.until('summary');
    await fetch(`${server.url}/crawl/sse`, {
      method: 'POST',
      body: JSON.stringify({ urls: [site.url('/page/1')] }),
    }).then((response) => response.text());
    await client[Symbol.asyncDispose]();
    await server.close();

    expect(clock.pending).toBe(0);
    await until(() => site.connections === 0);
  });

  it('does not wait for ever for clients that do not answer', async () => {
    await using site = await Site.listen();
    const server = await serve();
    const client = await RawClient.connect(server);
    client.crawl([site.url('/held/1')]);
    await site.whenHeld(1);
    client.socket.pause();
    await server.close({ deadlineMs: 0 });

    expect(server.stats.connections.open).toBe(0);
    client.socket.resume();
    await client[Symbol.asyncDispose]();
  });

  it('happens once', async () => {
    const server = await serve();

    expect(server.close()).toBe(server.close({ deadlineMs: 0 }));
    await server.close();
    expect(() => server.close({ deadlineMs: -1 })).toThrow(/deadlineMs/);
  });
});

describe('a client that is silent', () => {
  const timed = async (): Promise<{ clock: VirtualClock; server: CrawlServer }> => {
    const clock = new VirtualClock();
    return { clock, server: await serve({ clock }) };
  };

  it('is pinged every thirty seconds, and lives on as long as it answers', async () => {
    const { clock, server } = await timed();
    await using closing = server;
    await using client = await RawClient.connect(closing);
    for (const count of [1, 2, 3, 4]) {
      await until(() => client.pings.length === count);
      clock.advance(30_000);
    }

    expect(client.closed).toBe(undefined);
  });

  it('is dead when it has answered nothing for ten seconds after a ping', async () => {
    const { clock, server } = await timed();
    await using closing = server;
    await using client = await RawClient.connect(closing, { autoPong: false });
    await until(() => client.pings.length === 1);
    await pass(clock, 39_000);
    expect(client.closed).toBe(undefined);
    await pass(clock, 2_000);

    expect((await client.end()).code).toBe(1006);
  });

  it('lives by any frame', async () => {
    const { clock, server } = await timed();
    await using closing = server;
    await using client = await RawClient.connect(closing, { autoPong: false });
    for (let count = 1; count <= 4; count += 1) {
      await pass(clock, 30_000, 10_000);
      client.ask('ping');
      await client.until('pong', count);
    }

    expect(client.closed).toBe(undefined);
  });
});

/** A client that speaks WebSocket only as far as it must, and reads nothing. */
async function deafClient(server: CrawlServer, urls: readonly string[]): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  socket.write(
    `GET /crawl/ws HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await once(socket, 'readable');
  socket.pause();
  const text = Buffer.from(JSON.stringify({ request_type: 'crawl', data: { urls } }));
  const head = Buffer.from([0x81, 0xfe, text.byteLength >> 8, text.byteLength & 0xff, 0, 0, 0, 0]);
  socket.write(Buffer.concat([head, text]));
  return socket;
}

describe('a client that floods', () => {
  it('is listened to more slowly, and loses no answer', async () => {
    const clock = new VirtualClock();
    await using server = await serve({ clock });
    await using client = await RawClient.connect(server, { perMessageDeflate: false });
    for (let count = 0; count < 3_000; count += 1) client.ask('ping');
    await until(() => clock.pending > 2);
    const answered = server.stats.messages.received;
    expect(answered).toBeLessThan(3_000);

    for (let seconds = 0; client.of('pong').length < 3_000 && seconds < 60; seconds += 1)
      await pass(clock, 1_000);
    expect(client.of('pong')).toHaveLength(3_000);
  });
});

/** Far longer than a page takes here. */
const QUIET_MS = 500;

describe('a client that does not read', { timeout: 60_000 }, () => {
  const big = `<title>Big</title><p>${'word '.repeat(200_000)}`;

  it('holds up its crawl, is counted, and in the end loses the crawl', async () => {
    await using site = await Site.listen();
    const clock = new VirtualClock();
    await using server = await createCrawlServer({ allowPrivateAddresses: true, clock, compression: false });
    const paths = Array.from({ length: 100 }, (_, index) => `/big/${index}`);
    for (const path of paths) site.on(path, (response) => void response.writeHead(200).end(big));
    const socket = await deafClient(
      server,
      paths.map((path) => site.url(path)),
    );

    // Nothing leaves any more once the buffers of the system are full.
    await until(() => isStuck(server), { timeoutMs: 30_000 });
    await pass(clock, 60_000);
    expect(server.stats.backpressure).toBe(10);
    expect(site.pages.length).toBeLessThan(60);
    expect(server.stats.crawls).toEqual({ running: 1, started: 1, aborted: 0 });

    await pass(clock, 600_000);
    expect(server.stats.crawls).toEqual({ running: 0, started: 1, aborted: 1 });
    await pass(clock, 60_000);
    await until(() => server.stats.connections.open === 0);
    socket.destroy();
  });

  it('of a stream is cut off in the end', async () => {
    await using site = await Site.listen();
    const clock = new VirtualClock();
    await using server = await createCrawlServer({ allowPrivateAddresses: true, clock });
    const paths = Array.from({ length: 100 }, (_, index) => `/big/${index}`);
    for (const path of paths) site.on(path, (response) => void response.writeHead(200).end(big));
    const body = JSON.stringify({ urls: paths.map((path) => site.url(path)) });
    const { hostname, port } = new URL(server.url);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => undefined);
    socket.write(
      `POST /crawl/stream HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await once(socket, 'readable');
    socket.pause();
    await until(() => isStuck(server), { timeoutMs: 30_000 });

    await pass(clock, 594_000);
    expect(server.stats.crawls.running).toBe(1);
    await pass(clock, 12_000);
    await until(() => server.stats.connections.open === 0);
    expect(server.stats.crawls).toEqual({ running: 0, started: 1, aborted: 1 });
    socket.destroy();
  });

  /** Whether no message has left for a while. */
  let sentBefore = -1;
  let quietSinceMs = 0;
  function isStuck(server: CrawlServer): boolean {
    const { sent } = server.stats.messages;
    if (sent !== sentBefore) quietSinceMs = performance.now();
    sentBefore = sent;
    return sent > 2 && performance.now() - quietSinceMs > QUIET_MS;
  }
});
