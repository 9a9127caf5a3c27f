// The log lines: what they say, and what they never say.
import { describe, expect, it } from 'vitest';
import { inspect } from 'node:util';
import { until } from '../../src/testing/wait.ts';
import { connected, coordinatorAnd, exhaust, recordingLogger, rejectionOf, untilState } from './setup.ts';

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl';

describe('the log (S0-26)', () => {
  it('tells of connecting and of the authentication', async () => {
    const { logger, lines } = recordingLogger();
    const { coordinator } = await connected({ logger });
    const url = `${coordinator.url}?api_key=***&stream-auth-type=***`;

    expect(lines).toContainEqual(['info', 'Connecting to coordinator', { url, attempt: 0 }]);
    expect(lines).toContainEqual(['debug', 'Sending auth payload', { protocol: 'coordinator' }]);
  });

  it('tells of each attempt to reconnect that failed, with its error', async () => {
    const { logger, lines } = recordingLogger();
    const { client, clock, coordinator } = await connected({ logger, maxRetries: 3 });
    await coordinator.goAway();
    await exhaust(client, clock);

    expect(lines.filter(([, message]) => message.startsWith('Reconnect attempt'))).toMatchObject([
      ['warn', 'Reconnect attempt 1/3 failed', { error: { code: 'CONNECT_FAILED' } }],
      ['warn', 'Reconnect attempt 2/3 failed', { error: { code: 'CONNECT_FAILED' } }],
      ['warn', 'Reconnect attempt 3/3 failed', { error: { code: 'RETRIES_EXHAUSTED' } }],
    ]);
  });

  it('tells of no such attempt when there was none', async () => {
    const { logger, lines } = recordingLogger();
    const { client, coordinator } = await coordinatorAnd({ logger }, { tokens: [] });
    await rejectionOf(client.connect());
    await coordinator.goAway();
    await rejectionOf(client.connect());

    expect(lines.filter(([, message]) => message.startsWith('Reconnect attempt'))).toEqual([]);
  });

  it('tells of every failure with its error (S0-27)', async () => {
    const { logger, lines } = recordingLogger();
    const { client, clock, connection } = await connected({ logger });
    client.on('a', () => {
      throw new Error('listener');
    });
    connection.socket.send({ type: 'a' });
    connection.socket.send('rubbish');
    await until(() => client.stats.invalidMessages === 1);
    connection.socket.close(1011, 'maintenance');
    await untilState(client, 'reconnecting');
    clock.advance(1_000);
    await untilState(client, 'open');

    const errors = lines.flatMap(
      ([, , fields]) => (fields as { error?: { code: string } }).error?.code ?? [],
    );
    expect(errors).toEqual(['LISTENER_FAILED', 'INVALID_MESSAGE']);
    expect(lines).toContainEqual([
      'warn',
      'open → reconnecting',
      { state: 'reconnecting', previous: 'open', reason: 'CLOSED_BY_PEER', attempt: 1, retryInMs: 1_000 },
    ]);
  });

  it("keeps the logger's this", async () => {
    class Counting {
      count = 0;
      debug = () => undefined;
      warn = () => undefined;
      error = () => undefined;
      info() {
        this.count += 1;
      }
    }
    const logger = new Counting();
    await connected({ logger });

    expect(logger.count).toBeGreaterThan(0);
  });
});

describe('secrets', () => {
  it('are in no log line, error, snapshot or inspection', async () => {
    const { logger, lines } = recordingLogger();
    const seen: unknown[] = [];
    const scene = await connected(
      {
        logger,
        token: TOKEN,
        inspect: ({ type, ...rest }) => seen.push(type, 'event' in rest && rest.event),
      },
      { tokens: (token) => (token === TOKEN ? 'ok' : 'invalid') },
    );
    const { client, clock, coordinator, connection } = scene;
    connection.socket.reset();
    await untilState(client, 'reconnecting');
    coordinator.expireTokens();
    clock.advance(1_000);
    await untilState(client, 'failed');
    const snapshot = client.connection.actor.getPersistedSnapshot();
    const said = inspect([lines, seen, snapshot, client.lastError], { depth: 12 });

    expect(said.length).toBeGreaterThan(1_000);
    expect(said).not.toContain(TOKEN);
  });

  it('that the server says back are struck out of the message', async () => {
    const { client, coordinator } = await coordinatorAnd({ token: TOKEN });
    coordinator.holdAuth();
    const error = rejectionOf(client.connect());
    await until(() => coordinator.authAttempts === 1);
    const refusal = { type: 'error', message: `what is ${TOKEN}?` };
    coordinator.connections[0]!.socket.send(refusal);

    expect(await error).toMatchObject({ message: expect.stringContaining('what is ***?') as string });
  });
});
