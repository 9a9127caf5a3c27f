// Several streams over one connection.
import { InvalidOptionError } from '../../errors.ts';
import { formatEvent, type SseEvent } from './sse-format.ts';
import { follow, type Followed } from './sse-history.ts';
import type { SseLink } from './sse-link.ts';
import { SseStream } from './sse-stream.ts';

const NAME = /^[\w.-]+$/;

/** The channels of a connection, and how far the client is in each. */
export class Channels {
  readonly #link: SseLink;
  readonly #channels = new Map<string, SseChannel>();
  /** The places that the client came back with. */
  readonly #given = new Map<string, string>();
  readonly #cursors = new Map<string, string>();

  constructor(link: SseLink) {
    this.#link = link;
  }

  get areOpen(): boolean {
    return this.#channels.size > 0;
  }

  open(name: string): SseChannel {
    if (typeof name !== 'string' || !NAME.test(name))
      throw new InvalidOptionError('name', 'letters, digits, `_`, `.` and `-`', name);
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    if (!this.areOpen) this.#recall();
    const lastEventId = this.#given.get(name) ?? '';
    const channel = new SseChannel(this.#link, lastEventId, (event) => this.#shared(name, event));
    this.#channels.set(name, channel);
    return channel;
  }

  /** What the client has of each channel stays true while others go on, also of one that is opened later. */
  #recall(): void {
    for (const [name, id] of new URLSearchParams(this.#link.lastEventId))
      if (NAME.test(name) && id !== '') this.#given.set(name, id);
    for (const [name, id] of this.#given) this.#cursors.set(name, id);
  }

  #shared(name: string, { event = 'message', id, ...rest }: SseEvent): string {
    const before = this.#cursors.get(name);
    if (id !== undefined) this.#cursors.set(name, id);
    try {
      const cursors = new URLSearchParams([...this.#cursors]).toString();
      return formatEvent({
        ...rest,
        event: `${name}/${event || 'message'}`,
        ...(id !== undefined && { id: cursors }),
      });
    } catch (thrown) {
      if (before === undefined) this.#cursors.delete(name);
      else this.#cursors.set(name, before);
      throw thrown;
    }
  }
}

/** One of several streams over one connection. Made by `stream.channel()`. */
export class SseChannel extends SseStream {
  readonly #link: SseLink;
  readonly #lastEventId: string;
  readonly #format: (event: SseEvent) => string;

  constructor(link: SseLink, lastEventId: string, format: (event: SseEvent) => string) {
    super(link);
    this.#link = link;
    this.#lastEventId = lastEventId;
    this.#format = format;
  }

  get lastEventId(): string {
    return this.#lastEventId;
  }

  send(event: SseEvent | string): Promise<void> {
    return this.#link.write(this.#format(typeof event === 'string' ? { data: event } : event), 1);
  }

  follow(history: Followed): Promise<void> {
    return follow(history, {
      lastEventId: this.lastEventId,
      write: ({ event }) => this.send(event),
      untilEnd: (end) => this.#link.untilEnd(end),
      fellBehind: () => this.#link.life.tell({ type: 'close', code: 1000, reason: '' }),
    });
  }
}
