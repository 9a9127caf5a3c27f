// A hub and several clients, cut off and restarted at random: at rest the hub has the subscriptions that the clients have,
// and each acknowledged message has come exactly once, in order, to whoever was subscribed throughout.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChannelClient, type Subscription } from '../../src/channels/index.ts';
import {
  createChannelHub,
  memoryBroker,
  type Broker,
  type ChannelHub,
  type NewMessage,
  type Published,
} from '../../src/server/index.ts';
import { turn, until } from '../../src/testing/wait.ts';
import { holds, runs } from '../support/hold.ts';

const CLIENTS = 3;
const CHANNELS = ['a', 'b'] as const;

type Channel = (typeof CHANNELS)[number];

type Step =
  | { readonly type: 'subscribe' | 'unsubscribe'; readonly client: number; readonly channel: Channel }
  | { readonly type: 'publish'; readonly client: number; readonly channel: Channel; readonly count: number }
  /** At once, or when its next message has been kept, and before it hears of that. */
  | { readonly type: 'cut' | 'cut when kept'; readonly client: number }
  | { readonly type: 'restart' | 'turn' };

const client = fc.nat(CLIENTS - 1);
const channel = fc.constantFrom(...CHANNELS);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('subscribe' as const), client, channel }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('unsubscribe' as const), client, channel }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('publish' as const),
      client,
      channel,
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('cut' as const, 'cut when kept' as const), client }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('restart' as const, 'turn' as const) }) },
);

/** What was published, and what became of it. */
interface Sent {
  readonly id: string;
  readonly by: number;
  readonly channel: Channel;
  seq: number | undefined;
}

/** A subscription, what it heard, and how much had been sent before it began. */
interface Reader {
  readonly subscription: Subscription;
  readonly client: number;
  readonly channel: Channel;
  readonly sentBefore: number;
  readonly heard: { readonly id: unknown; readonly seq: number | undefined }[];
  gaps: number;
}

class World implements AsyncDisposable {
  readonly #kept = memoryBroker({ maxMessages: 10_000 });
  readonly #broker: Broker = {
    name: 'with scissors',
    publish: (name, message) => this.#keepAndCut(name, message),
    follow: (name, options) => this.#kept.follow(name, options),
    replay: (name, range) => this.#kept.replay(name, range),
    close: () => this.#kept.close(),
  };
  readonly #toCut = new Set<string>();
  readonly #clients: ChannelClient[] = [];
  readonly #readers = new Map<string, Reader>();
  readonly #sent: Sent[] = [];
  readonly #outcomes: Promise<void>[] = [];
  #hub: ChannelHub;

  private constructor() {
    this.#hub = this.#makeHub(0);
  }

  static async begin(): Promise<World> {
    const world = new World();
    await world.#hub.listen();
    for (let index = 0; index < CLIENTS; index += 1) {
      const made = new ChannelClient({
        url: `${world.#hub.webSocketUrl}?name=${index}`,
        maxRetries: Infinity,
        retryPolicy: () => ({ action: 'retry', delayMs: 2 }),
        acknowledgementMs: 60_000,
        subscribeTimeoutMs: 60_000,
        sendTimeoutMs: 60_000,
      });
      await made.connect();
      world.#clients.push(made);
    }
    return world;
  }

  async take(taken: Step): Promise<void> {
    if (taken.type === 'subscribe') await this.#subscribe(taken.client, taken.channel);
    else if (taken.type === 'unsubscribe') await this.#unsubscribe(taken.client, taken.channel);
    else if (taken.type === 'publish') this.#publish(taken);
    else if (taken.type === 'cut') this.#cut(taken.client);
    else if (taken.type === 'cut when kept') this.#toCut.add(String(taken.client));
    else if (taken.type === 'restart') await this.#restart();
    else await turn();
  }

  /** The hub knows of the subscriptions that there are, and of no others; readers know of each other, and have heard all. */
  async rest(): Promise<void> {
    await Promise.all(this.#outcomes);
    const isQuiet = (): boolean =>
      this.#hub.metrics.clients === CLIENTS &&
      this.#clients.every(({ state }) => state === 'open') &&
      CHANNELS.every((name) => (this.#hub.channels.get(name) ?? 0) === this.#readersOf(name).length) &&
      [...this.#readers.values()].every((reader) => this.#isSatisfied(reader));
    await until(isQuiet, { describe: () => JSON.stringify(this.#wanting()) });
  }

  check(): void {
    for (const reader of this.#readers.values()) {
      const { heard, gaps } = reader;
      const seqs = heard.map(({ seq }) => Number(seq));
      expect(seqs).toEqual([...new Set(seqs)].sort((one, other) => one - other));
      expect(new Set(heard.map(({ id }) => id)).size).toBe(heard.length);
      for (const { by, id } of this.#due(reader)) {
        const mine = heard.filter((message) => String(message.id).startsWith(`${by}-`));
        expect(mine.map((message) => message.id)).toContain(id);
        const numbers = mine.map((message) => Number(String(message.id).split('-')[1]));
        expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
      }
      expect(gaps).toBe(0);
    }
    expect(this.#sent.filter(({ seq }) => seq === undefined)).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((made) => made.disconnect()));
    await this.#hub.close({ deadlineMs: 0 });
  }

  #makeHub(port: number): ChannelHub {
    return createChannelHub({
      port,
      broker: this.#broker,
      presence: { data: ({ query }) => Number(query.get('name')) },
      limits: { messagesPerSecond: Infinity, requestsPerSecond: Infinity },
    });
  }

  #readersOf(name: Channel): Reader[] {
    return [...this.#readers.values()].filter((reader) => reader.channel === name);
  }

  /** What a reader must have heard: what others sent after it was there. */
  #due({ client: reader, channel: name, sentBefore }: Reader): Sent[] {
    return this.#sent.slice(sentBefore).filter((sent) => sent.channel === name && sent.by !== reader);
  }

  #isSatisfied(reader: Reader): boolean {
    const names = this.#readersOf(reader.channel)
      .map((other) => other.client)
      .sort();
    const shown = reader.subscription.members.map(({ data }) => Number(data)).sort();
    const ids = new Set(reader.heard.map(({ id }) => id));
    return names.join() === shown.join() && this.#due(reader).every(({ id }) => ids.has(id));
  }

  #wanting(): unknown {
    return [...this.#readers.values()].map((reader) => [
      `${reader.client} in ${reader.channel}`,
      reader.subscription.state,
      reader.subscription.members,
      this.#due(reader).map(({ id }) => id),
      reader.heard,
    ]);
  }

  async #subscribe(index: number, name: Channel): Promise<void> {
    const key = `${index} ${name}`;
    if (this.#readers.has(key)) return;
    const subscription = await this.#clients[index]!.subscribe(name);
    const sentBefore = this.#sent.length;
    const reader: Reader = { subscription, client: index, channel: name, sentBefore, heard: [], gaps: 0 };
    subscription.on('gap', () => (reader.gaps += 1));
    subscription.on('message', ({ payload, seq }) => reader.heard.push({ id: payload, seq }));
    this.#readers.set(key, reader);
  }

  async #unsubscribe(index: number, name: Channel): Promise<void> {
    const key = `${index} ${name}`;
    const reader = this.#readers.get(key);
    this.#readers.delete(key);
    await reader?.subscription.unsubscribe();
  }

  #publish({ client: by, channel: name, count }: Extract<Step, { type: 'publish' }>): void {
    if (!this.#readers.has(`${by} ${name}`)) return;
    for (let left = count; left > 0; left -= 1) {
      const sent: Sent = { id: `${by}-${this.#sent.length}`, by, channel: name, seq: undefined };
      this.#sent.push(sent);
      const outcome = this.#clients[by]!.publish(name, sent.id).then((published) => {
        expect(published.outcome).toBe('acknowledged');
        if (published.outcome === 'acknowledged') sent.seq = published.seq;
      });
      outcome.catch(() => undefined);
      this.#outcomes.push(outcome);
    }
  }

  async #keepAndCut(name: string, message: NewMessage): Promise<Published> {
    const published = await this.#kept.publish(name, message);
    const session = this.#hub.connections.get(message.publisher);
    const isMeant = this.#toCut.delete(session?.query.get('name') ?? '');
    if (isMeant && session !== undefined && 'terminate' in session) session.terminate();
    return published;
  }

  #cut(index: number): void {
    for (const session of this.#hub.connections.values())
      if ('terminate' in session && session.query.get('name') === String(index)) session.terminate();
  }

  async #restart(): Promise<void> {
    const port = Number(new URL(this.#hub.url).port);
    await this.#hub.close({ deadlineMs: 0 });
    this.#hub = this.#makeHub(port);
    await this.#hub.listen();
  }
}

const words = ([steps]: readonly [readonly Step[]]): string =>
  steps.map((each) => JSON.stringify(each)).join('\n');

test('cut off and restarted, it keeps its subscriptions, and delivers exactly once and in order', async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
    await using world = await World.begin();
    for (const each of steps) await world.take(each);
    await world.rest();
    world.check();
  });
  await holds(property, runs(15, 60), words);
}, 120_000);
