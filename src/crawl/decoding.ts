// From what came over the wire to what it says. Nothing here throws: what cannot be read is an event like any other,
// so that it keeps its place among the others.
import { describe, textOf } from '../errors.ts';
import { decodeMessagePack } from '../protocols/message-pack.ts';
import { textOfFrame } from '../protocols/text.ts';
import type { Frame } from '../transports/transport.ts';
import type { CrawlEncoding, CrawlEvent } from './results.ts';

/** As much of an unreadable frame as anyone will look at. */
const MAX_RAW_CHARS = 1_000;

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What must be right for a message to be of use; the rest is taken as it comes. */
const SHAPES: Readonly<Record<string, (data: Fields) => boolean>> = {
  welcome: () => true,
  metadata: () => true,
  summary: () => true,
  error: ({ error_type: type, message }) => typeof type === 'string' && typeof message === 'string',
  pong: ({ timestamp, session_id: id }) => typeof timestamp === 'string' && typeof id === 'string',
  status: ({ session_id: id, is_healthy: isHealthy, ...counts }) =>
    typeof id === 'string' &&
    typeof isHealthy === 'boolean' &&
    ['connected_duration_ms', 'message_count', 'backpressure_count'].every(
      (name) => typeof counts[name] === 'number',
    ),
  result: ({ index, result }) => Number.isInteger(index) && (index as number) >= 0 && isObject(result),
};

/** A WebSocket message. Binary frames are MessagePack where that was asked for, else JSON in UTF-8. */
export function readFrame(frame: Frame, encoding: CrawlEncoding): CrawlEvent {
  if (typeof frame !== 'string' && encoding === 'messagepack') return readMessagePack(frame);
  let text: string;
  try {
    text = textOfFrame(frame);
  } catch {
    return unreadable('Invalid UTF-8 received in a binary frame.');
  }
  return readText(text);
}

/** JSON, from a frame, from a line of NDJSON or from the data of an SSE event. */
export function readText(text: string): CrawlEvent {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return unreadable(`Invalid JSON received: ${textOf(thrown)}`, text);
  }
  return interpret(value, text);
}

function readMessagePack(bytes: Uint8Array): CrawlEvent {
  try {
    return interpret(decodeMessagePack(bytes), undefined);
  } catch (thrown) {
    return unreadable(`Invalid MessagePack received: ${textOf(thrown)}`);
  }
}

function interpret(value: unknown, raw: string | undefined): CrawlEvent {
  if (!isObject(value)) return unreadable(`Expected an object, got ${describe(value)}.`, raw);
  const { message_type: type, data, timestamp, request_id: requestId } = value;
  const about = {
    timestamp: typeof timestamp === 'string' ? timestamp : null,
    ...(typeof requestId === 'string' && { requestId }),
  };
  if (typeof type !== 'string' || !Object.hasOwn(SHAPES, type))
    return { type: 'message', data: value, ...about };
  if (!isObject(data) || SHAPES[type]?.(data) !== true)
    return unreadable(`A message of type ${type} without its data was received.`, raw);
  return { type, data, ...about } as CrawlEvent;
}

const unreadable = (message: string, raw?: string): CrawlEvent => ({
  type: 'unreadable',
  data: {
    error_type: 'invalid_message',
    message,
    ...(raw !== undefined && { raw: raw.slice(0, MAX_RAW_CHARS) }),
  },
  timestamp: null,
});
