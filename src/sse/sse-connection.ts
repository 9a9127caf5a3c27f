// The facade of an SSE connection: a connection like any other, over a transport that only receives.
import { Connection } from '../connection.ts';
import type { Unsubscribe } from '../emitter.ts';
import { ConnectionError } from '../errors.ts';
import { matcherOf } from '../event-router.ts';
import type { StreamOptions } from '../message-stream.ts';
import { wireSse, type SseOptions } from './options.ts';
import type { Place, SseResponse } from './place.ts';
import type { SseEvent } from './protocol.ts';

/**
 * A stream of server-sent events that keeps itself alive: the states, the events and the promises of a `Connection`,
 * over `fetch`. After a loss it asks again, with `Last-Event-ID`. Nothing can be sent: `send()` throws, and `deliver()`
 * rejects with, `SENDING_UNSUPPORTED`.
 *
 * HTTP 204 ends it in the state `failed`, with `STREAM_OVER`: the server does not want to be asked again. 401 and 403 are
 * tried once more with what a function provides anew; 404, 408, 425, 429 and 5xx are retried, `Retry-After` honoured; any
 * other status, and any other content type than `text/event-stream`, is final. The error's `payload` is what a refusal
 * said: the first 4 KiB of its body that came within a second, as text.
 *
 * @typeParam Data what `decode` makes of an event's data
 */
export class SseConnection<Data = string> extends Connection<SseEvent<Data>, never> {
  readonly #place: Place;

  /** @throws {InvalidOptionError} for an option that cannot be meant; nothing has happened then */
  constructor(options: SseOptions<Data>) {
    const { place, options: wired } = wireSse(options);
    super(wired);
    this.#place = place;
  }

  /** The last id that the server gave, from which the next request asks to go on; empty where it gave none. */
  get lastEventId(): string {
    return this.#place.lastEventId;
  }

  /** What the server answered when it opened the present stream, or the last one. */
  get response(): SseResponse | undefined {
    return this.#place.response;
  }

  /**
   * Adds a listener for events of this name, and returns the function that removes it. `*` is every name, `a.*` the names
   * one level below `a`, `a.**` those of any level. What it throws is reported by an `error` event.
   */
  onEvent(pattern: string, listener: (event: SseEvent<Data>) => unknown): Unsubscribe {
    const matches = matcherOf(pattern);
    return this.on('message', (event) => (matches(event.event) ? listener(event) : undefined));
  }

  /**
   * The events from now on, across reconnects. A consumer that does not read slows the server down. Ends when the
   * connection is closed, or when the server has said by HTTP 204 that there are no more; throws any other failure.
   */
  override messages(options: StreamOptions = {}): AsyncIterableIterator<SseEvent<Data>> {
    return new UntilOver(super.messages(options));
  }
}

class UntilOver<Message> implements AsyncIterableIterator<Message> {
  readonly #messages: AsyncIterableIterator<Message>;

  constructor(messages: AsyncIterableIterator<Message>) {
    this.#messages = messages;
  }

  async next(): Promise<IteratorResult<Message, undefined>> {
    try {
      return await this.#messages.next();
    } catch (thrown) {
      if (thrown instanceof ConnectionError && thrown.code === 'STREAM_OVER')
        return { done: true, value: undefined };
      throw thrown;
    }
  }

  async return(): Promise<IteratorResult<Message, undefined>> {
    await this.#messages.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
