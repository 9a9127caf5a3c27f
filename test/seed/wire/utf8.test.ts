// Text is UTF-8 (RFC 6455 §8.1, RFC 3629): what is right comes back byte for byte, what is wrong ends in 1007.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bare, closePayload, echoing, frame, shake, type Tcp } from './raw.ts';

let echo: Awaited<ReturnType<typeof echoing>>;
beforeAll(async () => {
  echo = await echoing();
});
afterAll(() => echo[Symbol.asyncDispose]());

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

const joined = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString('hex');

/** The first and the last character of each length, the neighbours of the surrogates, and noncharacters. */
const RIGHT = {
  'U+0000': '00',
  'U+007F': '7f',
  'U+0080': 'c2 80',
  'U+07FF': 'df bf',
  'U+0800': 'e0 a0 80',
  'U+D7FF': 'ed 9f bf',
  'U+E000': 'ee 80 80',
  'U+FEFF': 'ef bb bf',
  'U+FFFE': 'ef bf be',
  'U+FFFF': 'ef bf bf',
  'U+10000': 'f0 90 80 80',
  'U+1FFFE': 'f0 9f bf be',
  'U+10FFFF': 'f4 8f bf bf',
  'a long word of Greek': 'ce ba e1 bd b9 cf 83 ce bc ce b5',
} as const;

const WRONG = {
  'a lone continuation': '80',
  'the last lone continuation': 'bf',
  'two continuations': '80 bf',
  'a continuation first': '80 61',
  'a character of two bytes without its end': 'c3',
  'a character of three bytes without its end': 'e2 82',
  'a character of three bytes without more than its beginning': 'e2',
  'a character of four bytes without its end': 'f0 9f 9a',
  'a character of four bytes without its half': 'f0 9f',
  'a letter where a continuation is due': 'c3 28',
  'a letter in the middle of a character': 'e2 28 a1',
  'an overlong slash of two bytes': 'c0 af',
  'an overlong NUL of two bytes': 'c0 80',
  'the longest overlong of two bytes': 'c1 bf',
  'an overlong slash of three bytes': 'e0 80 af',
  'the longest overlong of three bytes': 'e0 9f bf',
  'an overlong slash of four bytes': 'f0 80 80 af',
  'the longest overlong of four bytes': 'f0 8f bf bf',
  'an overlong of five bytes': 'f8 80 80 80 af',
  'an overlong of six bytes': 'fc 80 80 80 80 af',
  'the first surrogate': 'ed a0 80',
  'the last high surrogate': 'ed af bf',
  'the first low surrogate': 'ed b0 80',
  'the last surrogate': 'ed bf bf',
  'a pair of surrogates': 'ed a0 bd ed b8 80',
  'a character above U+10FFFF': 'f4 90 80 80',
  'a character far above U+10FFFF': 'f7 bf bf bf',
  'a byte that is never UTF-8, fe': 'fe',
  'a byte that is never UTF-8, ff': 'ff',
  'the bytes of the test plan': 'ff fe fd',
} as const;

describe('text that is UTF-8', () => {
  it.each(Object.entries(RIGHT))('such as %s comes back as it was', async (_what, hex) => {
    using tcp = await shake(echo.server);
    const text = Buffer.concat([Buffer.from('<'), bytesOf(hex), Buffer.from('>')]);
    tcp.write(frame(0x81, text), frame(0x81, bytesOf(hex)));
    await tcp.got(joined([bare(0x81, text), bare(0x81, bytesOf(hex))]));
  });

  it('may be cut between any two bytes, as fragments', async () => {
    using tcp = await shake(echo.server);
    const text = bytesOf(Object.values(RIGHT).join(''));
    const cuts = Array.from(text, (_, at) => at);
    tcp.write(...cuts.flatMap((at) => [frame(0x01, text.subarray(0, at)), frame(0x80, text.subarray(at))]));
    await tcp.got(joined(cuts.map(() => bare(0x81, text))));
  });
});

describe('text that is no UTF-8', () => {
  /** At once or at the end of the message; whichever, nobody hears of it. */
  async function ends(tcp: Tcp): Promise<void> {
    await tcp.got(bare(0x88, closePayload(1007)).toString('hex'));
    await tcp.ended();
  }

  it.each(Object.entries(WRONG))('such as %s ends the session with 1007', async (_what, hex) => {
    await using own = await echoing();
    using alone = await shake(own.server);
    alone.write(frame(0x81, bytesOf(hex)));
    await ends(alone);
    using amid = await shake(own.server);
    amid.write(frame(0x81, Buffer.concat([Buffer.from('αa'), bytesOf(hex), Buffer.from('zω')])));
    await ends(amid);
    expect(await own.ended(2)).toEqual(Array(2).fill([1006, 'WS_ERR_INVALID_UTF8']));
  });

  it.each(Object.entries(WRONG).filter(([, hex]) => hex.length > 2))(
    'such as %s is no better in fragments of one byte',
    async (_what, hex) => {
      await using own = await echoing();
      using tcp = await shake(own.server);
      const parts = [...bytesOf(hex)].map((byte, n) => frame(n === 0 ? 0x01 : 0x00, Buffer.of(byte)));
      tcp.write(...parts, frame(0x80));
      await ends(tcp);
      expect(await own.ended()).toEqual([[1006, 'WS_ERR_INVALID_UTF8']]);
    },
  );

  it.each(Object.entries(WRONG))(
    'such as %s passes in a binary message and in a ping',
    async (_what, hex) => {
      using tcp = await shake(echo.server);
      tcp.write(frame(0x82, bytesOf(hex)), frame(0x89, bytesOf(hex)));
      const answers = [bare(0x82, bytesOf(hex)), bare(0x8a, bytesOf(hex))];
      const either = [joined(answers), joined(answers.toReversed())];
      const [message, pong] = answers.map(({ length }) => length);
      const received = Buffer.from(await tcp.take(message! + pong!), 'latin1').toString('hex');
      expect(either).toContain(received);
    },
  );
});
