// What `statewire sse` was asked for: each option's text checked and turned into what the session needs.
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { isMethod } from '../../sse/options.ts';
import { headerOf } from '../../sse/request.ts';
import { UsageError } from '../io.ts';
import { parseJson } from '../session/message-text.ts';
import {
  checkUrl,
  inMs,
  joinHeaders,
  retrySettings,
  textOrFile,
  type Header,
  type RetrySettings,
} from '../session/settings.ts';

/** The options as commander hands them over, parsed one by one. */
export interface SseFlags {
  readonly header?: readonly Header[];
  readonly method?: string;
  readonly data?: string;
  readonly lastEventId?: string;
  readonly timeout?: number;
  readonly insecure?: true;
  readonly retry?: number | false;
  readonly retryMaxDelay?: number;
  readonly silence?: number | false;
  readonly json?: true;
  readonly once?: true;
  readonly maxMessages?: number;
  readonly output: 'text' | 'json';
  readonly quiet?: true;
}

export interface SseSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  /** Reads the body anew for each attempt, where it comes from a file. */
  readonly body: (() => string) | undefined;
  readonly lastEventId: string;
  readonly connectWithinMs: number | undefined;
  readonly isInsecure: boolean;
  readonly retry: RetrySettings;
  readonly silenceMs: number | false;
  readonly isJson: boolean;
  /** After how many events the session is over; `Infinity`: it is not. */
  readonly maxMessages: number;
  readonly output: 'text' | 'json';
  readonly isQuiet: boolean;
}

const DEFAULT_SILENCE_MS = 60_000;

/** @throws {UsageError} for a URL that is none, a file that cannot be read, or a body that nothing carries */
export function settingsOf(url: string, flags: SseFlags): SseSettings {
  const { silence, timeout, once, maxMessages } = flags;
  const request = requestOf(flags);
  // Asking twice may do twice what was asked for (RFC 9110 §9.2.2).
  const retry = flags.retry ?? (request.method === 'GET' ? undefined : false);
  return {
    url: checkUrl(url, 'http'),
    ...request,
    connectWithinMs: inMs(timeout),
    isInsecure: flags.insecure === true,
    retry: retrySettings(retry, flags.retryMaxDelay),
    silenceMs: silence === false ? false : (inMs(silence) ?? DEFAULT_SILENCE_MS),
    isJson: flags.json === true,
    maxMessages: once === true ? 1 : (maxMessages ?? Infinity),
    output: flags.output,
    isQuiet: flags.quiet === true,
  };
}

function requestOf({
  header = [],
  data,
  method = data === undefined ? 'GET' : 'POST',
  lastEventId = '',
}: SseFlags): Pick<SseSettings, 'headers' | 'method' | 'body' | 'lastEventId'> {
  if (method === 'GET' && data !== undefined)
    throw new UsageError('A request with --method GET has no body.', 'Leave --method or --data out.');
  const body = data === undefined ? undefined : textOrFile('--data', data, readText);
  return { headers: headersOf(header, body), method, body, lastEventId };
}

const readText = (path: string): string => readFileSync(path, 'utf8');

function headersOf(given: readonly Header[], body: (() => string) | undefined): Record<string, string> {
  const headers = joinHeaders(given);
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  const isJson = !hasType && body !== undefined && parseJson(body()) !== undefined;
  return isJson ? { ...headers, 'Content-Type': 'application/json' } : headers;
}

export function parseMethod(given: string): string {
  if (!isMethod(given))
    throw new InvalidArgumentError('Expected one that has an answer, such as GET or POST.');
  return given.toUpperCase();
}

export function parseEventId(given: string): string {
  if (headerOf(given) === undefined)
    throw new InvalidArgumentError('Expected an id that a header can hold: without control characters.');
  return given;
}
