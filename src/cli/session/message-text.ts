// Messages as text: JSON indented, bytes in hexadecimal, and for programs one line of JSON.
import type { Frame } from '../../transports/transport.ts';
import { count, harmless } from '../style.ts';

export interface MessageFormat {
  /** Whether text is taken for JSON, and indented. */
  readonly isJson: boolean;
  /** Whether a terminal shows it: control characters are made visible, and much binary is cut. */
  readonly isTerminal: boolean;
}

const MAX_SHOWN_BYTES = 256;

export function messageText(frame: Frame, { isJson, isTerminal }: MessageFormat): string {
  if (typeof frame !== 'string') return binaryText(frame, isTerminal ? MAX_SHOWN_BYTES : Infinity);
  const parsed = isJson ? parseJson(frame) : undefined;
  const text = parsed === undefined ? frame : JSON.stringify(parsed.value, null, 2);
  return isTerminal ? harmless(text) : text;
}

function binaryText(bytes: Uint8Array, maxShownBytes: number): string {
  const shown = [...bytes.subarray(0, maxShownBytes)].map((byte) => byte.toString(16).padStart(2, '0'));
  const hidden = bytes.length - shown.length;
  const rest = hidden > 0 ? ` … ${hidden} more` : '';
  return `binary, ${count(bytes.length, 'byte')}: ${shown.join(' ')}${rest}`;
}

/** What a program gets of a message. */
export function messageFields(frame: Frame, isJson: boolean): Record<string, unknown> {
  if (typeof frame !== 'string')
    return { encoding: 'base64', bytes: frame.length, data: Buffer.from(frame).toString('base64') };
  if (!isJson) return { data: frame };
  const parsed = parseJson(frame);
  return parsed === undefined ? { encoding: 'text', data: frame } : { data: parsed.value };
}

/** `undefined` for a text that is no JSON. */
export function parseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}
