// A message as NATS keeps it: the payload is the body, as any other program could have published it; the rest is headers.
import { createHash } from 'node:crypto';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { NewMessage, StoredMessage } from '../broker.ts';

const ORIGIN = 'Statewire-Origin';
const MARKER = 'Statewire-Marker';

/** A message of a channel, or what stands in its place and is handed to nobody. */
export interface StreamRecord {
  readonly seq: number;
  /** By the clock of NATS, or by ours when it came just now. */
  readonly storedAt: number;
  /** Absent for a marker, and for what somebody else published and is no JSON. */
  readonly message: StoredMessage | undefined;
}

/** The number of a message that was handed on, and that of the one before it in the channel; 0 if there was none. */
export interface LiveRecord extends StreamRecord {
  readonly previous: number;
}

/** Any string survives in a header as JSON: it has no line breaks then, and no spaces at its ends. */
export function writeOrigin(headers: MsgHdrs, { publisher, messageId }: NewMessage): MsgHdrs {
  headers.set(ORIGIN, JSON.stringify(messageId === undefined ? [publisher] : [publisher, messageId]));
  return headers;
}

export function writeMarker(headers: MsgHdrs): MsgHdrs {
  headers.set(MARKER, 'open');
  return headers;
}

interface Stored {
  readonly seq: number;
  readonly storedAt: number;
  readonly headers: MsgHdrs | undefined;
  readonly text: () => string;
}

export const readRecord = (stored: Stored): StreamRecord => ({
  seq: stored.seq,
  storedAt: stored.storedAt,
  message: messageIn(stored),
});

/** `undefined` for what did not come out of the stream. */
export function readLive(headers: MsgHdrs | undefined, text: () => string): LiveRecord | undefined {
  const seq = Number(headers?.get('Nats-Sequence') || NaN);
  const previous = Number(headers?.get('Nats-Last-Sequence') || NaN);
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(previous)) return undefined;
  return { previous, ...readRecord({ seq, storedAt: Date.now(), headers, text }) };
}

function messageIn({ seq, headers, text }: Stored): StoredMessage | undefined {
  if (headers?.has(MARKER)) return undefined;
  const origin = readOrigin(headers?.get(ORIGIN));
  const payload = text();
  if (origin === undefined && !isJson(payload)) return undefined;
  const [publisher = '', messageId] = origin ?? [];
  return { seq, payload, messageId, publisher };
}

/** Which of the strings there are; `undefined` where somebody else published. */
function readOrigin(header: string | undefined): readonly string[] | undefined {
  if (!header) return undefined;
  try {
    const origin: unknown = JSON.parse(header);
    return Array.isArray(origin) && origin.every((part) => typeof part === 'string') ? origin : undefined;
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** NATS knows ids by stream, we by channel; and what a publisher gives may be long, and not fit for UTF-8. */
export const idInStream = (subject: string, messageId: string): string =>
  createHash('sha256')
    .update(JSON.stringify([subject, messageId]))
    .digest('base64url');
