// Tokens that are asked for, expire and are replaced.
import { describe, expect, it, vi } from 'vitest';
import { AuthenticationError, ConnectionFailedError } from '../../src/coordinator/index.ts';
import { until } from '../../src/testing/wait.ts';
import { quiet } from '../testing/leftovers.ts';
import {
  connected,
  coordinatorAnd,
  fixture,
  greet,
  puppetAnd,
  puppetConnected,
  rejectionOf,
  untilState,
} from './setup.ts';

/** Gives `token-1`, `token-2` … */
const counting = () => {
  let given = 0;
  return vi.fn(async () => `token-${String((given += 1))}`);
};

const tokensOf = (coordinator: { connections: readonly { authPayload?: { token: string } | undefined }[] }) =>
  coordinator.connections.map(({ authPayload }) => authPayload?.token);

describe('a token provider (S0-36)', () => {
  it('is asked anew for each attempt, and told which and why', async () => {
    const token = counting();
    const { client, clock, coordinator, connection } = await connected({ token });
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await untilState(client, 'open');

    expect(tokensOf(coordinator)).toEqual(['token-1', 'token-2']);
    expect(token.mock.calls).toMatchObject([
      [{ attempt: 0, reason: 'CONNECT_CALLED' }],
      [{ attempt: 1, reason: 'LINK_LOST' }],
    ]);
  });

  it('is asked once more at once when the first connect meets an expired token', async () => {
    const { client, clock, coordinator } = await coordinatorAnd(
      { token: counting() },
      { tokens: (token) => (token === 'token-1' ? 'expired' : 'ok') },
    );

    expect(await client.connect()).toMatchObject({ type: 'connection.ok' });
    expect([tokensOf(coordinator), clock.now()]).toEqual([['token-1', 'token-2'], 0]);
  });

  it('is asked once more at once when a reconnect meets an expired token', async () => {
    const { client, clock, coordinator, connection } = await connected(
      { token: counting() },
      {
        tokens: (token) => (token === 'token-2' ? 'expired' : 'ok'),
      },
    );
    connection.socket.close(1001);
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await untilState(client, 'open');

    expect(tokensOf(coordinator)).toEqual(['token-1', 'token-2', 'token-3']);
    expect([client.connected, clock.now()]).toEqual([true, 1_000]);
  });

  it('is not asked again when the fresh token has expired as well', async () => {
    const { client, coordinator } = await coordinatorAnd({ token: counting() }, { tokens: () => 'expired' });
    const error = await rejectionOf(client.connect());
    await quiet();

    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ payload: { error: { code: 40 } } });
    expect(tokensOf(coordinator)).toEqual(['token-1', 'token-2']);
  });

  it('is not asked again for any other refusal', async () => {
    const { client, coordinator } = await coordinatorAnd({ token: counting() }, { tokens: () => 'invalid' });

    expect(await rejectionOf(client.connect())).toBeInstanceOf(AuthenticationError);
    expect(tokensOf(coordinator)).toEqual(['token-1']);
  });

  it('may be asked once more in each session', async () => {
    let current = 1;
    const token = ({ reason }: { reason: string }) => {
      if (reason === 'CREDENTIALS_REJECTED') current += 1;
      return `token-${String(current)}`;
    };
    const { client, clock, coordinator } = await connected({ token });
    for (let session = 2; session <= 3; session += 1) {
      coordinator.expireTokens();
      coordinator.resetAll();
      await untilState(client, 'reconnecting');
      clock.advance(1_000);
      await untilState(client, 'open');
    }

    expect(tokensOf(coordinator)).toEqual(['token-1', 'token-1', 'token-2', 'token-2', 'token-3']);
  });
});

describe('a static token (S0-36)', () => {
  it('is not shown twice to a coordinator that finds it expired', async () => {
    const { client, clock, coordinator, connection } = await connected();
    coordinator.expireTokens();
    connection.socket.close(1001);
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await untilState(client, 'failed');

    expect([client.connected, coordinator.totalConnections]).toEqual([false, 2]);
  });
});

describe('a provider that fails', () => {
  it('rejects the first connect, and nothing is scheduled', async () => {
    const thrown = new Error('no token today');
    const token = vi.fn(() => Promise.reject(thrown));
    const { client, clock, coordinator } = await coordinatorAnd({ token });
    const error = await rejectionOf(client.connect());

    expect(error).toBeInstanceOf(ConnectionFailedError);
    expect(error).toMatchObject({
      code: 'PROVIDER_FAILED',
      message: 'The function given as token failed: no token today.',
      cause: thrown,
    });
    expect([token.mock.calls.length, clock.pending, coordinator.totalConnections]).toEqual([1, 0, 0]);
  });

  it('rejects when it gives no token', async () => {
    const { client } = await coordinatorAnd({ token: () => '' });

    expect(await rejectionOf(client.connect())).toMatchObject({
      code: 'PROVIDER_FAILED',
      cause: { code: 'INVALID_OPTION' },
    });
  });

  it('costs a reconnect one attempt', async () => {
    let calls = 0;
    const token = () => {
      calls += 1;
      if (calls === 2) throw new Error('later');
      return 'good';
    };
    const { client, clock, connection } = await connected({ token });
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await until(() => client.lastError?.code === 'PROVIDER_FAILED');
    clock.advance(2_000);

    await untilState(client, 'open');
  });

  it('is given ten seconds', async () => {
    const signals: AbortSignal[] = [];
    const token = ({ signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise<string>(() => undefined);
    };
    const { client, clock } = await coordinatorAnd({ token });
    const error = rejectionOf(client.connect());
    await until(() => signals.length === 1);
    clock.advance(10_000);

    expect(await error).toMatchObject({ name: 'ConnectionFailedError', code: 'PROVIDER_TIMEOUT' });
    expect(signals[0]!.aborted).toBe(true);
  });
});

describe('a token that expires in mid-session (S0-36)', () => {
  it('is replaced on a new connection, and the event is an event', async () => {
    const { client, clock, coordinator, connection, states } = await connected({ token: counting() });
    const heard: unknown[] = [];
    client.on('connection.error', (event) => heard.push(event));
    clock.advance(6_000);
    coordinator.emitTokenExpired();
    await coordinator.nextConnection();
    await untilState(client, 'open');

    expect(heard).toMatchObject([{ type: 'connection.error', error: { code: 40 } }]);
    expect(tokensOf(coordinator)).toEqual(['token-1', 'token-2']);
    expect(states.slice(3).map(({ state }) => state)).toEqual(['connecting', 'authenticating', 'open']);
    expect(client.lastError).toBeInstanceOf(AuthenticationError);
    expect(client.lastError).toMatchObject({
      message: 'The server rejected the credentials: the token has expired.',
      payload: heard[0],
    });
    await until(() => connection.isClosed);
    expect(clock.now()).toBe(6_000);
  });

  it('is replaced a second later when the session is still young, so that there is no tight loop', async () => {
    const { client, clock, coordinator } = await connected({ token: counting() });
    coordinator.emitTokenExpired();
    await untilState(client, 'reconnecting');
    expect(clock.nextInMs).toBe(1_000);
    clock.advance(1_000);
    await untilState(client, 'open');

    expect(tokensOf(coordinator)).toEqual(['token-1', 'token-2']);
  });

  it('survives a network that fails at that moment', async () => {
    const { client, clock, server, socket } = await puppetConnected({ token: counting() });
    clock.advance(6_000);
    socket.send(fixture('token-expired'));
    (await server.upgrade()).destroy();
    await untilState(client, 'reconnecting');
    clock.runNext();
    await greet(server);

    await untilState(client, 'open');
  });

  it('is only an event when there is no provider', async () => {
    const { client, clock, coordinator, connection } = await connected();
    const heard: unknown[] = [];
    client.on('connection.error', (event) => heard.push(event));
    clock.advance(6_000);
    coordinator.emitTokenExpired();
    await until(() => heard.length === 1);
    await quiet();

    expect([client.state, connection.isClosed, coordinator.totalConnections]).toEqual(['open', false, 1]);
  });

  it('is not seen in other errors', async () => {
    const { client, socket } = await puppetConnected({ token: counting() });
    const heard: unknown[] = [];
    client.on('*', (event) => heard.push(event));
    const others = [
      { type: 'error' },
      { type: 'connection.error', error: { code: 43 } },
      { type: 'a', error: { code: 40 } },
    ];
    for (const other of others) socket.send(other);
    await until(() => heard.length === 3);

    expect([heard, client.state]).toEqual([others, 'open']);
  });

  it('brings no connection back that is being closed', async () => {
    const { client, clock, server, socket } = await puppetConnected({ token: counting() });
    socket.holdClose();
    const ended = client.disconnect();
    socket.send(fixture('token-expired'));
    await until(() => client.stats.messagesIn === 2);
    clock.advance(1_000);
    await ended;
    clock.advance(120_000);
    await quiet();

    expect([client.state, server.totalConnections]).toEqual(['closed', 1]);
  });
});

describe('an upgrade', () => {
  it('that is refused while reconnecting is final, like every 401', async () => {
    const { client, clock, server, socket } = await puppetConnected({ token: counting() });
    socket.reset();
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    (await server.upgrade()).refuse(401);
    await untilState(client, 'failed');

    expect(client.lastError).toMatchObject({ name: 'ConnectionFailedError', code: 'UPGRADE_REJECTED' });
  });

  it('that is refused has a fresh chance with headers that are asked for', async () => {
    const headers = vi.fn(() => ({ cookie: 'session' }));
    const { client, server } = await puppetAnd({ headers });
    const connecting = client.connect();
    (await server.upgrade()).refuse(401);
    await greet(server);

    expect(await connecting).toEqual(fixture('connection-ok'));
    expect(headers).toHaveBeenCalledTimes(2);
  });
});
