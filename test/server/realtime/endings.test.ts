// Clients that end in ways of their own, and what is left of them: nothing, and no complaint that is not ours.
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { WebSocketSession } from '../../../src/server/index.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { until } from '../../../src/testing/wait.ts';
import { Client, echo, errorLog, only, serve, stay } from './harness.ts';

describe('a client that sends and closes in one packet', () => {
  it('has closed its session, and has made no handler fail', async () => {
    const { errors, logger } = errorLog();
    const sessions: WebSocketSession[] = [];
    await using server = await serve({ logger }, (routes) =>
      routes.websocket('/', (socket) => {
        sessions.push(socket);
        return echo(socket);
      }),
    );
    const client = await Client.open(server, '/');
    const { _socket: tcp } = client.socket as unknown as { _socket: ReturnType<typeof connect> };
    tcp.cork();
    client.socket.send('a');
    client.socket.close(4000, 'enough');
    tcp.uncork();
    await once(client.socket, 'close');
    await until(() => server.connections.size === 0);

    expect(sessions.map(({ closeCause, closeCode }) => [closeCause, closeCode])).toEqual([
      ['CLOSED_BY_PEER', 4000],
    ]);
    expect(errors).toEqual([]);
  });
});

describe('requests for event streams in one packet', () => {
  it('leave nothing behind when their connection ends before their turn', async () => {
    let ended = 0;
    await using server = await serve({}, (routes) =>
      routes.sse('/', async (stream) => {
        stream.keepAlive(1_000);
        await stay(stream);
        ended += 1;
      }),
    );
    const { hostname, port } = new URL(server.url);
    const tcp = connect(Number(port), hostname);
    tcp.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(20));
    await until(() => server.connections.size === 20);
    tcp.destroy();
    await until(() => server.connections.size === 0);
    await until(() => ended === 20);
  });

  it('do not keep a server that closes beyond its deadline', async () => {
    const server = await serve({}, (routes) => routes.sse('/', stay));
    const { hostname, port } = new URL(server.url);
    const tcp = connect(Number(port), hostname);
    tcp.on('error', () => undefined);
    tcp.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3));
    await until(() => server.connections.size === 3);
    await server.close({ deadlineMs: 50 });
    expect(server.connections.size).toBe(0);
    tcp.destroy();
  });
});

describe('a client of a handler that does not read', () => {
  it('is noticed to be gone by the pings that it does not take', async () => {
    const clock = new VirtualClock();
    const heartbeat = { intervalMs: 100, timeoutMs: 50 };
    const limits = { maxQueuedMessages: 10 };
    await using server = await serve({ clock, heartbeat, limits }, (routes) => routes.websocket('/', stay));
    const client = await Client.open(server, '/');
    for (let n = 0; n < 50; n += 1) client.socket.send('unread');
    await until(() => server.connections.size === 1);
    const session = only(server) as WebSocketSession;
    await until(() => session.messagesReceived >= 10);
    client.socket.terminate();
    await until(() => {
      clock.advance(50);
      return server.connections.size === 0;
    });
  });
});
