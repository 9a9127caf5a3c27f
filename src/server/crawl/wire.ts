// Messages of the server: their envelopes, and their bytes in either encoding.
import { encode as pack } from '@msgpack/msgpack';
import { decodeMessagePack as unpack } from '../../protocols/message-pack.ts';
import { CRAWL_SUBPROTOCOLS, type CrawlMessage } from '../../crawl/messages.ts';

type MessageOf<Type extends CrawlMessage['message_type']> = Extract<CrawlMessage, { message_type: Type }>;

/** RFC 3339 with a numeric offset, as the original server writes it: older parsers do not take a `Z`. */
export const wireTime = (): string => new Date().toISOString().replace('Z', '+00:00');

export function envelope<Type extends CrawlMessage['message_type']>(
  type: Type,
  data: MessageOf<Type>['data'],
  requestId?: string,
): MessageOf<Type> {
  const message = { message_type: type, data, timestamp: wireTime() };
  return (requestId === undefined
    ? message
    : { ...message, request_id: requestId }) as unknown as MessageOf<Type>;
}

export const errorMessage = (type: string, message: string, requestId?: string): MessageOf<'error'> =>
  envelope('error', { error_type: type, message }, requestId);

/** How messages become frames and frames messages. */
export interface Encoding {
  encode(message: CrawlMessage): string | Uint8Array;
  /** @throws for a frame that is none */
  decode(data: Buffer, isBinary: boolean): unknown;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Takes JSON in binary frames too, as the original client does. */
const JSON_ENCODING: Encoding = {
  encode: (message) => JSON.stringify(message),
  decode: (data) => JSON.parse(strictUtf8.decode(data)) as unknown,
};

const MESSAGE_PACK_ENCODING: Encoding = {
  encode: (message) => pack(message),
  decode: (data, isBinary) => (isBinary ? unpack(data) : JSON_ENCODING.decode(data, false)),
};

export const encodingOf = (subprotocol: string): Encoding =>
  subprotocol === CRAWL_SUBPROTOCOLS.messagePack ? MESSAGE_PACK_ENCODING : JSON_ENCODING;
