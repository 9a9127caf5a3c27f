// What somebody typed, as a payload.
import { parseJson } from '../session/message-text.ts';

/**
 * Payloads are objects, so only an object or an array is taken for JSON: a number or a word in quotes is text. With
 * `isJson` all that JSON can say is a payload; `undefined` for what is no JSON then.
 */
export function payloadOf(text: string, isJson: boolean): { readonly value: unknown } | undefined {
  const parsed = parseJson(text);
  if (isJson) return parsed;
  const isObject = typeof parsed?.value === 'object' && parsed.value !== null;
  return isObject ? parsed : { value: { message: text } };
}
