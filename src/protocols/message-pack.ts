// The protocol of MessagePack, and MessagePack from strangers. The decoder allocates an array as soon as it has read how
// long it says it is: a frame of a hundred bytes may claim more memory than there is. So what a frame claims is compared
// with what it has, first.
import { decode, encode } from '@msgpack/msgpack';
import { textOf } from '../errors.ts';
import type { Protocol } from './protocol.ts';

const MESSAGE_PACK: Protocol<unknown> = {
  name: 'messagepack',
  heartbeat: { probe: 'ping' },
  encode: encodeMessagePack,
  decode: (frame) => {
    if (typeof frame === 'string')
      throw new TypeError(`Expected MessagePack in a binary frame, got a text of ${frame.length} characters`);
    return decodeMessagePack(frame);
  },
};

/**
 * Every message is a MessagePack value and goes as a binary frame: what JSON can express, and `Uint8Array` and `Date`
 * besides, which arrive as such. Types are claimed, and nothing is checked: validate what comes from a stranger.
 *
 * What is `undefined` is left out of an object, and is `null` elsewhere; `toJSON()` is not asked. An integer of 64 bits
 * that comes from elsewhere is a number here, the nearest one beyond ±2⁵³, as in JSON. Sending a function, a symbol, a
 * cycle, more than 100 levels or a BigInt throws a `TypeError`: say large integers as strings.
 *
 * A text frame, what is no MessagePack, what claims to be longer than it is, more than 100,000 arrays and objects, a key
 * that is neither a string nor a number, and the key `__proto__` become an `invalidMessage` event, and nothing else
 * happens.
 *
 * @typeParam Incoming what listeners receive
 * @typeParam Outgoing what `send()` takes
 * @see {@link https://github.com/msgpack/msgpack/blob/master/spec.md} the format, with its timestamps
 */
export const messagePack = <Incoming = unknown, Outgoing = Incoming>(): Protocol<Incoming, Outgoing> =>
  MESSAGE_PACK as Protocol<Incoming, Outgoing>;

/** @throws {TypeError} for what MessagePack cannot express */
function encodeMessagePack(message: unknown): Uint8Array {
  try {
    // The encoder's buffer has 2 KB at least, which a small message that is queued would keep.
    return encode(message, { ignoreUndefined: true }).slice();
  } catch (thrown) {
    const cause = { cause: thrown };
    throw new TypeError(`Expected a value that MessagePack can express: ${textOf(thrown)}`, cause);
  }
}

/** No message has as many arrays and objects in it; nested in each other they take much memory. */
const MAX_CONTAINERS = 100_000;

/** @throws for what is no MessagePack, and for what claims more than it has */
export function decodeMessagePack(bytes: Uint8Array): unknown {
  checkClaims(bytes);
  return decode(bytes);
}

/** Bytes that follow the first one of a value, where they are always as many, from 0xc0 on. */
const FIXED: Readonly<Record<number, number>> = {
  ...{ 0xc0: 0, 0xc1: 0, 0xc2: 0, 0xc3: 0, 0xca: 4, 0xcb: 8, 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8 },
  ...{ 0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8, 0xd4: 2, 0xd5: 3, 0xd6: 5, 0xd7: 9, 0xd8: 17 },
};

/** How many bytes the length has, and what follows it beside that. */
const MEASURED: Readonly<
  Record<number, readonly [width: 1 | 2 | 4, kind: 'bytes' | 'ext' | 'array' | 'map']>
> = {
  ...{ 0xc4: [1, 'bytes'], 0xc5: [2, 'bytes'], 0xc6: [4, 'bytes'] },
  ...{ 0xc7: [1, 'ext'], 0xc8: [2, 'ext'], 0xc9: [4, 'ext'] },
  ...{ 0xd9: [1, 'bytes'], 0xda: [2, 'bytes'], 0xdb: [4, 'bytes'] },
  ...{ 0xdc: [2, 'array'], 0xdd: [4, 'array'], 0xde: [2, 'map'], 0xdf: [4, 'map'] },
};

/** Every value takes a byte: nobody can be owed more values than there are bytes left. */
function checkClaims(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  let containers = 0;
  for (let owed = 1; owed > 0; owed -= 1) {
    if (owed > bytes.byteLength - offset || containers > MAX_CONTAINERS)
      throw new RangeError('The frame claims more than it has.');
    const { skip, values } = valueAt(view, offset);
    offset += skip;
    owed += values;
    if (values > 0) containers += 1;
  }
}

function valueAt(view: DataView, offset: number): { readonly skip: number; readonly values: number } {
  const first = view.getUint8(offset);
  if (first < 0x80 || first >= 0xe0) return { skip: 1, values: 0 };
  if (first < 0x90) return { skip: 1, values: 2 * (first - 0x80) };
  if (first < 0xa0) return { skip: 1, values: first - 0x90 };
  if (first < 0xc0) return { skip: 1 + first - 0xa0, values: 0 };
  return measuredAt(view, offset, first);
}

function measuredAt(view: DataView, offset: number, first: number): ReturnType<typeof valueAt> {
  const measured = MEASURED[first];
  if (measured === undefined) return { skip: 1 + (FIXED[first] ?? 0), values: 0 };
  const [width, kind] = measured;
  const at = offset + 1;
  const length = width === 1 ? view.getUint8(at) : width === 2 ? view.getUint16(at) : view.getUint32(at);
  const head = 1 + width;
  if (kind === 'array') return { skip: head, values: length };
  if (kind === 'map') return { skip: head, values: 2 * length };
  return { skip: head + length + (kind === 'ext' ? 1 : 0), values: 0 };
}
