// Random lives of two channel clients at a server that is a hub, or plain: what they subscribe to, unsubscribe from and
// publish, while links are cut, subscriptions refused or put off, and words withheld. At rest the server knows exactly the
// channels that are wanted, what was acknowledged has arrived exactly once and in order, and each promise was settled once.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChannelClient, type Subscription } from '../../src/channels/index.ts';
import {
  controlFrame,
  frameAround,
  readEnvelope,
  type Envelope,
  type Reply,
  type Request,
} from '../../src/channels/wire.ts';
import { ConnectionError } from '../../src/index.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { turn, until } from '../../src/testing/wait.ts';
import { holds, runs } from '../support/hold.ts';

const CHANNELS = ['a', 'b', 'c'] as const;
type Channel = (typeof CHANNELS)[number];

/** The one who does all that, and the one who reads all channels. */
type Side = 'writer' | 'reader';

type Deed =
  | { readonly kind: 'subscribe' | 'unsubscribe' | 'publish'; readonly channel: Channel }
  | { readonly kind: 'cut'; readonly whom: Side; readonly by: 'close' | 'reset' | 'fin' }
  | { readonly kind: 'refuse' | 'postpone'; readonly channel: Channel }
  /** The next frames are done, but not answered. */
  | { readonly kind: 'silence'; readonly frames: number }
  /** Bytes are exchanged, and time passes. */
  | { readonly kind: 'wait'; readonly turns: number; readonly ms: number };

const channel = fc.constantFrom(...CHANNELS);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), channel }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unsubscribe' as const), channel }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish' as const), channel }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      whom: fc.constantFrom<Side>('writer', 'writer', 'reader'),
      by: fc.constantFrom('close' as const, 'reset' as const, 'fin' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('refuse' as const, 'postpone' as const), channel }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('silence' as const), frames: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      turns: fc.nat(12),
      ms: fc.constantFrom(0, 10, 500, 1_000),
    }),
  },
);

interface Kept {
  readonly frame: string;
  readonly seq: number;
}

/** The server in a hundred lines: it keeps all messages, and knows publications by their ids. */
class ModelServer {
  readonly subscribers = new Map<PuppetSocket, Set<string>>();
  readonly history = new Map<string, Kept[]>();
  readonly refusing = new Set<string>();
  readonly postponing = new Set<string>();
  silence = 0;
  readonly #isHub: boolean;
  readonly #known = new Map<string | undefined, number>();

  constructor(isHub: boolean) {
    this.#isHub = isHub;
  }

  serve(socket: PuppetSocket): void {
    this.subscribers.set(socket, new Set());
    socket.onFrame = (frame) => this.#hear(socket, readEnvelope(String(frame)));
  }

  channelsOf(socket: PuppetSocket): string[] {
    return [...(this.subscribers.get(socket) ?? [])].sort();
  }

  #hear(socket: PuppetSocket, envelope: Envelope): void {
    if (envelope.channel === 'subscription') this.#obey(socket, envelope.payload as Request);
    else this.#publish(socket, envelope);
  }

  #obey(socket: PuppetSocket, request: Request): void {
    if (request.action === 'ping') return;
    const { action, channel } = request;
    const channels = this.subscribers.get(socket) ?? new Set();
    if (action === 'unsubscribe') {
      channels.delete(channel);
      this.#say(socket, { action: 'unsubscribed', channel });
    } else if (this.#isHub && this.postponing.delete(channel)) this.#deny(socket, channel, 'UNAVAILABLE');
    else if (this.#isHub && sideOf(socket) === 'writer' && this.refusing.delete(channel))
      this.#deny(socket, channel, 'NOT_ALLOWED');
    else {
      channels.add(channel);
      this.#welcome(socket, channel, request.after);
    }
  }

  #welcome(socket: PuppetSocket, channel: string, after: number | undefined): void {
    const history = this.history.get(channel) ?? [];
    const seq = after ?? history.length;
    // Without its word the client knows of no hub: then it is one that is only slow.
    if (this.#isHub) socket.send(controlFrame({ action: 'subscribed', channel, seq, epoch: 'e' }));
    for (const { frame } of history.slice(seq)) if (this.#isHub) socket.send(frame);
  }

  #publish(socket: PuppetSocket, envelope: Envelope): void {
    const { channel, payload } = envelope;
    const id = envelope.message_id as string | undefined;
    const known = this.#known.get(id);
    const history = this.history.get(channel) ?? [];
    const seq = known ?? history.length + 1;
    if (known === undefined) {
      const more = this.#isHub ? { seq, message_id: id } : {};
      const frame = frameAround(channel, JSON.stringify(payload), more);
      this.history.set(channel, [...history, { frame, seq }]);
      for (const [other, channels] of this.subscribers)
        if (other !== socket && channels.has(channel)) other.send(frame);
    }
    if (id === undefined) return;
    this.#known.set(id, seq);
    this.#say(socket, { action: 'published', channel, message_id: id, seq });
  }

  #deny(socket: PuppetSocket, channel: string, code: string): void {
    socket.send(controlFrame({ action: 'error', code, message: 'no', request: 'subscribe', channel }));
  }

  #say(socket: PuppetSocket, reply: Reply): void {
    if (!this.#isHub) return;
    if (this.silence > 0) this.silence -= 1;
    else socket.send(controlFrame(reply));
  }
}

const sideOf = (socket: PuppetSocket): Side => (socket.request.url === '/reader' ? 'reader' : 'writer');

const CUTS = {
  close: (socket: PuppetSocket) => socket.close(1001),
  reset: (socket: PuppetSocket) => socket.reset(),
  fin: (socket: PuppetSocket) => socket.drop(),
} as const;

class Play implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly model: ModelServer;
  readonly client: ChannelClient;
  readonly reader: ChannelClient;
  readonly heard: Record<string, number[]> = { a: [], b: [], c: [] };
  readonly acknowledged: Record<string, number[]> = { a: [], b: [], c: [] };
  readonly settled: number[] = [];
  /** Of which nobody can know: what was published before the hub had shown itself, and what ended otherwise. */
  readonly unknown = new Set<number>();
  readonly #server: PuppetServer;
  readonly #sockets: Partial<Record<Side, PuppetSocket>> = {};
  #subscriptions: Subscription[] = [];
  #promises = 0;
  #published = 0;

  constructor(server: PuppetServer, model: ModelServer) {
    this.#server = server;
    this.model = model;
    const options = {
      clock: this.clock,
      maxRetries: Infinity,
      sendTimeoutMs: 600_000,
      subscribeTimeoutMs: 600_000,
    };
    this.client = new ChannelClient({ ...options, url: `${server.url}/writer` });
    this.reader = new ChannelClient({ ...options, url: `${server.url}/reader` });
  }

  async begin(): Promise<void> {
    const reading = this.reader.connect();
    await this.#accept();
    await reading;
    this.reader.on('message', ({ channel, payload }) => this.heard[channel]?.push(payload as number));
    const subscribing = CHANNELS.map((name) => this.reader.subscribe(name));
    await until(() => [...this.model.subscribers.values()].some(({ size }) => size === CHANNELS.length));
    this.clock.advance(500);
    await Promise.all(subscribing);
    const connecting = this.client.connect();
    await this.#accept();
    await connecting;
  }

  async play(deed: Deed): Promise<void> {
    switch (deed.kind) {
      case 'subscribe':
        this.#subscribe(deed.channel);
        break;
      case 'unsubscribe':
        this.#unsubscribe(deed.channel);
        break;
      case 'publish':
        this.#publish(deed.channel);
        break;
      case 'cut':
        CUTS[deed.by](this.#sockets[deed.whom]!);
        break;
      case 'refuse':
        this.model.refusing.add(deed.channel);
        break;
      case 'postpone':
        this.model.postponing.add(deed.channel);
        break;
      case 'silence':
        this.model.silence = deed.frames;
        break;
      case 'wait':
        this.clock.advance(deed.ms);
        for (let count = 0; count < deed.turns; count += 1) await turn();
        await this.#acceptWhoKnocks();
    }
  }

  /** Nobody disturbs any more: whatever waits is done. */
  async rest(): Promise<void> {
    this.model.silence = 0;
    for (let calm = 0; calm < 25; calm += 1) {
      for (let count = 0; count < 8; count += 1) await turn();
      await this.#acceptWhoKnocks();
      this.clock.advance(250);
      if (!this.#isAtRest) calm = Math.min(calm, 10);
    }
  }

  get promises(): number {
    return this.#promises;
  }

  get serverSide(): string[] {
    return this.model.channelsOf(this.#sockets.writer!);
  }

  get #isAtRest(): boolean {
    const areOpen = this.client.state === 'open' && this.reader.state === 'open';
    return areOpen && this.settled.length === this.#promises;
  }

  #subscribe(channel: Channel): void {
    const at = this.#promise();
    this.client.subscribe(channel).then(
      (subscription) => {
        this.#subscriptions.push(subscription);
        this.settled.push(at);
      },
      () => this.settled.push(at),
    );
  }

  #unsubscribe(channel: Channel): void {
    const subscription = this.#subscriptions.find((other) => other.channel === channel);
    this.#subscriptions = this.#subscriptions.filter((other) => other !== subscription);
    if (subscription === undefined) return;
    const at = this.#promise();
    subscription.unsubscribe().then(
      () => this.settled.push(at),
      () => expect.fail('unsubscribe() rejected'),
    );
  }

  #publish(channel: Channel): void {
    if (!this.client.channels.includes(channel)) return;
    const at = this.#promise();
    const number = (this.#published += 1);
    this.client.publish(channel, number).then(
      ({ outcome }) => {
        if (outcome === 'acknowledged') this.acknowledged[channel]?.push(number);
        else this.unknown.add(number);
        this.settled.push(at);
      },
      (thrown: unknown) => {
        expect(thrown).toBeInstanceOf(ConnectionError);
        this.unknown.add(number);
        this.settled.push(at);
      },
    );
  }

  #promise(): number {
    this.#promises += 1;
    return this.#promises;
  }

  async #acceptWhoKnocks(): Promise<void> {
    while (this.#server.pendingUpgrades > 0) await this.#accept();
  }

  async #accept(): Promise<void> {
    const socket = await this.#server.accept();
    const side = sideOf(socket);
    const previous = this.#sockets[side];
    if (previous !== undefined) this.model.subscribers.delete(previous);
    this.#sockets[side] = socket;
    this.model.serve(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const leaving = Promise.all([this.client.disconnect(), this.reader.disconnect()]);
    await turn();
    this.clock.advance(60_000);
    await leaving;
    await this.#server.close();
    expect(this.clock.pending).toBe(0);
  }
}

async function live(deeds: readonly Deed[], isHub: boolean): Promise<void> {
  await using play = new Play(await PuppetServer.listen(), new ModelServer(isHub));
  await play.begin();
  for (const next of deeds) await play.play(next);
  await play.rest();

  expect(play.serverSide).toEqual(play.client.channels.toSorted());
  expect(play.settled.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: play.promises }, (_, index) => index + 1),
  );
  for (const name of CHANNELS) {
    const heard = play.heard[name] ?? [];
    const copies = heard.filter((number, at) => heard.indexOf(number) !== at);
    const firsts = heard.filter((number, at) => heard.indexOf(number) === at);
    if (isHub) {
      expect(copies.filter((number) => !play.unknown.has(number))).toEqual([]);
      expect(heard.filter((number) => !play.unknown.has(number))).toEqual(
        play.acknowledged[name]?.toSorted((a, b) => a - b),
      );
    }
    expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
  }
}

test.each([
  ['a hub', true],
  ['a plain server', false],
] as const)(
  'with %s, whatever happens, both sides agree in the end and nothing is lost or doubled',
  { timeout: 300_000 },
  async (_, isHub) => {
    await holds(
      fc.asyncProperty(fc.array(deed, { minLength: 1, maxLength: 30 }), (deeds) => live(deeds, isHub)),
      runs(40, 400),
      ([deeds]) => deeds.map((each) => JSON.stringify(each)).join('\n'),
    );
  },
);
