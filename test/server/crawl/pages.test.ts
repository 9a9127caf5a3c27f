import { describe, expect, it } from 'vitest';
import { createCrawlServer } from '../../../src/server/index.ts';
import { until } from '../../../src/testing/wait.ts';
import { Site } from '../../support/site.ts';
import { crawlOne, serve } from './raw-client.ts';

/** A port at which nobody listens. */
async function deadUrl(): Promise<string> {
  const site = await Site.listen();
  const url = site.url('/');
  await site.close();
  return url;
}

describe('a page that cannot be had', () => {
  it.each([
    ['/status/404', 404, 'http_error', 'The site answered with HTTP 404', false],
    ['/status/503', 503, 'http_error', 'The site answered with HTTP 503', true],
    ['/reset', 0, 'connection_failed', 'The connection to the site failed', true],
    ['/cut', 200, 'connection_failed', 'The connection to the site failed', true],
    ['/garbage', 0, 'invalid_response', 'The answer of the site could not be understood', false],
    ['/broken-gzip', 200, 'invalid_response', 'The answer of the site could not be understood', false],
    ['/huge', 200, 'too_large', 'The page is larger than the limit', false],
    ['/bomb', 200, 'too_large', 'The page is larger than the limit', false],
    ['/too-deep', 200, 'extraction_failed', 'The text of the page could not be extracted', false],
    ['/loop', 0, 'too_many_redirects', 'Too many redirects', false],
    ['/to-script', 0, 'invalid_redirect', 'The site redirects to something that is no web address', false],
    ['/json', 200, 'unsupported_content_type', 'The content is neither HTML nor plain text', false],
    [
      '/to/http%3A%2F%2F10.0.0.1%2F',
      0,
      'forbidden_address',
      'The host is at an address that is not public',
      false,
    ],
    [
      '/to/http%3A%2F%2F%5B%3A%3A1%5D%2F',
      0,
      'forbidden_address',
      'The host is at an address that is not public',
      false,
    ],
  ])('is a failed result: %s', async (path, status, type, message, retryable) => {
    await using site = await Site.listen();
    await using server = await serve({ allowPrivateAddresses: (address) => address === '127.0.0.1' });

    const result = await crawlOne(server, site.url(path));
    expect(result).toEqual({
      url: site.url(path),
      status,
      from_cache: false,
      gate_decision: 'failed',
      quality_score: 0,
      processing_time_ms: expect.any(Number) as number,
      document: null,
      error: { error_type: type, message, retryable },
      cache_key: '',
    });
  });

  it('leaves no connection behind when the server is closed', async () => {
    await using site = await Site.listen();
    const server = await serve();
    for (const path of ['/huge', '/bomb', '/cut', '/page/1']) await crawlOne(server, site.url(path));
    await server.close();

    await until(() => site.connections === 0);
  });

  it('fails when nobody listens there', async () => {
    await using server = await serve();

    const { error } = await crawlOne(server, await deadUrl());
    expect(error?.error_type).toBe('connection_failed');
  });

  it('fails at a port that belongs to another protocol', async () => {
    await using server = await serve();

    const { error } = await crawlOne(server, 'http://127.0.0.1:25/');
    expect(error?.error_type).toBe('forbidden_port');
  });

  it('fails when its name cannot be resolved, whatever the resolver says about it', async () => {
    await using server = await serve({
      resolveHost: (hostname) => Promise.reject(new Error(`ENOTFOUND ${hostname} at 10.9.8.7, as root`)),
    });

    const result = await crawlOne(server, 'http://nowhere.test/');
    expect(result.error).toEqual({
      error_type: 'dns_failed',
      message: 'The host name could not be resolved',
      retryable: true,
    });
    expect(JSON.stringify(result)).not.toMatch(/10\.9\.8\.7|root/);
  });

  it('fails at a server that does not speak TLS', async () => {
    await using site = await Site.listen();
    await using server = await serve();

    const { error } = await crawlOne(server, site.url('/').replace('http:', 'https:'));
    expect(error?.error_type).toBe('tls_failed');
  });

  it('fails when what it says does not fit into one message', async () => {
    await using site = await Site.listen();
    site.on('/control', (response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' }).end('\u0001'.repeat(2_000_000));
    });
    await using server = await serve();

    const result = await crawlOne(server, site.url('/control'));
    expect([result.status, result.error?.error_type, result.document]).toEqual([200, 'too_large', null]);
  });

  it('fails where the function that allows addresses does', async () => {
    await using site = await Site.listen();
    await using server = await createCrawlServer({
      allowPrivateAddresses: () => {
        throw new Error('mistake');
      },
      resolveHost: async () => [{ address: '127.0.0.1', family: 4 }],
    });

    const { error } = await crawlOne(server, site.url('/').replace('127.0.0.1', 'site.test'));
    expect(error?.error_type).toBe('forbidden_address');
  });

  it('fails when it takes longer than the crawl allows', async () => {
    await using site = await Site.listen();
    await using server = await serve({ robots: false });

    const { error } = await crawlOne(server, site.url('/held/1'), { timeout_secs: 0.05 });
    expect(error).toEqual({
      error_type: 'timeout',
      message: 'The page did not arrive in time',
      retryable: true,
    });
  });

  it('fails when it takes longer than the server allows, whatever the crawl asks for', async () => {
    await using site = await Site.listen();
    await using server = await serve({ robots: false, limits: { pageMs: 50 } });

    const { error } = await crawlOne(server, site.url('/held/1'), { timeout_secs: 1000 });
    expect(error?.error_type).toBe('timeout');
  });
});

describe('a name', () => {
  it('is judged by the address that is connected to, even when it changes its mind', async () => {
    await using site = await Site.listen();
    const answers = ['93.184.216.34', '127.0.0.1'];
    const asked: string[] = [];
    await using server = await createCrawlServer({
      robots: false,
      resolveHost: async (hostname) => {
        asked.push(hostname);
        // The first answer would pass a check of its own; the connection gets the second.
        return [{ address: asked.length === 1 ? '127.0.0.1' : answers[0]!, family: 4 }];
      },
    });

    const { error } = await crawlOne(server, `http://rebind.test:${new URL(site.url('/')).port}/`);
    expect(error?.error_type).toBe('forbidden_address');
    expect(asked).toEqual(['rebind.test']);
    expect(site.requests).toEqual([]);
  });

  it('is connected to at its public addresses only, when it has others beside them', async () => {
    await using site = await Site.listen();
    const port = new URL(site.url('/')).port;
    const tried: string[] = [];
    await using server = await createCrawlServer({
      robots: false,
      // 127.0.0.1 takes the part of the public address.
      allowPrivateAddresses: (address) => {
        tried.push(address);
        return address === '127.0.0.1';
      },
      resolveHost: async () => [
        { address: '10.255.255.1', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ],
    });

    const { status } = await crawlOne(server, `http://mixed.test:${port}/page/1`);
    expect(status).toBe(200);
    expect(tried).toEqual(['10.255.255.1', '127.0.0.1']);
  });

  it('is judged again after a redirect', async () => {
    await using site = await Site.listen();
    const port = new URL(site.url('/')).port;
    await using server = await createCrawlServer({
      robots: false,
      allowPrivateAddresses: (_address, hostname) => hostname === 'outside.test',
      resolveHost: async () => [{ address: '127.0.0.1', family: 4 }],
    });

    const target = encodeURIComponent(`http://inside.test:${port}/page/secret`);
    const { error } = await crawlOne(server, `http://outside.test:${port}/to/${target}`);
    expect(error?.error_type).toBe('forbidden_address');
    expect(site.requests).toEqual([`/to/${target}`]);
  });
});

describe('a page that is there', () => {
  it.each([
    ['/latin1', 'café'],
    ['/meta-charset', 'café'],
    ['/gzip', 'Page gzip'],
    ['/to-page', 'Page target'],
    ['/deep', 'Deep'],
  ])('is read: %s', async (path, title) => {
    await using site = await Site.listen();
    await using server = await serve();

    const { document, status } = await crawlOne(server, site.url(path));
    expect([status, document?.title]).toEqual([200, title]);
  });

  it('has its own address after a redirect, the result keeps the one that was asked for', async () => {
    await using site = await Site.listen();
    await using server = await serve();

    const { url, document } = await crawlOne(server, site.url('/to-page'));
    expect([url, document?.url]).toEqual([site.url('/to-page'), site.url('/page/target')]);
  });

  it('may be plain text, in its own encoding', async () => {
    await using site = await Site.listen();
    await using server = await serve();

    const { document } = await crawlOne(server, site.url('/text'));
    expect(document).toEqual({
      url: site.url('/text'),
      text: 'café',
      links: [],
      media: [],
      word_count: 1,
      reading_time: 1,
    });
  });
});

describe('robots.txt', () => {
  const rules =
    'User-agent: *\nDisallow: /page/secret\nUser-agent: statewire-crawler\nDisallow: /page/private';

  it('is honoured under the name of the crawler, and read once', async () => {
    await using site = await Site.listen();
    site.robots = rules;
    await using server = await serve();

    const types = [];
    for (const path of ['/page/private', '/page/secret', '/page/1'])
      types.push((await crawlOne(server, site.url(path))).error?.error_type);
    expect(types).toEqual(['robots_disallowed', undefined, undefined]);
    expect(site.requests).toEqual(['/robots.txt', '/page/secret', '/page/1']);
  });

  it('is honoured however the path is encoded (RFC 9309 §2.2.2)', async () => {
    await using site = await Site.listen();
    site.robots = rules;
    await using server = await serve();

    const { error } = await crawlOne(server, site.url('/page/%70rivate'));
    expect(error?.error_type).toBe('robots_disallowed');
  });

  it.each([
    ['of empty lines only', '\n'.repeat(200_000), undefined],
    [
      'that multiplies its rules',
      'User-agent: *\n'.repeat(6_000) + 'Disallow: /x\n'.repeat(6_000),
      'robots_unavailable',
    ],
  ])('%s holds nobody up', async (_, robots, error_type) => {
    await using site = await Site.listen();
    site.robots = robots;
    await using server = await serve();

    expect((await crawlOne(server, site.url('/page/1'))).error?.error_type).toBe(error_type);
  });

  it('is honoured after a redirect too', async () => {
    await using site = await Site.listen();
    site.robots = rules;
    await using server = await serve();

    const { error } = await crawlOne(server, site.url(`/to/${encodeURIComponent('/page/private')}`));
    expect(error?.error_type).toBe('robots_disallowed');
    expect(site.pages).not.toContain('/page/private');
  });

  it('forbids everything while the site cannot say what it holds', async () => {
    await using site = await Site.listen();
    site.robots = 500;
    await using server = await serve();

    const { error } = await crawlOne(server, site.url('/page/1'));
    expect(error).toMatchObject({ error_type: 'robots_unavailable', retryable: true });
    expect(site.pages).toEqual([]);
  });

  it('that takes too long to understand forbids everything', async () => {
    await using site = await Site.listen();
    site.robots = `User-agent: *\n${`Disallow: /*${'a'.repeat(1_000)}b\n`.repeat(40)}`;
    await using server = await serve();

    const { error } = await crawlOne(server, site.url('/page/1'));
    expect(error?.error_type).toBe('robots_unavailable');
  });

  it('is not asked for where it does not count', async () => {
    await using site = await Site.listen();
    site.robots = 'User-agent: *\nDisallow: /';
    await using server = await serve({ robots: false });

    expect((await crawlOne(server, site.url('/page/1'))).status).toBe(200);
    expect(site.requests).toEqual(['/page/1']);
  });
});

describe('the cache', () => {
  const seen = async (modes: readonly (string | undefined)[], path = '/page/1', options = {}) => {
    await using site = await Site.listen();
    await using server = await serve(options);
    const found = [];
    for (const mode of modes) {
      const result = await crawlOne(server, site.url(path), mode === undefined ? {} : { cache_mode: mode });
      found.push(result.gate_decision);
    }
    return { found, fetched: site.pages.length };
  };

  it.each([
    [
      [undefined, undefined],
      ['raw', 'cached'],
    ],
    [
      ['none', 'read'],
      ['raw', 'raw'],
    ],
    [
      ['read', 'read'],
      ['raw', 'raw'],
    ],
    [
      ['write', 'write', 'read'],
      ['raw', 'raw', 'cached'],
    ],
    [
      ['read_write', 'none'],
      ['raw', 'raw'],
    ],
    [
      ['read_through', 'bypass', 'enabled'],
      ['raw', 'raw', 'cached'],
    ],
  ])('keeps pages as the modes say: %j', async (modes, decisions) => {
    expect((await seen(modes)).found).toEqual(decisions);
  });

  it('answers with the same page, and says that it does', async () => {
    await using site = await Site.listen();
    await using server = await serve();

    const first = await crawlOne(server, site.url('/page/1#top'));
    const again = await crawlOne(server, site.url('/page/1'));
    expect(again).toEqual({
      ...first,
      url: site.url('/page/1'),
      from_cache: true,
      gate_decision: 'cached',
      processing_time_ms: 0,
    });
  });

  it('keeps neither failures nor what the site wants kept nowhere', async () => {
    expect((await seen([undefined, undefined], '/status/500')).fetched).toBe(2);
    expect((await seen([undefined, undefined], '/no-store')).fetched).toBe(2);
  });

  it('is not there without the option', async () => {
    expect((await seen([undefined, undefined], '/page/1', { cache: false })).fetched).toBe(2);
  });
});
