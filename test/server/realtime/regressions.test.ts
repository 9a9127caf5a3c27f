// What was once wrong with the realtime server, each found by looking for it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Inspected } from '../../../src/inspection/inspector.ts';
import {
  AccessRefused,
  createRealtimeServer,
  SessionError,
  type WebSocketSession,
} from '../../../src/server/index.ts';
import { ConnectionError } from '../../../src/errors.ts';
import { Life, type SessionWorld } from '../../../src/server/realtime/life.ts';
import type { SessionEvent } from '../../../machines/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { until } from '../../../src/testing/wait.ts';
import { Client, errorLog, refusalOf, serve, stay } from './harness.ts';

describe('two servers on one HTTP server', () => {
  it('answer what is for neither of them, once', async () => {
    const app = createServer();
    const first = createRealtimeServer({ server: app }).websocket('/first', (socket) => socket.send('1'));
    const second = createRealtimeServer({ server: app }).websocket('/second', (socket) => socket.send('2'));
    app.listen(0, '127.0.0.1');
    await once(app, 'listening');
    const url = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;

    expect((await fetch(`${url}/other`)).status).toBe(404);
    expect((await refusalOf(first, '/other')).status).toBe(404);
    await using one = await Client.open(first, '/first');
    await using two = await Client.open(first, '/second');
    expect([await one.got(1), await two.got(1)]).toEqual([['1'], ['2']]);
    await first.close();
    expect((await fetch(`${url}/other`)).status).toBe(404);
    await second.close();
    app.close();
    app.closeAllConnections();
  });
});

describe('a server', () => {
  it('that is closed while it begins to listen does not listen afterwards', async () => {
    const server = createRealtimeServer().websocket('/', stay);
    const listening = server.listen();
    await server.close();
    await listening;
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('is not ended by a client that can be neither let in nor turned away', async () => {
    const { errors, logger } = errorLog();
    // Somebody else has begun an answer while authenticate was thinking.
    await using server = await serve(
      {
        logger,
        authenticate: (request) => {
          const { _httpMessage: response } = request.socket as unknown as {
            _httpMessage: { writeHead(status: number): { flushHeaders(): void } };
          };
          response.writeHead(200).flushHeaders();
          return true;
        },
      },
      (routes) => routes.sse('/', (stream) => stream.send('never')),
    );
    await fetch(server.url)
      .then((response) => response.text())
      .catch(() => 'cut off');

    expect(server.connections.size).toBe(0);
    expect(errors.map(([message]) => message)).toEqual(['A session crashed']);
  });
});

describe('a handler', () => {
  it('that fails because another session is closed has failed, and is logged', async () => {
    const { errors, logger } = errorLog();
    const sockets: WebSocketSession[] = [];
    await using server = await serve({ logger }, (routes) =>
      routes.websocket('/', async (socket) => {
        sockets.push(socket);
        if (sockets.length === 1) return stay(socket);
        return sockets[0]!.send('to somebody who has left');
      }),
    );
    const first = await Client.open(server, '/');
    first.socket.terminate();
    await until(() => sockets[0]?.state === 'closed');
    await using second = await Client.open(server, '/');

    expect(await second.end()).toEqual({ code: 1011, reason: 'Internal error' });
    await until(() => errors.length === 1);
    expect(errors[0]?.[0]).toBe('A handler failed');
  });
});

describe('a refusal', () => {
  it.each([NaN, -1, Infinity])('cannot say to come back after %d ms', (retryAfterMs) => {
    expect(() => new AccessRefused(429, 'Later', { retryAfterMs })).toThrow('Expected `retryAfterMs`');
  });
});

describe('an error of a session', () => {
  it('is one of the one table, and tells what varies as data', () => {
    const error = new SessionError('RECEIVE_TIMEOUT', { limitMs: 50 });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.toJSON()).toMatchObject({
      ...{ name: 'SessionError', code: 'RECEIVE_TIMEOUT', retryable: true, details: { limitMs: 50 } },
    });
  });
});

describe('an inspector of an event stream', () => {
  it('is shown what was sent, and goes on seeing it after the end', async () => {
    let inspected: Inspected | undefined;
    const inspect = { next: () => undefined, attach: (_: string, given: Inspected) => (inspected = given) };
    await using server = await serve({ inspect }, (routes) =>
      routes.sse('/', (stream) => stream.send('four')),
    );
    await (await fetch(server.url)).text();
    await until(() => server.connections.size === 0);

    expect(inspected?.stats).toMatchObject({
      messagesOut: 1,
      bytesOut: 12,
      messagesIn: 0,
      lastCloseCode: 1006,
    });
  });
});

describe('a session that nobody looks at', () => {
  const facts: SessionEvent[] = [
    { type: 'request.accepted' },
    { type: 'request.refused', status: 401 },
    { type: 'link.closed', code: 4000, reason: 'bye', cause: 'CLOSED_BY_PEER' },
    { type: 'close', code: 4001, reason: 'enough' },
    { type: 'terminate', cause: 'TERMINATED' },
    { type: 'handler.returned' },
    { type: 'handler.failed' },
    { type: 'heartbeat.missed' },
    { type: 'idle.exceeded' },
  ];

  const names = ['judge', 'stopJudging', 'hold', 'letGo', 'serve', 'stopServing', 'watch', 'stopWatching'];

  interface Story {
    /** What is told it, and how much time passes. */
    readonly events: readonly (SessionEvent | number)[];
    /** How many of them are told before it starts. */
    readonly early: number;
    /** What an actor reports as soon as it is begun. */
    readonly reports: Readonly<Record<string, SessionEvent | undefined>>;
  }

  /** What becomes of a session, and of what its states hold. */
  function lived({ events, early, reports }: Story, isWatched: boolean): unknown[] {
    const clock = new VirtualClock();
    const told: unknown[] = [];
    const tell =
      (what: string) =>
      (...[given]: unknown[]): void => {
        told.push([what, typeof given === 'function' ? 'report' : given]);
        const fact = reports[what];
        if (typeof given === 'function' && fact !== undefined) (given as (event: SessionEvent) => void)(fact);
      };
    const world = Object.fromEntries([...names, 'sayGoodbye', 'over'].map((name) => [name, tell(name)]));
    const watch = {
      inspector: { next: () => undefined },
      inspected: {} as Inspected,
      onFailed: tell('inspector failed'),
    };
    const limits = { acceptMs: 100, closeMs: 50 };
    const options = { limits, clock, watch: isWatched ? watch : undefined };
    const life = new Life(world as unknown as SessionWorld, options);
    for (const [index, event] of events.entries()) {
      if (index === early) life.start();
      if (typeof event === 'number') clock.advance(event);
      else life.tell(event);
      told.push([life.state, life.ending, life.status, clock.pending]);
    }
    return told;
  }

  it('lives exactly as one that is inspected', () => {
    const fact = fc.constantFrom(...facts);
    const reports = fc.dictionary(fc.constantFrom('judge', 'hold', 'serve', 'watch'), fact, { maxKeys: 2 });
    const story = fc.record({
      events: fc.array(fc.oneof(fact, fc.constantFrom(10, 50, 100)), { minLength: 1, maxLength: 7 }),
      early: fc.oneof(fc.constant(0), fc.nat({ max: 2 })),
      reports: fc.oneof(fc.constant({}), reports),
    });
    fc.assert(
      fc.property(story, (given) => {
        expect(lived(given, false)).toEqual(lived(given, true));
      }),
      { numRuns: 300 },
    );
  });

  it('lets go of everything when its machine crashes', () => {
    const told: string[] = [];
    const note = (name: string) => (): void => void told.push(name);
    const world: SessionWorld = {
      ...{ judge: () => undefined, stopJudging: note('stopJudging'), stopServing: note('stopServing') },
      ...{ hold: () => undefined, letGo: note('letGo'), watch: () => undefined, sayGoodbye: () => undefined },
      serve: () => {
        throw new Error('broken');
      },
      stopWatching: note('stopWatching'),
      over: (crash) => void told.push(String(crash)),
    };
    const clock = new VirtualClock();
    const life = new Life(world, { limits: { acceptMs: 100, closeMs: 50 }, clock, watch: undefined });
    life.start();
    life.tell({ type: 'request.accepted' });

    expect([life.state, clock.pending]).toEqual(['closed', 0]);
    expect(told.slice(-5)).toEqual(['stopJudging', 'letGo', 'stopServing', 'stopWatching', 'Error: broken']);
  });
});
