// An SSE connection, a server and a clock that a test holds in its hand. At the end nothing may be left of them.
import { expect } from 'vitest';
import type { StateChange } from '../../src/index.ts';
import { SseConnection, type SseEvent, type SseOptions } from '../../src/sse/index.ts';
import { PuppetSurroundings } from '../../src/testing/path-walker.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { StreamServer, type Exchange } from './stream-server.ts';

export class SseScene<Data> implements AsyncDisposable {
  readonly server: StreamServer;
  readonly clock = new VirtualClock();
  readonly surroundings = new PuppetSurroundings();
  readonly connection: SseConnection<Data>;
  readonly changes: StateChange[] = [];
  readonly events: SseEvent<Data>[] = [];

  constructor(server: StreamServer, options: Partial<SseOptions<Data>>) {
    this.server = server;
    this.connection = new SseConnection<Data>({
      url: server.url,
      clock: this.clock,
      surroundings: this.surroundings,
      random: () => 0,
      ...options,
    });
    this.connection.on('statechange', (change) => this.changes.push(change));
    this.connection.on('message', (event) => this.events.push(event));
  }

  /** What the last losses were, as codes. */
  get reasons(): string[] {
    return this.changes.filter(({ state }) => state === 'reconnecting').map(({ reason }) => reason);
  }

  get waits(): (number | null)[] {
    return this.changes.filter(({ state }) => state === 'reconnecting').map(({ retryInMs }) => retryInMs);
  }

  get data(): Data[] {
    return this.events.map(({ data }) => data);
  }

  /** Connects, and returns the server's end of the stream. */
  async connect(): Promise<Exchange> {
    const connecting = this.connection.connect();
    const exchange = (await this.server.next()).open();
    await connecting;
    return exchange;
  }

  /** Lets the wait before the next attempt pass, and returns the request, unanswered. */
  async retry(): Promise<Exchange> {
    await this.until('reconnecting');
    this.clock.advance(this.changes.at(-1)?.retryInMs ?? 0);
    return this.server.next();
  }

  async reconnect(): Promise<Exchange> {
    const exchange = (await this.retry()).open();
    await this.until('open');
    return exchange;
  }

  until(state: SseConnection['state']): Promise<unknown> {
    return until(() => this.connection.state === state, { describe: `the state ${state}` });
  }

  async received(count: number): Promise<SseEvent<Data>[]> {
    await until(() => this.events.length >= count, {
      describe: () => `${count} events; got ${JSON.stringify(this.events)}`,
    });
    return this.events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.disconnect();
    await this.server.close();
    expect(this.clock.pending).toBe(0);
  }
}

export async function sseStage<Data = string>(
  options: Partial<SseOptions<Data>> = {},
): Promise<SseScene<Data>> {
  return new SseScene(await StreamServer.listen(), options);
}
