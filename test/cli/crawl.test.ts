// `statewire crawl`, with a crawl server of its own and with others, on a small site of this machine.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { barOf, duration, inWords, Progress } from '../../src/cli/crawl/progress.ts';
import { styleOf } from '../../src/cli/style.ts';
import type { CrawlPage } from '../../src/crawl/index.ts';
import { createCrawlServer, type CrawlServerOptions } from '../../src/server/index.ts';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { until } from '../../src/testing/wait.ts';
import { Site } from '../support/site.ts';
import { countResources, quiet } from '../testing/leftovers.ts';
import { Screen } from './screen.ts';
import { Output, TestIo } from './test-io.ts';

async function listen(): Promise<Site> {
  const site = await Site.listen();
  onTestFinished(() => site.close());
  return site;
}

async function serve(options: CrawlServerOptions = {}) {
  const server = await createCrawlServer({ allowPrivateAddresses: true, ...options });
  onTestFinished(() => server.close({ deadlineMs: 0 }));
  return server;
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'statewire-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function fileWith(text: string, name = 'file'): string {
  const path = join(folder(), name);
  writeFileSync(path, text);
  return path;
}

/** Runs it on this machine's pages. */
async function crawl(...argv: string[]) {
  const io = new TestIo();
  io.stdin.end();
  const code = await io.run('crawl', ...argv, '--allow-private');
  return { code, io };
}

const pagesIn = (text: string): readonly CrawlPage[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as CrawlPage);

/** As a line of the output of an earlier run. */
const earlier = (url: string, error: { error_type: string; retryable: boolean } | null = null): string =>
  `${JSON.stringify({ url, status: error === null ? 200 : 500, document: null, error })}\n`;

describe('results', () => {
  test('prints a line for each page, and says how many there were', async () => {
    const site = await listen();
    const { code, io } = await crawl(site.url('/page/1'), site.url('/status/404'));

    expect(code).toBe(1);
    expect([...io.stdout.lines].sort()).toEqual([
      expect.stringMatching(/^✔ 200 +\d+\.\d\d s {2}http:\/\/127\.0\.0\.1:\d+\/page\/1 {2}Page 1$/),
      expect.stringMatching(/^✘ 404 +\d+\.\d\d s {2}http:\S+\/status\/404 {2}http_error: The site answered/),
    ]);
    expect(io.stderr.lines).toEqual([
      expect.stringMatching(/^✘ 1 of 2 pages fetched, 1 failed, in \d+\.\d s$/),
    ]);
    expect(io.handlers).toBe(0);
  });

  test('with --output - writes each page as a line of JSON, and nothing else', async () => {
    const site = await listen();
    const { code, io } = await crawl(site.url('/page/1'), site.url('/text#part'), '--output', '-');

    expect(code).toBe(0);
    const pages = pagesIn(io.stdout.text);
    expect(pages.map(({ url, status }) => [url, status]).sort()).toEqual([
      [site.url('/page/1'), 200],
      [site.url('/text#part'), 200],
    ]);
    expect(pages.find(({ url }) => url.endsWith('1'))?.document).toMatchObject({ title: 'Page 1' });
    expect(io.stderr.lines).toEqual([expect.stringMatching(/^✔ 2 pages fetched in /)]);
  });

  test('with --output FILE shows only what failed', async () => {
    const site = await listen();
    const path = join(folder(), 'out.jsonl');
    const { code, io } = await crawl(site.url('/page/1'), site.url('/reset'), '--output', path);

    expect(code).toBe(1);
    expect(io.stdout.text).toBe('');
    expect(io.stderr.lines).toEqual([
      expect.stringMatching(/^✘ {3}– +\S+ s {2}http:\S+\/reset {2}connection_failed: /),
      expect.stringMatching(/^✘ 1 of 2 pages fetched/),
      `statewire: 1 of them may succeed later. To go on, run it again with --resume ${path} instead of --output.`,
    ]);
    const pages = pagesIn(readFileSync(path, 'utf8'));
    expect(pages.map(({ url, error }) => [url, error?.error_type]).sort()).toEqual([
      [site.url('/page/1'), undefined],
      [site.url('/reset'), 'connection_failed'],
    ]);
  });

  test('with --quiet says nothing but results', async () => {
    const site = await listen();
    const { code, io } = await crawl(site.url('/page/1'), site.url('/page/1'), '--quiet');

    expect(code).toBe(0);
    expect(io.stdout.lines).toHaveLength(1);
    expect(io.stderr.text).toBe('');
  });

  test('waits for a reader who does not read, and loses nothing', async () => {
    const site = await listen();
    const io = new TestIo();
    io.stdout.hold();
    const urls = Array.from({ length: 30 }, (_, n) => site.url(`/page/${n}`));
    const ended = io.run('crawl', ...urls, '--allow-private', '--output', '-');
    await until(() => site.pages.length === 30);
    await quiet();
    expect(pagesIn(io.stdout.text)).toHaveLength(1);
    expect(io.stdout.writableLength).toBeLessThan(4_000);

    io.stdout.release();

    expect(await ended).toBe(0);
    expect(new Set(pagesIn(io.stdout.text).map(({ url }) => url))).toEqual(new Set(urls));
  });

  test('shows no control sequences of a page', async () => {
    const site = await listen();
    site.on('/evil', (response) =>
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<title>a\u001B[2Jb</title>'),
    );
    const { io } = await crawl(site.url('/evil'));

    expect(io.stdout.text).toContain('a\\x1b[2Jb');
  });

  test('leaves nothing behind', async () => {
    const site = await listen();
    const isTidy = await countResources();
    await crawl(site.url('/page/1'), '--output', join(folder(), 'out'));
    await isTidy();
  });
});

describe('which URLs', () => {
  test('come from the arguments, a file and the input, each once', async () => {
    const site = await listen();
    const input = fileWith(`\uFEFF# pages\r\n${site.url('/page/2')}\r\n\n  ${site.url('/page/1#again')}\n`);
    const io = new TestIo();
    io.stdin.end(`${site.url('/page/3')}\n# no\n${site.url('/page/2')}`);
    const code = await io.run('crawl', site.url('/page/1'), '-', '--input', input, '--allow-private');

    expect(code).toBe(0);
    expect([...site.pages].sort()).toEqual(['/page/1', '/page/2', '/page/3']);
    expect(io.stderr.lines).toEqual([
      'statewire: 2 URLs given again: each is crawled once.',
      expect.stringMatching(/^✔ 3 pages fetched/),
    ]);
  });

  test('with --input - come from the input', async () => {
    const site = await listen();
    const io = new TestIo();
    io.stdin.end(`${site.url('/page/3')}\n`);

    expect(await io.run('crawl', '--input', '-', '--allow-private', '--quiet')).toBe(0);
    expect(site.pages).toEqual(['/page/3']);
  });

  test('a wrong one is told with its place, before anything is fetched', async () => {
    const site = await listen();
    const input = fileWith(`${site.url('/page/1')}\nexample.com/a?token=abcdefgh\n`);
    const { code, io } = await crawl('--input', input);

    expect(code).toBe(2);
    expect(io.stderr.text).toBe(
      `statewire: ${input}:2: 'example.com/a?token=***' is no URL of a page.\n` +
        '           Did you mean https://example.com/a?token=***?\n',
    );
    expect(site.requests).toEqual([]);
  });

  test('private addresses have to be allowed', async () => {
    const io = new TestIo();

    expect(await io.run('crawl', 'http://localhost:1234/x')).toBe(2);
    expect(io.stderr.lines).toEqual([
      'statewire: localhost:1234 is an address that is not public.',
      '           Allow such pages with --allow-private, if you trust them.',
    ]);
  });
});

describe('--resume', () => {
  test('asks only for what has no final result, and appends it', async () => {
    const site = await listen();
    const before =
      earlier(site.url('/page/1')) +
      earlier(site.url('/page/2'), { error_type: 'http_error', retryable: false }) +
      earlier(site.url('/page/3'), { error_type: 'timeout', retryable: true });
    const path = fileWith(before);
    const urls = [1, 2, 3, 4].map((n) => site.url(`/page/${n}`));
    const { code, io } = await crawl(...urls, '--resume', path);

    expect(code).toBe(1);
    expect([...site.pages].sort()).toEqual(['/page/3', '/page/4']);
    expect(io.stderr.lines).toEqual([
      'statewire: Of 4 URLs an earlier run has done 2: 1 fetched, 1 failed for good.',
      expect.stringMatching(/^✘ 3 of 4 pages fetched, 1 failed, /),
    ]);
    const content = readFileSync(path, 'utf8');
    expect(content.startsWith(before)).toBe(true);
    const added = pagesIn(content.slice(before.length)).map(({ url }) => url);
    expect(added.sort()).toEqual(urls.slice(2));
  });

  test('crawls nothing when all is done', async () => {
    const site = await listen();
    const path = fileWith(earlier(site.url('/page/1')));
    const { code, io } = await crawl(site.url('/page/1'), '--resume', path);

    expect(code).toBe(0);
    expect(site.requests).toEqual([]);
    expect(io.stderr.lines.at(-1)).toMatch(/^✔ 1 page fetched/);
  });

  test('cuts off a last line that was written by half', async () => {
    const site = await listen();
    const whole = earlier(site.url('/page/1'));
    const path = fileWith(`${whole}{"url":"${site.url('/page/2')}","stat`);
    const cut = readFileSync(path).length - whole.length;
    const { code, io } = await crawl(site.url('/page/1'), site.url('/page/2'), '--resume', path);

    expect(code).toBe(0);
    expect(io.stderr.lines[0]).toBe(
      `statewire: The last line of ${path} was cut short: ${cut} bytes of it are removed.`,
    );
    expect(pagesIn(readFileSync(path, 'utf8')).map(({ url }) => url)).toEqual([
      site.url('/page/1'),
      site.url('/page/2'),
    ]);
  });

  test('keeps a last line that lacks only its end', async () => {
    const site = await listen();
    const path = fileWith(earlier(site.url('/page/1')).trimEnd());
    const { code } = await crawl(site.url('/page/1'), site.url('/page/2'), '--resume', path);

    expect(code).toBe(0);
    expect(site.pages).toEqual(['/page/2']);
    expect(pagesIn(readFileSync(path, 'utf8'))).toHaveLength(2);
  });

  test('begins a file that is not there', async () => {
    const site = await listen();
    const path = join(folder(), 'new');
    const { code, io } = await crawl(site.url('/page/1'), '--resume', path);

    expect(code).toBe(0);
    expect(io.stderr.lines[0]).toBe(`statewire: ${path} does not exist: this is the beginning.`);
    expect(pagesIn(readFileSync(path, 'utf8'))).toHaveLength(1);
  });

  test.each([
    ['https://example.com/\nhttps://example.org', 1],
    [`${earlier('http://a.example/')}{"name":"x"}\n`, 2],
    [`${earlier('http://a.example/')}my notes`, 2],
    ['{"url":3,"error":null}\n', 1],
  ])('leaves a file alone that is no output of a crawl: %j', async (content, line) => {
    const path = fileWith(content);
    const { code, io } = await crawl('http://127.0.0.1/', '--resume', path);

    expect(code).toBe(2);
    expect(io.stderr.lines[0]).toBe(`statewire: ${path}:${line}: This is no result of a crawl.`);
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test('--output does not overwrite a file that has something in it', async () => {
    const path = fileWith('precious\n');
    const { code, io } = await crawl('http://127.0.0.1/', '--output', path);

    expect(code).toBe(2);
    expect(io.stderr.lines).toEqual([
      `statewire: ${path} exists already.`,
      `           Go on with it by --resume ${path}, or remove it, or give another one.`,
    ]);
    expect(readFileSync(path, 'utf8')).toBe('precious\n');
  });
});

describe('a server elsewhere', () => {
  test.each([
    ['websocket', 'json'],
    ['websocket', 'messagepack'],
    ['ndjson', 'json'],
    ['sse', 'json'],
  ])('is asked over %s in %s, with the key of a file', async (transport, encoding) => {
    const site = await listen();
    const server = await serve({ apiKeys: ['s3cret-key-of-a-server'] });
    const io = new TestIo();
    const argv = ['--transport', transport, '--encoding', encoding, '--output', '-'];
    const key = ['--server', server.url, '--api-key', `@${fileWith('s3cret-key-of-a-server\n')}`];

    expect(await io.run('crawl', site.url('/page/1'), ...key, ...argv)).toBe(0);
    expect(pagesIn(io.stdout.text).map(({ url }) => url)).toEqual([site.url('/page/1')]);
    expect(server.stats.pages.crawled).toBe(1);
  });

  test('gets the key of STATEWIRE_API_KEY, and the options', async () => {
    const site = await listen();
    const server = await serve({ apiKeys: ['key'], limits: { concurrencyPerHost: 100 } });
    const io = new TestIo();
    io.env['STATEWIRE_API_KEY'] = 'key';
    const urls = [1, 2, 3, 4].map((n) => site.url(`/held/${n}`));
    const url = server.url.replace('http', 'ws');
    const ended = io.run('crawl', ...urls, '--server', url, '--concurrency', '3', '--timeout', '0.5');

    await site.whenHeld(3);
    expect(site.held).toBe(3);
    expect(await ended).toBe(1);
    expect(io.stdout.text.match(/timeout: /g)).toHaveLength(4);
  });

  test('that refuses the key is told, with the URLs that have no result', async () => {
    const server = await serve({ apiKeys: ['right'] });
    const io = new TestIo();
    io.env['STATEWIRE_API_KEY'] = 'wrong-but-still-nobodys-business';
    const code = await io.run('crawl', 'http://a.example/', 'http://b.example/', '--server', server.url);

    expect(code).toBe(1);
    expect(io.stderr.lines).toEqual([
      'statewire: The server answered the upgrade with HTTP 401.',
      '           Check --api-key, or STATEWIRE_API_KEY.',
      '           2 of 2 URLs have no result:',
      '             http://a.example/',
      '             http://b.example/',
      '           With --output FILE a crawl can be gone on with by --resume FILE.',
    ]);
  });

  test('that refuses the crawl is told', async () => {
    const server = await serve({ allowPrivateAddresses: false });
    const io = new TestIo();
    const code = await io.run('crawl', 'http://127.0.0.1/', '--server', server.url);

    expect(code).toBe(1);
    expect(io.stderr.text).toMatch(/refused the crawl: .*the address is not public/);
    expect(io.stderr.text).toContain('1 of 1 URL has no result:');
  });

  test('that is not there is told', async () => {
    const server = await serve();
    const { url } = server;
    await server.close();
    const io = new TestIo();
    const code = await io.run('crawl', 'http://a.example/', '--server', url);

    expect(code).toBe(1);
    expect(io.stderr.text).toContain('Check that a crawl server runs at the URL given with --server.');
  });

  test('that is lost in the middle is asked again for the rest', { timeout: 20_000 }, async () => {
    const site = await listen();
    const server = await serve();
    await using proxy = await FaultProxy.listen(server.url);
    const io = new TestIo();
    const urls = [site.url('/page/1'), site.url('/page/2'), site.url('/held/3')];
    const ended = io.run('crawl', ...urls, '--server', proxy.url);
    await until(() => io.stdout.lines.length === 2);
    proxy.reset();
    await io.stderr.shows('Retry 1 in ');
    site.release();

    expect(await ended).toBe(0);
    expect(io.stdout.lines).toHaveLength(3);
    expect(io.stderr.text).toContain('statewire: Connected again.\n');
  });
});

describe('an interruption', () => {
  async function begin(...argv: string[]) {
    const site = await listen();
    const io = new TestIo();
    const urls = [site.url('/page/1'), site.url('/held/2'), site.url('/held/3')];
    const ended = io.run('crawl', ...urls, '--allow-private', ...argv);
    await site.whenHeld(2);
    return { site, io, ended };
  }

  test('ends the crawl, keeps what is done, and tells the rest', async () => {
    const path = join(folder(), 'out.jsonl');
    const { site, io, ended } = await begin('--output', path);
    await until(() => readFileSync(path, 'utf8').endsWith('\n'));
    io.signal('SIGINT');

    expect(await ended).toBe(130);
    expect(pagesIn(readFileSync(path, 'utf8')).map(({ url }) => url)).toEqual([site.url('/page/1')]);
    expect(io.stderr.lines).toEqual([
      'statewire: The crawl was interrupted.',
      '           2 of 3 URLs have no result:',
      `             ${site.url('/held/2')}`,
      `             ${site.url('/held/3')}`,
      `           To go on, run it again with --resume ${path} instead of --output.`,
    ]);
    expect(io.exits).toEqual([]);
    expect(io.handlers).toBe(0);
  });

  test.each(['websocket', 'ndjson', 'sse'])('over %s leaves nothing behind', async (transport) => {
    const isTidy = await countResources();
    const { site, io, ended } = await begin('--transport', transport, '--quiet');
    io.signal('SIGINT');

    expect(await ended).toBe(130);
    await site.close();
    await isTidy();
  });

  test('by an output that fails is told, with what is left to do', async () => {
    const { io, ended } = await begin('--output', '-', '--quiet');
    io.stdout.emit('error', Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));

    expect(await ended).toBe(1);
    expect(io.stderr.lines.slice(0, 3)).toEqual([
      'statewire: The output failed: no space left on device.',
      'statewire: The crawl ended early.',
      expect.stringMatching(/^ {11}[23] of 3 URLs have no result:$/),
    ]);
  });

  test('by SIGTERM has its own exit code', async () => {
    const { io, ended } = await begin('--quiet');
    io.signal('SIGTERM');

    expect(await ended).toBe(143);
  });

  test('twice ends the process at once', async () => {
    const { io, ended } = await begin();
    io.signal('SIGINT');
    io.signal('SIGINT');

    expect(io.exits).toEqual([130]);
    await ended;
  });

  test('ends the reading of an input without an end', async () => {
    const io = new TestIo();
    const ended = io.run('crawl', '-');
    await until(() => io.handlers > 0);
    io.signal('SIGINT');

    expect(await ended).toBe(130);
    expect(io.stderr.text).toBe('');
  });

  test('by a reader who goes away ends it quietly', async () => {
    const { io, ended } = await begin('--output', '-');
    io.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));

    expect(await ended).toBe(1);
    expect(io.stderr.text).toBe('');
  });
});

describe('progress', () => {
  test('on a terminal is a bar below the pages, which is gone at the end', async () => {
    const site = await listen();
    const io = new TestIo();
    io.stderr.isTTY = true;
    io.stdout.isTTY = true;
    io.env['NO_COLOR'] = '1';
    io.stderr.columns = 200;
    // One screen, as a terminal has.
    const screen = new Output();
    io.stdout._write = io.stderr._write = (chunk, encoding, done) => screen._write(chunk, encoding, done);
    const urls = [site.url('/page/1'), site.url('/status/404'), site.url('/held/3'), site.url('/held/4')];
    const ended = io.run('crawl', ...urls, '--allow-private');
    await until(() => screen.text.includes('2 of 4'));

    const during = Screen.after(screen.text, 200);
    expect(during).toHaveLength(3);
    expect(during.at(-1)).toMatch(/^━{14,15}─{14,15} 2 of 4 · 1 failed · [\d.]+\/s · \d+ s left$/);
    site.release();

    expect(await ended).toBe(1);
    const after = Screen.after(screen.text, 200);
    expect(after).toHaveLength(5);
    expect(after.slice(0, 4).filter((line) => !/^[✔✘] [24]0[04] .*\w$/.test(line))).toEqual([]);
    expect(after.join('')).not.toContain('━');
    expect(after.at(-1)).toMatch(/^✘ 3 of 4 pages fetched, 1 failed, in /);
  });

  test('without a terminal is a line for each tenth', async () => {
    const site = await listen();
    const urls = Array.from({ length: 20 }, (_, n) => site.url(`/page/${n}`));
    const { io } = await crawl(...urls);

    const lines = io.stderr.lines.map((line) => /^statewire: (\d+) of 20 · /.exec(line)?.[1]);
    expect(lines).toEqual(['2', '4', '6', '8', '10', '12', '14', '16', '18', undefined]);
  });

  test('counts, measures the rate of late, and estimates', () => {
    let now = 0;
    const progress = new Progress(200, () => now);
    expect(inWords(progress)).toBe('0 of 200');
    for (let n = 0; n < 100; n += 1) {
      now += n < 50 ? 1_000 : 100;
      progress.record(n % 10 !== 0);
    }
    expect({ ...{ done: progress.done, failed: progress.failed }, rate: progress.rate }).toEqual({
      ...{ done: 100, failed: 10 },
      rate: 10,
    });
    expect(inWords(progress)).toBe('100 of 200 · 10 failed · 10.0/s · 10 s left');
    now += 5_000;
    expect(inWords(progress)).toBe('100 of 200 · 10 failed · 5.0/s · 20 s left');
  });

  test('fits into a narrow terminal', () => {
    const progress = new Progress(2, () => 0);
    progress.record(true);
    const style = styleOf({ env: {} }, new Output());

    expect(barOf(progress, 80, style)).toBe(`${'━'.repeat(15)}${'─'.repeat(15)} 1 of 2`);
    expect(barOf(progress, 20, style)).toBe('━━━━━━───── 1 of 2');
    expect(barOf(progress, 6, style)).toBe('1 of…');
  });

  test.each([
    [0, '0 s'],
    [1, '1 s'],
    [59_000, '59 s'],
    [59_001, '1 min 00 s'],
    [125_000, '2 min 05 s'],
    [3_600_000, '1 h 00 min'],
    [7_620_000, '2 h 07 min'],
  ])('%d ms is %s', (ms, words) => {
    expect(duration(ms)).toBe(words);
  });
});

const HELP = 'See: statewire crawl --help';

test.each([
  [[], 'There is no URL to crawl.', HELP],
  [['ftp://x/'], "'ftp://x/' is no URL of a page.", 'Give one such as https://example.com/page.'],
  [
    ['http://me:pw@x/'],
    'http://x/ contains a user name or a password.',
    'Leave it out: no crawl server takes it.',
  ],
  [['http://x/', '--server', 'x:1'], "'x:1' is no URL of a server.", 'Did you mean ws://x:1?'],
  [['http://x/', '--api-key', 'abc'], '--api-key is wrong: expected @file.', expect.any(String)],
  [
    ['http://x/', '--resume', 'a', '--output', 'b'],
    '--resume appends to its own file.',
    'Leave --output out.',
  ],
  [
    ['http://x/', '--resume', '-'],
    '--resume needs a file: what has left by stdout cannot be read again.',
    HELP,
  ],
  [
    ['http://x/', '--transport', 'sse', '--encoding', 'messagepack'],
    '--transport sse carries JSON only.',
    'Leave --encoding out.',
  ],
  [
    ['http://x/', '--server', 'ws://x', '--allow-private'],
    '--allow-private is for the server that is started without --server.',
    HELP,
  ],
  [
    ['--input', '/no/such'],
    "/no/such cannot be read: ENOENT: no such file or directory, open '/no/such'.",
    'Give the path of a file with one URL a line.',
  ],
  [
    ['http://x/', '--concurrency', '0'],
    "Option '--concurrency <count>' argument '0' is invalid. Expected an integer above 0.",
    HELP,
  ],
])('%j is wrong usage', async (argv, what, remedy) => {
  const io = new TestIo();
  io.stdin.end();

  expect(await io.run('crawl', ...argv)).toBe(2);
  expect(io.stdout.text).toBe('');
  expect(io.stderr.lines).toEqual([
    `statewire: ${what}`,
    typeof remedy === 'string' ? `           ${remedy}` : remedy,
  ]);
});

test('an input without a URL is wrong usage', async () => {
  const { code, io } = await crawl('--input', fileWith('# nothing\n'));

  expect(code).toBe(2);
  expect(io.stderr.lines[0]).toBe('statewire: There is no URL to crawl in the input.');
});
