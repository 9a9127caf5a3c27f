// From the bytes of an HTTP answer to messages: lines of NDJSON, or SSE events.
import { EventStreamParser, EventTooLongError, type EventStreamListener } from '../sse/event-stream.ts';
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
  const inbox = new Inbox();
  const parser = new EventStreamParser(inbox, CRAWL_MAX_MESSAGE_BYTES);
  for await (const chunk of chunks) {
    const failure = feed(parser, chunk);
    yield* inbox.events.splice(0);
    if (failure !== undefined) throw failure;
  }
}

class Inbox implements EventStreamListener {
  readonly events: CrawlEvent[] = [];

  event({ data }: { readonly data: string }): void {
    this.events.push(readText(data));
  }

  id(): void {
    // The crawl goes on by what is missing, not by ids.
  }

  retry(): void {
    // The wait is the crawl's own.
  }
}

/** The events before one that is too long are told first. */
function feed(parser: EventStreamParser, chunk: Uint8Array): StreamingError | undefined {
  try {
    parser.feed(chunk);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof EventTooLongError) return tooLong();
    throw thrown;
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
