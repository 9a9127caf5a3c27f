// The options that every command takes that follows a connection: each one's text checked and turned into a value.
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { MAX_DELAY_MS } from '../../../machines/index.ts';
import { decorrelatedJitterBackoff } from '../../backoff.ts';
import { textOf } from '../../errors.ts';
import type { RetryOptions } from '../../options.ts';
import { parseUrl } from '../../providers.ts';
import { redactUrl } from '../../redact.ts';
import { UsageError } from '../io.ts';

export interface Header {
  readonly name: string;
  readonly value: string;
}

/** How a lost connection is restored. */
export interface RetrySettings {
  readonly maxAttempts: number;
  readonly initial: boolean;
  readonly maxDelayMs: number;
}

const DEFAULT_MAX_DELAY_MS = 10_000;

/** As asked for, and then for the first connection too; else for ever, but after a loss only. */
export const retrySettings = (
  retry: number | false | undefined,
  maxDelaySeconds: number | undefined,
): RetrySettings => ({
  maxAttempts: retry === false ? 0 : (retry ?? Infinity),
  initial: retry !== undefined,
  maxDelayMs: inMs(maxDelaySeconds) ?? DEFAULT_MAX_DELAY_MS,
});

export const retryOptions = ({ maxAttempts, initial, maxDelayMs }: RetrySettings): RetryOptions | false =>
  maxAttempts === 0
    ? false
    : {
        maxAttempts,
        initial,
        backoff: decorrelatedJitterBackoff({ maxMs: maxDelayMs, baseMs: Math.min(500, maxDelayMs) }),
      };

export const inMs = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : Math.min(seconds * 1_000, MAX_DELAY_MS);

const KINDS = {
  ws: { noun: 'WebSocket URL', example: 'wss://example.com/path' },
  http: { noun: 'URL of an event stream', example: 'https://example.com/path' },
} as const;

/** @throws {UsageError} */
export function checkUrl(url: string, schemes: keyof typeof KINDS): string {
  const { noun, example } = KINDS[schemes];
  try {
    return parseUrl(url, schemes);
  } catch {
    const hasScheme = /:\/\//.test(url);
    const guess = redactUrl(`${schemes}://${url}`);
    const remedy =
      hasScheme || !URL.canParse(guess) ? `Give one such as ${example}.` : `Did you mean ${guess}?`;
    const shown = hasScheme ? redactUrl(url) : guess.slice(`${schemes}://`.length);
    throw new UsageError(`'${shown}' is no ${noun}.`, remedy);
  }
}

/** Several values of one header are one list (RFC 9110 §5.3); cookies are joined by semicolons (RFC 6265 §5.4). */
export function joinHeaders(headers: readonly Header[]): Record<string, string> {
  const joined = new Map<string, string>();
  const spelling = new Map<string, string>();
  for (const { name, value } of headers) {
    const key = spelling.get(name.toLowerCase()) ?? name;
    spelling.set(name.toLowerCase(), key);
    const before = joined.get(key);
    const separator = key.toLowerCase() === 'cookie' ? '; ' : ', ';
    joined.set(key, before === undefined ? value : before + separator + value);
  }
  return Object.fromEntries(joined);
}

/** A text, or `@file`, which is read anew each time it is asked for. @throws {UsageError} for a file that cannot be read */
export function textOrFile(flag: string, given: string, read: (path: string) => string): () => string {
  if (!given.startsWith('@')) return () => given;
  const path = given.slice(1);
  try {
    read(path);
  } catch (thrown) {
    throw new UsageError(
      `${flag} cannot be read: ${textOf(thrown)}.`,
      'Give the path of a readable file after the @.',
    );
  }
  return () => read(path);
}

/** For a command: `Name: value`, or `@file` with one header a line. */
export const headerParser =
  (command: string) =>
  (given: string, before: readonly Header[] = []): readonly Header[] => {
    if (!given.startsWith('@')) return [...before, headerOf(given, command)];
    let text: string;
    try {
      text = readFileSync(given.slice(1), 'utf8');
    } catch (thrown) {
      throw new InvalidArgumentError(`It cannot be read: ${textOf(thrown)}.`);
    }
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
    return [...before, ...lines.map((line) => headerOf(line, command))];
  };

function headerOf(line: string, command: string): Header {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0)).trim();
  const value = line.slice(colon + 1).trim();
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    // Not as the others, which say what was given: it may well be a secret.
    throw new UsageError("--header is wrong: expected 'Name: value'.", `See: statewire ${command} --help`);
  }
  return { name, value };
}

export function parseSeconds(given: string): number {
  const value = Number(given);
  if (given.trim() === '' || !(value > 0))
    throw new InvalidArgumentError('Expected a number of seconds above 0.');
  return value;
}

export const parseSecondsOrOff = (given: string): number | false =>
  given === 'off' ? false : parseSeconds(given);

export function parseCount(given: string): number {
  if (!/^[1-9]\d{0,14}$/.test(given)) throw new InvalidArgumentError('Expected an integer above 0.');
  return Number(given);
}

export function parseRetry(given: string): number | false {
  if (given === 'off' || given === '0') return false;
  if (given === 'forever') return Infinity;
  if (!/^[1-9]\d{0,14}$/.test(given))
    throw new InvalidArgumentError("Expected a number of attempts, 'forever' or 'off'.");
  return Number(given);
}
