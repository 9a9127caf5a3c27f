// Events as text: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
import { InvalidOptionError } from '../../errors.ts';

/** One event. Without `data` the client hears of no event, but takes note of `id` and `retryMs`. */
export interface SseEvent {
  /** What listeners ask for; `message` if there is none. No line ends. */
  readonly event?: string | undefined;
  /** What the client gives back as `Last-Event-ID`. No line ends, no NUL. An empty one makes it forget. */
  readonly id?: string | undefined;
  /** How long the client is to wait before it comes back, in whole milliseconds. */
  readonly retryMs?: number | undefined;
  /** A string as it is, of any number of lines; anything else as JSON. */
  readonly data?: unknown;
}

const LINE_END = /\r\n|\r|\n/;

/** @throws {InvalidOptionError} for a field that would break out of its line, or data that JSON cannot say */
export function formatEvent(given: SseEvent): string {
  if (typeof given !== 'object' || (given as unknown) === null)
    throw new InvalidOptionError('event', 'a string, or an object with `data`', given);
  const { event, id, retryMs, data } = given;
  checkField('event', event, /[\r\n]/);
  // The specification has clients ignore an id with NUL.
  checkField('id', id, /[\r\n\0]/);
  if (retryMs !== undefined && !(Number.isSafeInteger(retryMs) && retryMs >= 0))
    throw new InvalidOptionError('retryMs', 'a whole number of at least 0', retryMs);
  let text = event ? `event: ${event}\n` : '';
  if (id !== undefined) text += `id: ${id}\n`;
  if (retryMs !== undefined) text += `retry: ${retryMs}\n`;
  if (data !== undefined) text += linesOf('data', textOf(data));
  return `${text}\n`;
}

/** A comment: no client shows it, and it keeps the line alive. */
export function formatComment(text: string): string {
  if (typeof text !== 'string') throw new InvalidOptionError('text', 'a string', text);
  return `${linesOf('', text)}\n`;
}

/** Most data is one line; to split it and put it together again costs more than all else here. */
function linesOf(field: string, text: string): string {
  if (!text.includes('\n') && !text.includes('\r')) return `${field}: ${text}\n`;
  const lines = text.split(LINE_END).map((line) => `${field}: ${line}\n`);
  return lines.join('');
}

function textOf(data: unknown): string {
  if (typeof data === 'string') return data;
  const text = JSON.stringify(data) as string | undefined;
  if (text === undefined) throw new InvalidOptionError('data', 'a string, or what JSON can say', data);
  return text;
}

function checkField(name: string, value: unknown, forbidden: RegExp): void {
  if (value === undefined || (typeof value === 'string' && !forbidden.test(value))) return;
  throw new InvalidOptionError(name, 'a string without line ends and NUL', value);
}
