// When trying again is given up: limits, failures that no retry cures, and what is told then.
import { describe, expect, test } from 'vitest';
import { fixedBackoff, listBackoff } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { rejectionOf, stage } from '../support/connected.ts';

describe('giving up', () => {
  test('comes after maxAttempts retries in a row, with the last failure as the cause', async () => {
    await using scene = await stage({ retry: { maxAttempts: 2, backoff: listBackoff([10, 20]) } });
    const failing = rejectionOf(scene.connection.connect());
    for (let attempt = 0; attempt < 3; attempt += 1) {
      (await scene.server.upgrade()).refuse(503);
      if (attempt < 2) await scene.retry();
    }

    expect(await failing).toMatchObject({
      code: 'RETRIES_EXHAUSTED',
      details: { attempts: 2, last: 'The server answered the upgrade with HTTP 503.' },
      cause: { code: 'UPGRADE_REJECTED', details: { httpStatus: 503 } },
    });
    expect(scene.states.at(-1)).toBe('failed');
    expect(scene.server.totalConnections).toBe(3);
  });

  test('with maxAttempts 0 comes after the first failure, which is told itself', async () => {
    await using scene = await stage({ retry: { maxAttempts: 0 } });
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).refuse(503);

    expect(await failing).toMatchObject({ code: 'UPGRADE_REJECTED' });
  });

  test('comes at the first loss after maxElapsedMs without a session', async () => {
    await using scene = await stage({
      retry: { maxElapsedMs: 250, backoff: fixedBackoff({ delayMs: 100 }) },
    });
    const failed = until(() => scene.connection.state === 'failed');
    (await scene.connect()).reset();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await scene.retry();
      (await scene.server.upgrade()).destroy();
      await until(() => scene.waits.length === attempt + 2 || scene.connection.state === 'failed');
    }
    await failed;

    expect(scene.connection.actor.getSnapshot().context.failure).toMatchObject({
      code: 'RETRIES_EXHAUSTED',
      details: { elapsedMs: 300, attempts: 3 },
    });
  });

  test('measures maxElapsedMs from connect(), not from an earlier life', async () => {
    await using scene = await stage({ retry: { maxElapsedMs: 1_000 } });
    await scene.connect();
    await scene.connection.disconnect();
    scene.clock.advance(60_000);
    const connecting = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    await scene.until('reconnecting');
    await scene.connection.disconnect();

    expect(await connecting).toMatchObject({ code: 'DISCONNECTED' });
  });

  test('`retry: false` comes with every loss', async () => {
    await using scene = await stage({ retry: false });
    (await scene.connect()).reset();
    await scene.until('failed');

    expect(scene.connection.actor.getSnapshot().context.failure).toMatchObject({ code: 'LINK_LOST' });
    expect(scene.clock.pending).toBe(0);
  });

  test('`initial: false` comes with the first failure of a first dial, and not with later ones', async () => {
    await using scene = await stage({ retry: { initial: false } });
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    expect(await failing).toMatchObject({ code: 'CONNECT_FAILED' });

    (await scene.connect()).reset();
    await scene.retry();
    (await scene.server.upgrade()).destroy();
    await until(() => scene.waits.length === 2);
    await scene.reconnect();

    expect(scene.connection.state).toBe('open');
  });

  test('comes when the same message kills every session', async () => {
    await using scene = await stage();
    let socket = await scene.connect();
    socket.close(1009, 'too big');
    socket = await scene.reconnect();
    socket.close(1009, 'too big');
    await scene.until('failed');

    expect(scene.connection.actor.getSnapshot().context.failure).toMatchObject({
      code: 'CLOSED_BY_PEER',
      details: { closeCode: 1009 },
    });
  });

  test('comes after maxAttempts also where the server lets us in and refuses the token then', async () => {
    let tokens = 0;
    await using scene = await stage({
      credentials: () => (tokens += 1) as never,
      retry: { maxAttempts: 3, backoff: fixedBackoff({ delayMs: 10 }) },
    });
    let socket = await scene.connect();
    for (let loss = 0; loss < 4; loss += 1) {
      socket.close(4401);
      if (loss < 3) socket = await scene.reconnect();
    }
    await scene.until('failed');

    expect(scene.server.totalConnections).toBe(4);
  });
});
