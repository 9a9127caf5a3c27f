// How a stream ends or does not begin, and what follows: the answers of the server, silence, cuts, waits.
import { describe, expect, test } from 'vitest';
import type { ConnectionError } from '../../src/index.ts';
import { fixedBackoff } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet, rejectionOf } from '../support/connected.ts';
import { sseStage } from './scene.ts';
import { StreamServer } from './stream-server.ts';

describe('an answer', () => {
  test('of 204 ends it for good', async () => {
    await using scene = await sseStage();
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.next()).refuse(204);

    expect(await connecting).toMatchObject({
      code: 'STREAM_OVER',
      details: { phase: 'connecting', httpStatus: 204 },
      retryable: false,
    });
    expect(scene.connection.state).toBe('failed');
    expect(scene.clock.pending).toBe(0);
  });

  test.each([400, 405, 410, 206, 305])('of %i is final', async (status) => {
    await using scene = await sseStage();
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.next()).refuse(status, { 'Content-Type': 'text/event-stream' });

    expect(await connecting).toMatchObject({
      code: 'STREAM_REFUSED',
      message: `The server answered the request for events with HTTP ${status}.`,
      details: { phase: 'connecting', httpStatus: status },
    });
    expect(scene.server.requests).toBe(1);
  });

  test.each([404, 408, 425, 429, 500, 502, 503])('of %i is asked for again', async (status) => {
    await using scene = await sseStage();
    const connecting = scene.connection.connect();
    (await scene.server.next()).refuse(status);
    await scene.reconnect();
    await connecting;

    expect(scene.reasons).toEqual(['STREAM_REFUSED']);
  });

  test.each([429, 503])('of %i is asked for again when the server said', async (status) => {
    await using scene = await sseStage();
    scene.connection.connect().catch(() => undefined);
    (await scene.server.next()).refuse(status, { 'Retry-After': '40' });
    await scene.until('reconnecting');

    expect(scene.waits).toEqual([40_000]);
    expect(scene.connection.actor.getSnapshot().context.failure?.details).toEqual({
      ...{ phase: 'connecting', httpStatus: status, retryAfterMs: 40_000 },
    });
  });

  test.each([401, 403])('of %i is asked for once more, with fresh headers', async (status) => {
    let asked = 0;
    await using scene = await sseStage({
      headers: () => ({ Authorization: `Bearer token-${(asked += 1)}` }),
    });
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.next()).refuse(status);
    const second = await scene.server.next();
    second.refuse(status);

    expect(await connecting).toMatchObject({ code: 'STREAM_REFUSED', details: { httpStatus: status } });
    expect(second.request.headers.authorization).toBe('Bearer token-2');
    expect(scene.server.requests).toBe(2);
  });

  test('of 401 is final where nothing can be asked anew', async () => {
    await using scene = await sseStage({ headers: { Authorization: 'Bearer token' } });
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.next()).refuse(401);

    expect(await connecting).toMatchObject({ code: 'STREAM_REFUSED' });
  });

  test.each([
    ['text/html; charset=utf-8', 'text/html; charset=utf-8'],
    ['text/event-stream-2', 'text/event-stream-2'],
    [undefined, 'none'],
  ])('of type %s is a clear failure', async (type, shown) => {
    await using scene = await sseStage();
    const connecting = rejectionOf(scene.connection.connect());
    const exchange = await scene.server.next();
    exchange.response.writeHead(200, type === undefined ? {} : { 'Content-Type': type }).end('data: x\n\n');

    expect(await connecting).toMatchObject({
      code: 'NOT_AN_EVENT_STREAM',
      message: `Expected the content type text/event-stream, got ${shown}.`,
      details: { phase: 'connecting', httpStatus: 200, contentType: shown },
      payload: 'data: x\n\n',
    });
    expect(scene.clock.pending).toBe(0);
  });

  test('that refuses says why in the payload, without what is secret', async () => {
    await using scene = await sseStage({ headers: { 'X-Token': 'hush-hush-hush' } });
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.next()).response
      .writeHead(400)
      .end('No feed of that name for hush-hush-hush: grüße 🦑');

    expect(await connecting).toMatchObject({
      code: 'STREAM_REFUSED',
      details: { phase: 'connecting', httpStatus: 400 },
      payload: 'No feed of that name for ***: grüße 🦑',
    });
  });

  test('that refuses without a word has no payload', async () => {
    await using scene = await sseStage();
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.next()).refuse(400);

    expect(await connecting).toMatchObject({ code: 'STREAM_REFUSED', payload: undefined });
  });

  test.each([
    ['x'.repeat(4_095) + 'ü' + 'y'.repeat(1_000_000), 'x'.repeat(4_095)],
    ['x'.repeat(4_094) + 'ü', 'x'.repeat(4_094) + 'ü'],
  ])('that refuses at length is quoted from its beginning (%#)', async (said, quoted) => {
    await using scene = await sseStage();
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.next()).response.writeHead(400).end(said);

    expect(((await connecting) as ConnectionError).payload === quoted).toBe(true);
  });

  test.each([
    [400, 'STREAM_REFUSED'],
    [200, 'NOT_AN_EVENT_STREAM'],
  ])('of %i that never ends is waited for no longer than a second', async (status, code) => {
    await using scene = await sseStage();
    const connecting = rejectionOf(scene.connection.connect());
    const exchange = await scene.server.next();
    exchange.response.writeHead(status, { 'Content-Type': 'text/plain' }).write('so far');
    await until(() => scene.clock.pending === 2, { describe: 'the limit for the body' });
    await quiet();
    scene.clock.advance(999);
    expect(scene.connection.state).toBe('connecting');
    scene.clock.advance(1);

    expect(await connecting).toMatchObject({ code, payload: 'so far' });
    await exchange.gone();
  });

  test('that breaks while it says why is a refusal all the same', async () => {
    await using scene = await sseStage();
    const connecting = rejectionOf(scene.connection.connect());
    const exchange = await scene.server.next();
    exchange.response.writeHead(400, { 'Content-Length': 100 }).write('so far');
    await until(() => scene.clock.pending === 2, { describe: 'the limit for the body' });
    await quiet();
    exchange.cut();

    expect(await connecting).toMatchObject({ code: 'STREAM_REFUSED', payload: 'so far' });
  });

  test('that was read by a fetch of one’s own has no payload', async () => {
    await using scene = await sseStage({
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        response.body?.getReader();
        return response;
      },
    });
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.next()).response.writeHead(400).end('no');

    expect(await connecting).toMatchObject({ code: 'STREAM_REFUSED', payload: undefined });
  });

  test('that refuses leaves nothing behind when it is not wanted any more', async () => {
    await using scene = await sseStage();
    scene.connection.connect().catch(() => undefined);
    const exchange = await scene.server.next();
    exchange.response.writeHead(400).write('so far');
    await until(() => scene.clock.pending === 2, { describe: 'the limit for the body' });
    await scene.connection.disconnect();

    expect(scene.clock.pending).toBe(0);
    await exchange.gone();
  });

  test.each(['text/event-stream;charset=utf-8', 'Text/Event-Stream ; x=y'])(
    'of type %s is a stream',
    async (type) => {
      await using scene = await sseStage();
      const connecting = scene.connection.connect();
      (await scene.server.next()).open({ 'Content-Type': type });

      await connecting;
    },
  );

  test.each([301, 302, 303, 307, 308])('of %i leads elsewhere', async (status) => {
    await using elsewhere = await StreamServer.listen();
    await using scene = await sseStage({ headers: { 'X-Trace': 'abc' }, lastEventId: '9' });
    const connecting = scene.connection.connect();
    (await scene.server.next()).refuse(status, { Location: `${elsewhere.origin}/there` });
    const exchange = (await elsewhere.next()).open();
    await connecting;

    expect(exchange.request.headers).toMatchObject({ 'x-trace': 'abc', 'last-event-id': '9' });
    expect(scene.connection.response?.url).toBe(`${elsewhere.origin}/there`);
  });

  test.each([
    [303, 'GET', ''],
    [307, 'POST', 'question'],
    [308, 'POST', 'question'],
  ])('of %i to a POST is followed by a %s', async (status, method, body) => {
    await using scene = await sseStage({ body: 'question' });
    const connecting = scene.connection.connect();
    (await scene.server.next()).refuse(status, { Location: '/there' });
    const exchange = (await scene.server.next()).open();
    await connecting;

    expect([exchange.request.method, exchange.request.url, exchange.body]).toEqual([method, '/there', body]);
  });
});

describe('a stream', () => {
  test('that ends is asked for again', async () => {
    await using scene = await sseStage();
    (await scene.connect()).end();
    await scene.reconnect();

    expect(scene.reasons).toEqual(['STREAM_ENDED']);
    expect(scene.connection.stats).toMatchObject({ reconnects: 1, lastCloseCode: 1005 });
  });

  test('that is cut is asked for again, with the id of the last whole event', async () => {
    await using scene = await sseStage();
    const exchange = await scene.connect();
    exchange.write('id: 1\ndata: a\n\nid: 2\ndata: ha');
    await scene.received(1);

    exchange.cut();
    const second = await scene.reconnect();
    second.write('id: 2\ndata: half\n\n');

    expect(second.lastEventId).toBe('1');
    await scene.received(2);
    expect(scene.data).toEqual(['a', 'half']);
    expect(scene.reasons).toEqual(['LINK_LOST']);
    expect(scene.connection.stats.lastCloseCode).toBe(1006);
  });

  test('with an event beyond the bound ends, and a second time for good', async () => {
    await using scene = await sseStage({ maxEventBytes: 1_000 });
    const ended: ConnectionError[] = [];
    scene.connection.on('failed', (error) => ended.push(error));
    const first = await scene.connect();
    first.write(`data: ok\n\ndata: ${'x'.repeat(1_001)}\n\n`);
    const second = await scene.reconnect();
    await first.gone();
    second.write(`data: ${'x'.repeat(2_000)}`);
    await scene.until('failed');

    expect(scene.data).toEqual(['ok']);
    expect(ended).toMatchObject([
      { code: 'EVENT_TOO_LARGE', message: 'An event is longer than 1000 bytes.', details: { phase: 'open' } },
    ]);
  });

  test('that cannot be reached says why', async () => {
    const server = await StreamServer.listen();
    const { url } = server;
    await server.close();
    await using scene = await sseStage({ url, retry: { initial: false } });

    expect(await rejectionOf(scene.connection.connect())).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  test('whose answer does not come is given up', async () => {
    await using scene = await sseStage({ timeouts: { connectMs: 2_000 } });
    scene.connection.connect().catch(() => undefined);
    const exchange = await scene.server.next();
    scene.clock.advance(2_000);

    expect(scene.reasons).toEqual(['CONNECT_TIMEOUT']);
    await exchange.gone();
  });
});

describe('silence', () => {
  const heartbeat = { intervalMs: 10_000, timeoutMs: 5_000 } as const;

  test('ends a stream after intervalMs + timeoutMs, nothing being asked', async () => {
    await using scene = await sseStage({ heartbeat });
    const exchange = await scene.connect();

    scene.clock.advance(10_000);
    expect(scene.connection.actor.getSnapshot().value).toEqual({ online: { open: 'probing' } });
    scene.clock.advance(4_999);
    expect(scene.connection.state).toBe('open');
    scene.clock.advance(1);

    expect(scene.reasons).toEqual(['HEARTBEAT_TIMEOUT']);
    await exchange.gone();
  });

  test('is broken by any byte, a comment being a few', async () => {
    await using scene = await sseStage({ heartbeat });
    const exchange = await scene.connect();

    for (const bytes of [':', '\n', ': ping\n\n', 'da', 'ta: x\n\n']) {
      scene.clock.advance(12_000);
      const before = scene.connection.stats.bytesIn;
      exchange.write(bytes);
      await until(() => scene.connection.stats.bytesIn > before);
    }

    expect(scene.connection.actor.getSnapshot().value).toEqual({ online: { open: 'healthy' } });
    expect(scene.connection.stats).toMatchObject({ lastReceivedAt: 60_000, rttMs: undefined });
  });

  test('may last for a minute by default', async () => {
    await using scene = await sseStage();
    await scene.connect();

    scene.clock.advance(59_999);
    expect(scene.connection.state).toBe('open');
    scene.clock.advance(1);
    expect(scene.connection.state).toBe('reconnecting');
  });

  test('may last as long as silenceMs', async () => {
    await using scene = await sseStage({ heartbeat: { silenceMs: 7_000 } });
    await scene.connect();

    scene.clock.advance(6_999);
    expect(scene.connection.state).toBe('open');
    scene.clock.advance(1);
    expect(scene.connection.state).toBe('reconnecting');
  });

  test('may last for ever', async () => {
    await using scene = await sseStage({ heartbeat: false });
    await scene.connect();
    scene.clock.advance(86_400_000);

    expect(scene.connection.state).toBe('open');
  });

  test('after a sleep counts from the return', async () => {
    await using scene = await sseStage({ heartbeat });
    const exchange = await scene.connect();
    scene.clock.jump(3_600_000);
    scene.clock.advance(14_000);
    expect(scene.connection.state).toBe('open');
    exchange.write(':\n');
    await until(() => scene.connection.stats.bytesIn > 0);
    scene.clock.advance(9_999);

    expect(scene.connection.actor.getSnapshot().value).toEqual({ online: { open: 'healthy' } });
  });
});

describe('the wait', () => {
  test.each([1_000, 5_000, 10_000, 30_000])('is the %i ms that the server asked for', async (hintMs) => {
    await using scene = await sseStage();
    (await scene.connect()).write(`retry: ${hintMs}\n\n`).end();
    (await scene.reconnect()).end();
    await scene.until('reconnecting');

    expect(scene.waits).toEqual([hintMs, hintMs]);
  });

  test('is up to half more at random', async () => {
    await using scene = await sseStage({ random: () => 0.5 });
    (await scene.connect()).write('retry: 4000\n').end();
    await scene.until('reconnecting');

    expect(scene.waits).toEqual([5_000]);
  });

  test('is doubled while no stream opens, and bounded', async () => {
    await using scene = await sseStage();
    (await scene.connect()).write('retry: 10000\n').end();
    for (let failed = 0; failed < 3; failed += 1) (await scene.retry()).refuse(500);
    (await scene.reconnect()).end();
    await scene.until('reconnecting');

    expect(scene.waits).toEqual([10_000, 20_000, 30_000, 30_000, 10_000]);
  });

  test.each([
    ['0', 100],
    ['86400000', 300_000],
    [`1${'0'.repeat(400)}`, 300_000],
  ])('is bounded where the server asked for %s', async (hint, waitMs) => {
    await using scene = await sseStage();
    (await scene.connect()).write(`retry: ${hint}\n`).end();
    await scene.until('reconnecting');

    expect(scene.waits).toEqual([waitMs]);
  });

  test('is that of the strategy until the server asks, and always where hints are not heard', async () => {
    const retry = { backoff: fixedBackoff({ delayMs: 77 }) };
    await using hearing = await sseStage({ retry });
    (await hearing.connect()).end();
    (await hearing.reconnect()).write('retry: 500\n').end();
    await hearing.until('reconnecting');
    await using deaf = await sseStage({ retry, retryHints: false });
    (await deaf.connect()).write('retry: 500\n').end();
    await deaf.until('reconnecting');

    expect([hearing.waits, deaf.waits]).toEqual([[77, 500], [77]]);
  });
});
