// A protocol is the user's code: whatever one of its functions throws is told, and neither ends the process nor
// leaves a promise pending.
import { describe, expect, test } from 'vitest';
import { Connection, type ConnectionOptions, type Protocol } from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { FakeTransport } from '../support/fake-transport.ts';
import { rejectionOf } from '../support/connected.ts';

const broken = (): never => {
  throw new Error('broken');
};

const plain: Protocol<string> = { name: 'plain', encode: String, decode: String };

const greeting: Protocol<string> = {
  ...plain,
  handshake: () => ({ opening: ['hello'], receive: () => ({ status: 'accepted', welcome: undefined }) }),
};

function connectionOf(options: Partial<ConnectionOptions<string>>) {
  const clock = new VirtualClock();
  const transport = new FakeTransport();
  const connection = new Connection<string>({
    url: 'ws://fake',
    protocol: plain,
    retry: false,
    clock,
    transport,
    ...options,
  });
  const errors: string[] = [];
  const messages: string[] = [];
  connection.on('error', ({ code }) => errors.push(code));
  connection.on('message', (message) => messages.push(message));
  return { clock, transport, connection, errors, messages };
}

async function open(options: Partial<ConnectionOptions<string>>) {
  const made = connectionOf(options);
  const connecting = made.connection.connect();
  await until(() => made.transport.links.length > 0);
  made.transport.link.open();
  await connecting;
  return { ...made, link: made.transport.link };
}

describe('a function of the protocol that throws', () => {
  test('(handshake) fails the attempt', async () => {
    const { connection, transport } = connectionOf({ protocol: { ...plain, handshake: broken } });
    const connecting = rejectionOf(connection.connect());
    await until(() => transport.links.length > 0);

    transport.link.open();

    expect(await connecting).toMatchObject({
      code: 'HANDSHAKE_FAILED',
      message: 'The handshake failed: broken.',
    });
  });

  test('(receive of the handshake) fails the attempt', async () => {
    const handshake = () => ({ opening: [], receive: broken });
    const { connection, transport } = connectionOf({ protocol: { ...plain, handshake } });
    const connecting = rejectionOf(connection.connect());
    await until(() => transport.links.length > 0);
    transport.link.open();

    transport.link.receive('welcome');

    expect(await connecting).toMatchObject({ code: 'HANDSHAKE_FAILED' });
    expect(transport.link.isTerminated).toBe(true);
  });

  test.each([
    ['without a handshake', plain],
    ['after a handshake', greeting],
  ])('(resume, %s) fails the attempt', async (_, protocol) => {
    const { connection, transport } = connectionOf({ protocol: { ...protocol, resume: broken } });
    const connecting = rejectionOf(connection.connect());
    await until(() => transport.links.length > 0);

    expect(() => {
      transport.link.open();
      transport.link.receive('welcome');
    }).not.toThrow();

    expect(await connecting).toMatchObject({ code: 'RESUME_FAILED' });
  });

  test('(decode) is an invalid message, and the next one is read', async () => {
    const decode = (frame: unknown) => (frame === 'bad' ? broken() : String(frame));
    const { connection, link, messages } = await open({ protocol: { ...plain, decode } });
    const invalid: unknown[] = [];
    connection.on('invalidMessage', ({ frame, error }) => invalid.push([frame, error.code, error.message]));

    link.receive('bad');
    link.receive('good');

    expect(invalid).toEqual([['bad', 'INVALID_MESSAGE', 'A message could not be decoded: broken.']]);
    expect([connection.state, messages]).toEqual(['open', ['good']]);
    expect(connection.stats).toMatchObject({ messagesIn: 1, invalidMessages: 1 });
  });

  test('(encode) reaches the caller, and nothing is sent', async () => {
    const { connection, link } = await open({ protocol: { ...plain, encode: broken } });

    expect(() => connection.send('one')).toThrow('broken');
    await expect(connection.deliver('two')).rejects.toThrow('broken');

    expect(link.sent).toEqual([]);
    expect(connection.stats.messagesOut).toBe(0);
  });

  test('(encode, in the resume option) fails the attempt', async () => {
    const { connection, transport } = connectionOf({
      protocol: { ...plain, encode: broken },
      resume: ({ send }) => send('subscribe'),
    });
    const connecting = rejectionOf(connection.connect());
    await until(() => transport.links.length > 0);
    transport.link.open();

    expect(await connecting).toMatchObject({ code: 'RESUME_FAILED' });
  });

  test('(revokes) is reported, and the session goes on', async () => {
    const { connection, link, errors, messages } = await open({ protocol: { ...plain, revokes: broken } });

    expect(() => link.receive('one')).not.toThrow();

    expect([connection.state, errors, messages]).toEqual(['open', ['PROTOCOL_FAILED'], ['one']]);
  });

  test('(acknowledgedBy) is reported, and the message delivered', async () => {
    const acknowledgements = { idOf: String, acknowledgedBy: broken };
    const { connection, link, errors, messages } = await open({ protocol: { ...plain, acknowledgements } });
    const delivery = rejectionOf(connection.deliver('question'));

    expect(() => link.receive('answer')).not.toThrow();

    expect([connection.state, errors, messages]).toEqual(['open', ['PROTOCOL_FAILED'], ['answer']]);
    link.end();
    expect(await delivery).toMatchObject({ code: 'DELIVERY_UNKNOWN' });
  });

  test('(idOf) reaches the caller, and nothing is sent', async () => {
    const acknowledgements = { idOf: broken, acknowledgedBy: () => undefined };
    const { connection, link } = await open({ protocol: { ...plain, acknowledgements } });

    await expect(connection.deliver('question')).rejects.toThrow('broken');

    expect(link.sent).toEqual([]);
  });

  test('(classifyClose) is reported, and the table of close codes asked', async () => {
    const { connection, link, errors } = await open({ protocol: { ...plain, classifyClose: broken } });

    expect(() => link.end({ closeCode: 1008, closeReason: 'no' })).not.toThrow();

    expect([connection.state, errors]).toEqual(['failed', ['PROTOCOL_FAILED']]);
  });

  test('(farewell) is reported, and the close frame sent', async () => {
    const { connection, link, errors } = await open({ protocol: { ...plain, farewell: broken } });

    const disconnected = connection.disconnect();
    expect(link.closed).toEqual([{ code: 1000, reason: '' }]);
    link.end({ closeCode: 1000 });
    await disconnected;

    expect([connection.state, errors]).toEqual(['closed', ['PROTOCOL_FAILED']]);
  });
});

describe('a function of the protocol that answers nonsense', () => {
  test('(encode) is refused, and does not spoil the bounds of the outbox', async () => {
    const { connection } = connectionOf({
      protocol: { ...plain, encode: (message) => (message === 'bad' ? (5 as never) : message) },
      outbox: { maxMessages: 10, maxBytes: 10 },
    });

    expect(() => connection.send('bad')).toThrow(TypeError);

    connection.send('12345');
    expect(() => connection.send('1234567890')).toThrow(expect.objectContaining({ code: 'OUTBOX_FULL' }));
  });

  test('(receive of the handshake) fails the attempt', async () => {
    const handshake = () => ({ opening: [], receive: () => undefined as never });
    const { connection, transport } = connectionOf({ protocol: { ...plain, handshake } });
    const connecting = rejectionOf(connection.connect());
    await until(() => transport.links.length > 0);
    transport.link.open();

    expect(() => transport.link.receive('welcome')).not.toThrow();

    expect(await connecting).toMatchObject({ code: 'HANDSHAKE_FAILED' });
  });
});

describe('a transport', () => {
  test('that throws is a failed attempt', async () => {
    const { connection } = connectionOf({ transport: { name: 'broken', open: broken } });

    expect(await rejectionOf(connection.connect())).toMatchObject({
      code: 'CONNECT_FAILED',
      message: 'The connection could not be opened: broken.',
    });
  });
});
