// Crawls over NDJSON and SSE: the same results as over a WebSocket, from scripted HTTP servers.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  crawlNdjson,
  crawlSse,
  StreamingError,
  ValidationError,
  type HttpCrawlOptions,
} from '../../src/crawl/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { countResources, quiet } from '../testing/leftovers.ts';
import { A, B, C, only, pagesByIndex, read, say, typesOf, urlsOf } from './setup.ts';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: { readonly urls: readonly string[]; readonly options?: unknown };
}

type Answer = (exchange: Exchange) => void;

/** A server that answers its requests one after the other as the test says; the last answer is for all that follow. */
async function httpAnd(...answers: Answer[]) {
  const exchanges: Exchange[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request) chunks.push(chunk as Uint8Array);
      const exchange = {
        request,
        response,
        body: JSON.parse(Buffer.concat(chunks).toString()) as Exchange['body'],
      };
      exchanges.push(exchange);
      (answers[exchanges.length - 1] ?? answers.at(-1))?.(exchange);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { exchanges, baseUrl, server };
}

const FORMATS = [
  {
    name: 'NDJSON',
    crawl: crawlNdjson,
    path: '/crawl/stream',
    accept: 'application/x-ndjson',
    write: (message: object | string) =>
      `${typeof message === 'string' ? message : JSON.stringify(message)}\n`,
  },
  {
    name: 'SSE',
    crawl: crawlSse,
    path: '/crawl/sse',
    accept: 'text/event-stream',
    write: (message: object | string) =>
      `id: 1\nevent: x\nretry: 3000\ndata: ${typeof message === 'string' ? message : JSON.stringify(message)}\n\n: keep-alive\n\n`,
  },
];

/** Answers everything that was asked for. */
const all =
  (write: (message: object) => string): Answer =>
  ({ response, body: { urls } }) => {
    const messages = [
      say.metadata(urls.length),
      ...urls.map((url, index) => say.result(index, url)),
      say.summary(urls.length),
    ];
    response.end(messages.map(write).join(''));
  };

describe.each(FORMATS)('crawling over $name (S1-29, S1-44)', ({ crawl, path, accept, write }) => {
  const start = (urls: readonly string[], options: HttpCrawlOptions) => read(crawl(urls, options));

  it('gives metadata, results and the summary', async () => {
    const { baseUrl, exchanges } = await httpAnd(all(write));
    const crawling = start([A, B], {
      baseUrl: `${baseUrl}/?from=http://x/`,
      apiKey: () => Promise.resolve('key'),
      headers: { 'X-Trace': '1' },
      options: { concurrency: 3 },
    });
    await crawling.ended;
    const [exchange] = exchanges;

    expect([typesOf(crawling), crawling.thrown]).toEqual([
      ['metadata', 'result', 'result', 'summary'],
      undefined,
    ]);
    expect(crawling.results[0]).toEqual({
      type: 'metadata',
      data: say.metadata(2).data,
      timestamp: say.metadata(2).timestamp,
    });
    expect([exchange?.request.method, exchange?.request.url, exchange?.body]).toEqual([
      'POST',
      `${path}?from=http://x/`,
      { urls: [A, B], options: { concurrency: 3 } },
    ]);
    expect(exchange?.request.headers).toMatchObject({
      accept,
      authorization: 'Bearer key',
      'content-type': 'application/json',
      'x-trace': '1',
    });
  });

  it('reads messages however their bytes are cut', async () => {
    const text = [say.metadata(1), say.result(0, 'https://ä.test/'), say.summary(1)].map(write).join('');
    const bytes = new TextEncoder().encode(text);
    const fetch = () =>
      Promise.resolve(
        new Response(
          new ReadableStream({
            start(controller) {
              for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
              controller.close();
            },
          }),
        ),
      );
    const crawling = start(['https://ä.test/'], { baseUrl: 'http://x', fetch });
    await crawling.ended;

    expect([typesOf(crawling), pagesByIndex(crawling)]).toEqual([
      ['metadata', 'result', 'summary'],
      ['https://ä.test/'],
    ]);
  });

  it('asks for long lists in parts', async () => {
    const { baseUrl, exchanges } = await httpAnd(all(write));
    const urls = urlsOf(5);
    const crawling = start(urls, { baseUrl, maxUrlsPerRequest: 2 });
    await crawling.ended;

    expect(exchanges.map(({ body }) => body.urls.length)).toEqual([2, 2, 1]);
    expect(pagesByIndex(crawling)).toEqual(urls);
    expect(typesOf(crawling).filter((type) => type !== 'result')).toEqual(['metadata', 'summary']);
  });

  it('yields an error for what it cannot read, and goes on', async () => {
    const { baseUrl } = await httpAnd(({ response }) => {
      response.end(['{oops', '[1]', say.result(0, A), say.summary(1)].map(write).join(''));
    });
    const crawling = start([A], { baseUrl });
    await crawling.ended;

    expect(typesOf(crawling)).toEqual(['error', 'error', 'result', 'summary']);
  });

  it('asks again for what is missing when an answer is cut short', async () => {
    const clock = new VirtualClock();
    const { baseUrl, exchanges } = await httpAnd(
      ({ response }) => {
        response.write([say.metadata(3), say.result(1, B)].map(write).join(''), () => response.destroy());
      },
      ({ response }) => response.end(),
      all(write),
    );
    const crawling = start([A, B, C], { baseUrl, clock });
    for (const [requests, waitMs] of [
      [1, 2_000],
      [2, 2_000],
    ] as const) {
      await until(() => exchanges.length === requests && clock.nextInMs === waitMs);
      clock.advance(waitMs);
    }
    await crawling.ended;

    expect(exchanges.map(({ body }) => body.urls)).toEqual([
      [A, B, C],
      [A, C],
      [A, C],
    ]);
    expect([pagesByIndex(crawling), crawling.thrown]).toEqual([[A, B, C], undefined]);
    expect(only(crawling, 'result').map(({ data }) => data.progress.completed)).toEqual([1, 2, 3]);
  });

  it('throws what is missing when it is not to be repaired', async () => {
    const { baseUrl } = await httpAnd(({ response }) => {
      response.end(write(say.result(0, A)));
    });
    const crawling = start([A, B], { baseUrl, retry: false });
    await crawling.ended;

    expect(crawling.thrown).toBeInstanceOf(StreamingError);
    expect(crawling.thrown).toMatchObject({ code: 'CRAWL_INCOMPLETE', missingUrls: [B] });
  });

  it('asks again when the server says nothing for 60 s', async () => {
    const clock = new VirtualClock();
    const { baseUrl, exchanges } = await httpAnd(
      ({ response }) => response.write(write(say.result(0, A))),
      all(write),
    );
    const crawling = start([A, B], { baseUrl, clock });
    await until(() => crawling.results.length === 1 && clock.nextInMs === 60_000);
    clock.advance(60_000);
    await until(() => clock.nextInMs === 2_000);
    clock.advance(2_000);
    await crawling.ended;

    expect(exchanges.map(({ body }) => body.urls)).toEqual([[A, B], [B]]);
    expect(pagesByIndex(crawling)).toEqual([A, B]);
  });

  it('does not count the time that the consumer takes', async () => {
    const clock = new VirtualClock();
    const { baseUrl } = await httpAnd(({ response }) => response.write(write(say.result(0, A))));
    const iterator = crawl([A, B], { baseUrl, clock });
    await iterator.next();

    expect(clock.pending).toBe(0);
    await iterator.return?.();
  });

  it.each([401, 400, 404])('throws for HTTP %i, with what the server said', async (status) => {
    const { baseUrl, exchanges } = await httpAnd(({ response }) => {
      response.writeHead(status).end('{"error":"x","message":"It said so."}');
    });
    const crawling = start([A], { baseUrl, apiKey: 'secret-of-ada' });
    await crawling.ended;

    expect(crawling.thrown).toMatchObject({
      code: 'CRAWL_REFUSED',
      message: `The server refused the crawl: HTTP ${status}: It said so.`,
      details: { httpStatus: status },
      payload: { error: 'x', message: 'It said so.' },
      missingUrls: [A],
    });
    expect([exchanges.length, JSON.stringify(crawling.thrown).includes('secret-of-ada')]).toEqual([1, false]);
  });

  it.each([429, 503])('waits as long as HTTP %i asks for', async (status) => {
    const clock = new VirtualClock();
    const { baseUrl } = await httpAnd(
      ({ response }) => response.writeHead(status, { 'Retry-After': '30' }).end(),
      all(write),
    );
    const crawling = start([A], { baseUrl, clock });
    await until(() => clock.nextInMs === 30_000);
    clock.advance(30_000);
    await crawling.ended;

    expect(crawling.thrown).toBeUndefined();
  });

  it('throws when nobody listens, at once, with the cause', async () => {
    const { baseUrl, server } = await httpAnd(all(write));
    server.close();
    const crawling = start([A], { baseUrl });
    await crawling.ended;

    expect(crawling.thrown).toMatchObject({ code: 'CRAWL_INCOMPLETE', cause: { code: 'ECONNREFUSED' } });
  });

  it('ends with an error that the server tells', async () => {
    const { baseUrl } = await httpAnd(({ response }) => {
      response.end(write(say.error('internal_error', 'It broke.')));
    });
    const crawling = start([A], { baseUrl });
    await crawling.ended;

    expect([typesOf(crawling), crawling.thrown]).toMatchObject([['error'], { code: 'CRAWL_REFUSED' }]);
  });

  it('reads of a refusal no more than it can use', async () => {
    const { baseUrl } = await httpAnd(({ response }) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      const goOn = () => {
        while (response.write('x'.repeat(65_536)));
        response.once('drain', goOn);
      };
      goOn();
    });
    const crawling = start([A], { baseUrl });
    await crawling.ended;

    expect(crawling.thrown).toMatchObject({ code: 'CRAWL_REFUSED' });
  });

  it('refuses a key that is no header, and does not repeat it', async () => {
    const { baseUrl, exchanges } = await httpAnd(all(write));
    const crawling = start([A], { baseUrl, apiKey: 'sk-SECRET\n1234' });
    await crawling.ended;

    expect([String(crawling.thrown), exchanges]).toEqual([expect.not.stringMatching(/SECRET|1234/), []]);
  });

  it.each(['break', 'signal'])('gives up its request on %s, and leaves nothing behind', async (how) => {
    const { baseUrl, exchanges } = await httpAnd(({ response }) => response.write(write(say.metadata(2))));
    const controller = new AbortController();
    const consume = async () => {
      for await (const { type } of crawl([A, B], { baseUrl, signal: controller.signal })) {
        expect(type).toBe('metadata');
        if (how === 'break') break;
        controller.abort(new Error('enough'));
      }
    };
    await (how === 'break' ? consume() : expect(consume()).rejects.toThrow('enough'));

    await until(() => exchanges[0]?.response.destroyed);
    await quiet();
    await (
      await countResources()
    )();
  });

  it('ends a pending next() when return() is called', async () => {
    const { baseUrl, exchanges } = await httpAnd(({ response }) => response.write(write(say.metadata(1))));
    const iterator = crawl([A], { baseUrl });
    await iterator.next();
    const pending = iterator.next();
    await iterator.return?.();

    expect(await pending).toEqual({ done: true, value: undefined });
    await until(() => exchanges[0]?.response.destroyed);
  });

  it('lets go of an answer of a fetch that knows no signal', async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(write(say.metadata(1)))),
      cancel: () => {
        isCancelled = true;
      },
    });
    const fetch = () => Promise.resolve(new Response(body));
    for await (const { type } of crawl([A], { baseUrl: 'http://x', fetch })) if (type === 'metadata') break;

    await until(() => isCancelled);
  });

  it('awaits the callback, and ends with what it throws', async () => {
    const { baseUrl } = await httpAnd(all(write));
    const failure = new Error('disk full');
    const crawling = start([A], {
      baseUrl,
      onMessage: ({ type }) => {
        if (type === 'result') throw failure;
      },
    });
    await crawling.ended;

    expect([typesOf(crawling), crawling.thrown]).toEqual([['metadata'], failure]);
  });

  it('slows the server down for a consumer that does not read', async () => {
    const line = write(say.result(0, `https://a.test/${'x'.repeat(100_000)}`));
    let written = 0;
    const { baseUrl } = await httpAnd(({ response }) => {
      const pump = () => {
        while (written < 400) {
          written += 1;
          if (!response.write(line)) {
            response.once('drain', pump);
            return;
          }
        }
      };
      pump();
    });
    const iterator = crawl([A], { baseUrl });
    await iterator.next();
    await quiet();
    await quiet();

    expect(written).toBeLessThan(300);
    await iterator.return?.();
  });

  it('refuses wrong arguments at the call', () => {
    expect(() => crawl([], { baseUrl: 'http://x' })).toThrow(ValidationError);
    expect(() => crawl([A], { baseUrl: 'nonsense' })).toThrow(ValidationError);
    expect(() => crawl([A], { baseUrl: 'http://x', fetch: 1 as never })).toThrow(ValidationError);
  });
});
