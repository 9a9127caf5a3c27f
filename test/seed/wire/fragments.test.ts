// Messages in pieces: RFC 6455 §5.4 against our server, at every boundary, and its own fragments.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../src/testing/wait.ts';
import { seeded, type RandomData } from '../random-data.ts';
import { bare, closePayload, echoing, frame, shake, type FrameShape } from './raw.ts';

let echo: Awaited<ReturnType<typeof echoing>>;
beforeAll(async () => {
  echo = await echoing();
});
afterAll(() => echo[Symbol.asyncDispose]());

/** One byte, two, three, four: every kind of boundary that UTF-8 has. */
const TEXT = Buffer.from('aé€🚀');

/** A message cut at these places. */
function fragments(opcode: 1 | 2, message: Buffer, cuts: readonly number[], shape?: FrameShape): Buffer[] {
  const places = [0, ...cuts, message.length];
  return places.slice(1).map((end, n) => {
    const fin = n === cuts.length ? 0x80 : 0;
    return frame(fin | (n === 0 ? opcode : 0), message.subarray(places[n], end), shape);
  });
}

const joined = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString('hex');

describe('a fragmented message', () => {
  it.each([1, 2] as const)('of the opcode %i is put together, wherever it is cut in two', async (opcode) => {
    using tcp = await shake(echo.server);
    const cuts = Array.from({ length: TEXT.length + 1 }, (_, at) => at);
    tcp.write(...cuts.flatMap((at) => fragments(opcode, TEXT, [at])));
    await tcp.got(joined(cuts.map(() => bare(0x80 | opcode, TEXT))));
  });

  it('is put together, wherever it is cut in three', async () => {
    using tcp = await shake(echo.server);
    const places = Array.from({ length: TEXT.length + 1 }, (_, at) => at);
    const pairs = places.flatMap((first) => places.slice(first).map((second) => [first, second]));
    tcp.write(...pairs.flatMap((cuts) => fragments(1, TEXT, cuts)));
    await tcp.got(joined(pairs.map(() => bare(0x81, TEXT))));
  });

  it('may have empty fragments, and nothing but those', async () => {
    using tcp = await shake(echo.server);
    tcp.write(...fragments(1, TEXT, [0, 0, 3, 3, TEXT.length]), ...fragments(2, Buffer.alloc(0), [0, 0, 0]));
    await tcp.got(joined([bare(0x81, TEXT), bare(0x82)]));
  });

  it('may have pings and pongs between any two fragments, which are answered in the meantime', async () => {
    using tcp = await shake(echo.server);
    const parts = fragments(1, TEXT, [1, 3, 6]).flatMap((part, n) => [
      ...[frame(0x89, `ping ${n}`), frame(0x8a, 'unasked'), part],
    ]);
    tcp.write(...parts.slice(0, -1));
    const pongs = [0, 1, 2, 3].map((n) => bare(0x8a, `ping ${n}`));
    await tcp.got(joined(pongs));
    tcp.write(parts.at(-1)!);
    await tcp.got(joined([...pongs, bare(0x81, TEXT)]));
  });

  it('may arrive byte by byte, with a ping in the middle', async () => {
    using tcp = await shake(echo.server);
    const [first, last] = fragments(1, TEXT, [2]);
    await tcp.writeByteByByte(Buffer.concat([first!, frame(0x89, 'p'), last!, frame(0x82, 'next')]));
    await tcp.got(joined([bare(0x8a, 'p'), bare(0x81, TEXT), bare(0x82, 'next')]));
  });

  it(
    'of any size, cut and masked at random, is put together',
    seeded(async (random) => {
      using tcp = await shake(echo.server);
      const messages = random.many(30, () => random.buffer(0, 2_000));
      const cut = (message: Buffer): Buffer[] =>
        fragments(2, message, cutsOf(random, message.length), {
          mask: random.buffer(4),
        });
      tcp.write(...messages.flatMap(cut));
      await tcp.got(joined(messages.map((message) => bare(0x82, message))));
    }),
  );

  it('of which the rest never comes is no message, and neither is one of which a frame is incomplete', async () => {
    await using own = await echoing();
    using tcp = await shake(own.server);
    tcp.write(frame(0x81, 'whole'), frame(0x01, 'part'));
    await tcp.got(joined([bare(0x81, 'whole')]));
    tcp.socket.end();
    expect(await own.ended()).toEqual([[1006, 'LINK_LOST']]);

    using cut = await shake(own.server);
    cut.write(frame(0x81, 'HelloWorld').subarray(0, -4));
    cut.socket.end();
    expect(await own.ended(2)).toEqual(Array(2).fill([1006, 'LINK_LOST']));
    expect(cut.hex).toBe('');
  });

  it('may be followed by a close frame before it is whole, and is dropped then', async () => {
    await using own = await echoing();
    using tcp = await shake(own.server);
    tcp.write(frame(0x01, 'part'), frame(0x88, closePayload(1000, 'bye')));
    await tcp.got(joined([bare(0x88, closePayload(1000, 'bye'))]));
    await tcp.ended();
    expect(await own.ended()).toEqual([[1000, 'CLOSED_BY_PEER']]);
  });
});

const cutsOf = (random: RandomData, length: number): number[] =>
  random.many(random.integer(0, 6), () => random.integer(0, length)).sort((one, other) => one - other);

describe('a breach of the order of frames', () => {
  it.each([
    ['a continuation of nothing', [frame(0x80, 'a')]],
    ['an unfinished continuation of nothing', [frame(0x00, 'a')]],
    ['a text within a text', [frame(0x01, 'a'), frame(0x81, 'b')]],
    ['a fragmented text within a text', [frame(0x01, 'a'), frame(0x01, 'b')]],
    ['a binary message within a text', [frame(0x01, 'a'), frame(0x00, 'b'), frame(0x82, 'c')]],
    ['a text within a binary message', [frame(0x02, 'a'), frame(0x81, 'b')]],
    ['a fragmented ping', [frame(0x09, 'a'), frame(0x80, 'b')]],
    ['a fragmented pong', [frame(0x0a, 'a')]],
    ['a fragmented close', [frame(0x08, closePayload(1000))]],
    ['a fragmented ping within a text', [frame(0x01, 'a'), frame(0x09, 'b')]],
  ])('such as %s ends the session with 1002', async (_what, frames) => {
    await using own = await echoing();
    using tcp = await shake(own.server);
    tcp.write(frame(0x81, 'a'), frame(0x01, 'b'), frame(0x80, 'c'));
    const answered = joined([bare(0x81, 'a'), bare(0x81, 'bc')]);
    await tcp.got(answered);
    tcp.write(...frames, frame(0x81, 'not heard any more'));
    await tcp.got(answered + bare(0x88, closePayload(1002)).toString('hex'));
    await tcp.ended();
    expect(await own.ended()).toEqual([[1006, expect.stringMatching(/^WS_ERR_/)]]);
  });
});

describe('what the server sends', () => {
  it('is cut into fragments of 65536 bytes, and is one message', async () => {
    const text = 'x'.repeat(200_000);
    let sent: unknown;
    await using own = await echoing({}, async (socket) => {
      await socket.send(text);
      sent = [socket.messagesSent, socket.bytesSent];
      await socket.receive();
    });
    using tcp = await shake(own.server);
    const part = 'x'.repeat(65_536);
    const whole = Buffer.concat([
      ...[bare(0x01, part), bare(0x00, part), bare(0x00, part), bare(0x80, text.slice(3 * 65_536))],
    ]);
    await until(() => tcp.bytes.length >= whole.length);

    expect(tcp.bytes.equals(whole)).toBe(true);
    expect(sent).toEqual([1, 200_000]);
  });

  it('has pongs between its fragments at most, and no other message', async () => {
    const messages = ['a'.repeat(10), 'b'.repeat(11), 'c'];
    await using own = await echoing({ limits: { fragmentBytes: 4 } }, async (socket) => {
      for (const message of messages) void socket.send(message);
      await socket.receive();
    });
    using tcp = await shake(own.server);
    await tcp.got(
      joined([
        ...[bare(0x01, 'aaaa'), bare(0x00, 'aaaa'), bare(0x80, 'aa')],
        ...[bare(0x01, 'bbbb'), bare(0x00, 'bbbb'), bare(0x80, 'bbb')],
        bare(0x81, 'c'),
      ]),
    );
  });
});
