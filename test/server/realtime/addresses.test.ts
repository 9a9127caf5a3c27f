// Where a server can be reached: by IPv4, by IPv6, by a name; and whose address counts for the limits.
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { Connection, text, type ConnectionError } from '../../../src/index.ts';
import { SseConnection } from '../../../src/sse/index.ts';
import type { RealtimeLimits } from '../../../src/server/index.ts';
import { rejectionOf } from '../../support/connected.ts';
import { Client, refusalOf, serve, stay } from './harness.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
if (!hasIpv6)
  process.stderr.write('The tests of IPv6 are skipped: this machine has no loopback address ::1.\n');

const at = (host: string, limits: RealtimeLimits = {}) =>
  serve({ host, limits }, (server) =>
    server
      .websocket('/echo', async (socket) => {
        for await (const message of socket) await socket.send(message);
      })
      .sse('/who', async (stream, { socket }) => {
        await stream.send({ data: socket.remoteAddress ?? '' });
        await stay(stream);
      }),
  );

async function echoed(url: string): Promise<string | undefined> {
  await using connection = new Connection({ url: `${url}/echo`, protocol: text() });
  const messages = connection.messages();
  await connection.connect();
  connection.send('grüße');
  return (await messages.next()).value as string | undefined;
}

/** What the server takes our address for. */
async function seenAs(url: string): Promise<string | undefined> {
  await using connection = new SseConnection({ url: `${url}/who` });
  const events = connection.messages();
  await connection.connect();
  const { value } = (await events.next()) as IteratorResult<{ readonly data: string }, undefined>;
  return value?.data;
}

/** Elsewhere the loopback network has one address unless more are set up. */
const hasManyLoopbacks = process.platform !== 'darwin';

describe('an IPv4 address', () => {
  it('is where a server is, for WebSockets and event streams', async () => {
    await using server = await at('127.0.0.1');

    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await echoed(server.url)).toBe('grüße');
    expect(await seenAs(server.url)).toBe('127.0.0.1');
  });

  it.skipIf(!hasManyLoopbacks)(
    'of this machine has other ones beside it, each with a limit of its own',
    async () => {
      await using server = await at('0.0.0.0', { maxConnectionsPerAddress: 1 });
      const { port } = new URL(server.url);
      await using first = await Client.open(server, '/echo', [], { localAddress: '127.0.0.1' });
      const refused = await refusalOf(server, '/echo', {}, { localAddress: '127.0.0.1' });
      await using other = await Client.open(server, '/echo', [], { localAddress: '127.0.0.2' });

      expect(server.url).toBe(`http://0.0.0.0:${port}`);
      expect(refused.status).toBe(429);
      expect([first.socket.readyState, other.socket.readyState]).toEqual([1, 1]);
    },
  );
});

describe.skipIf(!hasIpv6)('an IPv6 address', () => {
  it('is where a server is, for WebSockets and event streams', async () => {
    await using server = await at('::1');

    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(await echoed(server.url)).toBe('grüße');
    expect(await echoed(server.url.replace('http', 'ws'))).toBe('grüße');
    expect(await seenAs(server.url)).toBe('::1');
  });

  it('counts for the limits like any other', async () => {
    await using server = await at('::1', { maxConnectionsPerAddress: 1 });
    await using first = await Client.open(server, '/echo');
    const refused = await refusalOf(server, '/echo');

    expect(first.socket.readyState).toBe(1);
    expect(refused).toMatchObject({ status: 429, body: { error: 'Too Many Requests' } });
  });

  it('is told in the error when nobody is there', async () => {
    const server = await at('::1');
    const { url } = server;
    await server.close();
    const retry = false;
    const errors = [
      await rejectionOf(new Connection({ url: `${url}/echo`, retry }).connect()),
      await rejectionOf(new SseConnection({ url: `${url}/who`, retry }).connect()),
    ] as ConnectionError[];

    expect(errors.map(({ code }) => code)).toEqual(['CONNECT_FAILED', 'CONNECT_FAILED']);
    for (const { message } of errors) expect(message).toMatch(/ECONNREFUSED.*::1/);
  });

  it('and one of IPv4 reach a server of both, which tells them apart', async () => {
    await using server = await at('::');
    const { port } = new URL(server.url);

    expect(await echoed(`ws://[::1]:${port}`)).toBe('grüße');
    expect(await echoed(`ws://127.0.0.1:${port}`)).toBe('grüße');
    expect(await seenAs(`http://[::1]:${port}`)).toBe('::1');
    expect(await seenAs(`http://127.0.0.1:${port}`)).toBe('::ffff:127.0.0.1');
  });
});

describe('a name', () => {
  it('is where a server is', async () => {
    await using server = await at('localhost');
    const { port } = new URL(server.url);

    expect(await echoed(`ws://localhost:${port}`)).toBe('grüße');
    expect(await seenAs(`http://localhost:${port}`)).toMatch(/^(::1|127\.0\.0\.1)$/);
  });
});
