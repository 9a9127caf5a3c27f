// N losses of any kind are N recoveries: real sockets, virtual time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CoordinatorClient } from '../../src/coordinator/index.ts';
import { MockCoordinator } from '../../src/testing/mock-coordinator.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { until } from '../../src/testing/wait.ts';
import { untilState } from './setup.ts';

interface Scene {
  readonly client: CoordinatorClient;
  readonly clock: VirtualClock;
  readonly coordinator: MockCoordinator;
}

type Loss = readonly [name: string, lose: (scene: Scene) => unknown];

const LOSSES: readonly Loss[] = [
  ['reset', ({ coordinator }) => coordinator.resetAll()],
  ['end', ({ coordinator }) => coordinator.connections.at(-1)!.socket.drop()],
  ['close 1000', ({ coordinator }) => coordinator.closeAll(1000)],
  ['close 1001', ({ coordinator }) => coordinator.closeAll(1001, 'going away')],
  ['close 1011', ({ coordinator }) => coordinator.closeAll(1011)],
  ['close without a code', ({ coordinator }) => coordinator.connections.at(-1)!.socket.close()],
  [
    'silence',
    ({ coordinator, clock }) => {
      coordinator.freeze();
      clock.advance(30_000);
      coordinator.thaw();
    },
  ],
  ['expired token', ({ coordinator }) => coordinator.emitTokenExpired()],
];

const isSettled = ({ client }: Scene, sessions: number) =>
  client.stats.reconnects === sessions && client.state === 'open';

async function loseAndRecover(
  scene: Scene,
  [, lose]: Loss,
  failures: number,
  nth: number,
): Promise<unknown[]> {
  const { client, clock, coordinator } = scene;
  lose(scene);
  await until(() => client.state !== 'open' || client.stats.reconnects === nth);
  const waits: unknown[] = [];
  if (failures > 0) await coordinator.goAway();
  while (!isSettled(scene, nth)) {
    await until(() => client.state === 'reconnecting' || isSettled(scene, nth));
    if (client.state !== 'reconnecting') break;
    waits.push(clock.nextInMs);
    if (waits.length === failures + 1 && failures > 0) await coordinator.comeBack();
    clock.runNext();
  }
  return waits;
}

describe('any number of losses (S0-16, S0-22)', () => {
  it(
    'are as many recoveries, each from the first wait on, with one socket at a time and all events',
    { timeout: 60_000 },
    async () => {
      const loss = fc.record({ kind: fc.constantFrom(...LOSSES), failures: fc.nat(2) });
      await fc.assert(
        fc.asyncProperty(fc.array(loss, { minLength: 1, maxLength: 8 }), async (losses) => {
          await using coordinator = await MockCoordinator.listen();
          const clock = new VirtualClock();
          await using client = new CoordinatorClient('key', () => 'good', 'ada', {
            url: coordinator.url,
            clock,
          });
          const scene = { client, clock, coordinator };
          const heard: unknown[] = [];
          client.on('mark', ({ n }) => heard.push(n));
          await client.connect();
          for (const [index, { kind, failures }] of losses.entries()) {
            const waits = await loseAndRecover(scene, kind, failures, index + 1);
            expect(waits).toEqual([1_000, 2_000, 4_000].slice(0, failures + 1));
            coordinator.emit({ type: 'mark', n: index });
            await until(() => heard.length === index + 1);
            await until(() => coordinator.liveConnections === 1);
          }
          expect(heard).toEqual(losses.map((_, index) => index));
          expect(client.stats.reconnects).toBe(losses.length);
          await client.disconnect();
          await until(() => coordinator.liveConnections === 0);
          expect([client.state, clock.pending]).toEqual(['closed', 0]);
        }),
        { numRuns: 25 },
      );
    },
  );

  it('are survived one after the other, a hundred times', { timeout: 60_000 }, async () => {
    await using coordinator = await MockCoordinator.listen();
    const clock = new VirtualClock();
    await using client = new CoordinatorClient('key', 'good', 'ada', { url: coordinator.url, clock });
    await client.connect();
    for (let drop = 1; drop <= 100; drop += 1) {
      coordinator.resetAll();
      await untilState(client, 'reconnecting');
      expect(clock.nextInMs).toBe(1_000);
      clock.advance(1_000);
      await untilState(client, 'open');
    }

    expect(client.stats.reconnects).toBe(100);
    expect(coordinator.totalConnections).toBe(101);
  });
});
