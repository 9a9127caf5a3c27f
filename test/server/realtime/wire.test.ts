// The wire, byte by byte: RFC 6455 on a plain TCP connection.
import { describe, expect, it } from 'vitest';
import type { RealtimeServerOptions, WebSocketSession } from '../../../src/server/index.ts';
import { until } from '../../../src/testing/wait.ts';
import { frame, RawSocket, serve } from './harness.ts';

const closeFrame = (code: number): string => `8802${code.toString(16).padStart(4, '0')}`;

/** A server that echoes, and notes how its last session ended. */
async function echoing(options: RealtimeServerOptions = {}) {
  const sessions: WebSocketSession[] = [];
  const server = await serve(options, (routes) =>
    routes.websocket('/', async (socket) => {
      sessions.push(socket);
      for await (const message of socket) await socket.send(message);
    }),
  );
  const ending = async () => {
    await until(() => sessions.at(-1)?.state === 'closed');
    const { closeCode, closeCause } = sessions.at(-1)!;
    return [closeCode, closeCause];
  };
  return { server, ending };
}

describe('the handshake', () => {
  it('answers the key of the RFC with the accept value of the RFC', async () => {
    const { server } = await echoing();
    using raw = await RawSocket.open(server, '/');
    expect(raw.head).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n',
    );
    await server.close({ deadlineMs: 0 });
  });
});

describe('frames of a client', () => {
  it('are put together from fragments, with control frames in between', async () => {
    const { server } = await echoing();
    using raw = await RawSocket.open(server, '/');
    raw.write(Buffer.concat([frame(0x01, 'Hel'), frame(0x89, 'p'), frame(0x00, 'lo'), frame(0x80, '!')]));
    await raw.until('8a0170' + '810648656c6c6f21');
    await server.close({ deadlineMs: 0 });
  });

  it('may come one byte at a time, a character of UTF-8 in two fragments', async () => {
    const { server } = await echoing();
    using raw = await RawSocket.open(server, '/');
    raw.tcp.setNoDelay(true);
    const bytes = Buffer.concat([frame(0x01, Buffer.of(0xe2, 0x82)), frame(0x80, Buffer.of(0xac))]);
    for (const byte of bytes) raw.write(Buffer.of(byte));
    await raw.until('8103e282ac');
    await server.close({ deadlineMs: 0 });
  });

  it('are not a message before they are complete', async () => {
    const { server, ending } = await echoing();
    using raw = await RawSocket.open(server, '/');
    raw.write(frame(0x81, 'HelloWorld').subarray(0, -4));
    raw.tcp.end();
    expect(await ending()).toEqual([1006, 'LINK_LOST']);
    expect(raw.hex).toBe('');
    await server.close({ deadlineMs: 0 });
  });

  it('with a ping get a pong with the same payload', async () => {
    const { server } = await echoing();
    using raw = await RawSocket.open(server, '/');
    raw.write(Buffer.concat([frame(0x89), frame(0x89, 'x'.repeat(125)), frame(0x8a, 'unasked')]));
    await raw.until(`8a008a7d${'78'.repeat(125)}`);
    await server.close({ deadlineMs: 0 });
  });

  it.each([
    ['is not masked', frame(0x81, 'a', { masked: false }), 1002],
    ['has a reserved bit', frame(0xc1, 'a'), 1002],
    ['has a reserved opcode', frame(0x83, 'a'), 1002],
    ['continues nothing', frame(0x80, 'a'), 1002],
    ['interrupts a message', Buffer.concat([frame(0x01, 'a'), frame(0x81, 'b')]), 1002],
    ['is a long ping', frame(0x89, 'x'.repeat(126)), 1002],
    ['is a ping in fragments', frame(0x09, 'a'), 1002],
    ['is a close frame of one byte', frame(0x88, 'a'), 1002],
    ['closes with 1005', frame(0x88, Buffer.of(0x03, 0xed)), 1002],
    ['closes with 1006', frame(0x88, Buffer.of(0x03, 0xee)), 1002],
    ['closes with 999', frame(0x88, Buffer.of(0x03, 0xe7)), 1002],
    ['closes with a reason that is no UTF-8', frame(0x88, Buffer.of(0x03, 0xe8, 0xff)), 1007],
    ['has a surrogate', frame(0x81, Buffer.of(0xed, 0xa0, 0x80)), 1007],
    ['has an overlong character', frame(0x81, Buffer.of(0xc0, 0xaf)), 1007],
    ['has bytes that are never UTF-8', frame(0x81, Buffer.of(0xff, 0xfe, 0xfd)), 1007],
    ['is too large', frame(0x82, 'x'.repeat(1_001)), 1009],
    [
      'is too large in fragments',
      Buffer.concat([frame(0x02, 'x'.repeat(600)), frame(0x80, 'x'.repeat(600))]),
      1009,
    ],
  ])('of which one %s end the session', async (_what, bytes, code) => {
    const { server, ending } = await echoing({ limits: { maxMessageBytes: 1_000 } });
    using raw = await RawSocket.open(server, '/');
    raw.write(bytes);
    await raw.until(closeFrame(code));
    await raw.ended();
    expect(await ending()).toEqual([1006, expect.stringMatching(/^WS_ERR_/)]);
    await server.close({ deadlineMs: 0 });
  });

  it.each([
    ['with a code', Buffer.of(0x0f, 0xa1), '88020fa1', 4001],
    [
      'with a code and a reason',
      Buffer.concat([Buffer.of(0x03, 0xe8), Buffer.from('bye')]),
      '880503e8627965',
      1000,
    ],
    ['without a code', '', '8800', 1005],
  ])('that close it %s are answered, and the TCP connection ends', async (_how, payload, answer, code) => {
    const { server, ending } = await echoing();
    using raw = await RawSocket.open(server, '/');
    raw.write(frame(0x88, payload));
    await raw.until(answer);
    await raw.ended();
    expect(await ending()).toEqual([code, 'CLOSED_BY_PEER']);
    await server.close({ deadlineMs: 0 });
  });
});

describe('frames of the server', () => {
  it('are not masked, and of the shortest form', async () => {
    const { server } = await echoing();
    for (const [size, head] of [
      [125, '827d'],
      [126, '827e007e'],
      [65_535, '827effff'],
    ] as const) {
      using raw = await RawSocket.open(server, '/');
      const half = size >> 1;
      raw.write(Buffer.concat([frame(0x02, Buffer.alloc(half)), frame(0x80, Buffer.alloc(size - half))]));
      await until(() => raw.received.length === head.length / 2 + size);
      expect(raw.hex.slice(0, head.length)).toBe(head);
    }
    await server.close({ deadlineMs: 0 });
  });

  it('are fragments of one message when that is long', async () => {
    const { server } = await echoing({ limits: { fragmentBytes: 4 } });
    using raw = await RawSocket.open(server, '/');
    raw.write(frame(0x81, 'Hello World'));
    await raw.until('0104' + '48656c6c' + '0004' + '6f20576f' + '8003' + '726c64');
    await server.close({ deadlineMs: 0 });
  });
});
