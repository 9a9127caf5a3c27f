// The heartbeat: what a silent link is asked, when it is dead, and what is no reason to bury it.
import { describe, expect, test } from 'vitest';
import { Connection, type Protocol } from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { FakeTransport } from '../support/fake-transport.ts';
import { quiet, stage } from '../support/connected.ts';
import { asking, heartbeat, isProbing, overFakeLink } from '../support/heartbeat.ts';

const beating: Protocol<string> = { ...asking, heartbeat: { ...asking.heartbeat!, when: 'always' } };

describe('a silent link', () => {
  test('is pinged after intervalMs, and trusted again after the pong', async () => {
    await using scene = await stage({ heartbeat });
    const socket = await scene.connect();

    scene.clock.advance(14_999);
    expect(isProbing(scene.connection)).toBe(false);
    scene.clock.advance(1);
    expect(isProbing(scene.connection)).toBe(true);
    await socket.nextPing();
    scene.clock.advance(40);
    socket.pong();
    await until(() => !isProbing(scene.connection));

    expect(scene.connection.stats.rttMs).toBe(40);
    expect(scene.connection.stats.lastReceivedAt).toBe(15_040);
    expect(scene.states).toEqual(['connecting', 'authenticating', 'open']);
  });

  test('is dead intervalMs + timeoutMs after the last sign of life', async () => {
    await using scene = await stage({ heartbeat });
    const socket = await scene.connect();
    scene.clock.advance(5_000);
    socket.send({ type: 'news' });
    await until(() => scene.messages.length === 1);
    socket.freeze();

    scene.clock.advance(24_999);
    expect(scene.connection.state).toBe('open');
    scene.clock.advance(1);

    expect(scene.changes.at(-1)).toMatchObject({ state: 'reconnecting', reason: 'HEARTBEAT_TIMEOUT' });
    expect(scene.connection.actor.getSnapshot().context.failure?.details).toEqual({
      phase: 'open',
      silentForMs: 25_000,
    });
    socket.thaw();
  });

  test('is dead after silenceMs where that is given', async () => {
    const { clock, codes } = await overFakeLink({ heartbeat: { ...heartbeat, silenceMs: 18_000 } });

    clock.advance(17_999);
    expect(codes).toEqual([]);
    clock.advance(1);

    expect(codes).toEqual(['HEARTBEAT_TIMEOUT']);
  });

  test('is dead after silenceMs even where that is shorter than intervalMs', async () => {
    const { clock, codes } = await overFakeLink({ heartbeat: { ...heartbeat, silenceMs: 5_000 } });

    clock.advance(5_000);

    expect(codes).toEqual(['HEARTBEAT_TIMEOUT']);
  });

  test('is asked again after each answer', async () => {
    const { clock, connection, link } = await overFakeLink();

    for (const count of [1, 2, 3]) {
      clock.advance(15_000);
      expect(link.sent).toHaveLength(count);
      link.receive('yes');
      expect(isProbing(connection)).toBe(false);
    }

    expect(connection.state).toBe('open');
  });

  test('starts over with a new link after a reconnect', async () => {
    await using scene = await stage({ heartbeat });
    const first = await scene.connect();
    scene.clock.advance(14_000);
    first.reset();
    const second = await scene.reconnect();

    scene.clock.advance(14_999);
    await quiet();
    expect(second.pings).toBe(0);
    scene.clock.advance(1);
    await second.nextPing();

    expect(isProbing(scene.connection)).toBe(true);
  });
});

describe('a sign of life', () => {
  test('is any frame, not only the answer', async () => {
    const { clock, connection, link } = await overFakeLink();
    clock.advance(15_000);
    expect(isProbing(connection)).toBe(true);

    link.receive('something else');

    expect(isProbing(connection)).toBe(false);
    expect(connection.stats.rttMs).toBeUndefined();
  });

  test('puts the question off', async () => {
    const { clock, link } = await overFakeLink();
    clock.advance(10_000);
    link.receive('news');
    clock.advance(14_999);
    expect(link.sent).toEqual([]);

    clock.advance(1);

    expect(link.sent).toEqual(['are you there?']);
  });

  test('is a part of a long message that is still on its way', async () => {
    const { clock, connection, link } = await overFakeLink();
    clock.advance(15_000);
    link.bytesIn += 64_000;
    clock.advance(10_000);
    expect(connection.state).toBe('open');

    clock.advance(10_000);

    expect(connection.state).toBe('reconnecting');
  });

  test('is that our own long message leaves', async () => {
    const { clock, connection, link } = await overFakeLink();
    connection.send('x'.repeat(128_000));
    link.bufferedBytes = 128_000;
    clock.advance(15_000);
    link.bufferedBytes = 64_000;
    clock.advance(10_000);
    expect(connection.state).toBe('open');

    clock.advance(10_000);

    expect(connection.state).toBe('reconnecting');
  });

  test('is not that a message of ours was handed over and stayed where it is', async () => {
    const { clock, connection, link } = await overFakeLink();
    clock.advance(15_000);
    connection.send('x'.repeat(1_000));
    link.bufferedBytes = 1_000;

    clock.advance(10_000);

    expect(connection.state).toBe('reconnecting');
  });

  test('is not expected while a slow consumer keeps the socket from being read', async () => {
    const { clock, connection, link } = await overFakeLink();
    connection.messages({ maxBuffered: 1 });
    link.receive('one');
    expect(link.isPaused).toBe(true);

    clock.advance(3_600_000);

    expect(connection.state).toBe('open');
  });

  test('may still wait to be read when a slow consumer goes on', async () => {
    const { clock, connection, link } = await overFakeLink();
    const messages = connection.messages({ maxBuffered: 1 });
    link.receive('one');
    clock.advance(124_999);

    await messages.next();
    expect(link.isPaused).toBe(false);
    clock.advance(1);
    expect(connection.state).toBe('open');
    clock.advance(25_000);

    expect(connection.state).toBe('reconnecting');
  });
});

describe('a protocol that always beats', () => {
  test('asks every intervalMs, whatever comes in', async () => {
    const { clock, connection, link } = await overFakeLink({ protocol: beating });

    for (let second = 0; second < 60; second += 1) {
      clock.advance(1_000);
      link.receive('news');
    }

    expect(link.sent).toHaveLength(4);
    expect(isProbing(connection)).toBe(false);
  });

  test('notices a link that falls silent between two beats', async () => {
    const { clock, link, codes } = await overFakeLink({
      protocol: beating,
      heartbeat: { intervalMs: 25_000, timeoutMs: 5_000 },
    });
    clock.advance(10_000);
    link.receive('the last word');

    clock.advance(29_999);
    expect(codes).toEqual([]);
    clock.advance(1);

    expect(codes).toEqual(['HEARTBEAT_TIMEOUT']);
  });

  test('notices a link that died while a slow consumer kept it from being read', async () => {
    const { clock, connection, link, codes } = await overFakeLink({
      protocol: beating,
      heartbeat: { intervalMs: 25_000, timeoutMs: 5_000 },
    });
    const messages = connection.messages({ maxBuffered: 1 });
    clock.advance(10_000);
    link.receive('the last word');
    clock.advance(32_000);
    await messages.next();

    clock.advance(30_000);

    expect(codes).toEqual(['HEARTBEAT_TIMEOUT']);
  });

  test('measures the time until the answer', async () => {
    const { clock, connection, link } = await overFakeLink({ protocol: beating });
    clock.advance(15_000);
    clock.advance(30);
    link.receive('news');
    clock.advance(30);
    link.receive('yes');

    expect(connection.stats.rttMs).toBe(60);
  });
});

describe('without a heartbeat', () => {
  test.each<[string, { heartbeat?: false; protocol?: Protocol<string> }]>([
    ['heartbeat: false', { heartbeat: false }],
    ['a protocol that has none', { protocol: { name: 'mute', encode: String, decode: String } }],
  ])('(%s) a silent link stays open', async (_, options) => {
    const { clock, connection, link } = await overFakeLink(options);

    clock.advance(24 * 3_600_000);

    expect(connection.state).toBe('open');
    expect([link.sent, link.pings, clock.pending]).toEqual([[], 0, 0]);
  });

  test('(a ping that the platform cannot send) a silent link stays open', async () => {
    const clock = new VirtualClock();
    const transport = new FakeTransport();
    const connection = new Connection({ url: 'ws://fake', clock, transport });
    const connecting = connection.connect();
    await until(() => transport.links.length > 0);
    Object.defineProperty(transport.link, 'ping', { value: undefined });
    transport.link.open();
    await connecting;

    clock.advance(24 * 3_600_000);

    expect(connection.state).toBe('open');
  });
});

describe('a heartbeat function of the protocol that throws', () => {
  const broken = () => {
    throw new Error('broken');
  };

  test('(probe) is reported, and the link judged without it', async () => {
    const protocol = { ...asking, heartbeat: { probe: broken } };
    const { clock, connection, codes } = await overFakeLink({ protocol });

    clock.advance(15_000);
    expect([connection.state, codes]).toEqual(['open', ['PROTOCOL_FAILED']]);
    clock.advance(10_000);

    expect(connection.state).toBe('reconnecting');
  });

  test('(probe) is the last thing asked when its listener disconnects', async () => {
    const protocol = { ...asking, heartbeat: { probe: broken } };
    const { clock, connection, link } = await overFakeLink({ protocol });
    connection.on('error', () => void connection.disconnect());

    clock.advance(15_000);
    link.end();

    expect([connection.state, clock.pending]).toEqual(['closed', 0]);
  });

  test('(isAnswer) is reported, and the message delivered', async () => {
    const protocol = { ...asking, heartbeat: { probe: () => 'ping', isAnswer: broken } };
    const { clock, connection, link, codes } = await overFakeLink({ protocol });
    const messages: string[] = [];
    connection.on('message', (message) => messages.push(message));
    clock.advance(15_000);

    expect(() => link.receive('yes')).not.toThrow();

    expect(messages).toEqual(['yes']);
    expect([connection.state, codes]).toEqual(['open', ['PROTOCOL_FAILED']]);
  });
});
