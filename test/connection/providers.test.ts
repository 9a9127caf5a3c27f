// url, headers, protocols and credentials as functions: called anew for each attempt, and never a reason to hang.
import { describe, expect, test } from 'vitest';
import type { AttemptInfo, ConnectionOptions } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { guarded } from '../support/guarded-protocol.ts';
import { quiet, rejectionOf, stage } from '../support/connected.ts';

type Options = Partial<ConnectionOptions>;
type Provider = 'url' | 'headers' | 'protocols' | 'credentials';
const PROVIDERS: readonly Provider[] = ['url', 'headers', 'protocols', 'credentials'];

/** Options with this one provided by a function. */
const providing = (option: Provider, provide: (info: AttemptInfo) => unknown): Options => ({
  [option]: provide,
});

describe('what is provided', () => {
  test('may be values', async () => {
    await using scene = await stage({
      headers: { 'X-Tenant': 'acme' },
      protocols: ['v2', 'v1'],
    });
    const connecting = scene.connection.connect();
    const upgrade = await scene.server.upgrade();
    upgrade.accept();
    await connecting;

    expect(upgrade.request.headers['x-tenant']).toBe('acme');
    expect(upgrade.subprotocols).toEqual(['v2', 'v1']);
  });

  test('may be functions, sync and async', async () => {
    await using scene = await stage({
      headers: async () => Promise.resolve({ 'X-Tenant': 'acme' }),
      protocols: () => 'v3',
    });
    const connecting = scene.connection.connect();
    const upgrade = await scene.server.upgrade();
    upgrade.accept();
    await connecting;

    expect(upgrade.request.headers['x-tenant']).toBe('acme');
    expect(upgrade.subprotocols).toEqual(['v3']);
  });

  test('may be a URL object, a path and a query', async () => {
    await using scene = await stage();
    await using other = await stage({ url: () => new URL('/chat?room=1#top', scene.server.url) });
    const connecting = other.connection.connect();
    const upgrade = await scene.server.upgrade();
    upgrade.accept();
    await connecting;

    expect(upgrade.request.url).toBe('/chat?room=1');
    await other.connection.disconnect();
  });

  test('may be an http URL, which means the same', async () => {
    await using scene = await stage();
    await using other = await stage({ url: scene.server.url.replace('ws:', 'http:') });
    const connecting = other.connection.connect();
    await scene.server.accept();
    await connecting;

    expect(other.connection.state).toBe('open');
    await other.connection.disconnect();
  });

  test.each(PROVIDERS)(
    '(%s) is asked anew for each attempt, with its number and the reason',
    async (option) => {
      const asked: Omit<AttemptInfo, 'signal'>[] = [];
      await using scene = await stage();
      await using other = await stage({
        url: scene.server.url,
        ...providing(option, ({ attempt, reason }) => {
          asked.push({ attempt, reason });
          return { url: scene.server.url, headers: {}, protocols: [], credentials: 'secret' }[option];
        }),
      });
      const connecting = other.connection.connect();
      (await scene.server.upgrade()).destroy();
      await other.retry();
      const socket = await scene.server.accept();
      await connecting;
      socket.close(1011);
      await other.until('reconnecting');
      other.surroundings.tell('network.returned');
      await scene.server.accept();
      await other.until('open');
      await other.connection.disconnect();

      expect(asked).toEqual([
        { attempt: 0, reason: 'CONNECT_CALLED' },
        { attempt: 1, reason: 'CONNECT_FAILED' },
        { attempt: 2, reason: 'NETWORK_RETURNED' },
      ]);
    },
  );

  test('is given to the handshake (credentials)', async () => {
    let version = 0;
    await using scene = await stage({
      protocol: guarded,
      credentials: async () => `token ${(version += 1)}`,
    });
    const connecting = scene.connection.connect();
    const socket = await scene.server.accept();

    expect(await socket.nextJson()).toEqual({ type: 'hello', password: 'token 1' });
    socket.send({ type: 'expired' });
    const second = await scene.server.accept();
    expect(await second.nextJson()).toEqual({ type: 'hello', password: 'token 2' });
    second.send({ type: 'welcome', session: 'two' });

    expect(await connecting).toEqual({ session: 'two' });
    expect(scene.clock.now()).toBe(0);
  });

  test('is told when its attempt is over', async () => {
    const signals: AbortSignal[] = [];
    await using scene = await stage({
      headers: ({ signal }) => (signals.push(signal), {}),
    });
    const socket = await scene.connect();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);

    socket.reset();
    await scene.until('reconnecting');

    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});

describe('a provider that fails', () => {
  test.each(
    PROVIDERS.flatMap(
      (option) =>
        [
          [option, 'throws'],
          [option, 'rejects'],
        ] as const,
    ),
  )('(%s %s) is a failed attempt that is retried', async (option, how) => {
    let calls = 0;
    await using scene = await stage();
    await using other = await stage({
      url: scene.server.url,
      ...providing(option, () => {
        calls += 1;
        if (how === 'throws') throw new Error('no luck');
        return Promise.reject(new Error('no luck'));
      }),
    });
    const reasons: unknown[] = [];
    other.connection.on('reconnecting', ({ error: { code, message, details, cause } }) =>
      reasons.push({ code, message, details, cause }),
    );
    const connecting = rejectionOf(other.connection.connect());
    await other.retry();
    await until(() => reasons.length === 2);
    await other.connection.disconnect();
    await connecting;

    expect(reasons[0]).toEqual({
      code: 'PROVIDER_FAILED',
      message: `The function given as ${option} failed: no luck.`,
      details: { option, cause: 'no luck' },
      cause: new Error('no luck'),
    });
    expect(calls).toBe(2);
    expect(scene.server.totalConnections).toBe(0);
  });

  test.each(PROVIDERS)('(%s hangs) is a failed attempt after timeouts.providerMs', async (option) => {
    const signals: AbortSignal[] = [];
    await using scene = await stage({
      timeouts: { providerMs: 700 },
      ...providing(option, ({ signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      }),
    });
    const connecting = rejectionOf(scene.connection.connect());
    await until(() => signals.length === 1);

    scene.clock.advance(699);
    await quiet();
    expect(scene.connection.state).toBe('connecting');
    scene.clock.advance(1);
    await scene.until('reconnecting');

    expect(scene.connection.actor.getSnapshot().context.failure).toMatchObject({
      code: 'PROVIDER_TIMEOUT',
      details: { option, limitMs: 700 },
    });
    expect(signals[0]?.aborted).toBe(true);
    await scene.connection.disconnect();
    await connecting;
  });

  test('(hangs) leaves the connect timeout in force', async () => {
    await using scene = await stage({
      timeouts: { connectMs: 500, providerMs: 700 },
      url: () => new Promise<never>(() => undefined),
    });
    const connecting = rejectionOf(scene.connection.connect());
    scene.clock.advance(500);
    await scene.until('reconnecting');

    expect(scene.changes.at(-1)).toMatchObject({ reason: 'CONNECT_TIMEOUT' });
    await scene.connection.disconnect();
    await connecting;
  });

  test('(answers after its attempt is over) is not used', async () => {
    const answers: ((url: string) => void)[] = [];
    await using scene = await stage({
      timeouts: { providerMs: 100 },
      url: () => new Promise<string>((resolve) => answers.push(resolve)),
    });
    const connecting = rejectionOf(scene.connection.connect());
    await until(() => answers.length === 1);
    scene.clock.advance(100);
    await scene.until('reconnecting');

    answers[0]?.(scene.server.url);
    await quiet();

    expect(scene.server.totalConnections).toBe(0);
    await scene.connection.disconnect();
    await connecting;
  });

  test.each<[Provider, string, unknown]>([
    ['url', 'no URL', 'not a url'],
    ['url', 'nothing', undefined],
    ['url', 'another scheme', 'ftp://example.com'],
    ['headers', 'a line break', { 'X-Bad': 'a\r\nSet-Cookie: b' }],
    ['headers', 'no string', { 'X-Bad': 5 }],
    ['headers', 'nothing', undefined],
    ['headers', 'no object', 'X-Bad: 5'],
    ['protocols', 'nothing', undefined],
    ['protocols', 'a number', 5],
    ['protocols', 'not only strings', ['v1', 5]],
    ['protocols', 'no token', ['v 1']],
    ['protocols', 'a name twice', ['v1', 'v1']],
  ])('(%s answers %s) is a failed attempt that names the option', async (option, _, answer) => {
    await using scene = await stage({ ...providing(option, () => answer) });
    const connecting = rejectionOf(scene.connection.connect());
    await until(() => scene.connection.state !== 'connecting');
    const { failure } = scene.connection.actor.getSnapshot().context;
    await scene.connection.disconnect();
    await connecting;

    expect(failure).toMatchObject({ code: 'PROVIDER_FAILED', cure: 'retry', details: { option } });
    expect(scene.server.totalConnections).toBe(0);
  });
});
