// The frames of channels: written and read here, on both sides, and nowhere else. JSON text; the envelope and the control
// channel are those of the seed (S3-04 … S3-06), what a hub adds to them is a member that others may ignore.
import { decodeJson } from '../protocols/text.ts';

/** Requests and answers about subscriptions travel on the channel of this name; messages cannot. */
export const CONTROL_CHANNEL = 'subscription';

/** Where a subscriber stands: the last message that it has seen, as the hub numbered it. */
export interface Position {
  /** Rises with each message of a channel, not always by one. */
  readonly seq: number;
  /** Numbers of another epoch mean nothing: the history began anew. */
  readonly epoch: string;
}

/** One message of a channel as it came in. */
export interface ChannelMessage<Payload = unknown> {
  readonly channel: string;
  readonly payload: Payload;
  /** From a hub. */
  readonly seq?: number;
  /** Of this publication, from a hub whose publisher gave it one. Not the `message_id` of the payload. */
  readonly message_id?: string;
}

export interface Member {
  readonly id: string;
  readonly data?: unknown;
}

/** Why a hub did not do what it was asked for. */
export const HUB_ERRORS = [
  'BAD_FRAME',
  'BAD_CHANNEL',
  'NOT_ALLOWED',
  'NOT_SUBSCRIBED',
  'TOO_MANY_CHANNELS',
  'MESSAGE_TOO_LARGE',
  'RATE_LIMITED',
  'UNAVAILABLE',
] as const;

export type HubErrorCode = (typeof HUB_ERRORS)[number];

/** Whether a refusal is one of the moment, which a little patience may cure. */
export const isPassing = (code: unknown): boolean => code === 'UNAVAILABLE' || code === 'RATE_LIMITED';

/** What a client asks for. */
export type Request =
  | {
      readonly action: 'subscribe';
      readonly channel: string;
      /** With `epoch`: everything after this message is wanted. */
      readonly after?: number;
      readonly epoch?: string;
    }
  | { readonly action: 'unsubscribe'; readonly channel: string }
  /** Of a page, which cannot send a protocol ping. Only to a hub. */
  | { readonly action: 'ping' };

/** What a hub says about a subscription or a publication. */
export type Reply =
  | {
      readonly action: 'subscribed';
      readonly channel: string;
      readonly seq?: number;
      /** Only a hub gives it. */
      readonly epoch?: string;
      /** In answer to `after`: whether nothing is missing. */
      readonly recovered?: boolean;
    }
  | { readonly action: 'unsubscribed'; readonly channel: string }
  | { readonly action: 'pong' }
  /** Only a hub says so: its answer to a subscription takes a while. */
  | { readonly action: 'pending'; readonly channel: string }
  | {
      readonly action: 'published';
      readonly channel: string;
      readonly message_id: string;
      readonly seq: number;
    }
  | {
      readonly action: 'error';
      readonly code?: string;
      readonly message: string;
      /** What was asked for; a hub says it where it could tell. */
      readonly request?: 'subscribe' | 'unsubscribe' | 'publish';
      readonly channel?: string;
      readonly message_id?: string;
    }
  | { readonly action: 'gap'; readonly channel: string; readonly after: number; readonly seq: number }
  | {
      readonly action: 'presence';
      readonly channel: string;
      readonly event: 'present' | 'join' | 'leave';
      readonly members: readonly Member[];
    };

/** The longest name of a channel, in characters. */
export const MAX_CHANNEL_LENGTH = 200;

export const isChannelName = (value: unknown): value is string =>
  typeof value === 'string' &&
  value !== '' &&
  value !== CONTROL_CHANNEL &&
  value.length <= MAX_CHANNEL_LENGTH;

export const controlFrame = (payload: Request | Reply): string =>
  JSON.stringify({ channel: CONTROL_CHANNEL, payload });

/** @throws {TypeError} for a payload that JSON cannot express */
export function messageFrame({ channel, payload, seq, message_id }: ChannelMessage): string {
  const encoded = JSON.stringify(payload) as string | undefined;
  if (encoded === undefined)
    throw new TypeError(`Expected a payload that JSON can express, got ${typeof payload}.`);
  return frameAround(channel, encoded, { seq, message_id });
}

/** The same for a payload that is JSON text already: what passes through a hub is not written anew. */
export function frameAround(
  channel: string,
  payloadJson: string,
  { seq, message_id }: { readonly seq?: number | undefined; readonly message_id?: string | undefined } = {},
): string {
  const position = seq === undefined ? '' : `,"seq":${seq}`;
  const id = message_id === undefined ? '' : `,"message_id":${JSON.stringify(message_id)}`;
  return `{"channel":${JSON.stringify(channel)},"payload":${payloadJson}${position}${id}}`;
}

/** A frame that was read: what else is in it than a channel and a payload is not looked at yet. */
export interface Envelope {
  readonly channel: string;
  readonly payload: unknown;
  readonly seq?: unknown;
  readonly message_id?: unknown;
}

/** @throws {TypeError | SyntaxError} for what is no envelope; the text of a stranger is not repeated */
export function readEnvelope(text: string): Envelope {
  const value = decodeJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('Expected an object { channel, payload }.');
  const { channel, payload } = value as { channel?: unknown; payload?: unknown };
  if (typeof channel !== 'string' || channel === '')
    throw new TypeError('Expected `channel` to be a string that is not empty.');
  if (payload === undefined) throw new TypeError('Expected `payload` beside `channel`.');
  return value as Envelope;
}

/** An envelope as a message: members of a hub's that are none of a hub's are left out. */
export function messageOf({ channel, payload, seq, message_id }: Envelope): ChannelMessage {
  return {
    channel,
    payload,
    ...(isSequence(seq) && { seq }),
    ...(typeof message_id === 'string' && { message_id }),
  };
}

const isSequence = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (value: unknown): value is string => typeof value === 'string';
const isTextOrAbsent = (value: unknown): boolean => value === undefined || isText(value);
const isSequenceOrAbsent = (value: unknown): boolean => value === undefined || isSequence(value);
const isPresenceEvent = (value: unknown): boolean =>
  value === 'present' || value === 'join' || value === 'leave';
const areMembers = (value: unknown): boolean =>
  Array.isArray(value) && value.every((member: { readonly id?: unknown } | null) => isText(member?.id));

/** What each member of a reply must be, and what it may be. */
const SHAPES: {
  readonly [Action in Reply['action']]: Readonly<Record<string, (value: unknown) => boolean>>;
} = {
  subscribed: { channel: isText, seq: isSequenceOrAbsent, epoch: isTextOrAbsent },
  unsubscribed: { channel: isText },
  pong: {},
  pending: { channel: isText },
  published: { channel: isText, message_id: isText, seq: isSequence },
  error: { message: isText, code: isTextOrAbsent, channel: isTextOrAbsent, message_id: isTextOrAbsent },
  gap: { channel: isText, after: isSequence, seq: isSequence },
  presence: { channel: isText, event: isPresenceEvent, members: areMembers },
};

/**
 * The payload of a control frame as a reply; `undefined` for one that this version does not know.
 *
 * @throws {TypeError} for one that it knows and that lacks something
 */
export function readReply(payload: unknown): Reply | undefined {
  if (typeof payload !== 'object' || payload === null)
    throw new TypeError('Expected the payload of a control frame to be an object.');
  const given = payload as Readonly<Record<string, unknown>>;
  const { action } = given;
  if (typeof action !== 'string' || !Object.hasOwn(SHAPES, action)) return undefined;
  for (const [name, isRight] of Object.entries(SHAPES[action as Reply['action']]))
    if (!isRight(given[name])) throw new TypeError(`Expected another \`${name}\` in a reply "${action}".`);
  return given as unknown as Reply;
}
