// The resume option: what the server is told again before a session is used.
import { describe, expect, test } from 'vitest';
import { until } from '../../src/testing/wait.ts';
import { quiet, rejectionOf, stage } from '../support/connected.ts';

describe('the resume option', () => {
  test('runs after every handshake and before what is queued', async () => {
    await using scene = await stage<object>({
      resume: async ({ isReconnect, send }) => {
        await Promise.resolve();
        send({ subscribe: isReconnect ? 'again' : 'first' });
      },
    });
    scene.connection.send({ queued: 1 });
    const socket = await scene.connect();
    expect([await socket.nextJson(), await socket.nextJson()]).toEqual([
      { subscribe: 'first' },
      { queued: 1 },
    ]);
    socket.reset();
    await scene.until('reconnecting');
    scene.connection.send({ queued: 2 });
    const second = await scene.reconnect();

    expect([await second.nextJson(), await second.nextJson()]).toEqual([
      { subscribe: 'again' },
      { queued: 2 },
    ]);
  });

  test('is waited for, and messages that come meanwhile are delivered after `open`', async () => {
    let finish: () => void = () => undefined;
    await using scene = await stage({ resume: () => new Promise<void>((resolve) => (finish = resolve)) });
    const heard: unknown[] = [];
    scene.connection.on('open', () => heard.push('open'));
    scene.connection.on('message', (message) => heard.push(message));
    const connecting = scene.connection.connect();
    const socket = await scene.server.accept();
    socket.send({ early: 1 });
    await quiet();
    expect([scene.connection.state, heard]).toEqual(['authenticating', []]);

    finish();
    await connecting;
    await quiet();

    expect(heard).toEqual(['open', { early: 1 }]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no luck');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no luck'))],
  ])('that %s is a failed attempt', async (_, resume) => {
    await using scene = await stage({ resume });
    const connecting = rejectionOf(scene.connection.connect());
    await scene.server.accept();
    await scene.until('reconnecting');
    await scene.connection.disconnect();
    await connecting;

    expect(scene.changes.find(({ state }) => state === 'reconnecting')).toMatchObject({
      reason: 'RESUME_FAILED',
    });
  });

  test('that hangs ends with the handshake timeout', async () => {
    const signals: AbortSignal[] = [];
    await using scene = await stage({
      timeouts: { handshakeMs: 800 },
      resume: ({ signal }) => {
        signals.push(signal);
        return new Promise<void>(() => undefined);
      },
    });
    const connecting = rejectionOf(scene.connection.connect());
    await scene.server.accept();
    await until(() => signals.length === 1);
    scene.clock.advance(800);
    await scene.until('reconnecting');

    expect(scene.changes.at(-1)).toMatchObject({ reason: 'HANDSHAKE_TIMEOUT' });
    expect(signals[0]?.aborted).toBe(true);
    await scene.connection.disconnect();
    await connecting;
  });
});
