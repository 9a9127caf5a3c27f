// Connecting and disconnecting, against real sockets.
import { describe, expect, it, vi } from 'vitest';
import { AuthenticationError, ConnectionFailedError, CoordinatorError } from '../../src/coordinator/index.ts';
import { ConnectionError } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { countResources, quiet } from '../testing/leftovers.ts';
import {
  clientOf,
  connected,
  coordinatorAnd,
  fixture,
  greet,
  puppetAnd,
  puppetConnected,
  rejectionOf,
  untilState,
} from './setup.ts';

describe('connect() (S0-02, S0-06, S0-07, S0-29, S0-30)', () => {
  it('authenticates, and resolves with connection.ok', async () => {
    const { client, connection, welcome } = await connected();

    expect(welcome).toMatchObject({ type: 'connection.ok', connection_id: connection.connectionId });
    expect(welcome['me']).toMatchObject({ id: 'ada', online: true });
    expect(connection.authPayload).toEqual({
      token: 'good',
      products: ['video'],
      user_details: { id: 'ada' },
    });
    expect(Object.fromEntries(connection.query)).toEqual({ api_key: 'key', 'stream-auth-type': 'jwt' });
    expect({ connected: client.connected, state: client.state, connectionId: client.connectionId }).toEqual({
      connected: true,
      state: 'open',
      connectionId: connection.connectionId,
    });
  });

  it('shows the user in the answer as they were described', async () => {
    const { welcome } = await connected({ userDetails: { name: 'Ada', custom: { team: 'red' } } });

    expect(welcome['me']).toMatchObject({
      id: 'ada',
      name: 'Ada',
      custom: { team: 'red' },
      online: true,
      created_at: expect.any(String) as string,
      updated_at: expect.any(String) as string,
    });
  });

  it('sends the authentication first, without having read anything', async () => {
    const { server, client } = await puppetAnd();
    const connecting = client.connect();
    const socket = await server.accept();

    expect(await socket.nextFrame()).toBe(
      '{"token":"good","products":["video"],"user_details":{"id":"ada"}}',
    );

    socket.send(fixture('connection-ok'));
    expect(await connecting).toEqual(fixture('connection-ok'));
  });

  it('resolves with whatever comes first, if it is no error', async () => {
    const first = { type: 'health.check', text: 'not connection.ok' };
    const { client, welcome } = await puppetConnected({}, first);

    expect(welcome).toEqual(first);
    expect({ connected: client.connected, connectionId: client.connectionId }).toEqual({
      connected: true,
      connectionId: undefined,
    });
  });

  it('keeps the query of its URL, and the path / of one without', async () => {
    const { server, client } = await puppetAnd();
    void client.connect().catch(() => undefined);
    const first = await server.accept();
    const other = clientOf(`${server.url}/deep?region=eu`);
    void other.client.connect().catch(() => undefined);
    const second = await server.accept();

    expect([first.request.url, second.request.url]).toEqual([
      '/?api_key=key&stream-auth-type=jwt',
      '/deep?region=eu&api_key=key&stream-auth-type=jwt',
    ]);
  });

  it('offers no subprotocol, and sends no protocol pings (S0-05)', async () => {
    const { socket, clock, client } = await puppetConnected();
    socket.onFrame = () => socket.send(fixture('health-check'));
    for (let beat = 1; beat <= 3; beat += 1) {
      clock.advance(25_000);
      await until(() => client.stats.messagesIn === 1 + beat);
    }

    expect([socket.request.headers['sec-websocket-protocol'], socket.pings]).toEqual([undefined, 0]);
  });

  it('has the same outcome for every call while connecting', async () => {
    const { client, coordinator } = await coordinatorAnd();
    const outcomes = await Promise.all([client.connect(), client.connect(), client.connect()]);

    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[2]).toEqual(outcomes[0]);
    expect(coordinator.totalConnections).toBe(1);
  });

  it('disconnects first when connected', async () => {
    const { client, coordinator, connection, welcome, states } = await connected();
    const again = await client.connect();
    const second = await coordinator.nextConnection();

    expect(again['connection_id']).toBe(second.connectionId);
    expect(again['connection_id']).not.toBe(welcome['connection_id']);
    expect(connection.socket.closeReceived).toEqual({ code: 1000, reason: 'client disconnect' });
    expect(states.slice(3).map(({ state }) => state)).toEqual([
      'closing',
      'connecting',
      'authenticating',
      'open',
    ]);
    await until(() => coordinator.liveConnections === 1);
    expect({ connectionId: client.connectionId, total: coordinator.totalConnections }).toEqual({
      connectionId: second.connectionId,
      total: 2,
    });
  });

  it.each(['event', 'state change'])(
    'begins anew also when a listener of an %s asks for it',
    async (kind) => {
      const { client, coordinator } = await coordinatorAnd();
      const again: Promise<unknown>[] = [];
      const connectAgain = () => {
        if (again.length === 0) again.push(client.connect());
      };
      if (kind === 'event') client.on('connection.ok', connectAgain);
      else client.connection.on('open', connectAgain);
      await client.connect();
      await until(() => client.stats.attempts === 2 && client.state === 'open');

      expect(await again[0]).toMatchObject({ connection_id: client.connectionId });
      await until(() => coordinator.liveConnections === 1);
      expect(coordinator.totalConnections).toBe(2);
    },
  );

  it('works again after disconnect()', async () => {
    const { client, coordinator, welcome } = await connected();
    await client.disconnect();
    const again = await client.connect();

    expect(again['connection_id']).not.toBe(welcome['connection_id']);
    expect(coordinator.authAttempts).toBe(2);
  });

  it('gives up waiting when its signal is aborted, and connects to nothing', async () => {
    const { client, coordinator } = await coordinatorAnd();
    coordinator.holdAuth();
    const controller = new AbortController();
    const connecting = rejectionOf(client.connect({ signal: controller.signal }));
    await untilState(client, 'authenticating');
    const reason = new Error('enough');
    controller.abort(reason);

    expect(await connecting).toBe(reason);
    await untilState(client, 'closed');
    await until(() => coordinator.liveConnections === 0);
  });

  it('does nothing with a signal that is aborted already', async () => {
    const { client, connection } = await connected();

    await expect(client.connect({ signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect([client.state, connection.isClosed]).toEqual(['open', false]);
  });
});

describe('rejection (S0-08, S0-29)', () => {
  it.each(['error', 'connection.error'] as const)(
    'throws AuthenticationError after %s, once',
    async (wireErrors) => {
      const { client, clock, coordinator } = await coordinatorAnd({}, { tokens: [], wireErrors });
      const heard = vi.fn();
      client.on('*', heard);
      client.connection.on('message', heard);
      const error = await rejectionOf(client.connect());

      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({
        code: 'CREDENTIALS_REJECTED',
        message:
          'The server rejected the credentials: Authentication failed: token signature is invalid (code 43).',
        payload: { type: wireErrors, error: { code: 43, message: 'token signature is invalid' } },
      });
      expect({ state: client.state, connected: client.connected, lastError: client.lastError }).toEqual({
        state: 'failed',
        connected: false,
        lastError: error,
      });
      clock.advance(120_000);
      await quiet();
      await until(() => coordinator.liveConnections === 0);
      expect([coordinator.totalConnections, clock.pending, heard.mock.calls]).toEqual([1, 0, []]);
    },
  );

  it('throws it for anything but connection.ok in strict mode', async () => {
    const { server, client } = await puppetAnd({ strictFirstFrame: true });
    const error = rejectionOf(client.connect());
    await greet(server, { type: 'health.check' });

    expect(await error).toBeInstanceOf(AuthenticationError);
    expect(await error).toMatchObject({
      message: 'The server rejected the credentials: Expected connection.ok, got health.check.',
      payload: { type: 'health.check' },
    });
    expect(server.totalConnections).toBe(1);
  });

  it('accepts connection.ok in strict mode', async () => {
    const { welcome } = await connected({ strictFirstFrame: true });

    expect(welcome.type).toBe('connection.ok');
  });

  it('works once the token is right', async () => {
    let token = 'bad';
    const { client } = await coordinatorAnd({ token: () => token }, { tokens: ['good'] });
    const error = await rejectionOf(client.connect());
    token = 'good';

    expect(error).toBeInstanceOf(AuthenticationError);
    expect(await client.connect()).toMatchObject({ type: 'connection.ok' });
  });
});

describe('a first attempt that fails (S0-10, S0-11)', () => {
  it('throws ConnectionFailedError when nobody listens', async () => {
    const { client, clock, coordinator } = await coordinatorAnd();
    await coordinator.goAway();
    const error = await rejectionOf(client.connect());

    expect(error).toBeInstanceOf(ConnectionFailedError);
    expect(error).toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    expect({ attempts: client.stats.attempts, connected: client.connected, timers: clock.pending }).toEqual({
      attempts: 1,
      connected: false,
      timers: 0,
    });
  });

  it('throws an error of the argument for a port that cannot be', () => {
    expect(() => clientOf('ws://localhost:99999')).toThrow('`url`');
  });

  it.each([401, 403, 404, 429, 503])(
    'throws ConnectionFailedError after HTTP %i, even with a provider',
    async (status) => {
      const token = vi.fn(() => 'good');
      const { server, client } = await puppetAnd({ token });
      const error = rejectionOf(client.connect());
      (await server.upgrade()).refuse(status);

      expect(await error).toBeInstanceOf(ConnectionFailedError);
      expect(await error).toMatchObject({ code: 'UPGRADE_REJECTED', details: { httpStatus: status } });
      await quiet();
      expect([server.totalConnections, client.stats.attempts, token.mock.calls.length]).toEqual([1, 1, 1]);
    },
  );

  it.each([
    [1000, ''],
    [1011, 'maintenance'],
  ])(
    'throws ConnectionFailedError when the server closes with %i, and keeps its reason',
    async (code, reason) => {
      const { server, client } = await puppetAnd();
      const error = rejectionOf(client.connect());
      const socket = await server.accept();
      await socket.nextFrame();
      socket.close(code, reason);

      expect(await error).toBeInstanceOf(ConnectionFailedError);
      expect(await error).toMatchObject({
        code: 'CLOSED_BY_PEER',
        message: expect.stringContaining(reason) as string,
      });
      expect([server.totalConnections, client.connected]).toEqual([1, false]);
    },
  );

  it.each(['invalid json response', '[1]', '5'])(
    'throws ConnectionFailedError for a first frame of %s',
    async (frame) => {
      const { server, client } = await puppetAnd();
      const error = rejectionOf(client.connect());
      const socket = await greet(server, frame);

      expect(await error).toBeInstanceOf(ConnectionFailedError);
      expect(await error).toMatchObject({
        code: 'HANDSHAKE_FAILED',
        message: expect.stringContaining('Invalid JSON from server: ') as string,
      });
      await socket.closed();
      expect(server.totalConnections).toBe(1);
    },
  );

  it('throws ConnectionFailedError when the verdict does not come in time', async () => {
    const { client, clock, coordinator } = await coordinatorAnd();
    coordinator.holdAuth();
    const error = rejectionOf(client.connect());
    await until(() => coordinator.authAttempts === 1);
    clock.advance(14_999);
    expect(client.state).toBe('authenticating');
    clock.advance(1);

    expect(await error).toBeInstanceOf(ConnectionFailedError);
    expect(await error).toMatchObject({ code: 'HANDSHAKE_TIMEOUT', details: { limitMs: 15_000 } });
    await until(() => coordinator.liveConnections === 0);
    expect([client.state, coordinator.totalConnections, clock.pending]).toEqual(['failed', 1, 0]);
  });

  it('throws ConnectionFailedError when the upgrade is never answered', async () => {
    const { client, clock, server } = await puppetAnd({ timeouts: { connectMs: 5_000 } });
    const error = rejectionOf(client.connect());
    const upgrade = await server.upgrade();
    clock.advance(5_000);

    expect(await error).toMatchObject({ name: 'ConnectionFailedError', code: 'CONNECT_TIMEOUT' });
    await until(() => upgrade.isGone);
  });

  it('leaves a new attempt free to succeed', async () => {
    const { client, coordinator } = await coordinatorAnd();
    await coordinator.goAway();
    await rejectionOf(client.connect());
    await coordinator.comeBack();

    expect(await client.connect()).toMatchObject({ type: 'connection.ok' });
  });
});

describe('disconnect() (S0-23, S0-29)', () => {
  it('closes with 1000 "client disconnect", and leaves neither frame nor timer', async () => {
    const { client, clock, connection } = await connected();
    await client.disconnect();

    expect(connection.socket.closeReceived).toEqual({ code: 1000, reason: 'client disconnect' });
    expect({ state: client.state, connected: client.connected, connectionId: client.connectionId }).toEqual({
      state: 'closed',
      connected: false,
      connectionId: undefined,
    });
    expect(clock.pending).toBe(0);
    clock.advance(120_000);
    await quiet();
    expect(connection.received).toHaveLength(1);
  });

  it('leaves no socket behind', async () => {
    const { client, coordinator } = await coordinatorAnd();
    const untilNoMore = await countResources();
    await client.connect();
    await client.disconnect();

    await untilNoMore();
    expect(coordinator.liveConnections).toBe(0);
  });

  it('does nothing before connect(), and nothing twice', async () => {
    const { client, coordinator } = await coordinatorAnd();
    await client.disconnect();
    await client.disconnect();
    expect([client.state, coordinator.totalConnections]).toEqual(['closed', 0]);

    await client.connect();
    await Promise.all([client.disconnect(), client.disconnect()]);
    await client.disconnect();
    expect([client.state, coordinator.totalConnections]).toEqual(['closed', 1]);
  });

  it.each(['connecting', 'authenticating'] as const)('rejects a connect() that is %s', async (state) => {
    const { server, client, clock } = await puppetAnd();
    const connecting = rejectionOf(client.connect());
    if (state === 'connecting') await server.upgrade();
    else await (await server.accept()).nextFrame();
    await untilState(client, state);
    await client.disconnect();
    const error = await connecting;

    expect(error).toBeInstanceOf(CoordinatorError);
    expect(error).not.toBeInstanceOf(ConnectionFailedError);
    expect(error).toMatchObject({ code: 'DISCONNECTED' });
    await until(() => server.connections === 0);
    expect([client.state, client.connectionId, clock.pending]).toEqual(['closed', undefined, 0]);
  });

  it('does not poison the connect() that comes after it', async () => {
    const { server, client } = await puppetAnd();
    const first = rejectionOf(client.connect());
    const socket = await server.accept();
    await socket.nextFrame();
    const ended = client.disconnect();
    const second = client.connect();
    await greet(server);

    expect(await first).toMatchObject({ code: 'DISCONNECTED' });
    expect(await second).toEqual(fixture('connection-ok'));
    await ended;
    expect(client.state).toBe('open');
  });

  it('waits a second at most for a coordinator that says nothing', async () => {
    const { client, clock, socket } = await puppetConnected();
    socket.holdClose();
    const ended = client.disconnect();
    clock.advance(999);
    expect(client.state).toBe('closing');
    clock.advance(1);
    await ended;

    expect(client.state).toBe('closed');
    await socket.closed();
  });

  it('is what leaving the block of an `await using` does', async () => {
    const { coordinator, client } = await coordinatorAnd();
    {
      await using used = client;
      await used.connect();
    }

    expect(client.state).toBe('closed');
    await until(() => coordinator.liveConnections === 0);
  });

  it('makes send() refuse', async () => {
    const { client } = await connected();
    await client.disconnect();

    expect(() => client.send({ type: 'late' })).toThrow(ConnectionError);
  });
});

describe('send()', () => {
  it('sends JSON, in order, and what was sent too early when connected', async () => {
    const { client, coordinator } = await coordinatorAnd();
    client.send({ type: 'early' });
    await client.connect();
    client.send([{ type: 'now' }]);
    const connection = await coordinator.nextConnection();
    await until(() => connection.received.length === 3);

    expect(connection.received.slice(1)).toEqual([{ type: 'early' }, [{ type: 'now' }]]);
  });
});

describe('measurements (S0-34)', () => {
  it('tell how long connecting took', async () => {
    const { client } = await connected();

    expect(client.stats.connectTimings).toMatchObject({ totalMs: expect.any(Number) as number });
  });
});
