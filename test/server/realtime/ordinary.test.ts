// Requests that offer an upgrade to something else: `curl --http2` and the HttpClient of Java offer h2c with an ordinary
// request, and a server may ignore it (RFC 9110 §7.8).
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createRealtimeServer } from '../../../src/server/index.ts';
import { until } from '../../../src/testing/wait.ts';
import { serve } from './harness.ts';

const OFFER =
  'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAA\r\n';

/** Everything that comes back until the server closes. */
async function ask(url: string, head: string, body = ''): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`${head} HTTP/1.1\r\nHost: ${hostname}\r\n${OFFER}\r\n${body}`);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks = (await request.toArray()) as Buffer[];
  return Buffer.concat(chunks).toString();
};

describe('a request that offers an upgrade to HTTP/2', () => {
  it('is answered as if it did not', async () => {
    await using server = await serve({}, (routes) =>
      routes
        .sse('/events', (stream) => stream.send('one'))
        .websocket('/both', () => undefined)
        .http('GET', '/both', (_request, response) => response.end('page')),
    );
    expect(await ask(server.url, 'GET /both')).toMatch(/^HTTP\/1\.1 200 [^]*page$/);
    expect(await ask(server.url, 'GET /events')).toMatch(/^HTTP\/1\.1 200 [^]*data: one\n\n/);
    expect(await ask(server.url, 'GET /nothing')).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('keeps its body', async () => {
    await using server = await serve({}, (routes) =>
      routes.http('POST', '/', async (request, response) => {
        response.end(`got ${await bodyOf(request)}`);
      }),
    );
    const answer = await ask(server.url, 'POST / HTTP/1.1\r\nContent-Length: 5\r\nX:', 'hello');
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*got hello$/);
  });

  it('goes to the owner of the server when it is for no route', async () => {
    const http = createServer((_request, response) => response.end('yours'));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const server = createRealtimeServer({ server: http }).websocket('/ws', () => undefined);
    expect(await ask(server.url, 'GET /else')).toMatch(/^HTTP\/1\.1 200 [^]*yours$/);
    await server.close();
    http.close();
    await until(() => !http.listening);
  });

  it('is left to whoever else listens for upgrades', async () => {
    const http = createServer();
    http.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 101 Theirs\r\n\r\n'));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const server = createRealtimeServer({ server: http }).websocket('/ws', () => undefined);
    expect(await ask(server.url, 'GET /else')).toMatch(/^HTTP\/1\.1 101 Theirs/);
    await server.close();
    http.close();
    await until(() => !http.listening);
  });
});
