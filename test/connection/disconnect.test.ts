// disconnect() and dispose: legal in every state, and what they leave behind: nothing.
import { describe, expect, test } from 'vitest';
import { Connection } from '../../src/index.ts';
import { guarded } from '../support/guarded-protocol.ts';
import { quiet, rejectionOf, stage, watch } from '../support/connected.ts';

describe('disconnect()', () => {
  test('says goodbye, closes with 1000 and waits for the answer', async () => {
    await using scene = await stage({ protocol: guarded, credentials: 'secret' });
    const connecting = scene.connection.connect();
    const socket = await scene.server.accept();
    await socket.nextFrame();
    socket.send({ type: 'welcome', session: 'one' });
    await connecting;
    socket.holdClose();

    const disconnected = scene.connection.disconnect();
    const watched = watch(disconnected);
    expect(await socket.nextJson()).toEqual({ type: 'goodbye' });
    await quiet();
    expect([scene.connection.state, watched.outcome]).toEqual(['closing', 'pending']);

    socket.answerClose();
    await disconnected;
    expect(scene.connection.state).toBe('closed');
    expect(socket.closeReceived).toEqual({ code: 1000, reason: '' });
  });

  test("closes with the protocol's own code and reason", async () => {
    await using scene = await stage({
      protocol: { ...guarded, handshake: undefined as never, closeWith: { code: 4000, reason: 'bye' } },
    });
    const socket = await scene.connect();

    await scene.connection.disconnect();

    expect(socket.closeReceived).toEqual({ code: 4000, reason: 'bye' });
  });

  test('is over after timeouts.closeMs when the peer does not answer', async () => {
    await using scene = await stage({ timeouts: { closeMs: 700 } });
    const socket = await scene.connect();
    socket.freeze();
    const disconnected = scene.connection.disconnect();

    scene.clock.advance(699);
    expect(scene.connection.state).toBe('closing');
    scene.clock.advance(1);
    await disconnected;

    expect(scene.connection.state).toBe('closed');
    socket.thaw();
    expect(await socket.closed()).toMatchObject({ code: 1000 });
  });

  test('is resolved for every caller', async () => {
    await using scene = await stage();
    await scene.connect();

    await Promise.all([
      scene.connection.disconnect(),
      scene.connection.disconnect(),
      scene.connection[Symbol.asyncDispose](),
    ]);

    expect(scene.connection.state).toBe('closed');
    await scene.connection.disconnect();
    expect(scene.states.filter((state) => state === 'closed')).toHaveLength(1);
  });

  test('waits for the end when it is called in a listener', async () => {
    await using scene = await stage();
    const seen: string[] = [];
    scene.connection.on('open', () => {
      void scene.connection.disconnect().then(() => seen.push(scene.connection.state));
    });
    await scene.connect();
    await scene.until('closed');
    await quiet();

    expect(seen).toEqual(['closed']);
  });

  test('ends an attempt whose URL is not known yet, and asks nothing more', async () => {
    let provide: (url: string) => void = () => undefined;
    const asked: string[] = [];
    await using scene = await stage({
      url: () => new Promise<string>((resolve) => (provide = resolve)),
      headers: () => {
        asked.push('headers');
        return new Promise<never>(() => undefined);
      },
    });
    const connecting = rejectionOf(scene.connection.connect());

    await scene.connection.disconnect();
    await connecting;
    provide(scene.server.url);
    await quiet();

    expect(asked).toEqual([]);
    expect(scene.clock.pending).toBe(0);
    expect(scene.server.totalConnections).toBe(0);
  });

  test('during a handshake opens no session, whatever the server says then', async () => {
    const resumed: unknown[] = [];
    await using scene = await stage({
      protocol: guarded,
      credentials: 'secret',
      resume: (session) => void resumed.push(session),
    });
    const connecting = rejectionOf(scene.connection.connect());
    const socket = await scene.server.accept();
    await socket.nextFrame();
    socket.holdClose();
    const disconnected = scene.connection.disconnect();
    socket.send({ type: 'welcome', session: 'one' });
    socket.send({ type: 'news' });
    await quiet();
    socket.answerClose();
    await Promise.all([disconnected, connecting]);

    expect(resumed).toEqual([]);
    expect(scene.messages).toEqual([]);
    expect(scene.states).toEqual(['connecting', 'authenticating', 'closing', 'closed']);
  });

  test('tells what the close frame of the peer said', async () => {
    await using scene = await stage();
    const ends: unknown[] = [];
    scene.connection.on('closed', (end) => ends.push(end));
    const socket = await scene.connect();
    socket.holdClose();
    const disconnected = scene.connection.disconnect();
    socket.close(1000, 'see you');
    await disconnected;

    expect(ends).toEqual([{ closeCode: 1000, closeReason: 'see you' }]);
  });

  test('tells no close code of an earlier socket', async () => {
    await using scene = await stage();
    const ends: unknown[] = [];
    scene.connection.on('closed', (end) => ends.push(end));
    const socket = await scene.connect();
    socket.close(1011, 'broken');
    await scene.retry();
    await scene.server.upgrade();

    await scene.connection.disconnect();

    expect(ends).toEqual([{ closeCode: undefined, closeReason: undefined }]);
  });

  test('is what `await using` does', async () => {
    await using scene = await stage();
    const { url } = scene.server;
    let socket;
    {
      await using connection = new Connection({ url, clock: scene.clock });
      const connecting = connection.connect();
      socket = await scene.server.accept();
      await connecting;
    }

    expect(await socket.closed()).toEqual({ code: 1000, reason: '' });
  });
});
