// What `subscribe` and `publish` say of the hub in common: where it is, with which headers, and how patient they are.
import type { Command } from 'commander';
import { decorrelatedJitterBackoff } from '../../backoff.ts';
import { CHANNEL_DEFAULTS, type ChannelClientOptions } from '../../channels/options.ts';
import { CONTROL_CHANNEL, isChannelName, MAX_CHANNEL_LENGTH } from '../../channels/wire.ts';
import type { RetryPolicy } from '../../retry-policy.ts';
import { UsageError } from '../io.ts';
import { addInsecure, addRetry } from '../session/options.ts';
import {
  checkUrl,
  headerParser,
  joinHeaders,
  retrySettings,
  type Header,
  type RetrySettings,
} from '../session/settings.ts';
import { fit } from '../style.ts';

/** The options as commander hands them over, parsed one by one. */
export interface HubFlags {
  readonly url: string;
  readonly header?: readonly Header[];
  readonly insecure?: true;
  readonly retry?: number | false;
  readonly retryMaxDelay?: number;
}

export interface HubAddress {
  readonly channel: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly isInsecure: boolean;
  readonly retry: RetrySettings;
}

export function addHub(command: Command, name: string): Command {
  command
    .optionsGroup('The hub:')
    .option('--url <url>', 'ws:// or wss://', CHANNEL_DEFAULTS.url)
    .option(
      '-H, --header <header>',
      "'Name: value' of the upgrade request, or @file with one a line (repeatable)",
      headerParser(name),
    );
  addInsecure(command);
  return addRetry(command, 'forever after a loss, but the first connection is not retried', ' (default: 10)');
}

/** @throws {UsageError} for a name or a URL that is none */
export function hubAddressOf(channel: string, flags: HubFlags): HubAddress {
  return {
    channel: checkChannel(channel),
    url: checkUrl(flags.url, 'ws'),
    headers: joinHeaders(flags.header ?? []),
    isInsecure: flags.insecure === true,
    retry: retrySettings(flags.retry, flags.retryMaxDelay),
  };
}

const FIRST_DELAY_MS = 500;

export function clientOptionsOf({
  url,
  headers,
  isInsecure,
  retry,
}: HubAddress): ChannelClientOptions & { readonly retryPolicy: RetryPolicy } {
  return {
    ...{ url, headers },
    // How often is for the policy to say, which knows a first connection from a lost one.
    maxRetries: Infinity,
    retryDelayMs: Math.min(FIRST_DELAY_MS, retry.maxDelayMs),
    retryPolicy: policyOf(retry),
    ...(isInsecure && { webSocket: { node: { rejectUnauthorized: false } } }),
  };
}

function policyOf({ maxAttempts, initial, maxDelayMs }: RetrySettings): RetryPolicy {
  const backoff = decorrelatedJitterBackoff({
    maxMs: maxDelayMs,
    baseMs: Math.min(FIRST_DELAY_MS, maxDelayMs),
  });
  return ({ initial: isFirst, attempt, previousDelayMs, error }, verdict) => {
    if (verdict.action !== 'retry') return verdict;
    if (attempt > (isFirst && !initial ? 0 : maxAttempts)) return { action: 'stop', error };
    const delayMs = backoff.delayMs(attempt, { previousMs: previousDelayMs, random: Math.random });
    // The verdict's own is longer when the server asked for it.
    return { action: 'retry', delayMs: Math.max(delayMs, verdict.delayMs) };
  };
}

function checkChannel(given: string): string {
  if (isChannelName(given)) return given;
  throw new UsageError(
    `'${fit(given, 40)}' is no name of a channel.`,
    `Give 1 to ${MAX_CHANNEL_LENGTH} characters; '${CONTROL_CHANNEL}' itself is taken.`,
  );
}
