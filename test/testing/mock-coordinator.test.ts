// The mock coordinator as a plain ws client sees it: the wire format of the real service, and the faults.
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { MockCoordinator } from '../../src/testing/mock-coordinator.ts';
import { until } from '../../src/testing/wait.ts';
import { countResources, quiet } from './leftovers.ts';

type Json = Record<string, unknown>;

class Client {
  readonly ws: WebSocket;
  readonly frames: Json[] = [];
  pongs = 0;
  closed: [code: number, reason: string] | undefined;

  constructor(url: string) {
    this.ws = new WebSocket(url);
    this.ws.on('message', (data) => this.frames.push(JSON.parse((data as Buffer).toString()) as Json));
    this.ws.on('pong', () => (this.pongs += 1));
    this.ws.on('error', () => undefined);
    this.ws.on('close', (code, reason) => (this.closed = [code, reason.toString()]));
    onTestFinished(() => {
      this.ws.terminate();
    });
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  frame(index: number): Promise<Json> {
    return until(() => this.frames[index], { describe: () => `frame ${index} of ${JSON.stringify(this)}` });
  }
}

const auth = (token = 'good', user: Json = { id: 'ada' }) => ({
  token,
  products: ['video'],
  user_details: user,
});

async function connectTo(coordinator: MockCoordinator): Promise<Client> {
  const client = new Client(`${coordinator.url}?api_key=key`);
  await once(client.ws, 'open');
  return client;
}

async function letIn(coordinator: MockCoordinator, token?: string) {
  const client = await connectTo(coordinator);
  client.send(auth(token));
  const connection = await coordinator.nextConnection();
  await client.frame(0);
  return { client, connection };
}

const anyTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
const anyId = expect.stringMatching(/^[\da-f-]{36}$/) as string;

const refusal = (code: number, status: number, message: string, type = 'connection.error') => ({
  type,
  connection_id: '',
  created_at: anyTime,
  error: {
    code,
    StatusCode: status,
    message,
    details: [],
    duration: '0ms',
    more_info: '',
    unrecoverable: false,
    exception_fields: {},
  },
});

describe('authentication', () => {
  test('lets a client in with connection.ok and a new connection id', async () => {
    await using coordinator = await MockCoordinator.listen();
    const { client, connection } = await letIn(coordinator);
    expect(client.frames).toEqual([
      {
        type: 'connection.ok',
        connection_id: anyId,
        created_at: anyTime,
        me: {
          id: 'ada',
          name: '',
          role: 'user',
          online: true,
          created_at: anyTime,
          updated_at: anyTime,
          custom: {},
          devices: [],
          language: '',
          teams: [],
        },
      },
    ]);
    expect(connection.connectionId).toBe(client.frames[0]!['connection_id']);
    const other = await letIn(coordinator);
    expect(other.connection.connectionId).not.toBe(connection.connectionId);
  });

  test('tells the user what the user told', async () => {
    await using coordinator = await MockCoordinator.listen();
    const client = await connectTo(coordinator);
    client.send(auth('t', { id: 'ada', name: 'Ada', custom: { a: 1 }, language: 'en' }));
    expect((await client.frame(0))['me']).toMatchObject({
      id: 'ada',
      name: 'Ada',
      custom: { a: 1 },
      language: 'en',
      role: 'user',
      online: true,
    });
  });

  test('records what each client asked and sent', async () => {
    await using coordinator = await MockCoordinator.listen();
    expect(coordinator.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/api\/v2\/connect$/);
    const { client, connection } = await letIn(coordinator);
    client.send({ type: 'something' });
    client.send('no json');
    await until(() => connection.received.length === 3);
    expect(connection.received).toEqual([auth(), { type: 'something' }, 'no json']);
    expect(connection.authPayload).toEqual(auth());
    expect([connection.path, Object.fromEntries(connection.query)]).toEqual([
      '/api/v2/connect',
      { api_key: 'key' },
    ]);
    expect(coordinator.connections).toEqual([connection]);
  });

  test.each([
    ['token that is not listed', auth('bad'), refusal(43, 401, 'token signature is invalid')],
    ['missing token', { user_details: { id: 'ada' } }, refusal(5, 401, 'token is missing')],
    [
      'missing user',
      { token: 'good' },
      refusal(4, 400, 'the first message must be {token, products, user_details: {id}}'),
    ],
    [
      'text that is no JSON',
      'hello',
      refusal(4, 400, 'the first message must be {token, products, user_details: {id}}'),
    ],
    ['null', null, refusal(4, 400, 'the first message must be {token, products, user_details: {id}}')],
  ])('refuses a %s and closes', async (_what, message, expected) => {
    await using coordinator = await MockCoordinator.listen({ tokens: new Set(['good']) });
    const client = await connectTo(coordinator);
    client.send(message);
    await until(() => client.closed);
    expect([client.frames, client.closed]).toEqual([[expected], [1000, '']]);
    expect([coordinator.authAttempts, coordinator.liveConnections]).toEqual([1, 0]);
  });

  test('asks a function about each token', async () => {
    const asked: [string, string][] = [];
    await using coordinator = await MockCoordinator.listen({
      tokens: (token, userId) => {
        asked.push([token, userId]);
        return token === 'good' ? 'ok' : 'expired';
      },
    });
    await letIn(coordinator, 'good');
    const client = await connectTo(coordinator);
    client.send(auth('old'));
    expect(await client.frame(0)).toEqual(refusal(40, 401, 'token expired'));
    expect(asked).toEqual([
      ['good', 'ada'],
      ['old', 'ada'],
    ]);
  });

  test('refuses a client without an api_key at once', async () => {
    await using coordinator = await MockCoordinator.listen();
    const client = new Client(coordinator.url);
    client.ws.on('open', () => {
      client.send(auth());
    });
    await until(() => client.closed);
    expect([client.frames, client.closed]).toEqual([[refusal(2, 401, 'api_key is missing')], [1000, '']]);
    expect(coordinator.connections[0]).toMatchObject({ authPayload: auth(), connectionId: undefined });
  });

  test('refuses with the older type when asked to', async () => {
    await using coordinator = await MockCoordinator.listen({ tokens: [], wireErrors: 'error' });
    const client = await connectTo(coordinator);
    client.send(auth());
    expect(await client.frame(0)).toEqual(refusal(43, 401, 'token signature is invalid', 'error'));
  });

  test('refuses a single string as tokens, which would mean its letters', async () => {
    await expect(MockCoordinator.listen({ tokens: 'good' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  test('leaves the first message unanswered while it holds it', async () => {
    await using coordinator = await MockCoordinator.listen();
    coordinator.holdAuth();
    const client = await connectTo(coordinator);
    client.send(auth());
    await until(() => coordinator.authAttempts === 1);
    await quiet();
    expect([client.frames, client.closed]).toEqual([[], undefined]);
    coordinator.holdAuth(false);
    await letIn(coordinator);
    expect(client.frames).toEqual([]);
  });

  test('refuses tokens seen so far once they are made to expire, and takes new ones', async () => {
    await using coordinator = await MockCoordinator.listen();
    const { client } = await letIn(coordinator, 'first');
    coordinator.expireTokens();
    const late = await connectTo(coordinator);
    late.send(auth('first'));
    expect(await late.frame(0)).toEqual(refusal(40, 401, 'token expired'));
    await letIn(coordinator, 'second');
    expect([client.closed, coordinator.authAttempts, coordinator.totalConnections]).toEqual([
      undefined,
      3,
      3,
    ]);
  });
});

describe('later frames', () => {
  test.each([
    ['alone', { type: 'health.check' }],
    ['in an array', [{ type: 'health.check', client_id: 'x' }]],
  ])('answers a health check that comes %s', async (_how, message) => {
    await using coordinator = await MockCoordinator.listen();
    const { client, connection } = await letIn(coordinator);
    client.send(message);
    expect(await client.frame(1)).toEqual({
      type: 'health.check',
      connection_id: connection.connectionId,
      created_at: anyTime,
      custom: {},
    });
  });

  test('leaves health checks unanswered when told, but not pings', async () => {
    await using coordinator = await MockCoordinator.listen({ answerHealthChecks: false });
    const { client, connection } = await letIn(coordinator);
    client.send({ type: 'health.check' });
    await until(() => connection.received.length === 2);
    client.ws.ping();
    await until(() => client.pongs === 1);
    expect(client.frames).toHaveLength(1);
    coordinator.answerHealthChecks = true;
    client.send({ type: 'health.check' });
    expect(await client.frame(1)).toMatchObject({ type: 'health.check' });
  });

  test('emits events to all clients that were let in, or to one', async () => {
    await using coordinator = await MockCoordinator.listen();
    const one = await letIn(coordinator);
    const two = await letIn(coordinator);
    const waiting = await connectTo(coordinator);
    coordinator.emit({ type: 'custom', custom: { n: 1 } });
    coordinator.emit({ type: 'custom', custom: { n: 2 } }, two.connection);
    await two.client.frame(2);
    expect(one.client.frames.slice(1)).toEqual([{ type: 'custom', custom: { n: 1 } }]);
    expect(two.client.frames.slice(1)).toEqual([
      { type: 'custom', custom: { n: 1 } },
      { type: 'custom', custom: { n: 2 } },
    ]);
    expect(waiting.frames).toEqual([]);
  });

  test('tells in the middle of a session that the token has expired, and stays', async () => {
    await using coordinator = await MockCoordinator.listen();
    const { client, connection } = await letIn(coordinator);
    coordinator.emitTokenExpired();
    expect(await client.frame(1)).toEqual({
      ...refusal(40, 401, 'token expired'),
      connection_id: connection.connectionId,
    });
    await quiet();
    expect(client.closed).toBeUndefined();
  });
});

describe('faults', () => {
  test('closes all clients with a code', async () => {
    await using coordinator = await MockCoordinator.listen();
    const one = await letIn(coordinator);
    const two = await connectTo(coordinator);
    coordinator.closeAll(1001, 'deploy');
    await until(() => one.client.closed && two.closed);
    expect([one.client.closed, two.closed]).toEqual([
      [1001, 'deploy'],
      [1001, 'deploy'],
    ]);
  });

  test('resets all clients', async () => {
    await using coordinator = await MockCoordinator.listen();
    const { client, connection } = await letIn(coordinator);
    coordinator.resetAll();
    await until(() => client.closed);
    expect([client.closed, connection.isClosed, coordinator.liveConnections]).toEqual([[1006, ''], true, 0]);
  });

  test('accepts and reads but says nothing while frozen, and never says it later', async () => {
    await using coordinator = await MockCoordinator.listen();
    const { client, connection } = await letIn(coordinator);
    coordinator.freeze();
    const late = await connectTo(coordinator);
    late.send(auth('late'));
    const withoutKey = new Client(coordinator.url);
    await once(withoutKey.ws, 'open');
    client.send({ type: 'health.check' });
    client.ws.ping();
    coordinator.emit({ type: 'lost' });
    client.ws.close(1000);
    await until(() => connection.socket.closeReceived && coordinator.authAttempts === 2);
    await quiet();
    expect([client.frames.length, client.pongs, client.closed, late.frames]).toEqual([1, 0, undefined, []]);
    coordinator.thaw();
    await until(() => client.closed);
    expect([client.frames.length, client.closed, late.frames]).toEqual([1, [1000, ''], []]);
    coordinator.emit({ type: 'not for one who was not let in' });
    late.ws.ping();
    await until(() => late.pongs === 1);
    expect([late.frames, withoutKey.frames, withoutKey.closed]).toEqual([[], [], undefined]);
    expect(connection.received).toEqual([auth(), { type: 'health.check' }]);
  });

  test('goes away and comes back at the same URL', async () => {
    await using coordinator = await MockCoordinator.listen();
    const { url } = coordinator;
    const { client } = await letIn(coordinator);
    await coordinator.goAway();
    await until(() => client.closed);
    const refused = new Client(`${url}?api_key=key`);
    await until(() => refused.closed);
    await coordinator.comeBack();
    await letIn(coordinator);
    expect([coordinator.url, coordinator.totalConnections]).toEqual([url, 2]);
  });

  test('leaves nothing behind', async () => {
    const nothingIsLeft = await countResources();
    {
      await using coordinator = await MockCoordinator.listen();
      await letIn(coordinator);
      coordinator.freeze();
      await connectTo(coordinator);
    }
    await nothingIsLeft();
  });
});
