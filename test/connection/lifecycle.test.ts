// connect(): what it resolves with, and that it settles exactly once in every order of calls.
import { describe, expect, test } from 'vitest';
import { ConnectionError } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { guarded } from '../support/guarded-protocol.ts';
import { quiet, rejectionOf, stage, watch } from '../support/connected.ts';

const refused = { retry: false } as const;

describe('connect()', () => {
  test("resolves with the protocol's welcome", async () => {
    await using scene = await stage({ protocol: guarded, credentials: 'secret' });
    const connecting = scene.connection.connect();
    const socket = await scene.server.accept();

    expect(await socket.nextJson()).toEqual({ type: 'hello', password: 'secret' });
    socket.send({ type: 'welcome', session: 'one' });

    expect(await connecting).toEqual({ session: 'one' });
    expect(scene.connection.state).toBe('open');
  });

  test('resolves with nothing where the protocol has no handshake', async () => {
    await using scene = await stage();
    const connecting = scene.connection.connect();
    await scene.server.accept();

    await expect(connecting).resolves.toBeUndefined();
  });

  test('tells each state with the one before it and the reason', async () => {
    await using scene = await stage();
    await scene.connect();

    await scene.connection.disconnect();

    expect(scene.changes).toEqual([
      { state: 'connecting', previous: 'idle', reason: 'CONNECT_CALLED', attempt: 0, retryInMs: null },
      {
        state: 'authenticating',
        previous: 'connecting',
        reason: 'CONNECT_CALLED',
        attempt: 0,
        retryInMs: null,
      },
      {
        state: 'open',
        previous: 'authenticating',
        reason: 'HANDSHAKE_ACCEPTED',
        attempt: 0,
        retryInMs: null,
      },
      { state: 'closing', previous: 'open', reason: 'DISCONNECT_CALLED', attempt: 0, retryInMs: null },
      { state: 'closed', previous: 'closing', reason: 'DISCONNECT_CALLED', attempt: 0, retryInMs: null },
    ]);
  });

  test('opens one socket for several callers, and resolves for all of them', async () => {
    await using scene = await stage();
    const first = scene.connection.connect();
    const second = scene.connection.connect();
    await scene.server.accept();

    expect(await Promise.all([first, second, scene.connection.connect()])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(scene.server.totalConnections).toBe(1);
  });

  test('resolves with the welcome again when the connection is open', async () => {
    await using scene = await stage({ protocol: guarded, credentials: 'secret' });
    const connecting = scene.connection.connect();
    (await scene.server.accept()).send({ type: 'welcome', session: 'one' });
    await connecting;

    expect(await scene.connection.connect()).toEqual({ session: 'one' });
  });

  test('ends the wait while reconnecting', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    socket.reset();
    await scene.until('reconnecting');

    const connecting = scene.connection.connect();
    await scene.server.accept();
    await connecting;

    expect(scene.clock.now()).toBe(0);
    expect(scene.changes.at(-3)).toEqual({
      state: 'connecting',
      previous: 'reconnecting',
      reason: 'CONNECT_CALLED',
      attempt: 1,
      retryInMs: null,
    });
  });

  test('waits for the end while closing, and opens again', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    socket.holdClose();
    void scene.connection.disconnect();
    const connecting = scene.connection.connect();
    await quiet();
    expect(scene.server.totalConnections).toBe(1);

    socket.answerClose();
    await scene.server.accept();
    await connecting;

    expect(scene.states.slice(3)).toEqual(['closing', 'connecting', 'authenticating', 'open']);
  });

  test('starts again after a failure', async () => {
    await using scene = await stage(refused);
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).destroy();
    await failing;

    await scene.connect();

    expect(scene.connection.state).toBe('open');
  });

  test('rejects with the failure with which the connection gave up', async () => {
    await using scene = await stage(refused);
    const failures: ConnectionError[] = [];
    scene.connection.on('failed', (error) => failures.push(error));
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.upgrade()).refuse(400);

    const error = await failing;

    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'UPGRADE_REJECTED', details: { httpStatus: 400 } });
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBe(error);
  });

  test('rejects when disconnect() ends the attempt', async () => {
    await using scene = await stage();
    const connecting = rejectionOf(scene.connection.connect());
    await scene.connection.disconnect();

    expect(await connecting).toMatchObject({ code: 'DISCONNECTED' });
  });

  test('rejects when disconnect() takes back a return', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    socket.holdClose();
    void scene.connection.disconnect();
    const connecting = rejectionOf(scene.connection.connect());

    const disconnected = scene.connection.disconnect();
    await until(() => socket.closeReceived);
    socket.answerClose();
    await disconnected;

    expect(await connecting).toMatchObject({ code: 'DISCONNECTED' });
    expect(scene.server.totalConnections).toBe(1);
  });
});

describe('the signal of connect()', () => {
  test('rejects before anything happens when it was aborted before', async () => {
    await using scene = await stage();

    const error = await rejectionOf(scene.connection.connect({ signal: AbortSignal.abort('no') }));

    expect(error).toBe('no');
    expect(scene.connection.state).toBe('idle');
  });

  test('closes the connection that the call began', async () => {
    await using scene = await stage();
    const abort = new AbortController();
    const connecting = rejectionOf(scene.connection.connect({ signal: abort.signal }));
    await scene.server.upgrade();
    abort.abort('enough');

    expect(await connecting).toBe('enough');
    expect(scene.connection.state).toBe('closed');
  });

  test('leaves the connection to another caller who waits for it', async () => {
    await using scene = await stage();
    const abort = new AbortController();
    const aborted = rejectionOf(scene.connection.connect({ signal: abort.signal }));
    const other = scene.connection.connect();
    abort.abort('enough');
    expect(await aborted).toBe('enough');

    await scene.server.accept();
    await other;

    expect(scene.connection.state).toBe('open');
  });

  test('closes the connection once every caller who waited has aborted', async () => {
    await using scene = await stage();
    const [first, second] = [new AbortController(), new AbortController()];
    const both = Promise.all([
      rejectionOf(scene.connection.connect({ signal: first.signal })),
      rejectionOf(scene.connection.connect({ signal: second.signal })),
    ]);
    first.abort('one');
    second.abort('two');

    expect(await both).toEqual(['one', 'two']);
    expect(scene.connection.state).toBe('closed');
  });

  test('does not open again what was closing when every caller has aborted', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    socket.holdClose();
    const disconnected = scene.connection.disconnect();
    const abort = new AbortController();
    const connecting = rejectionOf(scene.connection.connect({ signal: abort.signal }));
    abort.abort('enough');
    await connecting;
    await until(() => socket.closeReceived);
    socket.answerClose();
    await disconnected;
    await quiet();

    expect(scene.connection.state).toBe('closed');
  });

  test('changes nothing once the connection is open', async () => {
    await using scene = await stage();
    const abort = new AbortController();
    const connecting = scene.connection.connect({ signal: abort.signal });
    await scene.server.accept();
    await connecting;

    abort.abort();
    await quiet();

    expect(scene.connection.state).toBe('open');
  });

  test('does not end an outage that another call had begun', async () => {
    await using scene = await stage();
    const socket = await scene.connect();
    socket.reset();
    await scene.until('reconnecting');
    const abort = new AbortController();
    const connecting = rejectionOf(scene.connection.connect({ signal: abort.signal }));
    abort.abort('enough');

    expect(await connecting).toBe('enough');
    expect(scene.connection.state).toBe('connecting');
  });
});

describe('connect() in a listener', () => {
  test.each(['statechange', 'closed'] as const)('of %s opens again after the end', async (event) => {
    await using scene = await stage();
    await scene.connect();
    let again: Promise<unknown> | undefined;
    scene.connection.on(event, () => {
      if (scene.connection.state === 'closed') again ??= scene.connection.connect();
    });
    await scene.connection.disconnect();
    const watched = watch(again!);
    await scene.server.accept();
    await scene.until('open');
    await quiet();

    expect(watched.outcome).toEqual({ resolved: undefined });
  });

  test.each(['statechange', 'failed'] as const)('of %s starts again after a failure', async (event) => {
    await using scene = await stage(refused);
    const failing = rejectionOf(scene.connection.connect());
    let again: Promise<unknown> | undefined;
    scene.connection.on(event, () => {
      if (scene.connection.state === 'failed') again ??= scene.connection.connect();
    });
    (await scene.server.upgrade()).destroy();
    await failing;
    const watched = watch(again!);
    await scene.server.accept();
    await scene.until('open');
    await quiet();

    expect(watched.outcome).toEqual({ resolved: undefined });
  });

  test('of statechange opens again what begins to close', async () => {
    await using scene = await stage();
    await scene.connect();
    let again: Promise<unknown> | undefined;
    scene.connection.on('statechange', ({ state }) => {
      if (state === 'closing') again ??= scene.connection.connect();
    });
    void scene.connection.disconnect();
    const watched = watch(again!);
    await scene.server.accept();
    await scene.until('open');
    await quiet();

    expect(watched.outcome).toEqual({ resolved: undefined });
  });
});
