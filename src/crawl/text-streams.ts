// From the bytes of an HTTP answer to messages: lines of NDJSON, or SSE events.
import { createParser } from 'eventsource-parser';
import { StreamingError } from './errors.ts';
import { readText } from './decoding.ts';
import { CRAWL_MAX_MESSAGE_BYTES } from './messages.ts';
import type { CrawlEvent } from './results.ts';

export type Reader = (chunks: AsyncIterable<Uint8Array>) => AsyncGenerator<CrawlEvent, void, undefined>;

/** Empty lines mean nothing; a last line without its end may have been cut off: then it is not whole. */
export async function* readNdjson(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<CrawlEvent, void, undefined> {
  let rest = '';
  for await (const text of textOf(chunks)) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > CRAWL_MAX_MESSAGE_BYTES) throw tooLong();
    for (const line of lines) if (line.trim() !== '') yield readText(line);
  }
  const last = readText(rest);
  if (last.type !== 'unreadable') yield last;
}

/** Comments are signs of life and nothing else; `event`, `id` and `retry` say nothing that the data does not. */
export async function* readSse(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<CrawlEvent, void, undefined> {
  const events: CrawlEvent[] = [];
  let failure: StreamingError | undefined;
  const parser = createParser({
    maxBufferSize: CRAWL_MAX_MESSAGE_BYTES,
    onEvent: ({ data }) => events.push(readText(data)),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') failure = tooLong();
    },
  });
  for await (const text of textOf(chunks)) {
    parser.feed(text);
    yield* events.splice(0);
    if (failure !== undefined) throw failure;
  }
}

/** What is not UTF-8 becomes U+FFFD: a message that cannot be read then, but not the end of the others. */
async function* textOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
}

const tooLong = (): StreamingError =>
  new StreamingError('CRAWL_REFUSED', {
    details: { explanation: `a message is longer than ${CRAWL_MAX_MESSAGE_BYTES} bytes.` },
  });
