// Who may come in: API keys, compared in constant time, and the origins of browsers.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../clock.ts';
import { REFUSALS, type Refusal } from './refusals.ts';

/** The keys that are accepted, or a function that judges one. What it throws, or its rejection, refuses with a 500. */
export type ApiKeys = readonly string[] | ((key: string) => boolean | Promise<boolean>);

/**
 * `X-API-Key`, or else the token of `Authorization: Bearer`, or else one among the subprotocols with the given prefix,
 * in base64url: a browser can set no other header of an upgrade request.
 */
export function apiKeyOf(headers: IncomingHttpHeaders, subprotocolPrefix?: string): string | undefined {
  const own = headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return own;
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined || subprotocolPrefix === undefined) return bearer;
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  const carrier = offered.find((name) => name.startsWith(subprotocolPrefix));
  return carrier && Buffer.from(carrier.slice(subprotocolPrefix.length), 'base64url').toString('utf8');
}

const digest = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Compares with every key, and digests rather than keys, so that the time tells neither which matched nor how far. */
function isListed(keys: readonly Buffer[], key: string): boolean {
  const given = digest(key);
  return keys.map((known) => timingSafeEqual(known, given)).includes(true);
}

/** How long a function may take to judge a key. */
const JUDGEMENT_MS = 10_000;

/** Resolves with the refusal, or with nothing for somebody who may come in. */
export function accessCheck(
  apiKeys: ApiKeys | undefined,
  clock: Clock,
  subprotocolPrefix?: string,
): (headers: IncomingHttpHeaders) => Promise<Refusal | undefined> {
  if (apiKeys === undefined) return () => Promise.resolve(undefined);
  const digests = typeof apiKeys === 'function' ? [] : apiKeys.map(digest);
  const isRight = typeof apiKeys === 'function' ? apiKeys : (key: string): boolean => isListed(digests, key);
  return async (headers) => {
    const key = apiKeyOf(headers, subprotocolPrefix);
    if (!key) return REFUSALS.unauthorized('Missing API key');
    try {
      return (await within(isRight(key), clock)) ? undefined : REFUSALS.unauthorized('Invalid API key');
    } catch {
      return REFUSALS.internal();
    }
  };
}

/**
 * A page in somebody's browser may open a WebSocket to any server that this browser reaches, with its cookies and from
 * inside its network (RFC 6455 §10.2). Programs send no `Origin`.
 */
export function isOriginAllowed(headers: IncomingHttpHeaders, allowed: readonly string[]): boolean {
  const { origin } = headers;
  return origin === undefined || allowed.includes('*') || allowed.includes(origin);
}

function within<T>(answer: T | Promise<T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(new Error('no answer in time')), JUDGEMENT_MS);
    void Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => clock.clearTimeout(timer));
  });
}
