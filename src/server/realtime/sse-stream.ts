// What can be said on an event stream, whether it has a connection to itself or shares one.
import { InvalidOptionError } from '../../errors.ts';
import type { SseEvent } from './sse-format.ts';
import type { Followed } from './sse-history.ts';
import { Session } from './session.ts';
import { isBytes, toBuffer } from './bytes.ts';

/** All of an event but what it says. */
export type SseFields = Omit<SseEvent, 'data'>;

/** The event type of bytes, unless another one is given. */
export const SSE_BINARY_EVENT = 'binary';

export abstract class SseStream extends Session {
  /** What the client saw last of this stream, by its `Last-Event-ID`; empty when it says none. */
  abstract get lastEventId(): string;

  /**
   * Sends an event; a string is one without any other field. Resolves when there is room for more; a client that reads
   * slowly slows down whoever awaits. May be left alone: what it rejects with then ends nothing.
   *
   * @throws {InvalidOptionError} at once, for a field that would break out of its line
   * @throws {SessionError} `SESSION_CLOSED`, or `SEND_BUFFER_FULL` above `limits.maxBufferedBytes`: it was not sent
   */
  abstract send(event: SseEvent | string): Promise<void>;

  /**
   * Sends the events of a history as they are published, beginning with those that this client has missed. Resolves
   * when the stream ends. One that falls behind by more than the history keeps is ended, for the client to come back.
   */
  abstract follow(history: Followed): Promise<void>;

  /** Like {@link send}, with the value as JSON. */
  sendJson(value: unknown, fields: SseFields = {}): Promise<void> {
    const data = JSON.stringify(value) as string | undefined;
    if (data === undefined) throw new InvalidOptionError('value', 'something that JSON can say', value);
    return this.send({ ...fields, data });
  }

  /** Like {@link send}, with a text of any number of lines. Each line end becomes LF. */
  sendText(text: string, fields: SseFields = {}): Promise<void> {
    if (typeof text !== 'string') throw new InvalidOptionError('text', 'a string', text);
    return this.send({ ...fields, data: text });
  }

  /** Like {@link send}, with bytes: base64 (RFC 4648 §4) in one line, in an event of the type `binary` unless given. */
  sendBinary(bytes: ArrayBuffer | ArrayBufferView, fields: SseFields = {}): Promise<void> {
    if (!isBytes(bytes)) throw new InvalidOptionError('bytes', 'an ArrayBuffer or a view of one', bytes);
    return this.send({ event: SSE_BINARY_EVENT, ...fields, data: toBuffer(bytes).toString('base64') });
  }
}
