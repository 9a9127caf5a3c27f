// What the frames of a crawl server mean, and where it is. No I/O: frames in, answers out.
import { encode as encodeMessagePack } from '@msgpack/msgpack';
import type { HandshakeStep, Protocol } from '../protocols/protocol.ts';
import { encodeJson } from '../protocols/text.ts';
import { parseUrl } from '../providers.ts';
import type { Frame } from '../transports/transport.ts';
import { readFrame } from './decoding.ts';
import { ValidationError } from './errors.ts';
import { CRAWL_SUBPROTOCOLS, type CrawlRequest } from './messages.ts';
import type { CrawlEncoding, CrawlEvent, Welcomed } from './results.ts';

/** A request, and how the server it is for wants it written. */
export interface CrawlOutgoing {
  readonly request: CrawlRequest;
  readonly encoding: CrawlEncoding;
}

export type CrawlProtocol = Protocol<CrawlEvent, CrawlOutgoing, Welcomed>;

/**
 * The server speaks first, and nothing is asked before its `welcome`, which is the first message too: whoever reads the
 * messages sees in their order where a session begins.
 *
 * @param encoding what is asked for; the server decides, and its welcome tells
 * @param isExcused whether the server is at present known to be too busy for a pong
 */
export function crawlProtocol(
  encoding: CrawlEncoding,
  isExcused: () => boolean = () => false,
): CrawlProtocol {
  return {
    name: 'crawl',
    ...(encoding === 'messagepack' && {
      subprotocols: [CRAWL_SUBPROTOCOLS.messagePack, CRAWL_SUBPROTOCOLS.json],
    }),
    handshake: () => ({ opening: [], receive: (frame) => judge(frame, encoding) }),
    encode: ({ request, encoding: wanted }) =>
      wanted === 'messagepack' ? encodeMessagePack(request, { ignoreUndefined: true }) : encodeJson(request),
    decode: (frame) => withoutWelcome(readFrame(frame, encoding)),
    heartbeat: { probe: 'ping', isExcused },
  };
}

/** A session begins once: a second welcome is a message like any that nobody knows. */
const withoutWelcome = (event: CrawlEvent): CrawlEvent =>
  event.type === 'welcome' ? { ...event, type: 'message' } : event;

function judge(frame: Frame, encoding: CrawlEncoding): HandshakeStep<CrawlEvent, Welcomed> {
  const event = readFrame(frame, encoding);
  if (event.type !== 'welcome') {
    const explanation = `Expected a welcome, got ${saidBy(event).replace(/\.$/, '')}.`;
    return { status: 'rejected', code: 'HANDSHAKE_FAILED', cure: 'retry', explanation, payload: event.data };
  }
  const spoken = typeof frame === 'string' ? 'json' : encoding;
  const { supported_operations: offered } = event.data as { readonly supported_operations?: unknown };
  const data = { ...event.data, supported_operations: Array.isArray(offered) ? (offered as string[]) : [] };
  const welcome: Welcomed = { ...event, data, encoding: spoken };
  return { status: 'accepted', welcome, messages: [welcome] };
}

function saidBy(event: CrawlEvent): string {
  if (event.type === 'unreadable') return `what cannot be read: ${event.data.message}`;
  if (event.type === 'error') return `an error: ${event.data.message}`;
  return event.type === 'message' ? 'a message without a known type' : `a ${event.type}`;
}

/**
 * The address of an endpoint: the path is added to that of the base URL, unless it ends with it already; its query is
 * kept. `http:` becomes `ws:` and `https:` `wss:`, or the other way round.
 *
 * @throws {ValidationError}
 */
export function endpointOf(baseUrl: string | URL, path: string, scheme: 'ws' | 'http' = 'ws'): string {
  let url: URL;
  try {
    url = new URL(parseUrl(baseUrl));
  } catch {
    throw new ValidationError('baseUrl', 'a URL such as http://localhost:3000', baseUrl);
  }
  const base = url.pathname.replace(/\/+$/, '');
  url.pathname = base.endsWith(path) ? base : base + path;
  return scheme === 'ws' ? url.href : url.href.replace(/^ws/, 'http');
}
