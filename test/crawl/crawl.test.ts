// A crawl from the welcome to the summary, and every way in which it may end otherwise, against real sockets.
import { describe, expect, it, vi } from 'vitest';
import { CrawlClient, StreamingError, ValidationError, type CrawlResult } from '../../src/crawl/index.ts';
import { ConnectionError } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { countResources, quiet } from '../testing/leftovers.ts';
import {
  A,
  B,
  C,
  clientOf,
  crawled,
  crawling,
  indexesOf,
  mockAnd,
  only,
  page,
  pagesByIndex,
  puppetAnd,
  say,
  typesOf,
  urlsOf,
  welcomed,
} from './setup.ts';

const NO_RETRY = { retry: false, timeouts: { closeMs: 1_000 } } as const;

describe('a crawl (S1-01, S1-06 … S1-12)', () => {
  it('gives welcome, metadata, a result for each URL and the summary, and asks once', async () => {
    const { client, server } = await mockAnd();
    const crawl = await crawled(client, [A, B]);
    const [connection] = server.connections;

    expect(typesOf(crawl)).toEqual(['welcome', 'metadata', 'result', 'result', 'summary']);
    expect(crawl.thrown).toBeUndefined();
    expect(connection?.received.map((text) => JSON.parse(text) as unknown)).toEqual([
      { request_type: 'crawl', data: { urls: [A, B] } },
    ]);
    expect(connection?.request.url).toBe('/crawl/ws');
    expect(connection?.request.headers['sec-websocket-protocol']).toBeUndefined();
  });

  it('hands over what the server said', async () => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    for (const message of [say.metadata(1), say.result(0, A), say.summary(1)]) socket.send(message);
    await crawl.ended;

    expect(crawl.results).toEqual([
      { type: 'welcome', data: say.welcome().data, timestamp: '2024-01-01T00:00:00+00:00' },
      { type: 'metadata', data: say.metadata(1).data, timestamp: '2024-01-01T00:00:00+00:00' },
      {
        type: 'result',
        data: { index: 0, result: page(A), progress: { completed: 1, total: 1, success_rate: 1 } },
        timestamp: '2024-01-01T00:00:00+00:00',
      },
      { type: 'summary', data: say.summary(1).data, timestamp: '2024-01-01T00:00:00+00:00' },
    ]);
  });

  it('sends the options as they are (S1-14)', async () => {
    const { client, server } = await mockAnd();
    await crawled(client, [A], { options: { cache_mode: 'read', concurrency: 3 } });

    expect(server.connections[0]?.crawls[0]?.options).toEqual({ cache_mode: 'read', concurrency: 3 });
  });

  it('gives results as they complete, each under its index, with progress that only grows', async () => {
    const { client } = await mockAnd({}, { order: (indexes) => indexes.toReversed() });
    const urls = urlsOf(4);
    const crawl = await crawled(client, urls);

    expect(indexesOf(crawl)).toEqual([3, 2, 1, 0]);
    expect(pagesByIndex(crawl)).toEqual(urls);
    expect(only(crawl, 'result').map(({ data }) => data.progress.completed)).toEqual([1, 2, 3, 4]);
  });

  it('counts pages that failed', async () => {
    const error = { error_type: 'processing_error', message: 'Failed to process URL', retryable: true };
    const failed = { status: 0, gate_decision: 'failed', document: null, error } as const;
    const { client } = await mockAnd({}, { pages: (url) => (url === B ? failed : {}) });
    const crawl = await crawled(client, [A, B, C]);

    expect(only(crawl, 'result').map(({ data }) => data.progress.success_rate)).toEqual([1, 1 / 2, 2 / 3]);
    expect(only(crawl, 'summary')[0]?.data).toMatchObject({ total_urls: 3, successful: 2, failed: 1 });
    expect(client.metrics.results).toEqual({ succeeded: 2, failed: 1, duplicates: 0 });
  });

  it('gives each place of a list its result, also when a URL stands in it twice', async () => {
    const { client } = await mockAnd();

    expect(pagesByIndex(await crawled(client, [A, B, A]))).toEqual([A, B, A]);
  });

  it('asks for a long list in parts, and gives one stream (S1-19)', async () => {
    const { client, server } = await mockAnd();
    const urls = urlsOf(230);
    const crawl = await crawled(client, urls);

    expect(server.requestedUrls.map(({ length }) => length)).toEqual([100, 100, 30]);
    expect(pagesByIndex(crawl)).toEqual(urls);
    expect(only(crawl, 'metadata').map(({ data }) => data.total_urls)).toEqual([230]);
    expect(only(crawl, 'result').map(({ data }) => data.progress)).toEqual(
      urls.map((_, place) => ({ completed: place + 1, total: 230, success_rate: 1 })),
    );
    expect(only(crawl, 'summary').map(({ data }) => data)).toEqual([
      { total_urls: 230, successful: 230, failed: 0, total_processing_time_ms: 0 },
    ]);
    expect(typesOf(crawl).at(-1)).toBe('summary');
  });

  it('keeps its connection for the next crawl', async () => {
    const { client, server } = await mockAnd();
    await crawled(client, [A]);
    const second = await crawled(client, [B]);

    expect(typesOf(second)).toEqual(['welcome', 'metadata', 'result', 'summary']);
    expect(server.connections).toHaveLength(1);
  });

  it('closes a connection that nobody has used for a while, with 1000', async () => {
    const { client, server, clock } = await mockAnd({ keepOpenMs: 5_000 });
    await crawled(client, [A]);
    clock.advance(5_000);
    await until(() => server.connections[0]?.end);

    expect(server.connections[0]?.end?.code).toBe(1000);
    expect(client.connections).toEqual([]);
  });

  it('does nothing before it is iterated', async () => {
    const { client, server } = await mockAnd();
    client.crawl([A]);
    await quiet();

    expect([server.sockets, client.metrics.crawls.started]).toEqual([0, 0]);
  });

  it('leaves nothing behind when the client is disposed of', async () => {
    const { server } = await mockAnd();
    await quiet();
    const leftovers = await countResources();
    {
      await using client = new CrawlClient({ baseUrl: server.url });
      await crawled(client, [A, B]);
    }
    await leftovers();

    expect(server.connections[0]?.end?.code).toBe(1000);
  });
});

describe('where the server is (S1-05, S1-06)', () => {
  it.each([
    ['', '/crawl/ws'],
    ['/', '/crawl/ws'],
    ['/api/v1/', '/api/v1/crawl/ws'],
    ['/api/v1//', '/api/v1/crawl/ws'],
    ['/crawl/ws', '/crawl/ws'],
    ['?from=http://other.test/', '/crawl/ws?from=http://other.test/'],
  ])('adds its path to the base URL http://host%s', async (end, path) => {
    const { server } = await puppetAnd(NO_RETRY);
    const { client } = clientOf(server.url.replace('ws:', 'http:') + end, NO_RETRY);
    const crawl = crawling(client, [A]);
    const upgrade = await server.upgrade();
    upgrade.destroy();
    await crawl.ended;

    expect(upgrade.request.url).toBe(path);
  });

  it('takes another path', async () => {
    const { server } = await puppetAnd(NO_RETRY);
    const { client } = clientOf(server.url, { ...NO_RETRY, path: '/v2/crawl' });
    const crawl = crawling(client, [A]);
    const upgrade = await server.upgrade();
    upgrade.destroy();
    await crawl.ended;

    expect(upgrade.request.url).toBe('/v2/crawl');
  });
});

describe('wrong arguments (S1-22, S1-23)', () => {
  const wrong: [string, unknown, string][] = [
    [
      'an empty list',
      [],
      'Expected `urls` to be a list with at least one URL: it cannot be empty, got an array.',
    ],
    ['a string', A, 'Expected `urls` to be a list of URLs, got a string of 15 characters.'],
    [
      'what is no URL',
      [A, 'nonsense'],
      'Expected `urls[1]` to be an absolute URL with the scheme http: or https:, got a string of 8 characters.',
    ],
    [
      'another scheme',
      ['ftp://a.test/'],
      'Expected `urls[0]` to be an absolute URL with the scheme http: or https:, got a string of 13 characters.',
    ],
  ];

  it.each(wrong)('throws ValidationError for %s, at the call', async (_, urls, message) => {
    const { client, server } = await mockAnd();
    let thrown: unknown;
    try {
      client.crawl(urls as string[]);
    } catch (caught) {
      thrown = caught;
    }

    expect(thrown).toBeInstanceOf(ValidationError);
    expect(thrown).toMatchObject({ name: 'ValidationError', code: 'INVALID_OPTION', message });
    expect(server.sockets).toBe(0);
  });

  it.each([
    ['options', { options: 'read' }],
    ['onMessage', { onMessage: 1 }],
    ['signal', { signal: {} }],
  ])('throws it for %s of another kind', async (name, call) => {
    const { client } = await mockAnd();

    expect(() => client.crawl([A], call as never)).toThrow(`Expected \`${name}\` to be`);
  });
});

describe('what the server may do otherwise (the table of edge cases)', () => {
  it('throws when nobody listens, with the cause and all URLs', async () => {
    const { server, client } = await mockAnd();
    await server.goAway();
    const { thrown, results } = await crawled(client, [A, B]);

    expect(results).toEqual([]);
    expect(thrown).toBeInstanceOf(StreamingError);
    expect(thrown).toBeInstanceOf(ConnectionError);
    expect(thrown).toMatchObject({
      name: 'StreamingError',
      code: 'CRAWL_INCOMPLETE',
      retryable: true,
      missingUrls: [A, B],
      cause: { code: 'CONNECT_FAILED', cause: { code: 'ECONNREFUSED' } },
    });
    expect((thrown as Error).message).toContain(
      '2 of 2 URLs have no result: https://a.test/, https://b.test/.',
    );
    expect((thrown as Error).stack).toContain('StreamingError: The crawl ended before its summary');
  });

  it.each([1000, 1001])(
    'never ends in silence: a close with %i before the summary is an error',
    async (code) => {
      const { client, server } = await puppetAnd(NO_RETRY);
      const crawl = crawling(client, [A, B]);
      const socket = await welcomed(server);
      await socket.nextFrame();
      for (const message of [say.metadata(2), say.result(1, B)]) socket.send(message);
      socket.close(code);
      await crawl.ended;

      expect(typesOf(crawl)).toEqual(['welcome', 'metadata', 'result']);
      expect(crawl.thrown).toMatchObject({
        code: 'CRAWL_INCOMPLETE',
        missingUrls: [A],
        cause: { code: 'CLOSED_BY_PEER' },
      });
    },
  );

  it('throws after a TCP abort that is not to be repaired', async () => {
    const { client, server } = await puppetAnd(NO_RETRY);
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    socket.reset();
    await crawl.ended;

    expect(crawl.thrown).toMatchObject({ code: 'CRAWL_INCOMPLETE', cause: { code: 'LINK_LOST' } });
  });

  it('is complete when only the summary is missing', async () => {
    const { client, server } = await puppetAnd(NO_RETRY);
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    for (const message of [say.metadata(1), say.result(0, A)]) socket.send(message);
    socket.reset();
    await crawl.ended;

    expect(crawl.thrown).toBeUndefined();
    expect(crawl.results.at(-1)).toEqual({
      type: 'summary',
      data: { total_urls: 1, successful: 1, failed: 0, total_processing_time_ms: 0 },
      timestamp: null,
    });
  });

  it('yields an error frame that answers it, and then ends with it', async () => {
    const { client, server } = await mockAnd();
    const crawl = await crawled(client, [A, 'http://127.0.0.1:1/']);
    const message = 'Invalid URL: http://127.0.0.1:1/ - URL 2 validation failed: not allowed';

    expect(typesOf(crawl)).toEqual(['welcome', 'error']);
    expect(crawl.results[1]?.data).toEqual({ error_type: 'validation_error', message });
    expect(crawl.thrown).toMatchObject({
      code: 'CRAWL_REFUSED',
      retryable: false,
      message: `The server refused the crawl: ${message}`,
      details: { errorType: 'validation_error' },
      payload: { error_type: 'validation_error', message },
      missingUrls: [A, 'http://127.0.0.1:1/'],
    });
    expect(typesOf(await crawled(client, [A]))).toContain('summary');
    expect(server.connections).toHaveLength(1);
  });

  const oddities: [string, string | Uint8Array, unknown][] = [
    [
      'invalid JSON',
      '{not json',
      { message: expect.stringMatching(/^Invalid JSON received: /) as unknown, raw: '{not json' },
    ],
    ['an array', '[1]', { message: 'Expected an object, got an array.', raw: '[1]' }],
    ['null', 'null', { message: 'Expected an object, got null.', raw: 'null' }],
    [
      'bytes that are no UTF-8',
      new Uint8Array([0xff, 0xfe, 0xfd]),
      { message: 'Invalid UTF-8 received in a binary frame.' },
    ],
    [
      'a result without its place',
      '{"message_type":"result","data":{}}',
      { message: 'A message of type result without its data was received.' },
    ],
  ];

  it.each(oddities)('yields an error for %s, and goes on', async (_, frame, data) => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    socket.send(frame);
    for (const message of [say.result(0, A), say.summary(1)]) socket.send(message);
    await crawl.ended;

    expect(typesOf(crawl)).toEqual(['welcome', 'error', 'result', 'summary']);
    expect(crawl.results[1]).toMatchObject({
      type: 'error',
      data: { error_type: 'invalid_message', ...(data as object) },
      timestamp: null,
    });
    expect(client.metrics.errors).toEqual({ told: 0, unreadable: 1 });
  });

  it('takes JSON in a binary frame as text (S1-16)', async () => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    for (const message of [say.metadata(1), say.result(0, A), say.summary(1)])
      socket.send(new TextEncoder().encode(JSON.stringify(message)));
    await crawl.ended;

    expect(typesOf(crawl)).toEqual(['welcome', 'metadata', 'result', 'summary']);
  });

  it('hands over messages that it does not know', async () => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    const unknown = [{ hello: 1 }, { message_type: 'weather', data: { is: 'fine' } }];
    for (const message of [...unknown, say.result(0, A), say.summary(1)]) socket.send(message);
    await crawl.ended;

    expect(crawl.results.slice(1, 3)).toEqual(
      unknown.map((data) => ({ type: 'message', data, timestamp: null })),
    );
    expect(typesOf(crawl).at(-1)).toBe('summary');
  });

  it('takes a second welcome for a message like any other', async () => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    for (const message of [say.welcome(), say.result(0, A), say.summary(1)]) socket.send(message);
    await crawl.ended;

    expect(typesOf(crawl)).toEqual(['welcome', 'message', 'result', 'summary']);
    const second = crawling(client, [B]);
    await socket.nextFrame();
    for (const message of [say.result(0, B), say.summary(1)]) socket.send(message);
    await second.ended;
    expect(typesOf(second)).toEqual(['welcome', 'result', 'summary']);
  });

  it('takes no message above 10 MiB (S1-19, S1-43)', async () => {
    const { client, server } = await puppetAnd(NO_RETRY);
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    socket.send(`{"message_type":"result","data":"${'x'.repeat(10 * 1024 * 1024)}"}`);
    await crawl.ended;

    expect(crawl.thrown).toMatchObject({ code: 'CRAWL_INCOMPLETE', cause: { code: 'LINK_LOST' } });
    await until(() => socket.closeReceived);
    expect(socket.closeReceived?.code).toBe(1009);
  });

  it.each([
    ['another message', say.metadata(1), 'The handshake failed: Expected a welcome, got a metadata.'],
    [
      'an error',
      say.error('busy', 'Come back later.'),
      'The handshake failed: Expected a welcome, got an error: Come back later.',
    ],
    [
      'invalid JSON',
      'Hello',
      /^The handshake failed: Expected a welcome, got what cannot be read: Invalid JSON/,
    ],
  ])('throws when %s comes in place of the welcome (S1-07)', async (_, first, message) => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await server.accept();
    socket.send(first);
    await crawl.ended;

    expect(crawl.results).toEqual([]);
    expect(crawl.thrown).toMatchObject({
      code: 'CRAWL_INCOMPLETE',
      cause: {
        code: 'HANDSHAKE_FAILED',
        message: expect.stringMatching(message) as unknown,
      },
    });
    expect(socket.frames).toEqual([]);
  });

  it('throws when no welcome comes within 10 s (S1-18)', async () => {
    const { client, server, clock, connections } = await puppetAnd();
    const crawl = crawling(client, [A]);
    await server.accept();
    await until(() => connections[0]?.state === 'authenticating');
    clock.advance(9_999);
    await quiet();
    expect(crawl.thrown).toBeUndefined();
    clock.advance(1);
    await crawl.ended;

    expect(crawl.thrown).toMatchObject({
      cause: { code: 'HANDSHAKE_TIMEOUT', details: { limitMs: 10_000 } },
    });
  });

  it('takes a welcome without a list of operations for one that offers none', async () => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await server.accept();
    socket.send({ message_type: 'welcome', data: {} });
    expect(await socket.nextJson()).toEqual({ request_type: 'crawl', data: { urls: [A] } });
    for (const message of [say.result(0, A), say.summary(1)]) socket.send(message);
    await crawl.ended;

    expect(crawl.thrown).toBeUndefined();
  });
});

describe('callbacks (S1-15)', () => {
  it('awaits the callback for each message before it is yielded', async () => {
    const { client } = await mockAnd();
    const order: string[] = [];
    const onMessage = async ({ type }: CrawlResult) => {
      await quiet();
      order.push(`called for ${type}`);
    };
    for await (const { type } of client.crawl([A], { onMessage })) order.push(`yielded ${type}`);

    expect(order).toEqual(
      ['welcome', 'metadata', 'result', 'summary'].flatMap((type) => [
        `called for ${type}`,
        `yielded ${type}`,
      ]),
    );
  });

  it('ends with what the callback throws, and does not yield that message', async () => {
    const { client, server } = await mockAnd({ timeouts: { closeMs: 1 } });
    server.hold();
    const failure = new Error('disk full');
    const crawl = await crawled(client, [A], {
      onMessage: ({ type }) => {
        if (type === 'metadata') throw failure;
      },
    });
    server.release();
    await until(() => server.connections[0]?.end);

    expect([typesOf(crawl), crawl.thrown]).toEqual([['welcome'], failure]);
    expect(server.connections[0]?.end?.code).toBe(1000);
    expect(client.metrics.crawls).toEqual({ started: 1, active: 0, completed: 0, failed: 1, cancelled: 0 });
  });
});

describe('leaving early (S1-27, S1-28)', () => {
  it.each(['break', 'return()', 'signal'])(
    'closes with 1000 on %s, where a crawl cannot be cancelled',
    async (how) => {
      const { client, server } = await mockAnd();
      server.hold();
      const controller = new AbortController();
      const crawl = client.crawl([A, B], { signal: controller.signal });
      const types: string[] = [];
      const consume = async () => {
        for await (const { type } of crawl) {
          types.push(type);
          if (type !== 'metadata') continue;
          if (how === 'break') break;
          if (how === 'return()') void crawl.return?.();
          else controller.abort(new Error('enough'));
        }
      };
      const ended = how === 'signal' ? expect(consume()).rejects.toThrow('enough') : consume();
      await ended;
      server.release();
      await until(() => server.connections[0]?.end);

      expect([types, server.connections[0]?.end]).toEqual([
        ['welcome', 'metadata'],
        { code: 1000, reason: '' },
      ]);
      expect(client.metrics.crawls).toEqual({ started: 1, active: 0, completed: 0, failed: 0, cancelled: 1 });
      expect(typesOf(await crawled(client, [C]))).toContain('summary');
    },
  );

  it('has completed when its consumer leaves with the summary', async () => {
    const { client } = await mockAnd();
    for await (const { type } of client.crawl([A])) if (type === 'summary') break;

    expect(client.metrics.crawls).toEqual({ started: 1, active: 0, completed: 1, failed: 0, cancelled: 0 });
    expect(client.connections).toHaveLength(1);
  });

  it('ends a pending next() when return() is called', async () => {
    const { client, server } = await mockAnd();
    server.hold();
    const crawl = client.crawl([A]);
    await crawl.next();
    await crawl.next();
    const pending = crawl.next();
    await crawl.return?.();

    expect(await pending).toEqual({ done: true, value: undefined });
  });

  it('cancels where the server offers it, and keeps the connection', async () => {
    const { client, server } = await puppetAnd();
    const crawl = client.crawl([A, B]);
    const first = crawl.next();
    const socket = await welcomed(server, ['crawl', 'multiplexing', 'cancel']);
    await first;
    const { request_id: id } = (await socket.nextJson()) as { request_id: string };
    await crawl.return?.();
    expect(await socket.nextJson()).toEqual({ request_type: 'cancel', data: {}, request_id: id });
    const next = crawling(client, [C]);
    const { request_id: nextId } = (await socket.nextJson()) as { request_id: string };
    // What the cancelled crawl still says is for nobody.
    for (const message of [say.result(0, A, id), say.summary(2, id)]) socket.send(message);
    for (const message of [say.result(0, C, nextId), say.summary(1, nextId)]) socket.send(message);
    await next.ended;

    expect([typesOf(next), pagesByIndex(next)]).toEqual([['welcome', 'result', 'summary'], [C]]);
    expect(server.totalConnections).toBe(1);
  });

  it('throws the reason of a signal that is aborted already, and connects to nothing', async () => {
    const { client, server } = await mockAnd();
    const crawl = await crawled(client, [A], { signal: AbortSignal.abort('no') });

    expect([crawl.thrown, server.sockets]).toEqual(['no', 0]);
  });

  it('leaves while it connects', async () => {
    const { client, server } = await puppetAnd();
    const controller = new AbortController();
    const crawl = crawling(client, [A], { signal: controller.signal });
    await server.upgrade();
    controller.abort('enough');
    await crawl.ended;

    expect(crawl.thrown).toBe('enough');
  });

  it('ends with an error, naming what is missing, when the client is disconnected', async () => {
    const { client, server } = await puppetAnd();
    const crawl = crawling(client, [A]);
    const socket = await welcomed(server);
    await socket.nextFrame();
    await client.disconnect();
    await crawl.ended;

    expect(crawl.thrown).toMatchObject({
      code: 'CRAWL_INCOMPLETE',
      missingUrls: [A],
      cause: { code: 'DISCONNECTED' },
    });
    expect(socket.closeReceived?.code).toBe(1000);
  });
});

it('tells listeners of each connection', async () => {
  const { client, connections } = await mockAnd();
  const states = vi.fn();
  client.on('connection', (connection) => connection.on('statechange', ({ state }) => states(state)));
  await crawled(client, [A]);

  expect(states.mock.calls.flat()).toEqual(['connecting', 'authenticating', 'open']);
  expect(client.connections).toEqual(connections);
});
