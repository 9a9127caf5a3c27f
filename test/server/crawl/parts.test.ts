import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CrawlPage } from '../../../src/crawl/messages.ts';
import { Admission } from '../../../src/server/admission.ts';
import { AddressPolicy, isPublicAddress } from '../../../src/server/crawl/addresses.ts';
import { HostGates, Slots } from '../../../src/server/crawl/limiter.ts';
import { cacheKey, PageCache } from '../../../src/server/crawl/page-cache.ts';
import { toPageError } from '../../../src/server/crawl/page-errors.ts';
import { CRAWL_SERVER_DEFAULTS, createCrawlServer } from '../../../src/server/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { turn } from '../../../src/testing/wait.ts';

describe('an address', () => {
  it.each([
    '93.184.216.34',
    '1.1.1.1',
    '2606:4700:4700::1111',
    '::ffff:8.8.8.8',
    '172.32.0.1',
    '100.128.0.1',
  ])('is public: %s', (address) => expect(isPublicAddress(address)).toBe(true));

  it.each(
    (
      '0.0.0.0 10.1.2.3 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 ' +
      '192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ' +
      '::ffff:10.0.0.1 ::127.0.0.1 ::2 fe80::1 fec0::1 fc00::1 fd12::1 ff02::1 64:ff9b::a00:1 2001:db8::1 ' +
      '2002:a00:1:: 2001::1 100::1 nonsense'
    ).split(' '),
  )('is not public: %s', (address) => expect(isPublicAddress(address)).toBe(false));

  it('is looked up in the same call that is connected by, in either form of that call', async () => {
    const policy = new AddressPolicy(false, async () => [
      { address: '10.0.0.1', family: 4 },
      { address: '93.184.216.34', family: 4 },
    ]);
    const answers: unknown[] = [];
    await new Promise<void>((resolve) => {
      policy.lookup('x.test', { all: true }, (...args) => answers.push(args));
      policy.lookup('x.test', {}, (...args) => {
        answers.push(args);
        resolve();
      });
    });

    expect(answers).toEqual([
      [null, [{ address: '93.184.216.34', family: 4 }]],
      [null, '93.184.216.34', 4],
    ]);
  });

  it('is not asked for where the name alone says that it is local', () => {
    const policy = new AddressPolicy(false, () => Promise.reject(new Error('asked')));

    expect(
      ['localhost', 'a.localhost', 'LOCALHOST.', '[::1]'].map((host) => policy.isForbiddenHost(host)),
    ).toEqual([true, true, true, true]);
    expect(policy.isForbiddenHost('localhost.example')).toBe(false);
  });
});

describe('places', () => {
  const never = new AbortController().signal;

  it('are given out first come first served', async () => {
    const slots = new Slots(1);
    const order: string[] = [];
    const release = await slots.acquire(never);
    const second = slots.acquire(never).then((leave) => {
      order.push('second');
      leave();
    });
    const third = slots.acquire(never).then((leave) => {
      order.push('third');
      leave();
    });
    release();
    release();
    await Promise.all([second, third]);

    expect([order, slots.isIdle]).toEqual([['second', 'third'], true]);
  });

  it('are given out in turn to the crawls that wait for them', async () => {
    const slots = new Slots(1);
    const [large, small] = [new AbortController().signal, new AbortController().signal];
    const served: string[] = [];
    const wait = async (crawl: string, signal: AbortSignal) => {
      const release = await slots.acquire(signal);
      served.push(crawl);
      release();
    };
    const release = await slots.acquire(large);
    const all = [...Array<string>(4).fill('large'), 'small', 'small'].map((crawl) =>
      wait(crawl, crawl === 'large' ? large : small),
    );
    release();
    await Promise.all(all);

    expect(served).toEqual(['large', 'small', 'large', 'small', 'large', 'large']);
    expect(slots.isIdle).toBe(true);
  });

  it('are not kept for those who have left', async () => {
    const slots = new Slots(1);
    const release = await slots.acquire(never);
    const leaving = new AbortController();
    const left = slots.acquire(leaving.signal);
    leaving.abort('bored');
    await expect(left).rejects.toBe('bored');
    release();

    expect(slots.isIdle).toBe(true);
    (await slots.acquire(never))();
  });

  it('at one host are as far apart as is asked for', async () => {
    const clock = new VirtualClock();
    const gates = new HostGates(2, clock);
    const startsMs: number[] = [];
    for (const host of ['a', 'a', 'b', 'a'])
      void gates.enter(host, 100, never).then((leave) => {
        startsMs.push(clock.now());
        leave();
      });
    for (let ms = 0; ms < 300; ms += 50) {
      await turn();
      clock.advance(50);
    }
    await turn();

    expect(startsMs).toEqual([0, 0, 100, 200]);
    expect(clock.pending).toBe(0);
  });

  it('at one host leave no timer behind for those who have left', async () => {
    const clock = new VirtualClock();
    const gates = new HostGates(2, clock);
    await gates.enter('a', 100, never);
    const leaving = new AbortController();
    const left = gates.enter('a', 100, leaving.signal);
    await turn();
    leaving.abort('bored');

    await expect(left).rejects.toBe('bored');
    expect(clock.pending).toBe(0);
  });
});

describe('remembered pages', () => {
  const page = (text: string): CrawlPage => ({
    url: 'http://x.test/',
    status: 200,
    from_cache: false,
    gate_decision: 'raw',
    quality_score: 1,
    processing_time_ms: 1,
    document: { url: 'http://x.test/', text, links: [], media: [] },
    error: null,
    cache_key: 'k',
  });

  it('go when their time is over', () => {
    const clock = new VirtualClock();
    const cache = new PageCache({ maxBytes: 10_000, ttlMs: 100, clock });
    cache.write('a', page('a'));
    clock.advance(99);
    expect(cache.read('a')).toEqual(page('a'));
    clock.advance(1);

    expect([cache.read('a'), cache.bytes]).toEqual([undefined, 0]);
  });

  it('go when the room is needed, those first that were not used for longest', () => {
    const cache = new PageCache({ maxBytes: 10_000, ttlMs: 100, clock: new VirtualClock() });
    const text = 'x'.repeat(2_000);
    cache.write('a', page(text));
    cache.write('b', page(text));
    cache.read('a');
    cache.write('c', page(text));
    cache.write('d', page('x'.repeat(6_000)));

    expect(['a', 'b', 'c', 'd'].map((key) => cache.read(key) !== undefined)).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(cache.bytes).toBeLessThan(10_000);
  });

  it('are known by their URL without the fragment', () => {
    expect(cacheKey(new URL('http://X.test:80/a?b#c'))).toBe(cacheKey(new URL('http://x.test/a?b')));
    expect(cacheKey(new URL('http://x.test/a?b'))).not.toBe(cacheKey(new URL('http://x.test/a?c')));
  });
});

describe('admission', () => {
  it('lets a burst through and then as many as come in a second', () => {
    const clock = new VirtualClock();
    const limits = { maxConnections: 1, maxConnectionsPerAddress: 1, requestsPerSecond: 2, requestBurst: 3 };
    const admission = new Admission(limits, clock);
    const letThrough = (who: string): number => {
      let count = 0;
      while (admission.request(who) === undefined) count += 1;
      return count;
    };

    expect([letThrough('a'), letThrough('b')]).toEqual([3, 3]);
    clock.advance(1_000);
    expect(letThrough('a')).toBe(2);
    clock.advance(60_000);
    expect(letThrough('a')).toBe(3);
  });
});

describe('the error of a page', () => {
  it.each([
    ['ENOTFOUND', 'dns_failed'],
    ['EAI_AGAIN', 'dns_failed'],
    ['ECONNREFUSED', 'connection_failed'],
    ['UND_ERR_SOCKET', 'connection_failed'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['CERT_HAS_EXPIRED', 'tls_failed'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_failed'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_failed'],
    ['Z_DATA_ERROR', 'invalid_response'],
    ['SOMETHING', 'processing_error'],
  ])('tells nothing of what the system said but its kind: %s', (code, type) => {
    const cause = Object.assign(new Error('connect 10.0.0.1:5432 /home/user'), { code });
    const error = toPageError(new TypeError('fetch failed', { cause }));

    expect(error.type).toBe(type);
    expect(JSON.stringify(error.toWire())).not.toMatch(/10\.0|home/);
  });

  it('is found whatever was thrown', () => {
    expect([toPageError(undefined).type, toPageError('x').type]).toEqual([
      'processing_error',
      'processing_error',
    ]);
  });
});

describe('an option that cannot be meant', () => {
  it.each([
    [{ port: 65_536 }, '`port` to be a whole number from 0 to 65,535, got `65536` (number)'],
    [{ host: '' }, '`host` to be a string that is not empty'],
    [{ apiKeys: ['a', ''] }, '`apiKeys` to be a list of keys, or a function, got an array'],
    [{ userAgent: 'a\r\nb' }, '`userAgent` to be a string of printable ASCII characters'],
    [
      { limits: { concurrency: 0 } },
      '`limits.concurrency` to be a whole number of at least 1, got `0` (number)',
    ],
    [{ limits: { hostDelayMs: -1 } }, '`limits.hostDelayMs` to be a whole number of at least 0'],
    [{ limits: { requestsPerSecond: 0 } }, '`limits.requestsPerSecond` to be a number above 0'],
    [{ limits: 5 }, '`limits` to be an object, got `5` (number)'],
    [{ cache: true }, '`cache` to be an object, or false'],
    [{ cache: { ttlMs: 0 } }, '`cache.ttlMs` to be a whole number of at least 1'],
    [{ pingIntervalMs: Infinity }, '`pingIntervalMs` to be a whole number of at least 1'],
    [{ extensions: 'no' }, '`extensions` to be true or false'],
  ])('is refused: %j', async (options, message) => {
    await expect(createCrawlServer(options as never)).rejects.toThrow(message);
  });

  it('does not hide that the port is taken', async () => {
    await using server = await createCrawlServer();
    const port = Number(new URL(server.url).port);

    await expect(createCrawlServer({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('has the default that its documentation says', () => {
    const source = readFileSync(new URL('../../../src/server/crawl/options.ts', import.meta.url), 'utf8');
    const documented: Record<string, Record<string, unknown>> = {};
    for (const [, name = '', body = ''] of source.matchAll(/export interface (\w+) \{\n(.*?)\n\}/gs)) {
      const rows = body.matchAll(/@defaultValue `([^`]+)`(?:(?!\*\/).)*\*\/\s+readonly (\w+)\?/gs);
      documented[name] = Object.fromEntries(
        [...rows].map(([, value = '', key = '']): [string, unknown] => [
          key,
          JSON.parse(value.replaceAll('_', '').replaceAll("'", '"')),
        ]),
      );
    }
    const { limits, cache, ...rest } = CRAWL_SERVER_DEFAULTS;

    expect(documented).toMatchObject({
      CrawlLimits: limits,
      CrawlCacheOptions: cache,
      CrawlServerOptions: rest,
    });
  });

  it('leaves the defaults alone', () => {
    expect(Object.isFrozen(CRAWL_SERVER_DEFAULTS) && Object.isFrozen(CRAWL_SERVER_DEFAULTS.limits)).toBe(
      true,
    );
  });
});
