// The three protocols that need no agreement with the server: text, bytes, JSON.
import type { Frame } from '../transports/transport.ts';
import type { Protocol } from './protocol.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** A frame as text; bytes are read as UTF-8. @throws {TypeError} for bytes that are not. */
export const textOfFrame = (frame: Frame): string =>
  typeof frame === 'string' ? frame : decoder.decode(frame);

const TEXT: Protocol<string> = {
  name: 'text',
  heartbeat: { probe: 'ping' },
  encode: (message) => message,
  decode: textOfFrame,
};

/**
 * Every message is a string and goes as a text frame. Bytes that arrive are read as UTF-8; those that are none become
 * an `invalidMessage` event, and nothing else happens. Sending anything but a string throws a `TypeError`.
 */
export const text = (): Protocol<string> => TEXT;

const encoder = new TextEncoder();

const BINARY: Protocol<Uint8Array> = {
  name: 'binary',
  heartbeat: { probe: 'ping' },
  encode: (message) => message,
  decode: (frame) => (typeof frame === 'string' ? encoder.encode(frame) : frame),
};

/**
 * Every message is a `Uint8Array` and goes as a binary frame. Texts that arrive are given as their UTF-8 bytes, so no
 * frame is invalid. Sending anything but bytes throws a `TypeError`.
 */
export const binary = (): Protocol<Uint8Array> => BINARY;

/** Encodes what JSON can express. @throws {TypeError} for `undefined`, a function, a cycle or a BigInt. */
export function encodeJson(message: unknown): string {
  const encoded = JSON.stringify(message) as string | undefined;
  if (encoded === undefined)
    throw new TypeError(`Expected a value that JSON can express, got ${typeof message}.`);
  return encoded;
}

/**
 * Reads JSON. The platform's own error would quote the first characters, which may be the beginning of a secret.
 *
 * @throws {SyntaxError} for what is none
 */
export function decodeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError(`Expected JSON, got ${text.length} characters that are none`);
  }
}

const JSON_VALUES: Protocol<unknown> = {
  name: 'json',
  heartbeat: { probe: 'ping' },
  encode: encodeJson,
  decode: (frame) => decodeJson(textOfFrame(frame)),
};

/**
 * Every message is a JSON value (RFC 8259) and goes as a text frame; it is read from text and from UTF-8 bytes. The
 * default protocol. Types are claimed, and nothing is checked: validate what comes from a stranger.
 *
 * What JSON has no word for goes as `JSON.stringify` has it: a `Date` as a string, bytes as an object, `NaN` as `null`.
 * Sending `undefined`, a function, a symbol, a cycle or a BigInt throws a `TypeError`. A frame that is no JSON becomes
 * an `invalidMessage` event, and nothing else happens.
 *
 * @typeParam Incoming what listeners receive
 * @typeParam Outgoing what `send()` takes
 */
export const json = <Incoming = unknown, Outgoing = Incoming>(): Protocol<Incoming, Outgoing> =>
  JSON_VALUES as Protocol<Incoming, Outgoing>;
