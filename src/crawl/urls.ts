// The check of what a crawl is called with, before anything happens.
import type { CrawlCall } from './crawl.ts';
import { ValidationError } from './errors.ts';

/** @throws {ValidationError} for an empty list, or one with what is no HTTP URL */
export function checkUrls(urls: Iterable<string | URL>): readonly string[] {
  const given: unknown = urls;
  const isList = typeof given === 'object' && given !== null && Symbol.iterator in given;
  if (!isList) throw new ValidationError('urls', 'a list of URLs', given);
  const list = [...urls];
  if (list.length === 0)
    throw new ValidationError('urls', 'a list with at least one URL: it cannot be empty', list);
  return list.map((url, place) => checked(url, `urls[${place}]`));
}

function checked(given: string | URL, name: string): string {
  const url = given instanceof URL ? given.href : given;
  const isHttp = typeof url === 'string' && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (!isHttp) throw new ValidationError(name, 'an absolute URL with the scheme http: or https:', given);
  return url;
}

/** @throws {ValidationError} */
export function checkCall(call: CrawlCall): void {
  const { options, onMessage, signal } = call as Readonly<Record<keyof CrawlCall, unknown>>;
  if (options !== undefined && (typeof options !== 'object' || options === null || Array.isArray(options)))
    throw new ValidationError('options', 'an object', options);
  if (onMessage !== undefined && typeof onMessage !== 'function')
    throw new ValidationError('onMessage', 'a function', onMessage);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new ValidationError('signal', 'an AbortSignal', signal);
}
