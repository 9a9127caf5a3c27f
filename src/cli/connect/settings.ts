// What `statewire connect` was asked for: each option's text checked and turned into what the session needs.
import { validateHeaderName } from 'node:http';
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
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
  readonly retry: RetrySettings;
  readonly connectWithinMs: number | undefined;
  readonly heartbeatMs: number | false;
  readonly isInsecure: boolean;
  readonly output: 'text' | 'json';
  readonly isQuiet: boolean;
}

const DEFAULT_HEARTBEAT_MS = 15_000;

/** @throws {UsageError} for a URL that is none, or a file that cannot be read. */
export function settingsOf(url: string, flags: ConnectFlags): ConnectSettings {
  const { retry, retryMaxDelay, maxMessages, once, timeout, heartbeat, authFrame } = flags;
  return {
    url: checkUrl(url, 'ws'),
    headers: joinHeaders(flags.header ?? []),
    subprotocols: flags.subprotocol ?? [],
    authFrame: authFrame === undefined ? undefined : textOrFile('--auth-frame', authFrame, readFrame),
    isJson: flags.json === true,
    maxMessages: once === true ? 1 : (maxMessages ?? Infinity),
    readsInput: flags.listen !== true,
    retry: retrySettings(retry, retryMaxDelay),
    connectWithinMs: inMs(timeout),
    heartbeatMs: heartbeat === false ? false : (inMs(heartbeat) ?? DEFAULT_HEARTBEAT_MS),
    isInsecure: flags.insecure === true,
    output: flags.output,
    isQuiet: flags.quiet === true,
  };
}

/** A file of one line ends with a line break that is not meant. */
const readFrame = (path: string): string => readFileSync(path, 'utf8').replace(/\r?\n$/, '');

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
