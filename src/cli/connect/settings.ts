// What `statewire connect` was asked for: each option's text checked and turned into what the session needs.
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { MAX_DELAY_MS } from '../../../machines/index.ts';
import { textOf } from '../../errors.ts';
import { parseUrl } from '../../providers.ts';
import { redactUrl } from '../../redact.ts';
import { UsageError } from '../io.ts';

/** The options as commander hands them over, parsed one by one. */
export interface ConnectFlags {
  readonly header?: readonly Header[];
  readonly subprotocol?: readonly string[];
  readonly authFrame?: string;
  readonly json?: true;
  readonly once?: true;
  readonly maxMessages?: number;
  readonly listen?: true;
  readonly retry?: number | false;
  readonly retryMaxDelay?: number;
  readonly timeout?: number;
  readonly heartbeat?: number | false;
  readonly insecure?: true;
  readonly output: 'text' | 'json';
  readonly quiet?: true;
}

export interface Header {
  readonly name: string;
  readonly value: string;
}

export interface ConnectSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly subprotocols: readonly string[];
  /** Reads the frame anew for each attempt, where it comes from a file. */
  readonly authFrame: (() => string) | undefined;
  readonly isJson: boolean;
  /** After how many messages the session is over; `Infinity`: it is not. */
  readonly maxMessages: number;
  readonly readsInput: boolean;
  readonly retry: { readonly maxAttempts: number; readonly initial: boolean; readonly maxDelayMs: number };
  readonly connectWithinMs: number | undefined;
  readonly heartbeatMs: number | false;
  readonly isInsecure: boolean;
  readonly output: 'text' | 'json';
  readonly isQuiet: boolean;
}

const DEFAULT_MAX_DELAY_MS = 10_000;
const DEFAULT_HEARTBEAT_MS = 15_000;

/** @throws {UsageError} for a URL that is none, or a file that cannot be read. */
export function settingsOf(url: string, flags: ConnectFlags): ConnectSettings {
  const { retry, retryMaxDelay, maxMessages, once, timeout, heartbeat, authFrame } = flags;
  return {
    url: checkUrl(url),
    headers: joinHeaders(flags.header ?? []),
    subprotocols: flags.subprotocol ?? [],
    authFrame: authFrame === undefined ? undefined : authFrameFrom(authFrame),
    isJson: flags.json === true,
    maxMessages: once === true ? 1 : (maxMessages ?? Infinity),
    readsInput: flags.listen !== true,
    retry: {
      maxAttempts: retry === false ? 0 : (retry ?? Infinity),
      initial: retry !== undefined,
      maxDelayMs: inMs(retryMaxDelay) ?? DEFAULT_MAX_DELAY_MS,
    },
    connectWithinMs: inMs(timeout),
    heartbeatMs: heartbeat === false ? false : (inMs(heartbeat) ?? DEFAULT_HEARTBEAT_MS),
    isInsecure: flags.insecure === true,
    output: flags.output,
    isQuiet: flags.quiet === true,
  };
}

const inMs = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : Math.min(seconds * 1_000, MAX_DELAY_MS);

function checkUrl(url: string): string {
  try {
    return parseUrl(url);
  } catch {
    const hasScheme = /:\/\//.test(url);
    const guess = redactUrl(`ws://${url}`);
    const remedy =
      hasScheme || !URL.canParse(guess)
        ? 'Give one such as wss://example.com/path.'
        : `Did you mean ${guess}?`;
    throw new UsageError(
      `'${hasScheme ? redactUrl(url) : guess.slice('ws://'.length)}' is no WebSocket URL.`,
      remedy,
    );
  }
}

/** Several values of one header are one list (RFC 9110 §5.3); cookies are joined by semicolons (RFC 6265 §5.4). */
function joinHeaders(headers: readonly Header[]): Record<string, string> {
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

function authFrameFrom(given: string): () => string {
  if (!given.startsWith('@')) return () => given;
  const path = given.slice(1);
  const read = () => readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  try {
    read();
  } catch (thrown) {
    throw new UsageError(
      `--auth-frame cannot be read: ${textOf(thrown)}.`,
      'Give the path of a readable file after the @.',
    );
  }
  return read;
}

/** `Name: value`, or `@file` with one header a line. */
export function parseHeader(given: string, before: readonly Header[] = []): readonly Header[] {
  if (!given.startsWith('@')) return [...before, headerOf(given)];
  let text: string;
  try {
    text = readFileSync(given.slice(1), 'utf8');
  } catch (thrown) {
    throw new InvalidArgumentError(`It cannot be read: ${textOf(thrown)}.`);
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return [...before, ...lines.map(headerOf)];
}

function headerOf(line: string): Header {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0)).trim();
  const value = line.slice(colon + 1).trim();
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    // Not as the others, which say what was given: it may well be a secret.
    throw new UsageError("--header is wrong: expected 'Name: value'.", 'See: statewire connect --help');
  }
  return { name, value };
}

export function parseSubprotocol(given: string, before: readonly string[] = []): readonly string[] {
  // RFC 6455 §4.1: a token of RFC 9110, as a header's name is one, and none twice.
  try {
    validateHeaderName(given);
  } catch {
    throw new InvalidArgumentError('Expected one word without spaces or commas.');
  }
  if (before.includes(given)) throw new InvalidArgumentError('It was given before.');
  return [...before, given];
}

export function parseSeconds(given: string): number {
  const value = Number(given);
  if (given.trim() === '' || !(value > 0))
    throw new InvalidArgumentError('Expected a number of seconds above 0.');
  return value;
}

export const parseHeartbeat = (given: string): number | false =>
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
