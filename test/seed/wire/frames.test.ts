// Single frames against our server: masks, reserved bits, opcodes, control frames. RFC 6455 §5.2, §5.3 and §5.5.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocketSession } from '../../../src/server/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { until } from '../../../src/testing/wait.ts';
import { seeded } from '../random-data.ts';
import { bare, closePayload, echoing, frame, shake, type FrameShape } from './raw.ts';

let echo: Awaited<ReturnType<typeof echoing>>;
beforeAll(async () => {
  echo = await echoing();
});
afterAll(() => echo[Symbol.asyncDispose]());

const joined = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString('hex');

/** Sends bytes, and expects nothing but a close frame with this code, and the end of the connection. */
async function refusing(code: number, ...bytes: readonly Buffer[]): Promise<void> {
  await using own = await echoing();
  using tcp = await shake(own.server);
  tcp.write(...bytes, frame(0x81, 'not heard any more'));
  await tcp.got(bare(0x88, closePayload(code)).toString('hex'));
  await tcp.ended();
  expect(await own.ended()).toEqual([[1006, expect.stringMatching(/^WS_ERR_/)]]);
  expect(own.failures).toEqual([]);
}

describe('a mask', () => {
  it('is taken off as in the example of the RFC', async () => {
    using tcp = await shake(echo.server);
    tcp.write(Buffer.from('818537fa213d7f9f4d5158', 'hex')); // RFC 6455 §5.7
    await tcp.got('810548656c6c6f');
  });

  it(
    'may be any four bytes, another one for each frame, over a payload of any length',
    seeded(async (random) => {
      using tcp = await shake(echo.server);
      const masks = [Buffer.alloc(4), Buffer.alloc(4, 0xff), ...random.many(40, () => random.buffer(4))];
      const payloads = masks.map((_, n) => random.buffer(n));
      tcp.write(...payloads.map((payload, n) => frame(0x82, payload, { mask: masks[n]! })));
      await tcp.got(joined(payloads.map((payload) => bare(0x82, payload))));
    }),
  );

  it.each([
    ['a text', 0x81],
    ['a binary message', 0x82],
    ['a ping', 0x89],
    ['a pong', 0x8a],
  ])('missing on %s ends the session with 1002', (_what, first) => refusing(1002, bare(first, 'a')));

  it('missing on an empty frame and on a close frame is no better', async () => {
    await refusing(1002, bare(0x81));
    await refusing(1002, bare(0x88, closePayload(1000)));
  });

  it('is never on what the server sends', async () => {
    using tcp = await shake(echo.server);
    tcp.write(frame(0x81, 'a'), frame(0x82, 'b'));
    await tcp.got('810161' + '820162');
    tcp.write(frame(0x89, 'c'), frame(0x88, closePayload(1000)));
    await tcp.ended();
    expect(tcp.hex).toBe('810161' + '820162' + '8a0163' + '880203e8');
  });
});

const inHex = (numbers: readonly number[]) => numbers.map((number) => [number.toString(16), number] as const);

describe('a bit or an opcode that means nothing', () => {
  const reserved = [0x40, 0x20, 0x10, 0x70];
  const opcodes = [0x1, 0x2, 0x8, 0x9, 0xa];

  it.each(inHex(reserved.flatMap((rsv) => opcodes.map((opcode) => 0x80 | rsv | opcode))))(
    'in a first byte of 0x%s ends the session with 1002',
    (_hex, first) => refusing(1002, frame(first, (first & 0xf) === 8 ? closePayload(1000) : 'ab')),
  );

  it.each(inHex(reserved))('in a continuation, 0x%s, as well', (_hex, rsv) =>
    refusing(1002, frame(0x01, 'a'), frame(0x80 | rsv, 'b')),
  );

  it.each([0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf])('such as the opcode %i as well', (opcode) =>
    refusing(1002, frame(0x80 | opcode, 'a')),
  );
});

describe('a control frame', () => {
  it('that is a ping gets a pong with its payload, in order, whatever that is', async () => {
    using tcp = await shake(echo.server);
    const payloads = [
      Buffer.alloc(0),
      Buffer.from('test payload'),
      Buffer.of(0xff, 0xfe, 0),
      Buffer.alloc(125, 7),
    ];
    tcp.write(...payloads.map((payload) => frame(0x89, payload)), frame(0x81, 'then'));
    await tcp.got(joined([...payloads.map((payload) => bare(0x8a, payload)), bare(0x81, 'then')]));
  });

  it('that is a pong nobody asked for gets no answer', async () => {
    using tcp = await shake(echo.server);
    tcp.write(frame(0x8a), frame(0x8a, 'pong data'), frame(0x8a, Buffer.alloc(125)), frame(0x81, 'then'));
    await tcp.got(bare(0x81, 'then').toString('hex'));
  });

  it('counts as no message', async () => {
    let session: WebSocketSession | undefined;
    await using own = await echoing({}, async (socket) => {
      session = socket;
      for await (const message of socket) await socket.send(message);
    });
    using tcp = await shake(own.server);
    tcp.write(frame(0x89, 'abc'), frame(0x81, 'text'), frame(0x8a, 'abc'));
    await tcp.got(joined([bare(0x8a, 'abc'), bare(0x81, 'text')]));
    const { messagesReceived, bytesReceived, messagesSent, bytesSent } = session!;
    expect([messagesReceived, bytesReceived, messagesSent, bytesSent]).toEqual([1, 4, 1, 4]);
  });

  it.each<[string, number, number, FrameShape?]>([
    ['a ping of 126 bytes', 0x89, 126],
    ['a pong of 126 bytes', 0x8a, 126],
    ['a close frame of 126 bytes', 0x88, 126],
    ['a ping of 65536 bytes', 0x89, 65_536],
    ['a ping of 5 bytes with a length of 16 bits', 0x89, 5, { lengthBytes: 2 }],
    ['a pong of 5 bytes with a length of 64 bits', 0x8a, 5, { lengthBytes: 8 }],
  ])('such as %s ends the session with 1002', (_what, first, length, shape) =>
    refusing(1002, frame(first, Buffer.alloc(length, 3), shape)),
  );

  it('is sent by the server with the payload that was given', async () => {
    await using own = await echoing({ heartbeat: false }, async (socket) => {
      void socket.ping();
      void socket.ping('test payload');
      void socket.pong('pong data');
      void socket.ping(Buffer.alloc(125, 0xff));
      expect(() => socket.ping(Buffer.alloc(126))).toThrow('at most 125 bytes');
      await socket.receive();
    });
    using tcp = await shake(own.server);
    await tcp.got(
      joined([
        bare(0x89),
        bare(0x89, 'test payload'),
        bare(0x8a, 'pong data'),
        bare(0x89, Buffer.alloc(125, 0xff)),
      ]),
    );
  });

  it('of a heartbeat is answered or the session ends', async () => {
    const clock = new VirtualClock();
    await using own = await echoing({ clock, heartbeat: { intervalMs: 100, timeoutMs: 20 } });
    using tcp = await shake(own.server);
    await until(() => clock.nextInMs === 100);
    clock.advance(100);
    await tcp.got(joined([bare(0x89, 'beat-1')]));
    tcp.write(frame(0x8a, 'beat-1'), frame(0x81, 'alive'));
    await tcp.got(joined([bare(0x89, 'beat-1'), bare(0x81, 'alive')]));
    clock.advance(20);
    await until(() => clock.nextInMs === 80);
    clock.advance(80);
    await tcp.got(joined([bare(0x89, 'beat-1'), bare(0x81, 'alive'), bare(0x89, 'beat-2')]));
    clock.advance(20);
    await tcp.ended();
    expect(await own.ended()).toEqual([[1006, 'HEARTBEAT_TIMEOUT']]);
  });
});
