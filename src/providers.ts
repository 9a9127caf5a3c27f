// Options that may be functions, asked anew for each attempt, each within its own time limit.
import type { Clock } from './clock.ts';
import { ConnectionError, InvalidOptionError, textOf, type ErrorCode } from './errors.ts';
import type { AttemptInfo, ConnectionOptions, Provided } from './options.ts';
import { noteAnswer } from './redaction/known.ts';
import type { Target, Transport } from './transports/transport.ts';

/** A function of the user's that failed: becomes a failed attempt. */
export class ProviderError extends ConnectionError {
  constructor(
    code: Extract<ErrorCode, 'PROVIDER_FAILED' | 'PROVIDER_TIMEOUT'>,
    option: string,
    extra: { limitMs: number } | { thrown: unknown },
  ) {
    super(code, {
      details: { option, ...('thrown' in extra ? { cause: textOf(extra.thrown) } : extra) },
      ...('thrown' in extra && { cause: extra.thrown }),
    });
  }
}

interface Limit {
  readonly clock: Clock;
  readonly limitMs: number;
}

interface Asking extends Limit {
  /** What a function answers may be a secret. */
  readonly note: (option: Providing | 'body', answer: unknown) => void;
}

type Providing = 'url' | 'protocols' | 'headers' | 'credentials';
type Carrier = Pick<Transport, 'schemes' | 'body'>;

export const isProvider = (value: unknown): value is (...args: never[]) => unknown =>
  typeof value === 'function';

/** Whether asking again may bring other credentials: they may be in any of the five. */
export const canRefresh = (
  options: { readonly [Name in Providing]?: unknown } & { readonly transport?: Carrier },
): boolean =>
  [options.credentials, options.headers, options.url, options.protocols, options.transport?.body].some(
    isProvider,
  );

async function ask<Value>(
  option: Providing | 'body',
  provided: Provided<Value>,
  info: AttemptInfo,
  { clock, limitMs, note }: Asking,
): Promise<Value> {
  if (!isProvider(provided)) return provided;
  info.signal.throwIfAborted();
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(
      () => reject(new ProviderError('PROVIDER_TIMEOUT', option, { limitMs })),
      limitMs,
    );
  });
  const over = () => clock.clearTimeout(timer);
  info.signal.addEventListener('abort', over);
  try {
    const asked = (async () => provided(info))();
    const answer = await Promise.race([asked, late]);
    note(option, answer);
    return answer;
  } catch (thrown) {
    throw thrown instanceof ProviderError ? thrown : new ProviderError('PROVIDER_FAILED', option, { thrown });
  } finally {
    info.signal.removeEventListener('abort', over);
    over();
  }
}

/** Everything that an attempt needs to know. @throws {ProviderError} */
export async function resolveAttempt<Credentials>(
  options: Pick<ConnectionOptions<never, never, never, Credentials>, Providing> & {
    readonly transport?: Carrier;
  },
  offered: readonly string[],
  info: AttemptInfo,
  limit: Limit,
): Promise<{ readonly target: Target; readonly credentials: Credentials }> {
  const note: Asking['note'] = (option, answer) => noteAnswer(options, option, answer);
  const asking = { ...limit, note };
  const url = await ask('url', options.url, info, asking);
  const headers = await ask('headers', options.headers ?? {}, info, asking);
  const protocols = await ask('protocols', options.protocols ?? offered, info, asking);
  const credentials = await ask('credentials', options.credentials as Provided<Credentials>, info, asking);
  const body = await ask('body', options.transport?.body, info, asking);
  const target = {
    url: parseFor('url', () => parseUrl(url, options.transport?.schemes)),
    headers: parseFor('headers', () => checkHeaders(headers)),
    subprotocols: parseFor('protocols', () => checkProtocols(protocols)),
    ...(body !== undefined && { body }),
  };
  return { target, credentials };
}

function parseFor<Value>(option: Providing, parse: () => Value): Value {
  try {
    return parse();
  } catch (thrown) {
    throw new ProviderError('PROVIDER_FAILED', option, { thrown });
  }
}

/** What a scheme is written as, for those that can be meant. */
const SCHEMES: Readonly<Record<'ws' | 'http', Readonly<Record<string, string>>>> = {
  ws: { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' },
  http: { 'http:': 'http:', 'https:': 'https:' },
};
const EXAMPLES = {
  ws: 'an absolute WebSocket URL such as wss://example.com/path',
  http: 'an absolute URL such as https://example.com/path',
} as const;

/**
 * A URL in its normal form: absolute, without a fragment (WHATWG WebSockets §3.1), `ws:` or `wss:`, unless the transport
 * has it otherwise.
 *
 * @throws {InvalidOptionError} for anything else
 */
export function parseUrl(given: string | URL, schemes: 'ws' | 'http' = 'ws'): string {
  const base = (globalThis as { location?: { href?: string } }).location?.href;
  let url: URL;
  try {
    url = new URL(given, base);
  } catch {
    throw new InvalidOptionError('url', EXAMPLES[schemes], given);
  }
  const scheme = SCHEMES[schemes][url.protocol];
  if (scheme === undefined) {
    const wanted = schemes === 'ws' ? 'ws: or wss:' : 'http: or https:';
    throw new InvalidOptionError('url', `a URL with the scheme ${wanted}, not ${url.protocol}`, given);
  }
  // The protocol setter refuses some changes of scheme; the text does not.
  url.hash = '';
  return scheme + url.href.slice(url.protocol.length);
}

// RFC 9110 §5.5: a field value holds no CR, LF or NUL.
const FORBIDDEN = /[\r\n\0]/;

/** @throws {InvalidOptionError} */
export function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const given: unknown = headers;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError('headers', 'an object of names and values', given);
  }
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' || FORBIDDEN.test(name + value)) {
      throw new InvalidOptionError(`headers.${name}`, 'a string without line breaks', value);
    }
  }
  return headers;
}

// RFC 6455 §4.1: subprotocols are tokens (RFC 9110 §5.6.2), each offered once.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** @throws {InvalidOptionError} */
export function checkProtocols(given: string | readonly string[]): readonly string[] {
  const names: unknown = typeof given === 'string' ? [given] : given;
  const isRight =
    Array.isArray(names) &&
    names.every((name) => typeof name === 'string' && TOKEN.test(name)) &&
    new Set(names).size === names.length;
  if (!isRight)
    throw new InvalidOptionError('protocols', 'a subprotocol name, or a list of different ones', given);
  return names as readonly string[];
}
