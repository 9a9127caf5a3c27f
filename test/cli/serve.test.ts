// `statewire serve crawl`: that it serves, whom it lets in, and how it ends.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CrawlClient } from '../../src/crawl/index.ts';
import { Site } from '../support/site.ts';
import { countResources } from '../testing/leftovers.ts';
import { TestIo } from './test-io.ts';

async function serve(...argv: string[]) {
  const io = new TestIo();
  const ended = io.run('serve', 'crawl', '--port', '0', ...argv);
  await io.stdout.shows('statewire crawl https');
  const url = /^http:\/\/\S+/.exec(io.stdout.text)?.[0] ?? '';
  return { io, ended, url };
}

async function listen(): Promise<Site> {
  const site = await Site.listen();
  onTestFinished(() => site.close());
  return site;
}

function keyFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'statewire-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'keys'), text);
  return `@${join(folder, 'keys')}`;
}

async function typesOf(client: CrawlClient, urls: readonly string[]): Promise<readonly string[]> {
  const types: string[] = [];
  for await (const { type } of client.crawl(urls)) types.push(type);
  return types;
}

test('serves until Ctrl-C, says where, and leaves nothing behind', async () => {
  const isTidy = await countResources();
  const { io, ended, url } = await serve('--quiet');
  const ws = url.replace('http', 'ws');

  expect(io.stdout.lines).toEqual([
    `${url}  A crawl server; Ctrl-C ends it.`,
    '',
    `  WebSocket  ${ws}/crawl/ws`,
    `  NDJSON     POST ${url}/crawl/stream`,
    `  SSE        POST ${url}/crawl/sse`,
    `  Health     ${url}/health`,
    '',
    `  statewire crawl https://example.com --server ${ws}`,
  ]);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  io.signal('SIGINT');

  expect(await ended).toBe(0);
  expect(io.stderr.text).toBe('');
  expect(io.handlers).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
  await isTidy();
});

test('crawls, and tells of connections without saying more', async () => {
  const site = await listen();
  const { io, ended, url } = await serve('--allow-private');
  await using client = new CrawlClient({ baseUrl: url });

  expect(await typesOf(client, [site.url('/page/1')])).toEqual(['welcome', 'metadata', 'result', 'summary']);
  await client.disconnect();
  await io.stderr.shows('Disconnected');
  expect(io.stderr.lines).toEqual([
    'statewire: Pages at addresses that are not public are fetched too.',
    expect.stringMatching(/^statewire: Connected {2}sessionId [\w-]{36}$/),
    expect.stringMatching(/^statewire: Disconnected {2}sessionId [\w-]{36} {2}closeCode 1000$/),
  ]);
  io.signal('SIGTERM');
  expect(await ended).toBe(143);
});

test('refuses private addresses unless they are allowed', async () => {
  const { io, ended, url } = await serve('--quiet');
  await using client = new CrawlClient({ baseUrl: url });

  await expect(typesOf(client, ['http://127.0.0.1/'])).rejects.toThrow('the address is not public');
  io.signal('SIGINT');
  await ended;
});

test('lets in only who has a key of the file', async () => {
  const { io, ended, url } = await serve('--quiet', '--api-key', keyFile('one-key\n\nanother-key\n'));
  const statusFor = async (key: string) =>
    (await fetch(`${url}/crawl/stream`, { method: 'POST', headers: { 'X-API-Key': key }, body: '{}' }))
      .status;

  expect([await statusFor('another-key'), await statusFor('no-key')]).toEqual([400, 401]);
  io.signal('SIGINT');
  await ended;
  expect(io.stdout.text + io.stderr.text).not.toContain('another-key');
});

test('with --no-extensions speaks the plain protocol', async () => {
  const { io, ended, url } = await serve('--quiet', '--no-extensions');
  await using client = new CrawlClient({ baseUrl: url });
  const offered: (readonly string[])[] = [];
  client.on('connection', (connection) =>
    connection.on('open', ({ welcome }) => offered.push(welcome.data.supported_operations)),
  );
  await client.ping();

  expect(offered).toEqual([['crawl', 'ping', 'status']]);
  io.signal('SIGINT');
  await ended;
});

test('lets running crawls end before it does', async () => {
  const site = await listen();
  const { io, ended, url } = await serve('--quiet', '--allow-private');
  await using client = new CrawlClient({ baseUrl: url });
  const types = typesOf(client, [site.url('/held/1')]);
  await site.whenHeld(1);
  io.signal('SIGINT');
  await io.stderr.shows('Ending with 1 crawl.');
  site.release();

  expect(await types).toEqual(['welcome', 'metadata', 'result', 'summary']);
  expect(await ended).toBe(0);
});

test('a second Ctrl-C ends the process at once', async () => {
  const site = await listen();
  const { io, ended, url } = await serve('--quiet', '--allow-private');
  await using client = new CrawlClient({ baseUrl: url });
  const types = typesOf(client, [site.url('/held/1')]);
  await site.whenHeld(1);
  io.signal('SIGINT');
  await io.stderr.shows('Ctrl-C ends at once');
  io.signal('SIGINT');

  expect(io.exits).toEqual([130]);
  site.release();
  await types;
  await ended;
});

test('says which port is taken', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const io = new TestIo();

  expect(await io.run('serve', 'crawl', '--port', String(port))).toBe(2);
  expect(io.stderr.lines).toEqual([
    `statewire: Port ${port} is taken.`,
    '           Give another one with --port, or 0 for any that is free.',
  ]);
});

test.each([
  [
    ['serve', 'crawl', '--port', 'x'],
    /^Option '--port <port>' argument 'x' is invalid/,
    /serve crawl --help$/,
  ],
  [['serve', 'crawl', '--host', '192.0.2.1'], /^192\.0\.2\.1, port 3000, cannot be listened at: /, /--host/],
  [
    ['serve', 'crawl', '--host', '0.0.0.0', '--allow-private'],
    /^Everybody who reaches 0\.0\.0\.0 would see the network of this machine\.$/,
    /--api-key/,
  ],
  [['serve', 'crawl', '--api-key', 'secret'], /^--api-key is wrong: expected @file\.$/, /after the @/],
  [['serve', 'craw'], /^Unknown command 'craw'\.$/, /crawl/],
])('%j is wrong usage', async (argv, what, remedy) => {
  const io = new TestIo();

  expect(await io.run(...argv)).toBe(2);
  expect(io.stdout.text).toBe('');
  expect(io.stderr.lines[0]?.replace('statewire: ', '')).toMatch(what);
  expect(io.stderr.lines[1]).toMatch(remedy);
});

test.each([['serve'], ['serve crawl'], ['crawl']])(
  '%s --help explains it in lines that fit',
  async (command) => {
    const io = new TestIo();

    expect(await io.run(...command.split(' '), '--help')).toBe(0);
    expect(io.stdout.text).toMatch(/^Usage: statewire/);
    expect(io.stdout.lines.filter((line) => line.length > 100)).toEqual([]);
    expect(io.stderr.text).toBe('');
  },
);
