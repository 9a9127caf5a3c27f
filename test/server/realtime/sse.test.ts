import { get, request, type IncomingMessage } from 'node:http';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createSseHistory,
  type RealtimeServer,
  type RealtimeServerOptions,
  type SseHandler,
  type SseSession,
} from '../../../src/server/index.ts';
import { formatComment, formatEvent } from '../../../src/server/realtime/sse-format.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { turn, until } from '../../../src/testing/wait.ts';
import { codeOf, errorLog, only, serve, stay } from './harness.ts';

/** What a parser that nobody here wrote makes of a text. */
function parsed(text: string) {
  const events: EventSourceMessage[] = [];
  const comments: string[] = [];
  const retries: number[] = [];
  const parser = createParser({
    onEvent: (event) => events.push(event),
    onComment: (comment) => comments.push(comment),
    onRetry: (retry) => retries.push(retry),
  });
  parser.feed(text);
  return { events, comments, retries };
}

class Reader {
  readonly response: IncomingMessage;
  text = '';
  hasEnded = false;

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8').on('data', (chunk: string) => (this.text += chunk));
    response.on('error', () => undefined).on('close', () => (this.hasEnded = true));
  }

  static open(server: RealtimeServer, path = '/', headers: Record<string, string> = {}): Promise<Reader> {
    return new Promise((resolve, reject) => {
      get(server.url + path, { headers, agent: false }, (response) => resolve(new Reader(response))).on(
        'error',
        reject,
      );
    });
  }

  get events(): EventSourceMessage[] {
    return parsed(this.text).events;
  }

  async got(count: number): Promise<EventSourceMessage[]> {
    await until(() => this.events.length >= count, {
      describe: () => `${count} events; there came ${this.text}`,
    });
    return this.events;
  }

  async end(): Promise<string> {
    await until(() => this.hasEnded, { describe: 'the end of the stream' });
    return this.text;
  }

  [Symbol.dispose](): void {
    this.response.destroy();
  }
}

const streaming = (handler: SseHandler, options: RealtimeServerOptions = {}) =>
  serve(options, (routes) => routes.sse('/', handler));

describe('an event as text', () => {
  it.each([
    [{ data: 'a' }, 'data: a\n\n'],
    [{ event: 'time', id: '7', retryMs: 5_000, data: 'a' }, 'event: time\nid: 7\nretry: 5000\ndata: a\n\n'],
    [{ data: '' }, 'data: \n\n'],
    [{ data: 'a\nb\r\nc\rd' }, 'data: a\ndata: b\ndata: c\ndata: d\n\n'],
    [{ data: 'a\n' }, 'data: a\ndata: \n\n'],
    [{ data: ' a: b' }, 'data:  a: b\n\n'],
    [{ data: { text: 'ü\n' } }, 'data: {"text":"ü\\n"}\n\n'],
    [{ data: null }, 'data: null\n\n'],
    [{ event: '', id: '', data: 0 }, 'id: \ndata: 0\n\n'],
    [{ retryMs: 0 }, 'retry: 0\n\n'],
  ])('%j is %j', (event, text) => {
    expect(formatEvent(event)).toBe(text);
  });

  it.each([
    [{ event: 'a\ndata: b' }, '`event`'],
    [{ event: 'a\rb' }, '`event`'],
    [{ id: 'a\nb' }, '`id`'],
    [{ id: 'a\0b' }, '`id`'],
    [{ id: 7 as never }, '`id`'],
    [{ retryMs: -1 }, '`retryMs`'],
    [{ retryMs: 1.5 }, '`retryMs`'],
    [{ data: () => 1 }, '`data`'],
  ])('cannot have the fields %j', (event, name) => {
    expect(() => formatEvent(event)).toThrow(`Expected ${name} to be`);
  });

  it('is read as it was written, whatever it says', () => {
    const text = fc.string({ unit: 'grapheme' });
    const field = text.filter((it) => !/[\r\n\0]/.test(it));
    fc.assert(
      fc.property(text, field, field, text, (data, event, id, comment) => {
        const { events, comments } = parsed(formatComment(comment) + formatEvent({ event, id, data }));
        const lines = data.replaceAll(/\r\n|\r/g, '\n');
        expect(events).toEqual([{ data: lines, event: event || undefined, id }]);
        expect(comments.join('\n')).toBe(comment.replaceAll(/\r\n|\r/g, '\n'));
      }),
    );
  });
});

describe('an event stream', () => {
  it('answers at once, with headers that let no proxy hold it back', async () => {
    await using server = await streaming(stay);
    using reader = await Reader.open(server);
    const {
      'content-type': type,
      'cache-control': cache,
      'x-accel-buffering': accel,
    } = reader.response.headers;
    expect([reader.response.statusCode, type, cache, accel]).toEqual([
      ...[200, 'text/event-stream', 'no-cache, no-transform', 'no'],
    ]);
  });

  it('carries events, comments and pings, counts the events, and ends with the handler', async () => {
    const bytes = Buffer.of(0, 255, 254);
    let counted: unknown;
    await using server = await streaming(async (stream) => {
      await stream.send('plain');
      await stream.send({ event: 'time', id: '1', retryMs: 1_000, data: { now: 1 } });
      await stream.sendJson({ a: ['ü'] }, { event: 'json' });
      await stream.sendText('{invalid json}', { id: '2' });
      await stream.sendBinary(bytes);
      await stream.sendBinary(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 3), { event: 'image' });
      await stream.sendComment('two\nlines');
      await stream.ping();
      counted = [stream.eventsSent, stream.bytesSent, stream.isOpen];
    });
    const text = await (await Reader.open(server)).end();

    expect(text).toBe(
      'data: plain\n\n' +
        'event: time\nid: 1\nretry: 1000\ndata: {"now":1}\n\n' +
        'event: json\ndata: {"a":["ü"]}\n\n' +
        'id: 2\ndata: {invalid json}\n\n' +
        'event: binary\ndata: AP/+\n\n' +
        'event: image\ndata: AP/+\n\n' +
        ': two\n: lines\n\n' +
        ': ping\n\n',
    );
    expect(counted).toEqual([6, Buffer.byteLength(text), true]);
  });

  it('is kept alive: at once, and then every interval, until told or ended', async () => {
    const clock = new VirtualClock();
    let stop!: () => void;
    await using server = await streaming(
      (stream) => {
        stop = stream.keepAlive(100);
        return stay(stream);
      },
      { clock },
    );
    using reader = await Reader.open(server);
    await until(() => reader.text === ': ping\n\n');
    clock.advance(200);
    await until(() => reader.text === ': ping\n\n'.repeat(3));
    stop();
    const pending = clock.pending;
    clock.advance(1_000);
    expect(pending).toBe(0);
    expect((only(server) as SseSession).eventsSent).toBe(0);
  });

  it('notices that the client is gone', async () => {
    await using server = await streaming(stay);
    const reader = await Reader.open(server);
    await until(() => server.connections.size === 1);
    const stream = only(server) as SseSession;
    reader.response.destroy();
    await until(() => server.connections.size === 0);

    expect([stream.state, stream.isOpen, stream.closeCause]).toEqual(['closed', false, 'CLOSED_BY_PEER']);
    expect(await codeOf(stream.send('x'))).toBe('SESSION_CLOSED');
    expect(await codeOf(stream.ping())).toBe('SESSION_CLOSED');
    expect(stream.signal.aborted).toBe(true);
  });

  it('is closed once, by hand or by leaving its scope', async () => {
    await using server = await streaming(async (given) => {
      await using stream = given;
      await stream.send('a');
      await stream.close();
      await stream.close();
    });
    expect(await (await Reader.open(server)).end()).toBe('data: a\n\n');
  });

  it('of a handler that throws ends, and is logged', async () => {
    const { errors, logger } = errorLog();
    await using server = await streaming(() => Promise.reject(new Error('no')), { logger });
    expect(await (await Reader.open(server)).end()).toBe('');
    expect(errors).toEqual([['A handler failed', { route: '/', error: 'no' }]]);
  });

  it('slows down to the pace of a client that does not read', async () => {
    let sent = 0;
    let isDone = false;
    await using server = await streaming(async (stream) => {
      for (; sent < 1_000; sent += 1) await stream.send('x'.repeat(50_000));
      isDone = true;
    });
    using reader = await Reader.open(server);
    reader.response.pause();
    await until(() => (only(server) as SseSession).bufferedAmount > 65_536);
    for (let n = 0; n < 20; n += 1) await turn();

    expect(isDone).toBe(false);
    expect((only(server) as SseSession).bufferedAmount).toBeLessThan(200_000);
    reader.response.resume();
    await reader.end();
    expect(parsed(reader.text).events).toHaveLength(1_000);
  });

  it('ends when the server ends, and is refused afterwards', async () => {
    const server = await streaming(stay);
    const reader = await Reader.open(server);
    await until(() => server.connections.size === 1);
    await server.close();
    await reader.end();
    expect(server.connections.size).toBe(0);
    expect(reader.response.complete).toBe(true);
  });

  it('is refused like a WebSocket, and open to the pages that are listed', async () => {
    const authenticate: RealtimeServerOptions['authenticate'] = ({ headers }) =>
      headers.authorization === 'yes';
    const origins = ['https://app.example'];
    await using server = await streaming((stream) => stream.send('hello'), { authenticate, origins });
    const origin = 'https://app.example';
    const refused = await fetch(server.url, { headers: { origin } });
    const evil = await fetch(server.url, { headers: { origin: 'https://evil.example' } });
    const page = await Reader.open(server, '/', { origin, authorization: 'yes' });
    const preflight = await new Promise<IncomingMessage>((resolve) =>
      request(server.url, { method: 'OPTIONS', headers: { origin }, agent: false }, resolve).end(),
    );
    preflight.resume();

    expect([refused.status, await refused.json()]).toEqual([
      ...[401, { error: 'Unauthorized', message: 'Credentials are missing or wrong' }],
    ]);
    expect(evil.status).toBe(403);
    expect(await page.end()).toBe('data: hello\n\n');
    expect(page.response.headers['access-control-allow-origin']).toBe(origin);
    expect([preflight.statusCode, preflight.headers['access-control-allow-headers']]).toEqual([
      ...[204, 'Authorization, Cache-Control, Content-Type, Last-Event-ID'],
    ]);
  });
});

describe('a history', () => {
  it('gives who comes back what was missed, and then what is new, each once', async () => {
    const history = createSseHistory();
    await using server = await streaming((stream) => stream.follow(history));
    using first = await Reader.open(server);
    await until(() => server.connections.size === 1);
    for (let n = 0; n < 3; n += 1) history.publish({ data: n });
    const [, seen] = await first.got(3);
    first.response.destroy();
    history.publish({ data: 3 });
    using second = await Reader.open(server, '/', { 'last-event-id': seen!.id! });
    await second.got(2);
    history.publish({ data: 4 });

    expect((await second.got(3)).map(({ data }) => data)).toEqual(['2', '3', '4']);
  });

  it('survives random cuts without an event missing or doubled', async () => {
    const history = createSseHistory({ maxEvents: 10_000 });
    await using server = await streaming((stream) => stream.follow(history));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 6 }), async (bursts) => {
        const lastBefore = history.publish({ data: 'start' });
        const seen: string[] = [];
        let lastEventId = lastBefore;
        let published = 0;
        for (const burst of bursts) {
          for (let n = 0; n < burst; n += 1, published += 1) history.publish({ data: published });
          using reader = await Reader.open(server, '/', { 'last-event-id': lastEventId });
          const wanted = published - seen.length;
          const events = (await reader.got(wanted)).slice(0, Math.ceil(wanted / 2));
          seen.push(...events.map(({ data }) => data));
          lastEventId = events.at(-1)?.id ?? lastEventId;
        }
        expect(seen).toEqual(Array.from({ length: seen.length }, (_, n) => String(n)));
      }),
      { numRuns: 15 },
    );
  });

  it('keeps no more than it is told to, and says so', () => {
    const clock = new VirtualClock();
    const history = createSseHistory({ maxEvents: 3, ttlMs: 100, clock });
    const ids = [0, 1, 2, 3, 4].map((n) => history.publish({ id: `é${n}`, data: n }));
    const after = (id: string) => {
      const { events, isComplete } = history.after(id);
      return [events.map(({ event }) => event.data), isComplete];
    };

    expect(ids).toEqual(['é0', 'é1', 'é2', 'é3', 'é4']);
    expect(after('é2')).toEqual([[3, 4], true]);
    expect(after('é0')).toEqual([[2, 3, 4], false]);
    expect(after('')).toEqual([[], true]);
    clock.advance(60);
    history.publish({ data: 5 });
    clock.advance(60);
    expect(history.size).toBe(1);
    expect(after('é4')).toEqual([[5], false]);
    expect(() => createSseHistory({ maxEvents: 0 })).toThrow('Expected `maxEvents`');
  });

  it('understands an id that is not ASCII', async () => {
    const history = createSseHistory();
    history.publish({ id: 'é', data: 1 });
    history.publish({ data: 2 });
    await using server = await streaming((stream) => stream.follow(history));
    const id = Buffer.from('é').toString('latin1');
    using reader = await Reader.open(server, '/', { 'last-event-id': id });
    expect((await reader.got(1)).map(({ data }) => data)).toEqual(['2']);
  });

  it('is shared by channels of one connection, each of which goes on where it was', async () => {
    const stocks = createSseHistory();
    const logs = createSseHistory();
    await using server = await streaming(async (stream) => {
      const channels = [stream.channel('stocks'), stream.channel('logs')] as const;
      expect(() => stream.send({ id: '1', data: '' })).toThrow('Expected `id`');
      await Promise.all([channels[0].follow(stocks), channels[1].follow(logs)]);
    });
    using first = await Reader.open(server);
    await until(() => server.connections.size === 1);
    stocks.publish({ event: 'price', id: 's1', data: 1 });
    logs.publish({ id: 'l&=1', data: 'log 1' });
    const [, last] = await first.got(2);
    expect(first.events.map(({ event, data, id }) => [event, data, id])).toEqual([
      ['stocks/price', '1', 'stocks=s1'],
      ['logs/message', 'log 1', 'stocks=s1&logs=l%26%3D1'],
    ]);
    first.response.destroy();
    stocks.publish({ event: 'price', id: 's2', data: 2 });
    logs.publish({ id: 'l2', data: 'log 2' });

    using second = await Reader.open(server, '/', { 'last-event-id': last!.id! });
    const again = (await second.got(2)).map(({ event, data }) => `${event} ${data}`);
    expect(again.sort()).toEqual(['logs/message log 2', 'stocks/price 2']);
  });

  it('that fails, being somebody else’s, fails the handler and not the session', async () => {
    const { errors, logger } = errorLog();
    const history = createSseHistory();
    const broken = {
      ...{ nextNumber: 0, numberAfter: () => 0, at: () => undefined },
      onPublished: (listener: () => void) => {
        const leave = history.onPublished(listener);
        return () => {
          leave();
          throw new Error('broken');
        };
      },
    };
    await using server = await streaming((stream) => stream.follow(broken), { logger });
    const reader = await Reader.open(server);
    await until(() => server.connections.size === 1);
    reader.response.destroy();
    await until(() => errors.length > 0);

    expect(errors).toEqual([['A handler failed', { route: '/', error: 'broken' }]]);
    expect(server.connections.size).toBe(0);
  });

  it('lets go of a follower that falls behind by more than it keeps', async () => {
    const history = createSseHistory({ maxEvents: 2 });
    await using server = await streaming((stream) => stream.follow(history));
    using reader = await Reader.open(server);
    await until(() => server.connections.size === 1);
    const stream = only(server) as SseSession;
    for (let n = 0; n < 5; n += 1) history.publish({ data: n });
    await reader.end();
    expect(stream.state).toBe('closed');
    expect(parsed(reader.text).events.length).toBeLessThan(5);
  });
});
