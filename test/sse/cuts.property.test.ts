// Streams that are cut anywhere, again and again, by a server that replays from the last event id: nothing is missing,
// nothing comes twice.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fixedBackoff } from '../../src/index.ts';
import { SseConnection, type SseEvent } from '../../src/sse/index.ts';
import type { Exchange } from './stream-server.ts';
import { StreamServer } from './stream-server.ts';

const LINE_ENDS = ['\n', '\r', '\r\n'] as const;

interface Story {
  readonly data: readonly string[];
  /** After how many bytes each answer in turn is cut; then one comes through. */
  readonly cuts: readonly number[];
  readonly how: readonly ('cut' | 'end')[];
  readonly lineEnd: (typeof LINE_ENDS)[number];
}

const story: fc.Arbitrary<Story> = fc.record({
  data: fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { minLength: 1, maxLength: 12 }),
  cuts: fc.array(fc.nat(300), { maxLength: 6 }),
  how: fc.array(fc.constantFrom('cut', 'end'), { minLength: 6, maxLength: 6 }),
  lineEnd: fc.constantFrom(...LINE_ENDS),
});

/** The events after the given one, as bytes. */
const bytesAfter = ({ data, lineEnd }: Story, lastId: number): Uint8Array =>
  new TextEncoder().encode(
    data
      .map((text, index) => ({ id: index + 1, lines: text.split(/\r\n|\r|\n/) }))
      .filter(({ id }) => id > lastId)
      .map(({ id, lines }) => [`: ${id}`, `id: ${id}`, ...lines.map((line) => `data: ${line}`), '', ''])
      .map((lines) => lines.join(lineEnd))
      .join(''),
  );

function tell(given: Story, exchange: Exchange, cut: number | undefined, how: 'cut' | 'end'): void {
  const bytes = bytesAfter(given, Number(exchange.lastEventId ?? 0));
  exchange.open();
  if (cut === undefined) {
    exchange.write(bytes);
    return;
  }
  exchange.response.write(bytes.subarray(0, cut), () => exchange[how]());
}

async function heard(given: Story): Promise<SseEvent[]> {
  await using server = await StreamServer.listen();
  let answers = 0;
  server.answer = (exchange) => {
    tell(given, exchange, given.cuts[answers], given.how[answers] ?? 'cut');
    answers += 1;
    return true;
  };
  await using connection = new SseConnection({
    url: server.url,
    retry: { backoff: fixedBackoff({ delayMs: 0 }) },
  });
  const stream = connection.messages();
  connection.connect().catch(() => undefined);
  const events: SseEvent[] = [];
  while (events.length < given.data.length) {
    const next = await stream.next();
    if (next.done !== true) events.push(next.value);
  }
  // Whatever came twice would have come by now: the last answer is read as a whole.
  expect(connection.stats.messagesIn).toBe(given.data.length);
  return events;
}

test('no event is missing and none comes twice, wherever the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(story, async (given) => {
      expect(await heard(given)).toEqual(
        given.data.map((text, index) => ({
          ...{ event: 'message', id: String(index + 1) },
          data: text.replace(/\r\n?/g, '\n'),
        })),
      );
    }),
    { numRuns: 60, interruptAfterTimeLimit: 8_000 },
  );
}, 15_000);
