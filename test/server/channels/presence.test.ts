// Who is subscribed: told to all who are, on one hub and across several.
import { expect, test } from 'vitest';
import { memoryBroker, type Broker, type ChannelHub } from '../../../src/server/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { turn, until } from '../../../src/testing/wait.ts';
import { control, errorLog, RawClient, serveHub } from './harness.ts';

/** Who is in a channel, as a client was told. */
function members(client: RawClient, channel = 'a'): string[] {
  const names = new Map<string, string>();
  for (const { payload } of client.frames) {
    if (payload['action'] !== 'presence' || payload['channel'] !== channel) continue;
    if (payload['event'] === 'present') names.clear();
    for (const { id, data } of payload['members'] as { id: string; data?: unknown }[])
      if (payload['event'] === 'leave') names.delete(id);
      else names.set(id, String(data));
  }
  return [...names.values()].sort();
}

const NAMED = { data: ({ identity }: { readonly identity: unknown }) => identity };
const authenticate = ({ headers }: { readonly headers: object }) =>
  (headers as Record<string, unknown>)['x-user'];

async function enter(hub: ChannelHub, name: string, ...channels: string[]): Promise<RawClient> {
  const client = await RawClient.open(hub, { headers: { 'X-User': name } });
  for (const channel of channels) client.send(control({ action: 'subscribe', channel }));
  await client.settled();
  return client;
}

const areIn = (client: RawClient, names: string[], channel?: string): Promise<unknown> =>
  until(() => members(client, channel).join() === names.join(), {
    describe: () => `${names.join()}; there are ${members(client, channel).join()}`,
  });

test('whoever subscribes is told who is there, and the others that it came and went', async () => {
  await using hub = await serveHub({ presence: NAMED, authenticate });
  await using ann = await enter(hub, 'ann', 'a');
  await using bob = await enter(hub, 'bob', 'a', 'b');
  expect(members(bob)).toEqual(['ann', 'bob']);
  expect(members(bob, 'b')).toEqual(['bob']);
  await areIn(ann, ['ann', 'bob']);
  const cat = await enter(hub, 'cat', 'a');
  await areIn(ann, ['ann', 'bob', 'cat']);
  cat.socket.terminate();
  await areIn(ann, ['ann', 'bob']);
  bob.send(control({ action: 'unsubscribe', channel: 'a' }));
  await areIn(ann, ['ann']);
  await bob.settled();
  expect(members(bob, 'b')).toEqual(['bob']);
  expect(members(ann, 'b')).toEqual([]);
});

test('two sessions of one user are two members', async () => {
  await using hub = await serveHub({ presence: NAMED, authenticate });
  await using ann = await enter(hub, 'ann', 'a');
  const again = await enter(hub, 'ann', 'a');
  await areIn(ann, ['ann', 'ann']);
  again.socket.terminate();
  await areIn(ann, ['ann']);
});

test('subscribing again is no second coming, and tells anew who is there', async () => {
  await using hub = await serveHub({ presence: NAMED, authenticate });
  await using ann = await enter(hub, 'ann', 'a');
  await using bob = await enter(hub, 'bob', 'a');
  bob.send(control({ action: 'subscribe', channel: 'a' }));
  expect((await bob.settled()).map(({ payload }) => payload['event'])).toEqual([undefined, 'present']);
  expect((await ann.settled()).map(({ payload }) => payload['event'])).toEqual(['join']);
});

test('channels that show nobody show nobody', async () => {
  await using hub = await serveHub({ presence: { channels: (channel) => channel === 'lobby' } });
  await using client = await RawClient.open(hub);
  client.send(control({ action: 'subscribe', channel: 'a' }));
  client.send(control({ action: 'subscribe', channel: 'lobby' }));
  expect((await client.settled()).map(({ payload }) => payload['event'])).toEqual([
    undefined,
    undefined,
    'present',
  ]);
});

test('no more members are shown than may be', async () => {
  await using hub = await serveHub({ presence: { ...NAMED, maxMembers: 2 }, authenticate });
  await using ann = await enter(hub, 'ann', 'a');
  const bob = await enter(hub, 'bob', 'a');
  await using cat = await enter(hub, 'cat', 'a');
  expect(members(cat)).toEqual(['ann', 'bob']);
  bob.socket.terminate();
  await areIn(ann, ['ann']);
  await using dan = await enter(hub, 'dan', 'a');
  expect(members(dan)).toEqual(['ann', 'dan']);
  expect(hub.channels.get('a')).toBe(3);
});

test('functions that fail show a member without data, or nobody, and are logged', async () => {
  const { errors, logger } = errorLog();
  const fail = (): never => {
    throw new Error('no name');
  };
  const big = { data: () => 'x'.repeat(5_000) };
  for (const presence of [{ data: fail }, { data: () => 1n }, big, { channels: fail }]) {
    await using hub = await serveHub({ presence, logger });
    await using client = await RawClient.open(hub);
    client.send(control({ action: 'subscribe', channel: 'a' }));
    const told = (await client.settled()).slice(1).map(({ payload }) => payload['members']);
    const [id] = hub.connections.keys();
    expect(told).toEqual('channels' in presence ? [] : [[{ id }]]);
  }
  expect(errors).toEqual([
    'presence.data failed: no name',
    expect.stringContaining('presence.data failed: '),
    'presence.data failed: Expected at most 4096 characters of JSON, got 5002.',
    'presence.channels failed: no name',
  ]);
});

/** Signals of one hub that can be held up. */
class Wire implements Broker {
  readonly name = 'wire';
  readonly #shared: Broker;
  isCut = false;
  readonly publish: Broker['publish'];
  readonly follow: Broker['follow'];
  readonly replay: Broker['replay'];

  constructor(shared: Broker) {
    this.#shared = shared;
    this.publish = shared.publish.bind(shared);
    this.follow = shared.follow.bind(shared);
    this.replay = shared.replay.bind(shared);
  }

  signal(topic: string, text: string): void {
    if (!this.isCut) this.#shared.signal?.(topic, text);
  }

  onSignal(topic: string, listener: (text: string) => void): () => void {
    return this.#shared.onSignal!(topic, (text) => {
      if (!this.isCut) listener(text);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function severalHubs(count: number) {
  const shared = memoryBroker();
  const clock = new VirtualClock();
  const wires = Array.from({ length: count }, () => new Wire(shared));
  const hubs: ChannelHub[] = [];
  for (const broker of wires)
    hubs.push(await serveHub({ broker, clock, heartbeat: false, presence: NAMED, authenticate }));
  const end = async (): Promise<void> => {
    await Promise.all(hubs.map((hub) => hub.close()));
  };
  return { clock, wires, hubs, [Symbol.asyncDispose]: end };
}

test('members of all hubs are shown on all of them', async () => {
  await using world = await severalHubs(3);
  const [one, two, three] = world.hubs as [ChannelHub, ChannelHub, ChannelHub];
  await using ann = await enter(one, 'ann', 'a');
  const bob = await enter(two, 'bob', 'a', 'b');
  await using cat = await enter(three, 'cat', 'a');
  expect(members(cat)).toEqual(['ann', 'bob', 'cat']);
  await areIn(ann, ['ann', 'bob', 'cat']);
  bob.socket.terminate();
  await areIn(ann, ['ann', 'cat']);
  await areIn(cat, ['ann', 'cat']);
});

test('a hub that comes later learns who is there', async () => {
  const broker = memoryBroker();
  await using one = await serveHub({ broker, presence: NAMED, authenticate });
  const crowd = await Promise.all(
    Array.from({ length: 250 }, (_, index) => enter(one, `user ${index}`, 'a')),
  );
  await using two = await serveHub({ broker, presence: NAMED, authenticate });
  await using ann = await enter(two, 'ann', 'a');
  expect(members(ann)).toHaveLength(251);
  for (const { socket } of crowd) socket.terminate();
  await areIn(ann, ['ann']);
}, 20_000);

test('the members of a hub that says goodbye leave', async () => {
  await using world = await severalHubs(2);
  const [one, two] = world.hubs as [ChannelHub, ChannelHub];
  await using ann = await enter(one, 'ann', 'a');
  await using bob = await enter(two, 'bob', 'a');
  await areIn(ann, ['ann', 'bob']);
  await two.close();
  await bob.end();
  await areIn(ann, ['ann']);
});

test('the members of a hub that dies leave when it has been silent for a while, and come back with it', async () => {
  await using world = await severalHubs(2);
  const [one, two] = world.hubs as [ChannelHub, ChannelHub];
  await using ann = await enter(one, 'ann', 'a');
  await using bob = await enter(two, 'bob', 'a');
  await areIn(ann, ['ann', 'bob']);
  world.wires[1]!.isCut = true;
  world.clock.advance(15_000);
  await ann.settled();
  expect(members(ann)).toEqual(['ann', 'bob']);
  world.clock.advance(10_000);
  await areIn(ann, ['ann']);
  expect(ann.frames.filter(({ payload }) => payload['event'] === 'leave')).toHaveLength(1);
  await areIn(bob, ['bob']);
  world.wires[1]!.isCut = false;
  world.clock.advance(5_000);
  world.clock.advance(5_000);
  await areIn(ann, ['ann', 'bob']);
  await areIn(bob, ['ann', 'bob']);
});

test('a change that was missed is noticed at the next sign of life', async () => {
  await using world = await severalHubs(2);
  const [one, two] = world.hubs as [ChannelHub, ChannelHub];
  await using ann = await enter(one, 'ann', 'a');
  const bob = await enter(two, 'bob', 'a');
  await areIn(ann, ['ann', 'bob']);
  world.wires[1]!.isCut = true;
  bob.socket.terminate();
  await using cat = await enter(two, 'cat', 'a');
  await until(() => two.channels.get('a') === 1);
  world.wires[1]!.isCut = false;
  await turn();
  await ann.settled();
  expect(members(ann)).toEqual(['ann', 'bob']);
  world.clock.advance(5_000);
  await areIn(ann, ['ann', 'cat']);
  expect(ann.frames.filter(({ payload }) => payload['event'] === 'leave')).toHaveLength(1);
  expect(cat.closed).toBeUndefined();
});
