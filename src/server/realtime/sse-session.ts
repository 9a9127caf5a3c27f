// One event stream of a server, as its handler sees it.
import { InvalidOptionError } from '../../errors.ts';
import { Channels, type SseChannel } from './sse-channel.ts';
import { formatComment, formatEvent, type SseEvent } from './sse-format.ts';
import { follow, type Followed } from './sse-history.ts';
import type { SseLink } from './sse-link.ts';
import { SseStream } from './sse-stream.ts';

const KEEP_ALIVE_MS = 30_000;

/**
 * One client of an event stream.
 *
 * ```ts
 * server.sse('/sse/time', async (stream) => {
 *   stream.keepAlive();
 *   for (let n = 1; stream.isOpen; n += 1) {
 *     await stream.send({ event: 'time', id: String(n), data: { now: Date.now() } });
 *     await setTimeout(1_000, undefined, { signal: stream.signal });
 *   }
 * });
 * ```
 *
 * The stream ends when the handler returns; a client then comes back by itself, as the specification has it.
 */
export class SseSession extends SseStream implements AsyncDisposable {
  readonly #link: SseLink;
  readonly #channels: Channels;

  /** Made by the server. */
  constructor(link: SseLink) {
    super(link);
    this.#link = link;
    this.#channels = new Channels(link);
  }

  get lastEventId(): string {
    return this.#link.lastEventId;
  }

  /** Comments and pings do not count. */
  get eventsSent(): number {
    return this.#link.eventsSent;
  }

  /** Of everything in the body, comments included, without the chunk headers of HTTP. */
  get bytesSent(): number {
    return this.#link.bytesSent;
  }

  send(event: SseEvent | string): Promise<void> {
    const given = typeof event === 'string' ? { data: event } : event;
    if (this.#channels.areOpen && given.id !== undefined)
      throw new InvalidOptionError('id', 'given by the channels alone, once there are any', given.id);
    return this.#link.write(formatEvent(given), 1);
  }

  /** Sends a comment of any number of lines, which no client shows. */
  sendComment(text: string): Promise<void> {
    return this.#link.write(formatComment(text), 0);
  }

  /** Sends the comment `ping`. */
  ping(): Promise<void> {
    return this.sendComment('ping');
  }

  /**
   * Pings at once and then every `intervalMs` milliseconds, until the returned function is called or the stream ends: so
   * that proxies do not take it for dead, and a client that is gone is noticed. Default: 30,000.
   */
  keepAlive(intervalMs = KEEP_ALIVE_MS): () => void {
    if (!(intervalMs >= 1)) throw new InvalidOptionError('intervalMs', 'a number of at least 1', intervalMs);
    void this.ping();
    return this.#link.every(intervalMs, () => void this.ping());
  }

  /**
   * One of several streams that share this connection: its events are named `name/event`, and the ids of all channels
   * travel together as `one=17&other=4`, so that each of them finds its own `lastEventId` when the client comes back.
   * A name has letters, digits, `_`, `.` and `-`.
   */
  channel(name: string): SseChannel {
    return this.#channels.open(name);
  }

  follow(history: Followed): Promise<void> {
    return follow(history, {
      lastEventId: this.lastEventId,
      write: ({ text }) => this.#link.write(text, 1),
      untilEnd: (end) => this.#link.untilEnd(end),
      fellBehind: () => void this.close(),
    });
  }

  /** Ends the stream after everything that was sent. Resolves when it has ended. Idempotent. */
  close(): Promise<void> {
    this.#link.life.tell({ type: 'close', code: 1000, reason: '' });
    return this.#link.life.ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
