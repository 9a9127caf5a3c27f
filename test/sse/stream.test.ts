// The life of a stream: what opens it, what ends it, and from where it goes on.
import { describe, expect, test } from 'vitest';
import { json } from '../../src/index.ts';
import { SseConnection } from '../../src/sse/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet, rejectionOf } from '../support/connected.ts';
import { sseStage } from './scene.ts';

describe('an SSE connection', () => {
  test('asks for events, and tells each with its name, its data and its id', async () => {
    await using scene = await sseStage();
    const exchange = await scene.connect();

    exchange.write('event: price\nid: 7\ndata: 12\n\n: a comment\n\ndata: more\n\n');

    expect(await scene.received(2)).toEqual([
      { event: 'price', data: '12', id: '7' },
      { event: 'message', data: 'more', id: '7' },
    ]);
    expect(exchange.request.method).toBe('GET');
    expect(exchange.request.headers).toMatchObject({
      accept: 'text/event-stream',
      'cache-control': 'no-cache',
    });
    expect(exchange.lastEventId).toBeUndefined();
    expect(scene.connection.lastEventId).toBe('7');
    expect(scene.connection.response?.url).toBe(scene.server.url);
  });

  test('goes through the states of every connection', async () => {
    await using scene = await sseStage();
    const exchange = await scene.connect();
    await scene.connection.disconnect();
    await exchange.gone();

    expect(scene.changes.map(({ state }) => state)).toEqual([
      ...['connecting', 'authenticating', 'open', 'closing', 'closed'],
    ]);
  });

  test('counts what came, over all its streams', async () => {
    await using scene = await sseStage();
    const first = 'id: 1\ndata: grüße\n\n: a comment\n\n';
    const second = 'data: more\n\n';
    (await scene.connect()).write(first).end();
    const again = await scene.reconnect();
    scene.clock.advance(500);
    again.write(second);
    await scene.received(2);

    expect(scene.connection.stats).toMatchObject({
      ...{ messagesIn: 2, bytesIn: Buffer.byteLength(first + second), messagesOut: 0, bytesOut: 0 },
      ...{ attempts: 2, reconnects: 1, invalidMessages: 0, lastReceivedAt: scene.clock.now() },
      connectTimings: { totalMs: 0 },
    });
  });

  test('tells listeners of the events that they named', async () => {
    await using scene = await sseStage();
    const heard: string[] = [];
    const note = (who: string) => (event: { readonly data: string }) => heard.push(`${who} ${event.data}`);
    scene.connection.onEvent('price', note('price'));
    scene.connection.onEvent('log.*', note('log'));
    scene.connection.onEvent('*', note('all'));
    const stop = scene.connection.onEvent('__proto__', note('proto'));
    const exchange = await scene.connect();

    exchange.write('event: price\ndata: 1\n\nevent: log.info\ndata: 2\n\nevent: __proto__\ndata: 3\n\n');
    await scene.received(3);
    stop();
    exchange.write('event: __proto__\ndata: 4\n\n');
    await scene.received(4);

    expect(heard).toEqual(['price 1', 'all 1', 'log 2', 'all 2', 'all 3', 'proto 3', 'all 4']);
  });

  test('reads JSON, and reports data that is none without losing its place', async () => {
    await using scene = await sseStage<{ readonly n: number }>({ decode: 'json' });
    const invalid: unknown[] = [];
    scene.connection.on('invalidMessage', ({ frame, error }) => invalid.push([frame, error.code]));
    const exchange = await scene.connect();

    exchange.write('id: 1\ndata: {"n":1}\n\nid: 2\ndata: {"n":\n\nid: 3\ndata: {"n":3}\n\n');

    expect(await scene.received(2)).toEqual([
      { event: 'message', data: { n: 1 }, id: '1' },
      { event: 'message', data: { n: 3 }, id: '3' },
    ]);
    expect(invalid).toEqual([['{"n":', 'INVALID_MESSAGE']]);
    expect(scene.connection.stats).toMatchObject({ messagesIn: 2, invalidMessages: 1 });
    expect(scene.connection.state).toBe('open');
  });

  test('makes of the data what a function makes of it', async () => {
    await using scene = await sseStage({ decode: (data, { event, id }) => `${event}/${id}/${data}` });
    (await scene.connect()).write('event: a\nid: 1\ndata: x\n\n');

    await scene.received(1);
    expect(scene.data).toEqual(['a/1/x']);
  });

  test('refuses to send, and says what to do', async () => {
    await using scene = await sseStage();
    await scene.connect();
    const refused = expect.objectContaining({ code: 'SENDING_UNSUPPORTED' }) as unknown;

    expect(() => scene.connection.send('x' as never)).toThrow(refused);
    expect(await rejectionOf(scene.connection.deliver('x' as never))).toEqual(refused);
    expect(scene.connection.state).toBe('open');
  });

  test('leaves an event that it did not hear for the next time', async () => {
    await using scene = await sseStage();
    const exchange = await scene.connect();
    scene.connection.onEvent('last', () => void scene.connection.disconnect());
    exchange.write('id: 1\nevent: last\ndata: a\n\nid: 2\ndata: b\n\n');
    await scene.until('closed');
    await quiet();

    const connecting = scene.connection.connect();
    const second = (await scene.server.next()).open();
    await connecting;

    expect(scene.data).toEqual(['a']);
    expect(second.lastEventId).toBe('1');
  });

  test('counts what comes in', async () => {
    await using scene = await sseStage();
    const exchange = await scene.connect();
    exchange.write('data: é\n\n').write(':\n\n');
    await until(() => scene.connection.stats.bytesIn === 13);

    expect(scene.connection.stats).toMatchObject({
      ...{ messagesIn: 1, messagesOut: 0, bytesOut: 0, attempts: 1, reconnects: 0 },
      lastReceivedAt: 0,
      connectTimings: { totalMs: 0 },
    });
  });
});

describe('an end that is asked for', () => {
  test('comes at once while the answer is awaited', async () => {
    await using scene = await sseStage();
    const connecting = rejectionOf(scene.connection.connect());
    const exchange = await scene.server.next();
    await scene.connection.disconnect();

    expect(await connecting).toMatchObject({ code: 'DISCONNECTED' });
    await exchange.gone();
  });

  test('comes at once between two requests, and can be taken back', async () => {
    await using scene = await sseStage();
    (await scene.connect()).end();
    await scene.until('reconnecting');
    await scene.connection.disconnect();
    expect(scene.clock.pending).toBe(0);

    await scene.connect();
    expect(scene.connection.state).toBe('open');
  });

  test('comes by a signal', async () => {
    await using scene = await sseStage();
    const giveUp = new AbortController();
    const connecting = rejectionOf(scene.connection.connect({ signal: giveUp.signal }));
    const exchange = await scene.server.next();
    giveUp.abort(new Error('enough'));

    expect(await connecting).toEqual(new Error('enough'));
    await exchange.gone();
    expect(scene.connection.state).toBe('closed');
  });

  test('tells what there is to tell', async () => {
    await using scene = await sseStage();
    const closed: unknown[] = [];
    scene.connection.on('closed', (end) => closed.push(end));
    await scene.connect();
    await scene.connection.disconnect();

    expect(closed).toEqual([{ closeCode: 1005, closeReason: '' }]);
  });
});

describe('the iterator', () => {
  test('goes on across a cut, and ends when the connection is closed', async () => {
    await using scene = await sseStage();
    const exchange = await scene.connect();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { data } of scene.connection.messages()) seen.push(data);
    })();
    exchange.write('data: a\n\n');
    await scene.received(1);
    exchange.cut();
    (await scene.reconnect()).write('data: b\n\n');
    await scene.received(2);
    await scene.connection.disconnect();
    await reading;

    expect(seen).toEqual(['a', 'b']);
  });

  test('ends where the server says that there is no more', async () => {
    await using scene = await sseStage();
    const exchange = await scene.connect();
    const stream = scene.connection.messages();
    exchange.write('data: a\n\n').end();
    (await scene.retry()).refuse(204);

    const seen: string[] = [];
    for await (const { data } of stream) seen.push(data);

    expect(seen).toEqual(['a']);
    expect(scene.connection.state).toBe('failed');
  });

  test('throws what else the connection gives up for', async () => {
    await using scene = await sseStage();
    const exchange = await scene.connect();
    const stream = scene.connection.messages();
    exchange.end();
    (await scene.retry()).refuse(400);

    expect(await rejectionOf(stream.next())).toMatchObject({ code: 'STREAM_REFUSED' });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test('slows the server down while it is not read, and is not taken for a dead link', async () => {
    await using scene = await sseStage({ heartbeat: { intervalMs: 1_000, timeoutMs: 500 } });
    const exchange = await scene.connect();
    const stream = scene.connection.messages({ maxBuffered: 2 });
    const event = `data: ${'x'.repeat(65_000)}\n\n`;
    let written = 0;
    while (written < 2_000 && exchange.response.writableLength < 4_000_000) {
      exchange.write(event);
      written += 1;
      if (written % 20 === 0) await quiet(5);
    }
    await quiet();
    const read = scene.events.length;
    scene.clock.advance(10_000);

    expect(scene.connection.state).toBe('open');
    expect(written).toBeLessThan(2_000);
    expect(read).toBeLessThan(written);
    for (let taken = 0; taken < written; taken += 1) await stream.next();
    expect(scene.events.length).toBe(written);
  });
});

describe('an option', () => {
  const url = 'http://127.0.0.1:1/';

  test.each([
    ['url', undefined, 'Expected `url` to be the URL of an event stream, got undefined.'],
    ['url', 'ws://a.example', 'a URL with the scheme http: or https:, not ws:'],
    ['url', 'nowhere', 'an absolute URL such as https://example.com/path'],
    ['method', 'HEAD', 'a method that has an answer, such as GET or POST'],
    ['method', 'a b', 'a method that has an answer, such as GET or POST'],
    ['body', new ReadableStream(), 'a function that makes a ReadableStream'],
    ['credentials', 'all', "'omit', 'same-origin' or 'include'"],
    ['fetch', 1, 'a function'],
    ['lastEventId', 'a\nb', 'a string without line breaks'],
    ['decode', 'xml', "'text', 'json' or a function"],
    ['maxEventBytes', 0, 'a whole number of at least 1'],
    ['retryHints', 1, 'true or false'],
    ['retry', 5, 'an object, or false'],
    ['heartbeat', 5, 'an object, or false'],
    ['headers', { a: 'b\nc' }, 'a string without line breaks'],
    ['heartbeat', { silenceMs: 0 }, 'heartbeat.silenceMs'],
    ['retry', { backoff: 5 }, 'a backoff strategy'],
  ])('%s refuses %o', (name, value, expected) => {
    const make = () => new SseConnection({ url, [name]: value });

    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(make).toThrow(expected);
  });

  test('body refuses GET', () => {
    expect(() => new SseConnection({ url, method: 'get', body: 'x' })).toThrow('another one than GET');
  });

  test('protocol is none of this connection', async () => {
    await using scene = await sseStage({ protocol: json(), webSocket: {} } as object);
    (await scene.connect()).write('data: x\n\n');

    await scene.received(1);
    expect(scene.data).toEqual(['x']);
  });
});
