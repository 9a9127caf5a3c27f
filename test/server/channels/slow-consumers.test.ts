// Clients that do not read, over sockets that nobody drains: what waits for them is bounded, and what they miss is told.
import { expect, test } from 'vitest';
import { turn, until } from '../../../src/testing/wait.ts';
import { control, DeafClient, RawClient, serveHub, type Frame } from './harness.ts';

const LIMITS = { maxWaitingMessages: 20, maxWaitingBytes: 1_000_000 };
const BIG = 'x'.repeat(20_000);

type Hub = Awaited<ReturnType<typeof serveHub>>;

/** Publishes until more has been published than socket and queue can hold. Returns how many. */
async function flood(hub: Hub, channel: string, isEnough: () => boolean): Promise<number> {
  let count = 0;
  while (!isEnough()) {
    await hub.publish(channel, `${count + 1} ${BIG}`);
    count += 1;
    await turn();
    if (count > 5_000) throw new Error('Everything was taken.');
  }
  return count;
}

const isFrame = (frame: Frame | { close: number }): frame is Frame => !('close' in frame);

/** Follows the messages and gaps of a channel: each begins where the one before ended. Returns the last number. */
function followed(
  frames: readonly Frame[],
  channel: string,
): { last: number; gaps: number; messages: number } {
  const state = { last: 0, gaps: 0, messages: 0 };
  for (const frame of frames) {
    const { action, channel: about, after, seq } = frame.payload as Record<string, unknown>;
    if (action === 'gap' && about === channel) {
      expect(after).toBe(state.last);
      state.last = Number(seq);
      state.gaps += 1;
    } else if (frame.channel === channel) {
      expect(frame.seq).toBe(state.last + 1);
      state.last = Number(frame.seq);
      state.messages += 1;
    }
  }
  return state;
}

test('a client that does not read is disconnected, and the others get everything', async () => {
  await using hub = await serveHub({ limits: LIMITS });
  await using reader = await RawClient.in(hub, 'a');
  using deaf = await DeafClient.in(hub, 'a');
  const count = await flood(hub, 'a', () => hub.metrics.slow === 1);
  await until(() => reader.payloads.length === count);
  expect(followed(reader.frames, 'a')).toEqual({ last: count, gaps: 0, messages: count });
  deaf.listen();
  await until(() => deaf.frames().some((frame) => 'close' in frame));
  const frames = deaf.frames();
  expect(frames.at(-1)).toEqual({ close: 1013 });
  const { gaps, messages } = followed(frames.filter(isFrame), 'a');
  expect(gaps).toBe(0);
  expect(messages).toBeGreaterThan(0);
  expect(hub.metrics).toMatchObject({ slow: 1, dropped: 0, gaps: 0 });
  await until(() => hub.channels.get('a') === 1);
}, 30_000);

test('with drop-oldest it stays, misses some, and is told exactly which, in order', async () => {
  await using hub = await serveHub({ limits: LIMITS, slowConsumers: 'drop-oldest' });
  using deaf = await DeafClient.in(hub, 'a');
  const count = await flood(hub, 'a', () => hub.metrics.dropped > 100);
  for (const { bufferedAmount } of hub.connections.values()) expect(bufferedAmount).toBeLessThan(150_000);
  deaf.listen();
  const all = () => followed(deaf.frames().filter(isFrame), 'a');
  await until(() => deaf.frames().length > 0 && all().last === count);
  const { dropped, gaps } = hub.metrics;
  expect(all()).toEqual({ last: count, gaps, messages: count - dropped });
  expect(gaps).toBe(1);
  await hub.publish('a', 'live');
  await until(() => all().last === count + 1);
  expect(hub.metrics.slow).toBe(0);
}, 30_000);

test('what was dropped of a channel is told though nothing more comes in it', async () => {
  await using hub = await serveHub({ limits: LIMITS, slowConsumers: 'drop-oldest' });
  using deaf = await DeafClient.in(hub, 'quiet', 'loud');
  const isBehind = (): boolean =>
    [...hub.connections.values()].some(({ bufferedAmount }) => bufferedAmount > 65_536);
  const before = await flood(hub, 'loud', isBehind);
  await hub.publish('quiet', 'one');
  await hub.publish('quiet', 'two');
  const after = await flood(hub, 'loud', () => hub.metrics.dropped > 50);
  deaf.listen();
  const isTold = (): boolean => {
    const frames = deaf.frames().filter(isFrame);
    return followed(frames, 'quiet').last === 2 && followed(frames, 'loud').last === before + after;
  };
  await until(isTold);
  const gaps = deaf.frames().filter((frame) => isFrame(frame) && frame.payload['channel'] === 'quiet');
  expect(gaps).toEqual([control({ action: 'gap', channel: 'quiet', after: 0, seq: 2 })]);
}, 30_000);

test('whoever was told in vain who is there is told anew', async () => {
  await using hub = await serveHub({
    limits: LIMITS,
    slowConsumers: 'drop-oldest',
    presence: { channels: (channel) => channel === 'quiet' },
  });
  using deaf = await DeafClient.in(hub, 'loud', 'quiet');
  await flood(hub, 'loud', () => hub.metrics.dropped > 0);
  const joined = await RawClient.in(hub, 'quiet');
  joined.socket.terminate();
  await joined.end();
  await flood(hub, 'loud', () => hub.metrics.dropped > 60);
  const [id] = hub.connections.keys();
  deaf.listen();
  const isTold = (): boolean => {
    const frame = deaf.frames().at(-1);
    return frame !== undefined && isFrame(frame) && frame.payload['event'] === 'present';
  };
  await until(isTold);
  expect(deaf.frames().at(-1)).toEqual(
    control({ action: 'presence', channel: 'quiet', event: 'present', members: [{ id }] }),
  );
}, 30_000);

test('a burst is no slowness: whoever reads gets all of it', async () => {
  await using hub = await serveHub({ limits: LIMITS });
  await using reader = await RawClient.in(hub, 'a');
  const count = 5_000;
  await Promise.all(Array.from({ length: count }, (_, index) => hub.publish('a', index)));
  await until(() => reader.payloads.length === count);
  expect(followed(reader.frames, 'a')).toEqual({ last: count, gaps: 0, messages: count });
  expect(hub.metrics).toMatchObject({ slow: 0, dropped: 0 });
});

test('whoever does not read the answers is asked for no more', async () => {
  await using hub = await serveHub({ limits: { messagesPerSecond: Infinity } });
  using deaf = await DeafClient.in(hub);
  const pings = Buffer.concat(
    Array.from({ length: 1_000 }, () => {
      const payload = Buffer.from(JSON.stringify(control({ action: 'ping' })));
      return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
    }),
  );
  let isStuck = false;
  for (let count = 0; count < 2_000 && !isStuck; count += 1) {
    deaf.tcp.write(pings);
    await turn();
    isStuck = deaf.tcp.writableLength > 10_000_000;
  }
  expect(isStuck).toBe(true);
  for (const { bufferedAmount } of hub.connections.values()) expect(bufferedAmount).toBeLessThan(150_000);
}, 30_000);
