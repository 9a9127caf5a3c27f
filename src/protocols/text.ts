// The three protocols that need no agreement with the server: text, bytes, JSON.
import type { Frame } from '../transports/transport.ts';
import type { Protocol } from './protocol.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** A frame as text; bytes are read as UTF-8. @throws {TypeError} for bytes that are not. */
export const textOfFrame = (frame: Frame): string =>
  typeof frame === 'string' ? frame : decoder.decode(frame);

/** Every frame is a string. */
export const text: Protocol<string> = {
  name: 'text',
  heartbeat: { probe: 'ping' },
  encode: (message) => message,
  decode: textOfFrame,
};

/** Every frame is bytes; text frames are read as UTF-8. */
export const binary: Protocol<Uint8Array> = {
  name: 'binary',
  heartbeat: { probe: 'ping' },
  encode: (message) => message,
  decode: (frame) => (typeof frame === 'string' ? new TextEncoder().encode(frame) : frame),
};

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

/** Every frame is a JSON value, in text or in UTF-8 bytes. The default protocol. */
export const json: Protocol<unknown> = {
  name: 'json',
  heartbeat: { probe: 'ping' },
  encode: encodeJson,
  decode: (frame) => decodeJson(textOfFrame(frame)),
};

/** The JSON protocol with the types of one's messages. Nothing is checked: validate what comes from a stranger. */
export const jsonOf = <Incoming, Outgoing = Incoming>(): Protocol<Incoming, Outgoing> =>
  json as Protocol<Incoming, Outgoing>;
