// A channel client, a server that says what it is told to say, and all of time in the test's hand. At the end nothing may
// be left of them.
import { expect } from 'vitest';
import {
  ChannelClient,
  type ChannelClientOptions,
  type ChannelMessage,
  type Subscription,
} from '../../src/channels/index.ts';
import { controlFrame, type Reply } from '../../src/channels/wire.ts';
import { PuppetSurroundings } from '../../src/testing/path-walker.ts';
import { PuppetServer, type PuppetSocket } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';

/** Longer than any time limit. */
const ALL_TIME_MS = 60_000;

export const subscribeFrame = (channel: string, after: object = {}): string =>
  JSON.stringify({ channel: 'subscription', payload: { action: 'subscribe', channel, ...after } });

export const unsubscribeFrame = (channel: string): string =>
  JSON.stringify({ channel: 'subscription', payload: { action: 'unsubscribe', channel } });

export const reply = (payload: Reply): string => controlFrame(payload);

/** What a hub says to a subscription. */
export const subscribed = (channel: string, seq = 0, epoch = 'e1', more: object = {}): string =>
  reply({ action: 'subscribed', channel, seq, epoch, ...more });

export class ChannelStage implements AsyncDisposable {
  readonly server: PuppetServer;
  readonly clock = new VirtualClock();
  readonly surroundings = new PuppetSurroundings();
  readonly client: ChannelClient;
  readonly states: string[] = [];
  /** The waits that were planned so far, in milliseconds. */
  readonly waits: (number | null)[] = [];
  /** What was logged as a warning or an error. */
  readonly logged: string[] = [];

  constructor(server: PuppetServer, options: ChannelClientOptions) {
    this.server = server;
    const ignore = (): void => undefined;
    const keep = (message: string): void => void this.logged.push(message);
    this.client = new ChannelClient({
      url: server.url,
      clock: this.clock,
      surroundings: this.surroundings,
      logger: { debug: ignore, info: ignore, warn: keep, error: keep },
      ...options,
    });
    this.client.connection.on('statechange', ({ state, retryInMs }) => {
      this.states.push(state);
      if (state === 'reconnecting') this.waits.push(retryInMs);
    });
  }

  async connect(): Promise<PuppetSocket> {
    const connecting = this.client.connect();
    const socket = await this.server.accept();
    await connecting;
    return socket;
  }

  /** Subscribes at a server that agrees with a word; a hub's when it has an epoch. */
  async subscribe(socket: PuppetSocket, channel: string, agreement = subscribed(channel)) {
    const subscribing = this.client.subscribe(channel);
    await nextIs(socket, subscribeFrame(channel));
    socket.send(agreement);
    return subscribing;
  }

  /** Subscribes at a server that says nothing. */
  async assume(socket: PuppetSocket, channel: string): Promise<Subscription> {
    const subscribing = this.client.subscribe(channel);
    await nextIs(socket, subscribeFrame(channel));
    this.clock.advance(500);
    return subscribing;
  }

  inState(state: ChannelClient['state']): Promise<unknown> {
    return until(() => this.client.state === state, {
      describe: () => `the state ${state} after ${this.states.join(', ')}`,
    });
  }

  /** Lets the wait before the next attempt pass. */
  async retry(): Promise<void> {
    await this.inState('reconnecting');
    this.clock.advance(this.waits.at(-1) ?? 0);
  }

  async reconnect(): Promise<PuppetSocket> {
    await this.retry();
    const socket = await this.server.accept();
    await this.inState('open');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const disconnected = this.client.disconnect();
    this.clock.advance(ALL_TIME_MS);
    await disconnected;
    await until(() => this.server.connections === 0, { describe: 'the end of every socket' });
    await this.server.close();
    expect(this.client.channels).toEqual([]);
    expect(this.clock.pending).toBe(0);
  }
}

export const stage = async (options: ChannelClientOptions = {}): Promise<ChannelStage> =>
  new ChannelStage(await PuppetServer.listen(), options);

export async function nextIs(socket: PuppetSocket, frame: string): Promise<void> {
  expect(await socket.nextFrame()).toBe(frame);
}

/** The payloads that a subscription's listener hears from now on. */
export function heardBy(subscription: Subscription): unknown[] {
  const heard: unknown[] = [];
  subscription.on('message', ({ payload }: ChannelMessage) => heard.push(payload));
  return heard;
}
