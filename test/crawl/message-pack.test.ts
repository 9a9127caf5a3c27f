// MessagePack from strangers: what it says is read, and what it claims to be is not believed.
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeMessagePack } from '../../src/crawl/message-pack.ts';

it('reads whatever was written', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      // -0 is 0 to MessagePack, as it is to JSON.
      expect(decodeMessagePack(encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

it('makes no room for what a frame only claims to have', () => {
  const thirtyMillion = [0xdd, 0x01, 0xc9, 0xc3, 0x80];
  const bomb = Uint8Array.from(Array(30).fill(thirtyMillion).flat() as number[]);

  expect(() => decodeMessagePack(bomb)).toThrow('The frame claims more than it has.');
});

it('refuses more arrays and objects than any message has', () => {
  const nested = new Uint8Array(200_001).fill(0x91);
  nested[200_000] = 0xc0;

  expect(() => decodeMessagePack(nested)).toThrow('The frame claims more than it has.');
});
