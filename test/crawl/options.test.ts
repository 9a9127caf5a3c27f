// The options of a client: what is refused, and what reaches the server: keys, encodings, extensions.
import { decode, encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { CRAWL_DEFAULTS, CrawlClient, ValidationError } from '../../src/crawl/index.ts';
import { InvalidOptionError } from '../../src/index.ts';
import { documentedIn } from './documented-defaults.ts';
import { MockCrawlServer } from '../../src/testing/mock-crawl-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import {
  A,
  B,
  clientOf,
  crawled,
  crawling,
  mockAnd,
  pagesByIndex,
  puppetAnd,
  say,
  typesOf,
} from './setup.ts';

const BASE = { baseUrl: 'http://127.0.0.1:1' };

describe('options', () => {
  it.each([
    ['baseUrl', { baseUrl: 'nonsense' }, '`baseUrl` to be a URL such as http://localhost:3000'],
    ['baseUrl', { baseUrl: undefined as never }, '`baseUrl` to be a URL'],
    ['baseUrl', { baseUrl: 'ftp://host/' }, '`baseUrl` to be a URL'],
    ['path', { ...BASE, path: 'crawl' }, '`path` to be a path that begins with /'],
    ['apiKey', { ...BASE, apiKey: '' }, '`apiKey` to be a string that is not empty'],
    ['encoding', { ...BASE, encoding: 'xml' as never }, "`encoding` to be 'json' or 'messagepack'"],
    ['sendKeyAs', { ...BASE, sendKeyAs: 'cookie' as never }, "`sendKeyAs` to be 'header' or 'subprotocol'"],
    ['maxConnections', { ...BASE, maxConnections: 0 }, '`maxConnections` to be a whole number of at least 1'],
    ['maxUrlsPerRequest', { ...BASE, maxUrlsPerRequest: 1.5 }, '`maxUrlsPerRequest` to be a whole number'],
    ['maxBuffered', { ...BASE, maxBuffered: NaN }, '`maxBuffered` to be a whole number of at least 1'],
    ['crawlIdleMs', { ...BASE, crawlIdleMs: 0 }, '`crawlIdleMs` to be a number above 0'],
    ['keepOpenMs', { ...BASE, keepOpenMs: '5' as never }, '`keepOpenMs` to be a number above 0'],
    ['multiplexing', { ...BASE, multiplexing: 1 as never }, '`multiplexing` to be true or false'],
  ])('refuses a wrong %s', (_, options, message) => {
    const make = () => new CrawlClient(options);

    expect(make).toThrow(ValidationError);
    expect(make).toThrow(message);
  });

  it.each([
    ['retry', { ...BASE, retry: { maxAttempts: -1 } }],
    ['timeouts', { ...BASE, timeouts: { closeMs: 0 } }],
    ['webSocket', { ...BASE, webSocket: { maxPayloadBytes: 0 } }],
  ])('refuses a wrong %s when it connects at the latest', async (_, options) => {
    const make = async () => {
      await using client = new CrawlClient(options);
      await client.crawl([A]).next();
    };

    await expect(make()).rejects.toThrow(InvalidOptionError);
  });

  it('takes undefined for the default', async () => {
    const { client } = await mockAnd({ maxBuffered: undefined as never, path: undefined as never });

    expect(typesOf(await crawled(client, [A])).at(-1)).toBe('summary');
  });

  it('says what it needs where there is no WebSocket (S1-04)', () => {
    const make = () => new CrawlClient({ ...BASE, webSocket: { WebSocket: null as never } });

    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow('`webSocket.WebSocket`');
  });

  it('documents each default as it is', async () => {
    const documented = await documentedIn('src/crawl/options.ts');
    const values = Object.entries(CRAWL_DEFAULTS).map(([name, value]) => [name, value]);

    expect(documented).toEqual(Object.fromEntries(values));
  });
});

describe('keys (S1-35)', () => {
  it('sends the key as a Bearer header', async () => {
    const { client, server } = await mockAnd(
      { apiKey: 'key-of-ada', headers: { 'X-Trace': '1' } },
      { apiKey: 'key-of-ada' },
    );
    await crawled(client, [A]);

    expect(server.connections[0]?.request.headers).toMatchObject({
      authorization: 'Bearer key-of-ada',
      'x-trace': '1',
    });
  });

  it('asks a function for the key for each attempt', async () => {
    const keys = ['old', 'key-of-ada'];
    const { client } = await mockAnd(
      { apiKey: () => keys.shift() ?? 'none', headers: () => ({ 'X-Trace': '2' }), retry: { initial: true } },
      { apiKey: 'key-of-ada' },
    );

    expect(typesOf(await crawled(client, [A])).at(-1)).toBe('summary');
    expect(keys).toEqual([]);
  });

  it('throws, and shows no key, when it is refused (S1-33)', async () => {
    const { client } = await mockAnd({ apiKey: 'key-of-mallory' }, { apiKey: 'key-of-ada' });
    const { thrown } = await crawled(client, [A]);

    expect(thrown).toMatchObject({ cause: { code: 'UPGRADE_REJECTED', details: { httpStatus: 401 } } });
    expect(
      JSON.stringify([thrown, client.connections.map((connection) => connection.recording())]),
    ).not.toContain('key-of-mallory');
  });

  it('hides secrets in the URLs that an error lists, but not in missingUrls', async () => {
    const { client, server } = await mockAnd();
    await server.goAway();
    const url = 'https://a.test/page?token=secret-of-ada';
    const { thrown } = await crawled(client, [url]);

    expect(String(thrown)).not.toContain('secret-of-ada');
    expect((thrown as { missingUrls: unknown }).missingUrls).toEqual([url]);
  });

  it('refuses a key that the platform cannot send, and takes it as a subprotocol', async () => {
    const options = { apiKey: 'clé', webSocket: { createWebSocket: () => undefined } } as never;
    expect(() => new CrawlClient({ ...BASE, ...(options as object) })).toThrow(
      "Expected `apiKey` to be absent where sockets cannot send headers, as in browsers: set sendKeyAs: 'subprotocol'",
    );
    const { server, client } = await puppetAnd({ apiKey: 'clé', sendKeyAs: 'subprotocol', retry: false });
    const crawl = crawling(client, [A]);
    const upgrade = await server.upgrade();
    expect(upgrade.subprotocols).toEqual(['statewire.crawl.json', 'statewire.bearer.Y2zDqQ']);
    expect(upgrade.request.headers.authorization).toBeUndefined();
    upgrade.refuse(400);
    await crawl.ended;

    expect(JSON.stringify(crawl.thrown)).not.toContain('Y2zDqQ');
  });
});

describe('MessagePack (S1-38)', () => {
  it('is offered before JSON, and spoken both ways when the server selects it', async () => {
    const { client, server } = await puppetAnd({ encoding: 'messagepack' });
    const crawl = crawling(client, [A, B], { options: { concurrency: 2 } });
    const upgrade = await server.upgrade();
    expect(upgrade.subprotocols).toEqual(['statewire.crawl.msgpack', 'statewire.crawl.json']);
    const socket = upgrade.accept();
    const send = (message: object) => socket.send(encode(message));
    send(say.welcome());
    expect(decode((await socket.nextFrame()) as Uint8Array)).toEqual({
      request_type: 'crawl',
      data: { urls: [A, B], options: { concurrency: 2 } },
    });
    send(say.metadata(2));
    send(say.result(1, B));
    socket.send(new Uint8Array([0xc1]));
    socket.send(encode([1]));
    send(say.result(0, A));
    send(say.summary(2));
    await crawl.ended;

    expect(typesOf(crawl)).toEqual(['welcome', 'metadata', 'result', 'error', 'error', 'result', 'summary']);
    expect(crawl.results[0]).toEqual({ type: 'welcome', ...renamed(say.welcome()) });
    expect(pagesByIndex(crawl)).toEqual([A, B]);
  });

  it('speaks JSON with a server that selects JSON', async () => {
    const { client, server } = await puppetAnd({ encoding: 'messagepack' });
    const crawl = crawling(client, [A]);
    const socket = (await server.upgrade()).accept({ subprotocol: 'statewire.crawl.json' });
    socket.send(say.welcome());
    expect(await socket.nextJson()).toEqual({ request_type: 'crawl', data: { urls: [A] } });
    for (const message of [say.result(0, A), say.summary(1)]) socket.send(message);
    await crawl.ended;

    expect(typesOf(crawl)).toEqual(['welcome', 'result', 'summary']);
  });
});

const renamed = ({ data, timestamp }: { data: object; timestamp: string }) => ({ data, timestamp });

describe('compression (S1-34)', () => {
  it.each([
    [true, 'permessage-deflate; client_max_window_bits'],
    [false, undefined],
  ])('offers permessage-deflate: %s', async (compression, extensions) => {
    const { client, server } = await mockAnd({ compression });
    await crawled(client, [A]);

    expect(server.connections[0]?.request.headers['sec-websocket-extensions']).toBe(extensions);
  });
});

describe('pings of the server', () => {
  it('are answered with their payload', async () => {
    const { client, server } = await mockAnd();
    await crawled(client, [A]);
    await until(() => server.connections[0]?.pongs.length);

    expect(server.connections[0]?.pongs[0]).toMatch(/^\d{13}$/);
  });
});

describe('pings of the client (S1-17)', () => {
  it('are sent after 30 s of silence', async () => {
    const { client, server, clock } = await puppetAnd();
    crawling(client, [A]);
    const socket = await server.accept();
    socket.send(say.welcome());
    await socket.nextFrame();
    clock.advance(29_999);
    expect(socket.pings).toBe(0);
    clock.advance(1);

    await socket.nextPing();
  });
});

it("works on a clock, a transport and a name of one's own", async () => {
  await using server = await MockCrawlServer.listen();
  const clock = new VirtualClock();
  const { client, connections } = clientOf(server.url, { clock, name: 'crawler', recorder: false });
  await crawled(client, [A]);

  expect(connections[0]?.recording()).toBeUndefined();
});
