// How the length of a frame is written (RFC 6455 §5.2), and how large a message may be, whatever it comes in.
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { seeded } from '../random-data.ts';
import { bare, closePayload, echoing, frame, shake, type FrameShape } from './raw.ts';

const closing = (code: number): string => bare(0x88, closePayload(code)).toString('hex');

describe('a length', () => {
  it.each([
    [0, '8280', '8200'],
    [1, '8281', '8201'],
    [125, '82fd', '827d'],
    [126, '82fe007e', '827e007e'],
    [127, '82fe007f', '827e007f'],
    [300, '82fe012c', '827e012c'],
    [65_535, '82feffff', '827effff'],
    [65_536, '82ff0000000000010000', '827f0000000000010000'],
  ])('of %i is read and written in its shortest form', async (length, read, written) => {
    await using echo = await echoing();
    using tcp = await shake(echo.server);
    const payload = Buffer.alloc(length, 0x5a);
    const sent = frame(0x82, payload);
    tcp.write(sent);
    const answer = Buffer.from(await tcp.take(bare(0x82, payload).length), 'latin1');

    expect(sent.toString('hex')).toMatch(new RegExp(`^${read}37fa213d`));
    expect(answer.toString('hex')).toMatch(new RegExp(`^${written}`));
    expect(answer.equals(bare(0x82, payload))).toBe(true);
  });

  it('of 70,000 is read in the long form, however the bytes come, and answered in fragments', async () => {
    await using echo = await echoing();
    using tcp = await shake(echo.server);
    const payload = Buffer.alloc(70_000, 0x5a);
    const sent = frame(0x82, payload);
    await tcp.writeByteByByte(sent.subarray(0, 15));
    tcp.write(sent.subarray(15));
    const expected = Buffer.concat([
      ...[bare(0x02, payload.subarray(0, 65_536)), bare(0x80, payload.subarray(65_536))],
    ]);
    const answer = Buffer.from(await tcp.take(expected.length), 'latin1');
    expect(answer.equals(expected)).toBe(true);
  });

  // RFC 6455 §5.2 demands the shortest form of who sends, and says nothing of who receives.
  it.each<[string, FrameShape]>([
    ['16', { lengthBytes: 2 }],
    ['64', { lengthBytes: 8 }],
  ])('that would have been shorter is understood in %s bits', async (_bits, shape) => {
    await using echo = await echoing();
    using tcp = await shake(echo.server);
    tcp.write(frame(0x81, 'short', shape), frame(0x81, '', shape), frame(0x81, 'next'));
    await tcp.got(
      [bare(0x81, 'short'), bare(0x81), bare(0x81, 'next')].map((one) => one.toString('hex')).join(''),
    );
  });

  it.each([
    ['with its highest bit set', 1n << 63n],
    ['beyond what a number can hold', (1n << 53n) + 1n],
    ['of a gigabyte', 1n << 30n],
    ['one above the limit', 16_777_217n],
  ])('%s ends the session with 1009 before any of it has come', async (_what, length) => {
    await using echo = await echoing();
    using tcp = await shake(echo.server);
    tcp.write(frame(0x82, '', { length, lengthBytes: 8 }));
    await tcp.got(closing(1009));
    await tcp.ended();
    expect(await echo.ended()).toEqual([[1006, expect.stringMatching(/^WS_ERR_UNSUPPORTED_/)]]);
  });
});

const LIMITS = { limits: { maxMessageBytes: 1_000 } };

describe('a message above the limit', () => {
  it('is one that is longer by a byte, in one frame or in several', async () => {
    await using echo = await echoing(LIMITS);
    using tcp = await shake(echo.server);
    const most = Buffer.alloc(1_000, 1);
    tcp.write(frame(0x82, most), frame(0x02, most.subarray(1)), frame(0x00), frame(0x80, Buffer.of(1)));
    await tcp.got([bare(0x82, most), bare(0x82, most)].map((one) => one.toString('hex')).join(''));
    await tcp.take(2 * 1_004);
    tcp.write(frame(0x82, Buffer.alloc(1_001)));
    await tcp.got(closing(1009));
  });

  it.each([
    ['a single frame', [frame(0x82, Buffer.alloc(1_001))]],
    ['a single frame of text', [frame(0x81, 'x'.repeat(1_001))]],
    ['a first fragment', [frame(0x02, Buffer.alloc(1_001))]],
    ['a fragment in the middle', [frame(0x02, Buffer.alloc(600)), frame(0x00, Buffer.alloc(600))]],
    ['the last fragment', [frame(0x02, Buffer.alloc(1_000)), frame(0x80, Buffer.alloc(1))]],
    ['fragments of one byte', Array.from({ length: 1_001 }, (_, n) => frame(n === 0 ? 0x02 : 0x00, 'x'))],
  ])('by %s ends the session with 1009', async (_what, frames) => {
    await using echo = await echoing(LIMITS);
    using tcp = await shake(echo.server);
    tcp.write(...frames);
    await tcp.got(closing(1009));
    await tcp.ended();
    expect(await echo.ended()).toEqual([[1006, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH']]);
  });

  it('is no matter of how many messages there are', async () => {
    await using echo = await echoing(LIMITS);
    using tcp = await shake(echo.server);
    const messages = Array.from({ length: 50 }, (_, n) => Buffer.alloc(900, n));
    tcp.write(...messages.map((message) => frame(0x82, message)));
    await tcp.got(messages.map((message) => bare(0x82, message).toString('hex')).join(''));
  });
});

const OFFER = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
/** FIN, RSV1 and the opcode: RFC 7692 §6. */
const COMPRESSED = 0xc0;

/** RFC 7692 §7.2.1: without the four bytes that each flush ends with. */
const deflated = (message: string | Buffer): Buffer =>
  deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

describe('a compressed message', () => {
  it(
    'is understood, whole and in fragments, beside those that are not compressed',
    seeded(async (random) => {
      await using echo = await echoing({ compression: { thresholdBytes: 10_000 } });
      using tcp = await shake(echo.server, OFFER);
      const texts = random.many(10, () => random.printable(0, 500));
      for (const text of texts) {
        const packed = deflated(text);
        const half = random.integer(0, packed.length);
        tcp.write(
          frame(COMPRESSED | 1, packed),
          frame(0x41, packed.subarray(0, half)),
          frame(0x89),
          frame(0x80, packed.subarray(half)),
          frame(0x81, text),
        );
        const answers = Array<Buffer>(3).fill(bare(0x81, text));
        const all = await tcp.take(Buffer.concat([...answers, bare(0x8a)]).length);
        expect(all.replace(bare(0x8a).toString('latin1'), '')).toBe(
          Buffer.concat(answers).toString('latin1'),
        );
      }
    }),
  );

  it.each([
    ['in one frame', (bomb: Buffer) => [frame(COMPRESSED | 2, bomb)]],
    [
      'in fragments',
      (bomb: Buffer) => [
        ...[frame(0x42, bomb.subarray(0, 100)), frame(0x00, bomb.subarray(100, 200))],
        frame(0x80, bomb.subarray(200)),
      ],
    ],
  ])('that is a bomb, %s, ends the session with 1009', async (_how, framesOf) => {
    await using echo = await echoing({ compression: true, limits: { maxMessageBytes: 100_000 } });
    using tcp = await shake(echo.server, OFFER);
    const bomb = deflated(Buffer.alloc(5_000_000));
    expect(bomb.length).toBeLessThan(10_000);
    tcp.write(...framesOf(bomb));
    await tcp.got(closing(1009));
    await tcp.ended();
    expect(await echo.ended()).toEqual([[1006, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH']]);
  });

  it.each<[string, Buffer[], number]>([
    ['garbage', [frame(COMPRESSED | 1, Buffer.alloc(20, 0xff))], 1007],
    ['what is no UTF-8 inside', [frame(COMPRESSED | 1, deflated(Buffer.of(0xff, 0xfe, 0xfd)))], 1007],
    ['a continuation that says it is compressed', [frame(0x41, deflated('a')), frame(0xc0, 'b')], 1002],
    ['a ping that says so', [frame(COMPRESSED | 9, 'a')], 1002],
  ])('that is %s ends the session', async (_what, frames, code) => {
    await using echo = await echoing({ compression: true });
    using tcp = await shake(echo.server, OFFER);
    tcp.write(...frames);
    await tcp.got(closing(code));
    await tcp.ended();
    expect(await echo.ended()).toHaveLength(1);
  });

  it('ends the session with 1002 where nobody agreed on that', async () => {
    await using echo = await echoing();
    using tcp = await shake(echo.server, OFFER);
    tcp.write(frame(COMPRESSED | 1, deflated('a')));
    await tcp.got(closing(1002));
  });

  it('is sent only where the client offers to take it, and each for itself', async () => {
    const text = 'x'.repeat(5_000);
    await using echo = await echoing({ compression: true });
    using plain = await shake(echo.server);
    plain.write(frame(0x81, text));
    expect(await plain.take(5_004)).toBe(bare(0x81, text).toString('latin1'));

    using tcp = await shake(echo.server, OFFER);
    tcp.write(frame(0x81, text), frame(0x81, text));
    const [first, length] = Buffer.from(await tcp.take(2), 'latin1');
    const one = await tcp.take(length!);
    const second = await tcp.take(2 + length!);
    expect([first, second.slice(2)]).toEqual([COMPRESSED | 1, one]);
    expect(inflated(Buffer.from(one, 'latin1'))).toBe(text);
  });
});

function inflated(packed: Buffer): string {
  const whole = Buffer.concat([packed, Buffer.from('0000ffff', 'hex')]);
  return inflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
}
