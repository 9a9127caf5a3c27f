// What an event means: its name, its id, and its data as text, as JSON, or as whatever a function makes of it.
import { ConnectionError } from '../errors.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { decodeJson, textOfFrame } from '../protocols/text.ts';
import type { Envelope } from '../transports/transport.ts';

/** One server-sent event. */
export interface SseEvent<Data = string> {
  /** `message` where the server gave no name. */
  readonly event: string;
  readonly data: Data;
  /** The last id that the server gave, with this event or before it; empty where it gave none. */
  readonly id: string;
}

/**
 * What becomes of an event's data: `text` leaves it as it is, `json` reads it, a function makes of it what it likes.
 * Where that throws, the event becomes an `invalidMessage`, and nothing else happens. JSON wants the type of what is in
 * it: `new SseConnection<Price>({ url, decode: 'json' })`, or `<unknown>`.
 */
export type SseDecode<Data> =
  ([Data] extends [string] ? 'text' : 'json') | ((data: string, event: Envelope) => Data);

const NO_ENVELOPE: Envelope = { event: 'message', id: '' };

export const sseProtocol = <Data>(decode: SseDecode<Data> | 'text'): Protocol<SseEvent<Data>, never> => {
  const read = readerOf(decode);
  return {
    name: 'sse',
    heartbeat: { probe: 'none' },
    encode: () => {
      throw new ConnectionError('SENDING_UNSUPPORTED');
    },
    decode: (frame, envelope = NO_ENVELOPE) => {
      const { event, id } = envelope;
      return { event, data: read(textOfFrame(frame), envelope), id };
    },
  };
};

function readerOf<Data>(decode: SseDecode<Data> | 'text'): (data: string, event: Envelope) => Data {
  if (typeof decode === 'function') return decode;
  return (decode === 'json' ? decodeJson : (data: string) => data) as (data: string) => Data;
}

export const isDecode = (given: unknown): boolean =>
  given === 'text' || given === 'json' || typeof given === 'function';
