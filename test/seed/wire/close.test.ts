// The end of a connection, byte by byte: RFC 6455 §5.5.1, §7.1 and §7.4 against our server.
import { describe, expect, it } from 'vitest';
import type { WebSocketSession } from '../../../src/server/index.ts';
import { until } from '../../../src/testing/wait.ts';
import { stay } from '../scene.ts';
import { bare, closePayload, echoing, frame, shake, type Tcp } from './raw.ts';

const closing = (code: number, reason = ''): string => bare(0x88, closePayload(code, reason)).toString('hex');

/** What may stand in a close frame (§7.4), at the ends of each range. */
const ALLOWED = [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014],
  ...[3000, 3999, 4000, 4999],
];
const FORBIDDEN = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65_535];

/** A server whose handler stays, with its last session. */
async function staying(options: Parameters<typeof echoing>[0] = {}) {
  const sessions: WebSocketSession[] = [];
  const own = await echoing(options, async (socket) => {
    sessions.push(socket);
    await stay(socket);
  });
  const open = async (): Promise<{ readonly tcp: Tcp; readonly session: WebSocketSession }> => {
    const tcp = await shake(own.server);
    const session = await until(() => sessions.pop(), { describe: 'a session' });
    return { tcp, session };
  };
  return { ...own, open, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() };
}

describe('a close frame of the client', () => {
  it.each(ALLOWED)('with %i is answered with the same, and told', async (code) => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    tcp.write(frame(0x88, closePayload(code, 'größer')));
    await tcp.got(closing(code, 'größer'));
    await tcp.ended();

    expect(await own.ended()).toEqual([[code, 'CLOSED_BY_PEER']]);
    expect([session.closeCode, session.closeReason, session.isOpen]).toEqual([code, 'größer', false]);
  });

  it.each(FORBIDDEN)('with %i is answered with 1002', async (code) => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    tcp.write(frame(0x88, closePayload(code)));
    await tcp.got(closing(1002));
    await tcp.ended();

    expect(await own.ended()).toEqual([[1006, 'WS_ERR_INVALID_CLOSE_CODE']]);
    expect([session.closeCode, session.closeReason]).toEqual([1006, '']);
  });

  it('without a code is answered without one, and told as 1005', async () => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    tcp.write(frame(0x88));
    await tcp.got('8800');
    await tcp.ended();

    expect(await own.ended()).toEqual([[1005, 'CLOSED_BY_PEER']]);
    expect(session.closeReason).toBe('');
  });

  it('may have a reason of 123 bytes', async () => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    const reason = '€'.repeat(41);
    tcp.write(frame(0x88, closePayload(1000, reason)));
    await tcp.got(closing(1000, reason));
    await own.ended();
    expect(session.closeReason).toBe(reason);
  });

  it.each([
    ['half a code', Buffer.of(0x03), 1002],
    ['a reason that is no UTF-8', closePayload(1000, Buffer.of(0xff)), 1007],
    ['a reason with a surrogate', closePayload(1000, Buffer.of(0xed, 0xa0, 0x80)), 1007],
    ['a reason that is cut off', closePayload(1000, Buffer.of(0xe2, 0x82)), 1007],
  ])('with %s is answered with an error', async (_what, payload, code) => {
    await using own = await staying();
    const { tcp } = await own.open();
    tcp.write(frame(0x88, payload));
    await tcp.got(closing(code));
    await tcp.ended();
    expect(await own.ended()).toEqual([[1006, expect.stringMatching(/^WS_ERR_/)]]);
  });

  it('is the last that is heard of it, and is told once', async () => {
    const heard: unknown[] = [];
    await using own = await echoing({}, async (socket) => {
      for await (const message of socket) heard.push(message);
      heard.push('the end');
    });
    using tcp = await shake(own.server);
    tcp.write(
      ...[frame(0x81, 'before'), frame(0x82, Buffer.of(1)), frame(0x88, closePayload(1000))],
      ...[
        frame(0x81, 'after'),
        frame(0x89, 'after'),
        frame(0x88, closePayload(4000)),
        Buffer.alloc(100, 0xff),
      ],
    );
    await tcp.ended();
    await own.ended();

    expect(tcp.hex).toBe(closing(1000));
    expect(heard).toEqual(['before', Buffer.of(1), 'the end']);
    expect(await own.ended()).toEqual([[1000, 'CLOSED_BY_PEER']]);
  });

  it('may come byte by byte', async () => {
    await using own = await staying();
    const { tcp } = await own.open();
    await tcp.writeByteByByte(frame(0x88, closePayload(4321, 'slow')));
    await tcp.got(closing(4321, 'slow'));
    await tcp.ended();
    expect(await own.ended()).toEqual([[4321, 'CLOSED_BY_PEER']]);
  });
});

describe('a connection that ends without a close frame', () => {
  it.each(['FIN', 'RST'])('by %s is told as 1006, once', async (how) => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    if (how === 'FIN') tcp.socket.end();
    else tcp.socket.resetAndDestroy();

    expect(await own.ended()).toEqual([[1006, 'LINK_LOST']]);
    expect([session.closeCode, session.closeReason, tcp.hex]).toEqual([1006, '', '']);
  });
});

describe('a close frame of the server', () => {
  it.each(ALLOWED.filter((code) => code !== 1010))('has the code %i that was given', async (code) => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    const closed = session.close(code, 'bye');
    await tcp.got(closing(code, 'bye'));
    tcp.write(frame(0x88, closePayload(code, 'bye')));
    await closed;
    await tcp.ended();

    expect([session.closeCode, session.closeReason, session.closeCause]).toEqual([
      code,
      'bye',
      'CLOSE_CALLED',
    ]);
  });

  it.each([...FORBIDDEN, 1010])('cannot have the code %i', async (code) => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    expect(() => session.close(code)).toThrow('Expected `code` to be a close code');
    void session.send('still open');
    await tcp.got(bare(0x81, 'still open').toString('hex'));
  });

  it('is 1000 of a handler that returns, 1011 of one that throws, 1001 of a server that ends', async () => {
    await using returns = await echoing({}, () => undefined);
    await using throws = await echoing({}, () => Promise.reject(new Error('a secret')));
    await using ends = await staying();
    using first = await shake(returns.server);
    using second = await shake(throws.server);
    const { tcp: third } = await ends.open();
    const ending = ends.server.close();
    await first.got(closing(1000));
    await second.got(closing(1011, 'Internal error'));
    await third.got(closing(1001, 'Server shutting down'));
    for (const [tcp, code] of [
      [first, 1000],
      [second, 1011],
      [third, 1001],
    ] as const)
      tcp.write(frame(0x88, closePayload(code)));
    await ending;

    expect(await returns.ended()).toEqual([[1000, 'HANDLER_RETURNED']]);
    expect(await throws.ended()).toEqual([[1011, 'HANDLER_FAILED']]);
    expect(await ends.ended()).toEqual([[1001, 'SHUTTING_DOWN']]);
    expect(throws.failures).toEqual([['A handler failed', { route: '/', error: 'a secret' }]]);
  });

  it.each([
    ['another code', closePayload(4001, 'mine'), 4001],
    ['none', Buffer.alloc(0), 1005],
  ])('may be answered with %s, which is what is told', async (_what, payload, code) => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    const closed = session.close(4000, 'yours');
    await tcp.got(closing(4000, 'yours'));
    tcp.write(frame(0x88, payload));
    await closed;

    expect([session.closeCode, session.closeCause]).toEqual([code, 'CLOSE_CALLED']);
  });

  it('is the last that is sent: what comes then is dropped, and pings get no pong', async () => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    void session.send('last');
    const closed = session.close(1000);
    const refused = await session.send('too late').catch((error: unknown) => error);
    const all = bare(0x81, 'last').toString('hex') + closing(1000);
    await tcp.got(all);
    tcp.write(frame(0x81, 'dropped'), frame(0x89, 'p'), frame(0x01, 'part'), frame(0x88, closePayload(1000)));
    await closed;
    await tcp.ended();

    expect(tcp.hex).toBe(all);
    expect(refused).toMatchObject({ code: 'SESSION_CLOSED' });
    await expect(session.receive()).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  });

  it('may cross that of the client', async () => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    const closed = session.close(4000);
    tcp.write(frame(0x88, closePayload(4001)));
    await closed;
    await tcp.ended();

    expect(tcp.hex).toBe(closing(4000));
    expect(await own.ended()).toEqual([[4001, 'CLOSE_CALLED']]);
  });

  it('is followed by the end of the connection, though the client answers nothing', async () => {
    await using own = await staying({ limits: { closeMs: 20 } });
    const { tcp, session } = await own.open();
    await session.close(1000);
    await tcp.ended();

    expect(tcp.hex).toBe(closing(1000));
    expect(session.closeCode).toBe(1006);
  });

  it('is what the server ends the connection after, before the client does', async () => {
    await using own = await staying();
    const { tcp, session } = await own.open();
    tcp.socket.allowHalfOpen = true;
    let hasEnded = false;
    tcp.socket.on('end', () => (hasEnded = true));
    const closed = session.close(1000);
    await tcp.got(closing(1000));
    expect(hasEnded).toBe(false);
    tcp.write(frame(0x88, closePayload(1000)));
    await until(() => hasEnded, { describe: 'a FIN of the server' }); // RFC 6455 §7.1.1
    tcp.socket.end();
    await closed;
  });
});
