// Three hubs in three processes act as one, whatever becomes of one of them and of NATS: a hundred clients publish and read,
// and in the end the books are compared.
import { describe, expect, it } from 'vitest';
import { ChannelClient, type ChannelMessage, type Gap } from '../../../src/channels/index.ts';
import { until } from '../../../src/testing/wait.ts';
import { Running } from '../../interop/tools.ts';
import { findNatsServer, NatsServer } from './nats-server.ts';

const path = findNatsServer() ?? '';

const CLIENTS = 100;
const MESSAGES_EACH = 20;
const CHANNELS = ['red', 'green', 'blue', 'grey'];
const CHANNELS_EACH = 2;
/** More than are published: whoever comes back late misses nothing. */
const MAX_MESSAGES = 10_000;
const PATIENCE = 120_000;

interface Payload {
  readonly client: number;
  readonly count: number;
}

interface Entry {
  readonly channel: string;
  readonly seq: number;
  readonly payload: Payload;
}

class HubProcess implements AsyncDisposable {
  readonly url: string;
  readonly #running: Running;

  private constructor(running: Running, url: string) {
    this.#running = running;
    this.url = url;
  }

  static async start(nats: NatsServer): Promise<HubProcess> {
    const script = 'test/server/channels/hub-process.ts';
    const argv = [
      '--conditions=statewire-source',
      '--import=tsx',
      script,
      nats.address,
      String(MAX_MESSAGES),
    ];
    const running = new Running(process.execPath, argv);
    await until(() => running.hasEnded || running.bytes.includes('\n'), {
      describe: () => `a hub to listen: ${running.errors}`,
      timeoutMs: 20_000,
    });
    if (running.hasEnded) throw new Error(`The hub ended: ${running.errors}`);
    return new HubProcess(running, running.bytes.toString().trim());
  }

  /** What it has complained about. */
  get errors(): string {
    return this.#running.errors;
  }

  /** SIGKILL: it has no time to say anything to anybody. */
  kill(): Promise<void> {
    return this.#running.kill();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

/** A client that publishes and reads, and keeps its books. */
class Talker {
  readonly index: number;
  readonly channels: readonly string[];
  readonly client: ChannelClient;
  readonly received = new Map<string, ChannelMessage<Payload>[]>();
  readonly gaps: Gap[] = [];
  readonly refused: unknown[] = [];
  readonly acknowledged: Entry[] = [];

  constructor(index: number, urls: readonly string[]) {
    this.index = index;
    this.channels = Array.from(
      { length: CHANNELS_EACH },
      (_, more) => CHANNELS[(index + more) % CHANNELS.length] ?? '',
    );
    let attempt = index;
    this.client = new ChannelClient({
      url: () => urls[(attempt += 1) % urls.length] ?? '',
      maxRetries: Infinity,
      retryDelayMs: 100,
      subscribeTimeoutMs: PATIENCE,
      sendTimeoutMs: PATIENCE,
      acknowledgementMs: PATIENCE,
      timeouts: { connectMs: 10_000 },
    });
    this.client.on('message', (message) => {
      const messages = this.received.get(message.channel) ?? [];
      this.received.set(message.channel, messages);
      messages.push(message as ChannelMessage<Payload>);
    });
    this.client.on('gap', (gap) => this.gaps.push(gap));
    this.client.on('refused', (error) => this.refused.push(error));
  }

  async join(): Promise<void> {
    await this.client.connect();
    await Promise.all(this.channels.map((channel) => this.client.subscribe(channel)));
  }

  /** One after the other, in turns. */
  async talk(onAcknowledged: () => void): Promise<void> {
    for (let count = 0; count < MESSAGES_EACH; count += 1) {
      await this.say(this.channels[count % this.channels.length] ?? '', count);
      onAcknowledged();
    }
  }

  async say(channel: string, count: number): Promise<void> {
    const payload = { client: this.index, count };
    const publication = await this.client.publish(channel, payload);
    if (publication.outcome !== 'acknowledged') throw new Error('It does not talk to a hub.');
    this.acknowledged.push({ channel, seq: publication.seq, payload });
  }

  /** What it must have got of a channel, when all have written down what was acknowledged. */
  shareOf(channel: string, books: readonly Entry[]): readonly string[] {
    return books
      .filter((entry) => entry.channel === channel && entry.payload.client !== this.index)
      .sort((one, other) => one.seq - other.seq)
      .map(({ seq, payload }) => line(seq, payload));
  }

  receivedOf(channel: string): readonly string[] {
    return (this.received.get(channel) ?? []).map(({ seq, payload }) => line(seq, payload));
  }
}

const line = (seq: number | undefined, { client, count }: Payload): string => `${seq}: ${client}/${count}`;

describe.skipIf(path === '')('three hubs over NATS', { timeout: PATIENCE }, () => {
  it('lose nothing that they acknowledged, hand on nothing twice, and keep one order for all, though one is killed and NATS restarts', async () => {
    await using nats = await NatsServer.start(path);
    await using doomed = await HubProcess.start(nats);
    await using second = await HubProcess.start(nats);
    await using third = await HubProcess.start(nats);
    const urls = [doomed, second, third].map(({ url }) => url);
    const talkers = Array.from({ length: CLIENTS }, (_, index) => new Talker(index, urls));
    try {
      await Promise.all(talkers.map((talker) => talker.join()));

      let acknowledged = 0;
      const talking = Promise.all(talkers.map((talker) => talker.talk(() => (acknowledged += 1))));
      const waitFor = (share: number) =>
        Promise.race([
          talking,
          until(() => acknowledged >= share * CLIENTS * MESSAGES_EACH, {
            describe: () => `${share} of all acknowledgements, there are ${acknowledged}`,
            timeoutMs: PATIENCE,
          }),
        ]);
      await waitFor(0.25);
      await doomed.kill();
      await waitFor(0.5);
      await nats.kill();
      await nats.comeBack();
      await talking;
      expect(acknowledged).toBe(CLIENTS * MESSAGES_EACH);

      expect(talkers.filter(({ client }) => client.connection.stats.reconnects > 0)).not.toEqual([]);
      // What came twice or too much came before this.
      const lastWords = [talkers[0], talkers[2]];
      for (const talker of lastWords)
        for (const channel of talker?.channels ?? []) await talker?.say(channel, MESSAGES_EACH);

      const books = talkers.flatMap(({ acknowledged: own }) => own);
      expect(new Set(books.map(({ seq }) => seq)).size).toBe(books.length);
      for (const talker of talkers)
        for (const channel of talker.channels) {
          const share = talker.shareOf(channel, books);
          await until(() => talker.receivedOf(channel).length >= share.length, {
            describe: () =>
              `client ${talker.index} to get ${share.length} of ${channel}, it has ${talker.receivedOf(channel).length}`,
            timeoutMs: 20_000,
          });
          expect(talker.receivedOf(channel)).toEqual(share);
        }
      expect(talkers.flatMap(({ gaps, refused }) => [...gaps, ...refused])).toEqual([]);
    } finally {
      await Promise.all(talkers.map(({ client }) => client.disconnect()));
    }
  });
});
