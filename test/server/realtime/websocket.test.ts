import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../../src/connection.ts';
import { text } from '../../../src/protocols/text.ts';
import type { WebSocketSession } from '../../../src/server/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { turn, until } from '../../../src/testing/wait.ts';
import { Client, codeOf, echo, errorLog, only, serve } from './harness.ts';

/** To compare a megabyte byte by byte takes vitest a second. */
const brief = (message: string | Buffer): string =>
  `${typeof message} ${createHash('sha256').update(message).digest('hex')}`;

/** A session whose handler does nothing but stay, and its client. */
async function pair(options: Parameters<typeof serve>[0] = {}) {
  const server = await serve(options, (routes) =>
    routes.websocket('/', (socket) => new Promise((done) => socket.signal.addEventListener('abort', done))),
  );
  const client = await Client.open(server, '/');
  await until(() => server.connections.size === 1);
  return { server, client, session: only(server) as WebSocketSession };
}

describe('messages', () => {
  it('come back as what they were, whatever their kind and size', async () => {
    await using server = await serve({}, (routes) => routes.websocket('/', echo));
    await using client = await Client.open(server, '/');
    const texts = [
      '',
      'a',
      '€'.repeat(42),
      'x'.repeat(125),
      'x'.repeat(126),
      'x'.repeat(65_535),
      'Test\n\r\t\0',
    ];
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 65_537, 200_000, 1_000_000];
    const sent = [...texts, ...sizes.map((size) => Buffer.alloc(size, size))];

    for (const message of sent) client.socket.send(message);
    expect((await client.got(sent.length)).map(brief)).toEqual(sent.map(brief));
  });

  it('arrive in order, however they are cut and mixed', async () => {
    await using server = await serve({}, (routes) => routes.websocket('/', echo));
    const message = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }).map((it) => Buffer.from(it).toString()),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 30 }), async (messages) => {
        await using client = await Client.open(server, '/');
        for (const one of messages) client.socket.send(one);
        expect((await client.got(messages.length)).map(brief)).toEqual(messages.map(brief));
      }),
      { numRuns: 20 },
    );
  });

  it('reach our own client as well', async () => {
    await using server = await serve({}, (routes) => routes.websocket('/', echo));
    await using connection = new Connection({ url: server.url.replace('http', 'ws'), protocol: text() });
    await connection.connect();
    const messages = connection.messages();
    connection.send('hello');
    connection.send('x'.repeat(100_000));

    expect((await messages.next()).value).toBe('hello');
    expect((await messages.next()).value).toBe('x'.repeat(100_000));
  });

  it('are sent as text, binary or JSON by what they are', async () => {
    const { server, client, session } = await pair();
    await session.send('text');
    await session.send(new Uint8Array([1, 2]).buffer);
    await session.send(new DataView(new Uint8Array([0, 3, 4, 0]).buffer, 1, 2));
    await session.send({ a: ['ü'] });
    await session.sendJson(null);

    expect(await client.got(5)).toEqual(['text', Buffer.of(1, 2), Buffer.of(3, 4), '{"a":["ü"]}', 'null']);
    expect(() => session.send(7 as never)).toThrow(
      'Expected `message` to be a string, bytes, an object or an',
    );
    expect(() => session.send(new Blob(['x']))).toThrow('Expected `message` to be a string');
    expect(() => session.sendText(Buffer.of(1) as never)).toThrow('Expected `text` to be a string');
    expect(() => session.sendBinary('a' as never)).toThrow('Expected `bytes`');
    expect(() => session.sendJson(undefined)).toThrow('Expected `value`');
    await server.close();
  });

  it('are counted without frames and control frames', async () => {
    const { server, client, session } = await pair();
    void session.ping('12345');
    void session.pong();
    await session.send('€');
    await session.send(Buffer.alloc(100_000));
    client.socket.send('ab');
    client.socket.ping();
    await client.got(2);
    await until(() => session.messagesReceived === 1);

    const { messagesSent, messagesReceived, bytesSent, bytesReceived, bufferedAmount } = session;
    expect({ messagesSent, messagesReceived, bytesSent, bytesReceived, bufferedAmount }).toEqual({
      ...{ messagesSent: 2, messagesReceived: 1, bytesSent: 100_003, bytesReceived: 2, bufferedAmount: 0 },
    });
    await server.close();
  });
});

describe('receive', () => {
  it('gives each kind to whom asks for it, and names what came instead', async () => {
    const { server, client, session } = await pair();
    for (const message of ['text', Buffer.of(1), '{"a":1}', 'text', Buffer.of(1), '{'])
      client.socket.send(message);

    expect(await session.receiveText()).toBe('text');
    expect(await session.receiveBinary()).toEqual(Buffer.of(1));
    expect(await session.receiveJson()).toEqual({ a: 1 });
    await expect(session.receiveBinary()).rejects.toThrow('Expected binary, got 4 characters of text.');
    await expect(session.receiveText()).rejects.toThrow('Expected text, got 1 bytes of binary.');
    expect(await codeOf(session.receiveJson())).toBe('INVALID_JSON');
    await server.close();
  });

  it('waits no longer than it is told to, and loses nothing by that', async () => {
    const clock = new VirtualClock();
    const { server, client, session } = await pair({ clock, heartbeat: false });
    const aborter = new AbortController();
    const aborted = codeOf(session.receive({ signal: aborter.signal }));
    const late = codeOf(session.receive({ timeoutMs: 50 }));
    aborter.abort('enough');
    clock.advance(50);

    expect(await aborted).toBe('enough');
    expect(await late).toBe('RECEIVE_TIMEOUT');
    client.socket.send('after');
    expect(await session.receive()).toBe('after');
    await server.close();
  });

  it('gives what came before the end, then says that it is closed', async () => {
    const { server, client, session } = await pair();
    client.socket.send('one');
    client.socket.send('two');
    client.socket.close(4000, 'done');
    await until(() => session.state === 'closed');

    expect(await session.receive()).toBe('one');
    expect(await session.receive()).toBe('two');
    expect(await codeOf(session.receive())).toBe('SESSION_CLOSED');
    expect(await codeOf(session.send('x'))).toBe('SESSION_CLOSED');
    expect(await codeOf(session.ping())).toBe('SESSION_CLOSED');
    expect(await codeOf(session.pong())).toBe('SESSION_CLOSED');
    expect([session.closeCode, session.closeReason, session.closeCause]).toEqual([
      4000,
      'done',
      'CLOSED_BY_PEER',
    ]);
    await server.close();
  });

  it('rejects a receiver that waits when the session ends', async () => {
    const { server, client, session } = await pair();
    const waiting = codeOf(session.receive());
    client.socket.terminate();

    expect(await waiting).toBe('SESSION_CLOSED');
    expect([session.closeCode, session.closeCause]).toEqual([1006, 'LINK_LOST']);
    await server.close();
  });

  it('reads no faster than messages are taken', async () => {
    const { server, client, session } = await pair({ limits: { maxQueuedMessages: 4, maxQueuedBytes: 1e9 } });
    const count = 400;
    for (let n = 0; n < count; n += 1) client.socket.send(Buffer.alloc(100_000, n));
    await until(() => client.socket.bufferedAmount > 0 && session.messagesReceived >= 4);
    for (let n = 0; n < 20; n += 1) await turn();

    expect(session.messagesReceived).toBeLessThan(count / 2);
    for (let n = 0; n < count; n += 1) expect((await session.receiveBinary())[0]).toBe(n % 256);
    await server.close();
  });
});

describe('send', () => {
  it('slows down to the pace of a client that does not read', async () => {
    const { server, client, session } = await pair({ limits: { maxBufferedBytes: 10_000_000 } });
    client.socket.pause();
    let sent = 0;
    const sender = (async () => {
      for (; sent < 2_000; sent += 1) await session.send(Buffer.alloc(50_000));
    })();
    await until(() => session.bufferedAmount > 65_536);
    for (let n = 0; n < 20; n += 1) await turn();

    const stuckAt = sent;
    expect(session.bufferedAmount).toBeLessThan(200_000);
    client.socket.resume();
    await sender;
    expect(stuckAt).toBeLessThan(2_000);
    await client.got(2_000);
    await server.close();
  });

  it('refuses what would be too much, and still sends what it took', async () => {
    const { server, client, session } = await pair({ limits: { maxBufferedBytes: 1_000_000 } });
    client.socket.pause();
    const outcomes: Promise<unknown>[] = [];
    for (let n = 0; n < 200; n += 1) outcomes.push(codeOf(session.send(Buffer.alloc(100_000))));
    client.socket.resume();

    const settled = await Promise.all(outcomes);
    const taken = settled.filter((outcome) => outcome === 'resolved').length;
    expect(new Set(settled)).toEqual(new Set(['resolved', 'SEND_BUFFER_FULL']));
    expect(await client.got(taken)).toHaveLength(taken);
    expect(session.messagesSent).toBe(taken);
    await server.close();
  });

  it('cuts off a client that takes nothing for too long', async () => {
    const clock = new VirtualClock();
    const { server, client, session } = await pair({
      clock,
      heartbeat: false,
      limits: { stuckMs: 1_000, maxBufferedBytes: Infinity },
    });
    client.socket.pause();
    const outcomes: Promise<unknown>[] = [];
    for (let n = 0; n < 400; n += 1) outcomes.push(codeOf(session.send(Buffer.alloc(100_000))));
    await until(() => session.bufferedAmount > 20_000_000);
    for (let n = 0; n < 20; n += 1) await turn();
    clock.advance(1_000);

    expect(await outcomes.at(-1)).toBe('SESSION_CLOSED');
    expect([session.state, session.closeCause]).toEqual(['closed', 'CONSUMER_TOO_SLOW']);
    client.socket.terminate();
    await server.close();
  });

  it('lets the process do other things, however fast the client reads', async () => {
    const { server, session } = await pair();
    let hasTurned = false;
    setImmediate(() => (hasTurned = true));
    for (let n = 0; n < 300; n += 1) await session.send('x');

    expect(hasTurned).toBe(true);
    await server.close();
  });
});

describe('the end', () => {
  it.each([
    ['returns', (): void => undefined, { code: 1000, reason: '' }, 0],
    [
      'throws',
      () => Promise.reject(new Error('token=abc123secret')),
      { code: 1011, reason: 'Internal error' },
      1,
    ],
    [
      'throws at once',
      () => {
        throw new Error('at once');
      },
      { code: 1011, reason: 'Internal error' },
      1,
    ],
  ])('of a handler that %s closes the session', async (_how, handler, goodbye, logged) => {
    const { errors, logger } = errorLog();
    await using server = await serve({ logger }, (routes) => routes.websocket('/', handler));
    await using client = await Client.open(server, '/');

    expect(await client.end()).toEqual(goodbye);
    await until(() => server.connections.size === 0);
    expect(errors).toHaveLength(logged);
    expect(JSON.stringify(errors)).not.toContain('abc123secret');
  });

  it.each<[string, (socket: WebSocketSession) => unknown]>([
    ['a message', (socket) => socket.receive()],
    ['a timer of Node', ({ signal }) => setTimeout(1_000_000, undefined, { signal })],
    ['an event of Node', ({ signal }) => once(new EventEmitter(), 'never', { signal })],
  ])('is no failure of a handler that only hears of it, waiting for %s', async (_what, handler) => {
    const { errors, logger } = errorLog();
    await using server = await serve({ logger }, (routes) => routes.websocket('/', handler));
    const client = await Client.open(server, '/');
    client.socket.terminate();
    await until(() => server.connections.size === 0);

    expect(errors).toEqual([]);
  });

  it('comes with the code and reason that were given, after all that was sent', async () => {
    const { server, client, session } = await pair();
    const last = session.send('last');
    await session.close(4321, 'täglich');
    await last;

    expect(client.messages).toEqual(['last']);
    expect(await client.end()).toEqual({ code: 4321, reason: 'täglich' });
    await session.close();
    expect([session.closeCode, session.closeCause]).toEqual([4321, 'CLOSE_CALLED']);
    await server.close();
  });

  it.each([999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000, 1000.5, NaN])(
    'cannot be said with the code %d',
    async (code) => {
      const { server, session } = await pair();
      expect(() => session.close(code)).toThrow('Expected `code` to be a close code');
      expect(session.isOpen).toBe(true);
      await server.close();
    },
  );

  it('cannot be said at length', async () => {
    const { server, session } = await pair();
    expect(() => session.close(1000, '€'.repeat(42))).toThrow('at most 123 bytes');
    expect(() => session.ping('€'.repeat(42))).toThrow('at most 125 bytes');
    await server.close();
  });

  it('is cut short for a client that does not answer', async () => {
    const clock = new VirtualClock();
    const { server, client, session } = await pair({ clock, heartbeat: false, limits: { closeMs: 700 } });
    client.socket.pause();
    const closing = session.close();
    expect(session.state).toBe('closing');
    clock.advance(700);
    await closing;

    expect([session.state, session.closeCode, session.closeCause]).toEqual(['closed', 1006, 'CLOSE_CALLED']);
    client.socket.resume();
    await server.close();
  });

  it('aborts the signal', async () => {
    const { server, client, session } = await pair();
    const { signal } = session;
    client.socket.terminate();
    await until(() => signal.aborted);
    expect(signal.reason).toMatchObject({ code: 'SESSION_CLOSED' });
    await server.close();
  });
});

describe('signs of life', () => {
  it('are asked for with a payload, and measured', async () => {
    const { server, client, session } = await pair({ heartbeat: false });
    expect(session.rttMs).toBeUndefined();
    const rtts = await Promise.all([session.ping(), session.ping('again'), session.ping(Buffer.of(255))]);
    await session.pong('unasked');

    expect(rtts.every((rtt) => rtt >= 0)).toBe(true);
    expect(session.rttMs).toBe(rtts[2]);
    await until(() => client.pongs.length === 1);
    expect(client.pings.slice(0, 2)).toEqual(['', 'again']);
    await server.close();
  });

  it('are awaited for as long as the options say', async () => {
    const clock = new VirtualClock();
    const { server, client, session } = await pair({ clock, heartbeat: { intervalMs: 100, timeoutMs: 20 } });
    clock.advance(100);
    await until(() => session.rttMs !== undefined);
    clock.advance(20);
    await turn();
    expect(session.isOpen).toBe(true);

    client.socket.pause();
    clock.advance(100);
    for (let n = 0; n < 5; n += 1) await turn();
    clock.advance(20);
    await until(() => session.state === 'closed');
    expect([session.closeCode, session.closeCause]).toEqual([1006, 'HEARTBEAT_TIMEOUT']);
    client.socket.terminate();
    await server.close();
  });

  it('are not expected while the handler does not take what came', async () => {
    const clock = new VirtualClock();
    const heartbeat = { intervalMs: 100, timeoutMs: 20 };
    const { server, client, session } = await pair({ clock, heartbeat, limits: { maxQueuedMessages: 1 } });
    // More than fits into all buffers on the way, so that the pong is behind what is not read.
    for (let n = 0; n < 200; n += 1) client.socket.send(Buffer.alloc(100_000));
    await until(() => session.messagesReceived > 0 && client.socket.bufferedAmount > 0);
    for (let n = 0; n < 50; n += 1) await turn();
    for (let n = 0; n < 20; n += 1) {
      clock.advance(50);
      await turn();
    }

    expect(session.isOpen).toBe(true);
    await server.close();
  });

  it('do not make up for messages: an idle session ends', async () => {
    const clock = new VirtualClock();
    const { server, client, session } = await pair({ clock, limits: { idleMs: 400 } });
    clock.advance(300);
    client.socket.send('still here');
    await until(() => session.messagesReceived === 1);
    clock.advance(400);
    expect(session.isOpen).toBe(true);
    clock.advance(100);

    expect(await client.end()).toEqual({ code: 1001, reason: 'Idle for too long' });
    expect(session.closeCause).toBe('IDLE_TIMEOUT');
    await server.close();
  });
});
