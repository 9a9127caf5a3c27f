// The frames of channels, byte by byte, and what is none.
import { describe, expect, it } from 'vitest';
import {
  controlFrame,
  frameAround,
  isChannelName,
  messageFrame,
  messageOf,
  readEnvelope,
  readReply,
} from '../../src/channels/wire.ts';

describe('a frame', () => {
  it.each([
    [
      controlFrame({ action: 'subscribe', channel: 'user_session_abc123' }),
      '{"channel":"subscription","payload":{"action":"subscribe","channel":"user_session_abc123"}}',
    ],
    [
      controlFrame({ action: 'unsubscribe', channel: 'user_session_abc123' }),
      '{"channel":"subscription","payload":{"action":"unsubscribe","channel":"user_session_abc123"}}',
    ],
    [
      controlFrame({ action: 'subscribe', channel: 'a', after: 7, epoch: 'e' }),
      '{"channel":"subscription","payload":{"action":"subscribe","channel":"a","after":7,"epoch":"e"}}',
    ],
    [controlFrame({ action: 'ping' }), '{"channel":"subscription","payload":{"action":"ping"}}'],
    [messageFrame({ channel: 'a', payload: { message: 'é' } }), '{"channel":"a","payload":{"message":"é"}}'],
    [
      messageFrame({ channel: 'a"b', payload: null, seq: 0, message_id: 'i"d' }),
      '{"channel":"a\\"b","payload":null,"seq":0,"message_id":"i\\"d"}',
    ],
    [frameAround('a', '[1,2]', { seq: 3 }), '{"channel":"a","payload":[1,2],"seq":3}'],
    [frameAround('a', '{}'), '{"channel":"a","payload":{}}'],
  ])('%s is written as it is specified', (written, specified) => {
    expect(written).toBe(specified);
  });

  it('cannot hold what JSON cannot express', () => {
    expect(() => messageFrame({ channel: 'a', payload: undefined })).toThrow(
      new TypeError('Expected a payload that JSON can express, got undefined.'),
    );
  });

  it.each([
    ['{"channel":"a","payload":{"x":1}}', { channel: 'a', payload: { x: 1 } }],
    [
      '{"channel":"a","payload":null,"seq":4,"message_id":"i"}',
      { channel: 'a', payload: null, seq: 4, message_id: 'i' },
    ],
    ['{"channel":"a","payload":1,"seq":-1,"message_id":5,"more":1}', { channel: 'a', payload: 1 }],
    ['{"channel":"a","payload":1,"seq":1.5}', { channel: 'a', payload: 1 }],
  ])('%s is read', (text, message) => {
    expect(messageOf(readEnvelope(text))).toEqual(message);
  });

  it.each([
    '',
    'x',
    '5',
    'null',
    '[]',
    '{}',
    '{"channel":"a"}',
    '{"channel":1,"payload":1}',
    '{"payload":1}',
  ])('is not %j, which is not repeated', (text) => {
    expect(() => readEnvelope(text)).toThrow(/^(Expected|Unexpected|.*JSON)/);
  });
});

describe('the name of a channel', () => {
  it('is a string of 1 to 200 characters that is not that of the control channel', () => {
    const names = ['a', 'x'.repeat(200), 'user_session_abc123', ' ', 'Subscription'];
    const others = ['', 'x'.repeat(201), 'subscription', 5, null, undefined, {}];

    expect(names.filter((name) => !isChannelName(name))).toEqual([]);
    expect(others.filter(isChannelName)).toEqual([]);
  });
});

describe('a reply', () => {
  it.each([
    { action: 'subscribed', channel: 'a' },
    { action: 'subscribed', channel: 'a', seq: 0, epoch: 'e', recovered: true },
    { action: 'unsubscribed', channel: 'a' },
    { action: 'pong' },
    { action: 'published', channel: 'a', message_id: 'i', seq: 1 },
    { action: 'error', message: 'no' },
    { action: 'error', message: 'no', code: 'BAD_FRAME', request: 'publish', channel: 'a', message_id: 'i' },
    { action: 'gap', channel: 'a', after: 1, seq: 2 },
    { action: 'presence', channel: 'a', event: 'join', members: [{ id: 'ada' }] },
  ])('%j is read as it is', (payload) => {
    expect(readReply(payload)).toBe(payload);
  });

  it.each([{ action: 'dance' }, { action: 5 }, {}, { action: 'toString' }])(
    '%j is of another version',
    (payload) => {
      expect(readReply(payload)).toBeUndefined();
    },
  );

  it.each([
    null,
    'subscribed',
    { action: 'subscribed' },
    { action: 'subscribed', channel: 'a', seq: 'x' },
    { action: 'subscribed', channel: 'a', epoch: 5 },
    { action: 'published', channel: 'a', message_id: 'i' },
    { action: 'published', channel: 'a', message_id: 5, seq: 1 },
    { action: 'error' },
    { action: 'error', message: 'no', channel: 5 },
    { action: 'gap', channel: 'a', after: -1, seq: 2 },
    { action: 'presence', channel: 'a', event: 'wave', members: [] },
    { action: 'presence', channel: 'a', event: 'join', members: [null] },
    { action: 'presence', channel: 'a', event: 'join', members: 'ada' },
  ])('%j lacks something', (payload) => {
    expect(() => readReply(payload)).toThrow(TypeError);
  });
});
