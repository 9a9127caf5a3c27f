// The constructor: defaults, what is refused, and what it all means to the connection underneath.
import { describe, expect, it } from 'vitest';
import {
  COORDINATOR_DEFAULTS,
  CoordinatorClient,
  type CoordinatorOptions,
} from '../../src/coordinator/index.ts';
import { resolveOptions } from '../../src/coordinator/options.ts';
import { customBackoff, exponentialBackoff, InvalidOptionError } from '../../src/index.ts';
import type { Loss, RetryOptions, Verdict } from '../../src/index.ts';

const resolve = (options: CoordinatorOptions = {}, token: string | (() => string) = 'jwt') =>
  resolveOptions('key', token, 'ada', options).connection;

const retryOf = (options?: CoordinatorOptions) => resolve(options).retry as RetryOptions;

const delaysOf = (options: CoordinatorOptions, random = 0.5) =>
  [1, 2, 3, 4, 5].map((attempt) =>
    retryOf(options).backoff!.delayMs(attempt, { previousMs: null, random: () => random }),
  );

describe('the defaults (S0-01, S0-03)', () => {
  it('are those of the design', () => {
    expect(COORDINATOR_DEFAULTS).toEqual({
      url: 'wss://chat.stream-io-api.com/api/v2/connect',
      healthcheckIntervalMs: 25_000,
      healthcheckTimeoutMs: 30_000,
      maxRetries: 5,
      backoffBaseMs: 1_000,
      backoffFactor: 2,
      jitter: 0,
      authTimeoutMs: 15_000,
      products: ['video'],
      strictFirstFrame: false,
      reconnectOnNormalClose: true,
    });
  });

  it('make a connection that dials once, retries five times and expects life every thirty seconds', () => {
    const { url, heartbeat, retry, timeouts, credentials } = resolve();

    expect({ url, heartbeat, retry, timeouts, credentials }).toMatchObject({
      url: 'wss://chat.stream-io-api.com/api/v2/connect?api_key=key&stream-auth-type=jwt',
      heartbeat: { intervalMs: 25_000, silenceMs: 30_000, timeoutMs: 10_000 },
      retry: { maxAttempts: 5, stableAfterMs: 0, initial: false },
      timeouts: { handshakeMs: 15_000, closeMs: 1_000 },
      credentials: 'jwt',
    });
    expect(delaysOf({})).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
  });

  it('need nothing but key, token and user', () => {
    const client = new CoordinatorClient('key', 'jwt', 'ada');

    expect({ ...read(client), listening: client.stats.attempts }).toEqual({
      state: 'idle',
      connected: false,
      connectionId: undefined,
      lastReceivedAt: undefined,
      lastError: undefined,
      attempt: 0,
      listening: 0,
    });
  });

  const read = ({
    state,
    connected,
    connectionId,
    lastReceivedAt,
    lastError,
    attempt,
  }: CoordinatorClient) => ({
    ...{ state, connected, connectionId, lastReceivedAt, lastError, attempt },
  });

  it('stand in for options that are undefined', () => {
    const options = { url: undefined, maxRetries: undefined } as unknown as CoordinatorOptions;

    expect(resolve(options)).toMatchObject({ url: resolve().url, retry: { maxAttempts: 5 } });
  });
});

describe('the options (S0-04)', () => {
  it('can all be set', () => {
    const { url, heartbeat, retry, timeouts } = resolve({
      url: 'ws://127.0.0.1:1',
      healthcheckIntervalMs: 100,
      healthcheckTimeoutMs: 200,
      maxRetries: 2,
      authTimeoutMs: 300,
      timeouts: { closeMs: 400, connectMs: 500 },
    });

    expect({ url, heartbeat, retry, timeouts }).toMatchObject({
      url: 'ws://127.0.0.1:1/?api_key=key&stream-auth-type=jwt',
      heartbeat: { intervalMs: 100, silenceMs: 200, timeoutMs: 200 },
      retry: { maxAttempts: 2 },
      timeouts: { handshakeMs: 300, closeMs: 400, connectMs: 500 },
    });
    expect(delaysOf({ backoffBaseMs: 500, backoffFactor: 3 })).toEqual([500, 1_500, 4_500, 13_500, 40_500]);
  });

  it('pass to the connection what the coordinator does not decide', () => {
    const passed = {
      headers: { 'X-Stream-Client': 'test' },
      resume: () => undefined,
      outbox: { maxMessages: 1 },
      webSocket: { compression: true },
      random: () => 0,
      inspect: () => undefined,
    };

    expect(resolve(passed)).toMatchObject(passed);
  });

  it('take a strategy in place of base and factor (S0-31)', () => {
    const backoff = customBackoff((attempt) => attempt * 7);

    expect(delaysOf({ backoff, backoffBaseMs: 1 })).toEqual([7, 14, 21, 28, 35]);
  });

  it('leave a share of each wait to chance (S0-32)', () => {
    const backoff = exponentialBackoff({ baseMs: 100 });

    expect(delaysOf({ jitter: 1 }, 0.25)).toEqual([750, 1_500, 3_000, 6_000, 12_000]);
    expect(delaysOf({ jitter: 0.5, backoff }, 0.5)).toEqual([75, 150, 300, 600, 1_200]);
  });

  const loss = (phase: Loss['phase']) => ({ phase }) as Loss;
  const reauthenticate: Verdict = { action: 'reauthenticate' };

  it('let the policy see the verdict and have the last word', () => {
    const seen: Verdict[] = [];
    const { policy } = retryOf({
      retryPolicy: (_, verdict) => {
        seen.push(verdict);
        return { action: 'retry', delayMs: 5 };
      },
    });

    expect(policy!(loss('open'), reauthenticate)).toEqual({ action: 'retry', delayMs: 5 });
    expect(seen).toEqual([reauthenticate]);
  });

  it('ask for no fresh token when the upgrade was refused, which no token takes part in', () => {
    const headers = () => ({ cookie: 'fresh' });
    const verdicts = [
      retryOf().policy!(loss('connecting'), reauthenticate),
      retryOf({ headers }).policy!(loss('connecting'), reauthenticate),
      retryOf().policy!(loss('authenticating'), reauthenticate),
    ];

    expect(verdicts).toEqual([{ action: 'stop' }, reauthenticate, reauthenticate]);
  });
});

describe('the token provider (S0-36)', () => {
  it.each(['', undefined, 5, null])('fails when it gives %j', async (given) => {
    const { credentials } = resolve({}, () => given as string);
    const provider = credentials as (info: object) => Promise<string>;

    await expect(provider({})).rejects.toBeInstanceOf(InvalidOptionError);
  });
});

describe('wrong arguments', () => {
  it.each([
    ['apiKey', '', 'jwt', 'ada'],
    ['apiKey', undefined, 'jwt', 'ada'],
    ['token', 'key', '', 'ada'],
    ['token', 'key', null, 'ada'],
    ['userId', 'key', 'jwt', ''],
    ['userId', 'key', 'jwt', 5],
  ])('are refused at once: %s', (name, apiKey, token, userId) => {
    const make = () => new CoordinatorClient(apiKey as string, token as string, userId as string);

    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow(`\`${name}\``);
  });

  it.each<[string, unknown]>([
    ['healthcheckIntervalMs', 0],
    ['healthcheckIntervalMs', -1],
    ['healthcheckTimeoutMs', Number.NaN],
    ['healthcheckTimeoutMs', '30'],
    ['authTimeoutMs', -5],
    ['maxRetries', -1],
    ['backoffBaseMs', -1],
    ['backoffFactor', 0],
    ['jitter', -0.1],
    ['jitter', 1.1],
    ['products', 'video'],
    ['products', [1]],
    ['userDetails', 'Ada'],
    ['userDetails', null],
    ['watch', 'call'],
    ['url', 'not a URL'],
    ['url', 'ftp://host'],
  ])('are refused at once: %s of %j', (name, value) => {
    const make = () => new CoordinatorClient('key', 'jwt', 'ada', { [name]: value });

    expect(make).toThrow(InvalidOptionError);
    expect(make).toThrow(`\`${name}\``);
  });

  it('are refused at once: the id of another user', () => {
    const make = (id: string) => new CoordinatorClient('key', 'jwt', 'ada', { userDetails: { id } });

    expect(() => make('bob')).toThrow('`userDetails.id`');
    expect(make('ada').state).toBe('idle');
  });

  it('do not come back in the message', () => {
    const make = () => new CoordinatorClient('key', { secret: 'jwt' } as never, 'ada');

    expect(make).toThrow('Expected `token` to be a string that is not empty, got an object.');
  });
});
