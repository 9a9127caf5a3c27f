// A client and a real hub, and the link between them cut at one byte after the other: each message is heard once, in order.
import { describe, expect, it } from 'vitest';
import { ChannelClient } from '../../src/channels/index.ts';
import { createChannelHub } from '../../src/server/index.ts';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { until } from '../../src/testing/wait.ts';

type Direction = 'toServer' | 'toClient';

/** Another part of all bytes each time, where there is less time than in CI. */
const STEP = process.env['CI'] === undefined ? 37 : 5;

class Room {
  readonly #proxy: FaultProxy;
  readonly #hubUrl: string;
  readonly #channel: string;

  constructor(proxy: FaultProxy, hubUrl: string, channel: string) {
    this.#proxy = proxy;
    this.#hubUrl = hubUrl;
    this.#channel = channel;
  }

  /** Publishes three messages and an end, and tells what became of the three, and what somebody else has heard. */
  async publish() {
    await using reader = new ChannelClient({ url: this.#hubUrl });
    await reader.connect();
    const heard: unknown[] = [];
    (await reader.subscribe(this.#channel)).on('message', ({ payload }) => heard.push(payload));
    await using client = new ChannelClient({ url: this.#proxy.url, maxRetries: 10, retryDelayMs: 1 });
    const connecting = client.connect();
    const subscribing = client.subscribe(this.#channel);
    const publishing = [1, 2, 3].map((payload) => client.publish(this.#channel, payload));
    const outcomes = (await Promise.all(publishing)).map(({ outcome }) => outcome);
    await Promise.all([connecting, subscribing]);
    // Whatever came twice came before this one.
    await client.publish(this.#channel, 'end');
    await until(() => heard.at(-1) === 'end');
    return { outcomes, heard };
  }
}

describe.each<Direction>(['toServer', 'toClient'])('a cut in the direction %s', (direction) => {
  it('loses nothing and doubles nothing, wherever it is', { timeout: 120_000 }, async () => {
    await using hub = createChannelHub({ port: 0 });
    await hub.listen();
    await using proxy = await FaultProxy.listen(hub.webSocketUrl);
    const carried = (): number =>
      direction === 'toServer' ? proxy.stats.bytesToServer : proxy.stats.bytesToClient;
    await new Room(proxy, hub.webSocketUrl, 'whole').publish();
    const allBytes = carried();
    let rounds = 0;
    for (let bytes = Math.floor(Math.random() * STEP); bytes < allBytes; bytes += STEP) {
      rounds += 1;
      proxy.cutAfter(bytes, { direction, times: 1 });
      const told = await new Room(proxy, hub.webSocketUrl, `room ${bytes}`).publish();
      expect({ bytes, ...told }).toEqual({
        bytes,
        outcomes: ['acknowledged', 'acknowledged', 'acknowledged'],
        heard: [1, 2, 3, 'end'],
      });
    }
    // Each was cut, but for those after whose cut nothing was left to say.
    expect(proxy.stats.connections).toBeGreaterThan(1.7 * rounds);
  });
});
