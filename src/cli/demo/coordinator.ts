// What the coordinator's chapters share: a mock coordinator, a fault proxy in front of it, a client that goes through
// the proxy, and the account of every event that was promised to arrive.
import { CoordinatorClient, type CoordinatorOptions } from '../../coordinator/index.ts';
import type { ConnectionState } from '../../../machines/index.ts';
import type { Inspector } from '../../inspection/inspector.ts';
import { FaultProxy } from '../../testing/fault-proxy.ts';
import { MockCoordinator } from '../../testing/mock-coordinator.ts';
import type { Outcome } from './chapter.ts';
import type { Stage } from './stage.ts';
import { eventually, untilState } from './waiting.ts';

/** Everything scaled down from seconds to fractions of one, so that nobody waits for the demo. */
export const TIMES = {
  healthcheckIntervalMs: 400,
  healthcheckTimeoutMs: 1_500,
  backoffBaseMs: 250,
  backoffFactor: 2,
  maxRetries: 4,
} as const satisfies CoordinatorOptions;

/** Events that the coordinator emits each time to show that the way is open. */
const EVENTS_PER_EXCHANGE = 5;
const USER = 'ada';

export class CoordinatorWorld implements AsyncDisposable {
  readonly coordinator: MockCoordinator;
  readonly proxy: FaultProxy;
  readonly client: CoordinatorClient;
  /** How often the client asked for a token. */
  tokensIssued = 0;
  /** The numbers of the events that were emitted to an open connection, and of those that arrived. */
  readonly emitted: number[] = [];
  readonly received: number[] = [];
  readonly #inspect: Inspector | undefined;

  private constructor(coordinator: MockCoordinator, proxy: FaultProxy, inspect: Inspector | undefined) {
    this.coordinator = coordinator;
    this.proxy = proxy;
    this.#inspect = inspect;
    this.client = this.makeClient(USER, () => {
      this.tokensIssued += 1;
      return `valid-${this.tokensIssued}`;
    });
    this.client.on('demo.tick', ({ number }) => this.received.push(Number(number)));
  }

  static async make(this: void, stage: Stage): Promise<CoordinatorWorld> {
    const tokens = (token: string) => (token.startsWith('valid-') ? 'ok' : 'invalid');
    const coordinator = await MockCoordinator.listen({ tokens });
    const world = new CoordinatorWorld(coordinator, await FaultProxy.listen(coordinator.url), stage.inspect);
    stage.follow(world.client.connection);
    return world;
  }

  /** @param name what inspectors call it */
  makeClient(name: string, token: string | (() => string)): CoordinatorClient {
    const inspect = this.#inspect;
    const options = { ...TIMES, url: this.proxy.url, name, ...(inspect && { inspect }) };
    return new CoordinatorClient('demo-key', token, USER, options);
  }

  /** Lets the coordinator emit some events, and waits for them; whether each event so far came exactly once, in order. */
  async exchange(): Promise<boolean> {
    const first = this.emitted.length;
    for (let number = first; number < first + EVENTS_PER_EXCHANGE; number += 1) {
      this.emitted.push(number);
      this.coordinator.emit({ type: 'demo.tick', number });
    }
    await eventually(() => this.received.length >= this.emitted.length);
    return this.isComplete;
  }

  get isComplete(): boolean {
    return this.received.join() === this.emitted.join();
  }

  /** Claims that the client is back for good: by one new connection, nothing left of the old one, and events flow. */
  async checkRecovery(stage: Stage, connectionsBefore: number): Promise<void> {
    const { coordinator } = this;
    const isSingle = await eventually(
      () => coordinator.liveConnections === 1 && coordinator.totalConnections === connectionsBefore + 1,
    );
    const isComplete = await this.exchange();
    const news = `${EVENTS_PER_EXCHANGE} new events arrive, once each, in order`;
    stage.check(`one new connection, none left over; ${news}`, isSingle && isComplete);
  }

  /** Commits a fault and waits until the client has noticed. */
  async lose(fault: () => unknown): Promise<{ readonly faultAt: number; readonly noticedAfterMs: number }> {
    const lost = untilState(this.client.connection, (state) => state !== 'open');
    const faultAt = performance.now();
    await fault();
    await lost;
    return { faultAt, noticedAfterMs: performance.now() - faultAt };
  }

  /** Commits a fault and waits until the client is open again. `mend` is called as soon as it has noticed. */
  async survive(fault: () => unknown, mend?: () => unknown): Promise<Required<Outcome>> {
    const { connection } = this.client;
    const attemptsBefore = connection.stats.attempts;
    const { faultAt, noticedAfterMs } = await this.lose(fault);
    const recovered = this.untilOpen();
    await mend?.();
    await recovered;
    const recoveredAfterMs = performance.now() - faultAt;
    return { noticedAfterMs, recoveredAfterMs, attempts: connection.stats.attempts - attemptsBefore };
  }

  async untilOpen(): Promise<ConnectionState> {
    return untilState(this.client.connection, (state) => state === 'open');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.disconnect();
    await this.proxy.close();
    await this.coordinator.close();
  }
}
