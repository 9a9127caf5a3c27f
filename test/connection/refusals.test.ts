// Faults of which one row of the matrix says too little: repeated codes, certificates, credentials, rubbish, ourselves.
import { readFileSync } from 'node:fs';
import { createServer, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { until } from '../../src/testing/wait.ts';
import { guarded } from '../support/guarded-protocol.ts';
import { rejectionOf, stage } from '../support/connected.ts';

describe('a close code that an accident explains', () => {
  test.each([1002, 1003, 1007, 1009, 1010])('(%i) is the end when it comes again at once', async (code) => {
    await using scene = await stage();
    (await scene.connect()).close(code);
    (await scene.reconnect()).close(code);
    await scene.until('failed');

    expect(scene.server.totalConnections).toBe(2);
  });

  test.each([1002, 1003, 1007, 1009, 1010])('(%i) is forgotten after a session that held', async (code) => {
    await using scene = await stage();
    let socket = await scene.connect();
    for (let loss = 0; loss < 3; loss += 1) {
      scene.clock.advance(5_000);
      socket.close(code);
      socket = await scene.reconnect();
    }

    expect(scene.connection.state).toBe('open');
  });
});

describe('a certificate', () => {
  const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
  const cert = fixture('localhost.cert.pem');

  async function tlsServer(): Promise<string> {
    const server = createHttpsServer({ cert, key: fixture('localhost.key.pem') });
    const webSockets = new WebSocketServer({ server });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      for (const client of webSockets.clients) client.terminate();
      server.close();
      server.closeAllConnections();
    });
    return `wss://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test('that nobody vouches for ends the connection, and says why', async () => {
    await using scene = await stage({ url: await tlsServer() });

    const error = await rejectionOf(scene.connection.connect());

    expect(error).toMatchObject({ code: 'TLS_FAILED', retryable: false });
    expect((error as Error).message).toMatch(/self.signed certificate/);
    expect(scene.states).toEqual(['connecting', 'failed']);
  });

  test('of another host ends the connection as well', async () => {
    const node = { ca: cert, servername: 'example.com' };
    await using scene = await stage({ url: await tlsServer(), webSocket: { node } });

    expect(await rejectionOf(scene.connection.connect())).toMatchObject({ code: 'TLS_FAILED' });
  });

  test('that is trusted does not', async () => {
    const node = { ca: cert, servername: 'localhost' };
    await using scene = await stage({ url: await tlsServer(), webSocket: { node } });
    await scene.connection.connect();

    expect(scene.connection.stats.connectTimings?.tlsMs).toBeGreaterThanOrEqual(0);
    await scene.connection.disconnect();
  });
});

describe('credentials', () => {
  test.each([401, 403])('are asked for once more after HTTP %i, then it is given up', async (status) => {
    let asked = 0;
    await using scene = await stage({ headers: () => ({ Authorization: `Bearer ${(asked += 1)}` }) });
    const failing = rejectionOf(scene.connection.connect());
    const seen: unknown[] = [];
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const upgrade = await scene.server.upgrade();
      seen.push(upgrade.request.headers.authorization);
      upgrade.refuse(status);
    }

    expect(await failing).toMatchObject({ code: 'UPGRADE_REJECTED', details: { httpStatus: status } });
    expect([seen, scene.clock.now()]).toEqual([['Bearer 1', 'Bearer 2'], 0]);
  });

  test('that are refused come with what the server said', async () => {
    await using scene = await stage({ protocol: guarded, credentials: 'secret' });
    const failing = rejectionOf(scene.connection.connect());
    (await scene.server.accept()).send({ type: 'rejected', why: 'who are you?' });

    expect(await failing).toMatchObject({
      code: 'CREDENTIALS_REJECTED',
      payload: { type: 'rejected', why: 'who are you?' },
    });
  });
});

describe('rubbish', () => {
  test('of every kind is told, and the state does not change', async () => {
    await using scene = await stage();
    const frames: unknown[] = [];
    scene.connection.on('invalidMessage', ({ frame }) => frames.push(frame));
    const socket = await scene.connect();
    for (const text of ['', '{', 'undefined', '\u0000']) socket.send(text);
    socket.send(new Uint8Array([0xc3, 0x28]));
    socket.send({ fine: true });
    await until(() => scene.messages.length === 1);

    expect(frames).toHaveLength(5);
    expect(scene.states).toEqual(['connecting', 'authenticating', 'open']);
  });
});

describe('the machine itself, where it breaks,', () => {
  test('is failed, says so once, keeps nothing, and rejects whoever asks', async () => {
    await using scene = await stage();
    const told: string[] = [];
    scene.connection.on('failed', ({ code }) => told.push(code));
    const socket = await scene.connect();
    // No event of the user's can break it; what is no event at all can.
    const { actor } = scene.connection;
    (actor.send as (event: unknown) => void)({ type: 'socket.closed', failure: undefined });
    await scene.until('failed');

    expect(told).toEqual(['INTERNAL_ERROR']);
    expect(scene.states.at(-1)).toBe('failed');
    expect(await rejectionOf(scene.connection.connect())).toMatchObject({ code: 'INTERNAL_ERROR' });
    expect(await rejectionOf(scene.connection.deliver(1))).toMatchObject({ code: 'MESSAGE_UNDELIVERED' });
    await scene.connection.disconnect();
    await socket.closed();
    expect(scene.clock.pending).toBe(0);
  });
});

describe('the body of a refused upgrade', () => {
  /** Answers every upgrade with 403 and what `write` writes. */
  async function refusing(write: (answer: ServerResponse) => void): Promise<string> {
    const server = createServer();
    server.on('upgrade', (request) => {
      const answer = new ServerResponse(request);
      // The client hangs up on it.
      request.socket.on('error', () => undefined);
      answer.assignSocket(request.socket);
      answer.writeHead(403, { 'Content-Type': 'application/json', Connection: 'close' });
      write(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const refusalOf = async (url: string) => {
    await using scene = await stage({ url, retry: false });
    return await rejectionOf(scene.connection.connect());
  };

  test('is what the server said, in the error', async () => {
    const url = await refusing((answer) => answer.end('{"reason":"no seat left"}'));

    expect(await refusalOf(url)).toMatchObject({
      code: 'UPGRADE_REJECTED',
      payload: '{"reason":"no seat left"}',
    });
  });

  test('is read up to 4 KiB', async () => {
    const url = await refusing((answer) => answer.end('x'.repeat(100_000)));

    expect(await refusalOf(url)).toMatchObject({ code: 'UPGRADE_REJECTED', payload: 'x'.repeat(4_096) });
  });

  test('that does not end is waited for no longer than a second', async () => {
    const url = await refusing((answer) => answer.write('because'));
    await using scene = await stage({ url, retry: false });
    const rejected = rejectionOf(scene.connection.connect());
    await until(() => scene.clock.nextInMs === 1_000);
    scene.clock.advance(1_000);

    expect(await rejected).toMatchObject({ code: 'UPGRADE_REJECTED', payload: 'because' });
  });

  test('that is empty says nothing', async () => {
    const url = await refusing((answer) => answer.end());

    expect(await refusalOf(url)).toMatchObject({ code: 'UPGRADE_REJECTED', payload: undefined });
  });
});
