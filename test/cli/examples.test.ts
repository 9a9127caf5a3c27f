// Every example runs, ends by itself, and prints what it promises.
import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, spawnSource } from './spawned.ts';

/** What is found in an application that has a page, a WebSocket at the same path, and events. */
const visited = (who: string): readonly string[] => [
  `GET /room: a page of ${who}`,
  "WebSocket /room: { hello: 'room' }",
  'event: tick 1',
  'event: tick 3',
  'GET /missing: 404',
];

const PRINTS: Readonly<Record<string, readonly string[]>> = {
  'quick-start.ts': [
    "received { hello: 'world' }",
    'open → reconnecting (LINK_LOST)',
    "received { still: 'here' }",
    'closing → closed (DISCONNECT_CALLED)',
  ],
  'own-protocol.ts': [
    'room kitchen',
    "delivered { outcome: 'acknowledged' }",
    "received { type: 'said', text: 'GOOD MORNING' }",
  ],
  'coordinator-client.ts': [
    'welcome connection.ok',
    'event call.created default:1',
    'event call.ended default:1',
    '2 tokens, 2 connections, 0 left',
  ],
  'crawl/basic.ts': [
    'protocol 1.0',
    '3 pages to come',
    '/home · 200',
    'The site answered with HTTP 404 · 404',
    '2 fetched, 1 failed',
  ],
  'crawl/callbacks.ts': [
    'summary: the callback was there before: true',
    'journal: welcome, metadata, result, result, summary',
    'ended by the callback: the disk is full',
  ],
  'crawl/errors-and-reconnection.ts': [
    'lost; try 1 in 2000 ms',
    'each page once: 0,1,2',
    'try 1: 2 without a result; again in 2 s',
    'try 2: 2 fetched',
    'CRAWL_REFUSED retryable: false',
  ],
  'crawl/health-monitoring.ts': [
    'healthy: true, backpressure 0',
    'warning: latency above 1000 ms',
    'pings answered: true · connections: 1',
  ],
  'crawl/comparison.ts': [
    'WebSocket: 30 pages (welcome, metadata, result, summary)',
    'NDJSON: 30 pages (metadata, result, summary)',
    'SSE: 30 pages (metadata, result, summary)',
    'status over the same connection: true',
  ],
  'crawl/graceful-shutdown.ts': [
    'stopped: TimeoutError',
    '2 done, 3 left for the next time',
    'open → closing (DISCONNECT_CALLED)',
    'connections left: 0',
  ],
  'crawl/advanced.ts': [
    'news: 8 steps, 100 % succeeded',
    'docs: 10 steps, 80 % succeeded',
    '8 of 8 from the cache',
    '3 crawls, 24 pages, 1 connection',
  ],
  'channels/assistant.ts': [
    '· Executing weather check for Makati',
    '· Executing get_tide...',
    '[the connection is lost; what was said is kept]',
    'completed in thread_abc123: 198 characters, 0 gaps',
    "the assistant's side: completed; the same text: true",
  ],
  'channels/web.ts': [
    'the page has a script: 200 text/javascript; charset=utf-8',
    'asked: 202',
    'cut',
    'completed: 2 tools, 198 characters',
  ],
  'realtime/http.ts': visited('the server'),
  'realtime/express.ts': visited('Express'),
  'realtime/fastify.ts': visited('Fastify'),
  'realtime/hono.ts': visited('Hono'),
  'realtime/echo.ts': ['welcome', 'echo: one', 'echo: two', 'server: 2 received, closed with 1000'],
  'realtime/chat-room.ts': [
    'ada hears {"room":"kitchen","joined":"bob"}',
    'ada hears {"from":"bob","text":"good morning"}',
    'ada hears {"left":"bob"}',
  ],
  'realtime/stream-with-history.ts': ['price 102', 'cut: STREAM_ENDED', 'back', 'price 103', 'price 104'],
  'realtime/broadcast.ts': [
    'of the route: 3',
    'of a path: 1',
    'of a choice: 2',
    '/scores/chess?lang=en [{"starts":"20:00"}]',
    '/scores/chess?lang=de [{"starts":"20:00"},{"guten":"Abend"}]',
    '/scores/golf?lang=de [{"starts":"20:00"},{"hole":18},{"guten":"Abend"}]',
  ],
  'realtime/authentication.ts': [
    "/me { user: 'ada' }",
    '/me UPGRADE_REJECTED 401',
    '/admin UPGRADE_REJECTED 403',
    '/me UPGRADE_REJECTED 403',
  ],
  'realtime/graceful-shutdown.ts': [
    'server: WebSocket over, SHUTTING_DOWN',
    'server: stream over, SHUTTING_DOWN',
    'client: The server closed the connection: received 1001 (going away, "Server shutting down").',
    'client: The server ended the stream of events.',
    'server: nothing left',
  ],
  'realtime/sse-channels.ts': [
    'order a book (orders=1)',
    'price 12.5 (orders=1&prices=7)',
    'order a lamp (orders=2&prices=7)',
    'price 12.7 (orders=2&prices=8)',
  ],
  'channels/publish-and-subscribe.ts': [
    "order 1 { item: 'book' }",
    'cut: LINK_LOST',
    'published chair as 3',
    "order 2 { item: 'lamp' }",
    "order 3 { item: 'chair' }",
  ],
  'channels/chat-room.ts': [
    'guest: PUBLISH_REFUSED',
    "ada hears { from: 'bob', text: 'good morning' }",
    "ada hears { from: 'ada', text: 'good morning, bob' }",
    "guest hears { from: 'bob', text: 'good morning' }",
  ],
  'channels/presence.ts': ["join [ 'bob' ]", "present [ 'ada', 'bob' ]", 'gone: 1', "present [ 'ada' ]"],
  'channels/several-hubs.ts': [
    'news 2 at the second hub',
    'lost the first hub: CLOSED_BY_PEER',
    'news 3 published while nobody listened',
    "now at the second hub: Map(1) { 'news' => 1 }",
  ],
  'realtime/messagepack.ts': ['NORTH 1970-01-01T00:00:00.000Z [ 1, 2, 3 ]'],
};

test('every example is checked here', () => {
  const files = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' });
  const examples = files.filter((file) => file.endsWith('.ts') && !file.includes(`support${sep}`));
  expect(examples.map((file) => file.replaceAll(sep, '/')).sort()).toEqual(Object.keys(PRINTS).sort());
});

test.each(Object.entries(PRINTS))('%s', { timeout: 30_000 }, async (file, wanted) => {
  const { ended, stdout, stderr } = spawnSource(join('examples', file));
  expect(await ended).toEqual({ code: 0, signal: null });
  expect(stderr()).toBe('');
  expect(wanted.filter((line) => !stdout().includes(`${line}\n`))).toEqual([]);
});
