// Watching again, after a reconnect, what was watched before.
import { describe, expect, it, vi } from 'vitest';
import type { WatchInfo } from '../../src/coordinator/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../testing/leftovers.ts';
import { connected, recordingLogger, untilState, type ClientOptions } from './setup.ts';

async function reconnected(options: ClientOptions) {
  const scene = await connected(options);
  scene.connection.socket.reset();
  await untilState(scene.client, 'reconnecting');
  scene.clock.advance(1_000);
  await untilState(scene.client, 'open');
  return scene;
}

describe('the watch function (S0-37)', () => {
  it('is called once after each reconnect, with the new connection id, and not before', async () => {
    const watch = vi.fn<(info: WatchInfo) => void>();
    const { client, clock, coordinator } = await reconnected({ watch });
    coordinator.resetAll();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await untilState(client, 'open');

    const [, second, third] = coordinator.connections;
    expect(watch.mock.calls).toMatchObject([
      [{ connectionId: second!.connectionId, welcome: { type: 'connection.ok' } }],
      [{ connectionId: third!.connectionId }],
    ]);
    expect(third!.connectionId).toBe(client.connectionId);
  });

  it('is tried again when it fails, until it succeeds', async () => {
    let calls = 0;
    const watch = vi.fn(async () => {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
    });
    const { logger, lines } = recordingLogger();
    await reconnected({ watch, logger });
    await until(() => calls === 2);
    await quiet();

    expect(watch).toHaveBeenCalledTimes(2);
    expect(lines.filter(([level]) => level === 'error')).toEqual([]);
  });

  it('is tried three times, then its failure is reported, and the connection goes on', async () => {
    const thrown = new Error('never');
    const watch = vi.fn(() => {
      throw thrown;
    });
    const { logger, lines } = recordingLogger();
    const { client, coordinator } = await reconnected({ watch, logger });
    await until(() => lines.some(([level]) => level === 'error'));
    await quiet();

    expect(watch).toHaveBeenCalledTimes(3);
    expect(
      lines.filter(([level, message]) => level === 'error' || message.startsWith('Watching')),
    ).toMatchObject([
      ['warn', 'Watching again failed, try 1/3', { error: thrown }],
      ['warn', 'Watching again failed, try 2/3', { error: thrown }],
      ['warn', 'Watching again failed, try 3/3', { error: thrown }],
      ['error', 'A listener of "watch" failed: never.', { error: { cause: thrown } }],
    ]);
    expect([client.state, coordinator.totalConnections]).toEqual(['open', 2]);
  });

  it('is told when its session is over, and is not tried again for that', async () => {
    const signals: AbortSignal[] = [];
    const watch = ({ signal }: WatchInfo) => {
      signals.push(signal);
      return new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('over')));
      });
    };
    const { logger, lines } = recordingLogger();
    const { client, coordinator } = await reconnected({ watch, logger });
    expect(signals[0]!.aborted).toBe(false);
    coordinator.resetAll();
    await untilState(client, 'reconnecting');
    await quiet();

    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(lines.filter(([, message]) => message.startsWith('Watching'))).toEqual([]);
  });

  it('does not delay the events', async () => {
    const watch = () => new Promise<void>(() => undefined);
    const { client, coordinator } = await reconnected({ watch });
    const heard = vi.fn();
    client.on('a', heard);
    coordinator.emit({ type: 'a' });

    await until(() => heard.mock.calls.length === 1);
  });
});
