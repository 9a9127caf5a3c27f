// From the bytes of an event stream to events, as WHATWG HTML §9.2.6 has it, within a bound. No I/O: bytes in, events out.
import { createParser, type EventSourceParser } from 'eventsource-parser';

/** One event as it stood in the stream. */
export interface StreamedEvent {
  /** `message` where the stream gave no name. */
  readonly event: string;
  readonly data: string;
  /** The last id that the stream gave, with this event or before it; empty where there was none. */
  readonly id: string;
}

/** What a parser tells, within `feed()`. */
export interface EventStreamListener {
  event(event: StreamedEvent): void;
  /** The id after a block that held one and no data: nothing to dispatch, but the place to go on from. */
  id(id: string): void;
  /** `retry:` in milliseconds, whatever the number. */
  retry(ms: number): void;
}

/** An event that does not end within its bound. The parser is of no further use. */
export class EventTooLongError extends Error {
  override readonly name = 'EventTooLongError';
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`An event is longer than ${maxBytes} bytes.`);
    this.maxBytes = maxBytes;
  }
}

/** What ends a line, whichever it is; a CR at the end of a chunk has ended one, whatever comes next. */
const LINE_END = /\r\n?/g;

const encoder = new TextEncoder();

export class EventStreamParser {
  readonly #listener: EventStreamListener;
  readonly #maxBytes: number;
  readonly #parser: EventSourceParser;
  /** Bytes that are not UTF-8 become U+FFFD; a byte order mark at the start is skipped. */
  readonly #decoder = new TextDecoder();
  #lastId: string;
  #endsWithCr = false;
  #isAtLineStart = true;
  #isTooLong = false;

  /** @param lastId the id from which the stream goes on: events without one of their own carry it */
  constructor(listener: EventStreamListener, maxBytes: number, lastId = '') {
    this.#listener = listener;
    this.#maxBytes = maxBytes;
    this.#lastId = lastId;
    this.#parser = createParser({
      // A line that is not whole yet counts with the name of its field.
      maxBufferSize: maxBytes + 'data: '.length,
      onEvent: ({ id, event, data }) => this.#block(id, event, data),
      onRetry: (ms) => listener.retry(ms),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.#isTooLong = true;
      },
    });
    // It takes the text "ï»¿" at the start of its first chunk for a byte order mark; the decoder knows better.
    this.#parser.feed('');
  }

  /** @throws {EventTooLongError} after the events before the one that is too long */
  feed(bytes: Uint8Array): void {
    const text = this.#withLineFeeds(this.#decoder.decode(bytes, { stream: true }));
    if (text === '') return;
    // The standard's data buffer ends with a line feed for each line of data, and a block without one is told by its
    // being empty. An empty line of data at the end of each block makes the parser's buffer the same: it then tells of
    // blocks without data too, whose ids count.
    const isBlank = this.#isAtLineStart && text.startsWith('\n');
    this.#isAtLineStart = text.endsWith('\n');
    this.#parser.feed((isBlank ? 'data\n' : '') + text.replaceAll('\n\n', '\ndata\n\n'));
    if (this.#isTooLong) throw new EventTooLongError(this.#maxBytes);
  }

  /** An event that ends with CR CR is told at once, not when the next byte proves that no LF follows. */
  #withLineFeeds(text: string): string {
    if (text === '') return text;
    const rest = this.#endsWithCr && text.startsWith('\n') ? text.slice(1) : text;
    this.#endsWithCr = text.endsWith('\r');
    return rest.replace(LINE_END, '\n');
  }

  #block(id: string | undefined, event: string | undefined, buffer: string): void {
    if (this.#isTooLong) return;
    const hasNewId = id !== undefined && id !== this.#lastId;
    if (id !== undefined) this.#lastId = id;
    if (buffer === '') {
      if (hasNewId) this.#listener.id(this.#lastId);
      return;
    }
    const data = buffer.slice(0, -1);
    this.#isTooLong = this.#isLong(data);
    if (!this.#isTooLong) this.#listener.event({ event: event ?? 'message', data, id: this.#lastId });
  }

  /** A UTF-16 unit takes one to three bytes, so most events need no second look. */
  #isLong(data: string): boolean {
    if (data.length * 3 <= this.#maxBytes) return false;
    return data.length > this.#maxBytes || encoder.encode(data).length > this.#maxBytes;
  }
}
