// Our server with clients that nobody here wrote: websockets and aiohttp of Python.
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  AccessRefused,
  createRealtimeServer,
  type RealtimeServerOptions,
  type WebSocketSession,
} from '../../src/server/index.ts';
import { until } from '../../src/testing/wait.ts';
import { echo, errorLog, only, serve, stay } from '../server/realtime/harness.ts';
import { findTool } from '../support/tools.ts';
import { brief, MESSAGES, PATIENCE } from './messages.ts';
import { LIBRARIES, PythonPeer } from './peer.ts';
import { AIOHTTP, WEBSOCKETS } from './tools.ts';

const paths = {
  websockets: findTool('The tests with clients of python3-websockets', WEBSOCKETS),
  aiohttp: findTool('The tests with clients of python3-aiohttp', AIOHTTP),
};

/** A server whose only session is the test's to hold. */
async function held(options: RealtimeServerOptions = {}) {
  const server = await serve(options, (routes) => routes.websocket('/', stay));
  const session = async (): Promise<WebSocketSession> => {
    await until(() => server.connections.size === 1, PATIENCE);
    return only(server) as WebSocketSession;
  };
  return { server, session };
}

const ended = (session: WebSocketSession): Promise<unknown> =>
  until(() => session.state === 'closed', { describe: 'the end of the session', ...PATIENCE });

describe.each(LIBRARIES)('a client of python3-%s', { timeout: 60_000 }, (library) => {
  const path = paths[library];
  describe.skipIf(path === undefined)('meets our server', () => {
    let peer: PythonPeer;

    beforeAll(() => {
      peer = new PythonPeer(path!, library);
      return () => peer.process.kill();
    });

    it.each([
      { ours: false, theirs: true, agreed: 0 },
      { ours: true, theirs: false, agreed: 0 },
      { ours: true, theirs: true, agreed: 1 },
    ])(
      'and gets back what it sends, with compression here: $ours, there: $theirs',
      async ({ ours, theirs, agreed }) => {
        await using server = await serve({ compression: ours }, (routes) => routes.websocket('/', echo));
        const link = await peer.open(server.url, { compression: theirs });
        expect(link.facts.extensions.length).toBe(agreed);
        for (const message of MESSAGES) {
          await link.send(message);
          expect(brief(await link.receive())).toBe(brief(message));
        }
        await link.close();
        expect(await link.receive()).toEqual({ code: 1000, reason: '' });
      },
    );

    it('and saves bytes by compression, in both directions', async () => {
      const http = createServer();
      const sockets: Socket[] = [];
      http.on('connection', (socket) => sockets.push(socket));
      await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
      const server = createRealtimeServer({ server: http, compression: true }).websocket('/', echo);
      const link = await peer.open(server.url, { compression: true });
      await link.send('again and '.repeat(100_000));
      expect(brief(await link.receive())).toBe(brief('again and '.repeat(100_000)));

      expect(sockets[0]!.bytesRead).toBeLessThan(20_000);
      expect(sockets[0]!.bytesWritten).toBeLessThan(20_000);
      await server.close();
      http.close();
    });

    it('and reads what is sent as text, as binary and as JSON', async () => {
      const { server, session } = await held();
      const link = await peer.open(server.url);
      const ours = await session();
      await ours.sendText('');
      await ours.sendJson({ price: 180.5, name: 'Ärger' });
      await ours.sendBinary(new Uint8Array([0, 255]));
      expect([await link.receive(), await link.receive(), await link.receive()]).toEqual([
        '',
        '{"price":180.5,"name":"Ärger"}',
        Buffer.of(0, 255),
      ]);
      await server.close();
    });

    // aiohttp sends no fragments.
    if (library === 'websockets')
      it('and has its fragments put together', async () => {
        await using server = await serve({}, (routes) => routes.websocket('/', echo));
        const link = await peer.open(server.url, { compression: true });
        await link.sendFragments(['one ', '', 'twö ', 'three']);
        await link.sendFragments([Buffer.of(1), Buffer.alloc(70_000), Buffer.of(2)]);
        expect(await link.receive()).toBe('one twö three');
        const expected = Buffer.concat([Buffer.of(1), Buffer.alloc(70_000), Buffer.of(2)]);
        expect(brief(await link.receive())).toBe(brief(expected));
      });

    it('and puts our fragments together', async () => {
      const { server, session } = await held({ limits: { fragmentBytes: 5 } });
      const link = await peer.open(server.url);
      const ours = await session();
      // A character of two bytes is cut in half.
      await ours.send('1234ö6789ö');
      await ours.send(Buffer.from('abcdefghijklm'));
      expect(await link.receive()).toBe('1234ö6789ö');
      expect(await link.receive()).toEqual(Buffer.from('abcdefghijklm'));
      await server.close();
    });

    it('and both answer pings, payload for payload', async () => {
      const { server, session } = await held();
      const link = await peer.open(server.url);
      const ours = await session();
      await link.ping('are you there?');
      await link.ping('x'.repeat(125));
      expect(await ours.ping('and you?')).toBeGreaterThanOrEqual(0);
      await ours.ping();
      await ours.pong('unasked');
      expect(await link.pings()).toEqual(['and you?', '']);
      expect(ours.rttMs).toBeGreaterThanOrEqual(0);
      await server.close();
    });

    it('and agrees on a subprotocol, or on none', async () => {
      const chosen: string[] = [];
      await using server = await serve({}, (routes) =>
        routes.websocket('/', (socket) => void chosen.push(socket.subprotocol), {
          subprotocols: ['v2', 'v1'],
        }),
      );
      const offers = [['v1', 'v2'], ['v1'], ['v0'], []];
      const links = [];
      for (const subprotocols of offers) links.push(await peer.open(server.url, { subprotocols }));
      expect(links.map(({ facts }) => facts.subprotocol)).toEqual(['v2', 'v1', null, null]);
      expect(chosen).toEqual(['v2', 'v1', '', '']);
    });

    it('and is told why it is not let in', async () => {
      await using server = await serve(
        {
          limits: { maxConnections: 2, maxConnectionsPerAddress: 1 },
          addressOf: ({ headers }) => String(headers['x-address']),
          authenticate: ({ headers }) => {
            if (headers.authorization === 'Bearer late') throw new AccessRefused(402, 'Pay first');
            return headers.authorization === 'Bearer right' && { name: 'Ada' };
          },
        },
        (routes) => routes.websocket('/', stay),
      );
      const asked = (headers: Record<string, string>, path = '/') =>
        peer.refused(server.url + path, { headers: { Authorization: 'Bearer right', ...headers } });
      const refusals = [
        await asked({ Authorization: 'Bearer wrong', 'X-Address': 'a' }),
        await asked({ Authorization: 'Bearer late', 'X-Address': 'a' }),
        await asked({ Origin: 'https://evil.example', 'X-Address': 'a' }),
        await asked({ 'X-Address': 'a' }, '/nowhere'),
      ];
      const first = await peer.open(server.url, {
        headers: { Authorization: 'Bearer right', 'X-Address': 'a' },
      });
      refusals.push(await asked({ 'X-Address': 'a' }));
      await peer.open(server.url, { headers: { Authorization: 'Bearer right', 'X-Address': 'b' } });
      refusals.push(await asked({ 'X-Address': 'c' }));

      expect(refusals.map(({ status }) => status)).toEqual([401, 402, 403, 404, 429, 503]);
      expect(refusals.map(({ headers }) => headers['www-authenticate'] ?? headers['retry-after'])).toEqual([
        ...['Bearer', undefined, undefined, undefined, '60', '30'],
      ]);
      expect([...server.connections.values()].map(({ identity }) => identity)).toEqual([
        { name: 'Ada' },
        { name: 'Ada' },
      ]);
      await first.close();
    });

    it.each([
      [1000, 'done'],
      [1001, 'leaving'],
      [1008, 'not like this'],
      [1011, 'broken'],
      [4000, 'Grüße'],
    ])('and either hears the other close with %i and a reason', async (code, reason) => {
      const { server, session } = await held();
      const link = await peer.open(server.url);
      const ours = await session();
      await ours.close(code, reason);
      expect(await link.receive()).toEqual({ code, reason });
      // aiohttp answers every close frame with 1000.
      expect(ours.closeCode).toBe(library === 'aiohttp' ? 1000 : code);

      const other = await peer.open(server.url);
      const theirs = await session();
      await other.close(code, reason);
      await ended(theirs);
      const { closeCode, closeReason, closeCause } = theirs;
      expect({ closeCode, closeReason, closeCause }).toEqual({
        ...{ closeCode: code, closeReason: reason, closeCause: 'CLOSED_BY_PEER' },
      });
      await server.close();
    });

    it('and hears 1011 from a handler that throws, 1009 for too much, 1001 at the end', async () => {
      const { logger, errors } = errorLog();
      const server = await serve({ logger, limits: { maxMessageBytes: 1_000 } }, (routes) =>
        routes.websocket('/', stay).websocket('/broken', () => {
          throw new Error('out of order');
        }),
      );
      const broken = await peer.open(`${server.url}/broken`);
      expect(await broken.receive()).toMatchObject({ code: 1011 });
      expect(errors.length).toBe(1);

      const chatty = await peer.open(server.url);
      await chatty.send('x'.repeat(1_001));
      expect(await chatty.receive()).toMatchObject({ code: 1009 });

      const patient = await peer.open(server.url);
      await server.close();
      expect(await patient.receive()).toEqual({ code: 1001, reason: 'Server shutting down' });
    });

    it('and either notices that the other is gone without a word', async () => {
      const { server, session } = await held();
      const first = await peer.open(server.url);
      const ours = await session();
      await first.abort();
      await ended(ours);
      expect([ours.closeCode, ours.closeCause]).toEqual([1006, 'LINK_LOST']);

      const second = await peer.open(server.url);
      (await session()).terminate();
      expect(await second.receive()).toEqual({ code: 1006, reason: '' });
      await server.close();
    });

    it('and gets each broadcast once and in order, with 49 others beside it', async () => {
      await using server = await serve({ compression: true }, (routes) => routes.websocket('/', stay));
      const links = await Promise.all(Array.from({ length: 50 }, () => peer.open(server.url)));
      await until(() => server.connections.size === 50, PATIENCE);
      const messages = Array.from({ length: 200 }, (_, n) => `${n}: ${'x'.repeat(n % 10 === 0 ? 2_000 : n)}`);
      const reached = messages.map((message) => server.broadcast('/', message));
      expect(new Set(reached)).toEqual(new Set([50]));
      for (const link of links) expect(await link.receiveTexts(200)).toEqual(messages);
      await server.close();
      // Nothing came after it.
      for (const link of links) expect(await link.receive()).toMatchObject({ code: 1001 });
    });

    it('and is given up when it is frozen', async () => {
      await using frozen = new PythonPeer(path!, library);
      const { server, session } = await held({ heartbeat: { intervalMs: 100, timeoutMs: 1_000 } });
      const link = await frozen.open(server.url);
      const ours = await session();
      await until(() => ours.rttMs !== undefined, PATIENCE);
      frozen.process.freeze();
      await ended(ours);
      expect([ours.closeCode, ours.closeCause]).toEqual([1006, 'HEARTBEAT_TIMEOUT']);

      frozen.process.thaw();
      expect(await link.receive()).toEqual({ code: 1006, reason: '' });
      expect((await link.pings()).length).toBeGreaterThanOrEqual(2);
      await server.close();
    });
  });
});
