import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocketServer, type ClientOptions, type WebSocket } from 'ws';
import { systemClock } from '../../src/clock.ts';
import { InvalidOptionError } from '../../src/errors.ts';
import { PuppetServer, until } from '../../src/testing/index.ts';
import { nodeWebSocket, type NodeWebSocketOptions } from '../../src/transports/websocket-node.ts';
import { countResources, quiet } from '../testing/leftovers.ts';
import { describeTransport } from './contract.ts';
import { dial, openPair, type Heard } from './heard.ts';
import { listenRaw, textFrame } from './raw-server.ts';

describeTransport('ws', () => nodeWebSocket());

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');
const cert = fixture('localhost.cert.pem');

/** A TLS server whose certificate nobody knows. */
async function listenTls() {
  const http = createServer({ cert, key: fixture('localhost.key.pem') });
  const sockets = new WebSocketServer({ server: http });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `wss://localhost:${(http.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets.clients) socket.terminate();
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
  };
}

/** A clock that takes one step at each look, so that parts must add up exactly. */
function steppingClock() {
  let nowMs = 0;
  return { ...systemClock, now: () => (nowMs += 1) };
}

describe('why a link of the ws transport ended', () => {
  it('is the system error of a refused connection', async () => {
    const server = await PuppetServer.listen();
    await server.close();

    const { heard } = dial(nodeWebSocket(), { url: server.url });

    expect(await heard.end()).toEqual({
      closeCode: 1006,
      closeReason: '',
      error: expect.objectContaining({ code: 'ECONNREFUSED' }) as Error,
    });
  });

  it('is the failed lookup of a name', async () => {
    const lookup: NonNullable<NodeWebSocketOptions['node']>['lookup'] = (name, _options, callback) => {
      callback(Object.assign(new Error(`No ${name}`), { code: 'ENOTFOUND' }), '', 4);
    };

    const { heard } = dial(nodeWebSocket({ node: { lookup } }), { url: 'ws://nowhere.invalid' });

    expect(await heard.end()).toMatchObject({ closeCode: 1006, error: { code: 'ENOTFOUND' } });
  });

  it.each([301, 401, 503])('is the status %i of a refused upgrade, with its Retry-After', async (status) => {
    await using server = await PuppetServer.listen();
    const { heard } = dial(nodeWebSocket(), { url: server.url });

    (await server.upgrade()).refuse(status, { 'Retry-After': '7', Location: server.url });

    expect(await heard.end()).toEqual({
      closeCode: 1006,
      closeReason: '',
      httpStatus: status,
      retryAfter: '7',
    });
    await until(() => server.connections === 0);
    expect(server.totalConnections).toBe(1);
  });

  it('is the status alone when the server does not say when to come again', async () => {
    await using server = await PuppetServer.listen();
    const { heard } = dial(nodeWebSocket(), { url: server.url });

    (await server.upgrade()).refuse(404);

    expect(await heard.end()).toEqual({ closeCode: 1006, closeReason: '', httpStatus: 404 });
  });

  it('is a text when the 101 response is wrong', async () => {
    await using server = await listenRaw((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    });

    const { heard } = dial(nodeWebSocket(), { url: server.url });

    expect(await heard.end()).toMatchObject({
      closeCode: 1006,
      error: { message: 'Invalid Sec-WebSocket-Accept header' },
    });
    expect(heard.log).toEqual(['ended']);
  });

  it('is ECONNRESET when an open link is reset in the middle of a frame', async () => {
    await using pair = await openPair(nodeWebSocket());

    pair.peer.sendRaw(textFrame('half of this').subarray(0, 7));
    await quiet();
    pair.peer.reset();

    expect(await pair.heard.end()).toMatchObject({ closeCode: 1006, error: { code: 'ECONNRESET' } });
    expect(pair.heard.frames).toEqual([]);
  });

  it('is the breach of the protocol, which the server is told of', async () => {
    await using pair = await openPair(nodeWebSocket());

    pair.peer.sendRaw(Buffer.from([0xf1, 0x00])); // RFC 6455 §5.2: reserved bits that nothing gives a meaning
    const end = await pair.heard.end();

    expect(end).toMatchObject({ closeCode: 1006, error: { code: 'WS_ERR_UNEXPECTED_RSV_2_3' } });
    expect(pair.peer.closeReceived).toEqual({ code: 1002, reason: '' });
  });

  it('is the size of a message above the limit, of which nothing is read', async () => {
    await using pair = await openPair(nodeWebSocket({ maxPayloadBytes: 1_000 }));

    pair.peer.send('x'.repeat(1_000));
    pair.peer.send('x'.repeat(1_001));
    const end = await pair.heard.end();

    expect(end).toMatchObject({ closeCode: 1006, error: { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' } });
    expect(pair.peer.closeReceived).toEqual({ code: 1009, reason: '' });
    expect(pair.heard.frames.map((frame) => frame.length)).toEqual([1_000]);
  });

  it('is the size that a compressed message would have', async () => {
    await using bomb = await listenDeflating((socket) => {
      socket.send('x'.repeat(1_000_001));
    });

    const { heard } = dial(nodeWebSocket({ maxPayloadBytes: 1_000_000, compression: true }), bomb);

    expect(await heard.end()).toMatchObject({ error: { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' } });
    expect(heard.frames).toEqual([]);
  });

  it('is the close frame, whatever is called while the server keeps the stream open after it', async () => {
    let stream: Socket | undefined;
    let isHalfClosed = false;
    await using server = await listenRaw((socket, accepting) => {
      stream = socket.once('end', () => (isHalfClosed = true)).resume();
      socket.write(Buffer.concat([accepting, Buffer.from([0x88, 2, 4000 >> 8, 4000 & 0xff])]));
    });
    const { link, heard } = dial(nodeWebSocket(), { url: server.url });
    await until(() => isHalfClosed);

    link.whenDrained(() => undefined);
    link.send('too late');
    link.ping?.();
    link.pause?.();
    await quiet();
    expect(heard.log).toEqual(['opened']);
    stream?.end();

    expect(await heard.end()).toEqual({ closeCode: 4000, closeReason: '' });
  });

  it('is the certificate that is not trusted', async () => {
    await using server = await listenTls();

    const { heard } = dial(nodeWebSocket(), { url: server.url });

    expect(await heard.end()).toMatchObject({
      closeCode: 1006,
      error: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
    expect(heard.log).toEqual(['ended']);
  });

  it('is nothing at all after a link that was terminated, however far it had come', async () => {
    const release = await countResources();
    const server = await PuppetServer.listen();
    const tls = await listenTls();
    const heards: Heard[] = [];

    for (let turns = 0; turns < 12; turns += 1) {
      for (const { url } of [server, tls]) {
        const { link, heard } = dial(nodeWebSocket({ node: { ca: cert } }), { url });
        heards.push(heard);
        for (let n = 0; n < turns; n += 1) await new Promise(setImmediate);
        link.terminate();
      }
    }
    await server.close();
    await tls[Symbol.asyncDispose]();
    await release();

    expect(heards.flatMap((heard) => heard.log.filter((event) => event !== 'opened'))).toEqual([]);
  });
});

/** A server that compresses. */
async function listenDeflating(onSocket: (socket: WebSocket) => void) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: { threshold: 0 } });
  server.on('connection', onSocket);
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('how long opening took', () => {
  it('is told without a lookup for an address, and without TLS for ws:', async () => {
    await using pair = await openPair(nodeWebSocket(), { clock: steppingClock() });

    expect(pair.heard.timings).toEqual({ tcpMs: 1, upgradeMs: 1, totalMs: 2 });
  });

  it('is told in all its parts for a name and wss:', async () => {
    await using server = await listenTls();
    const { link, heard } = dial(nodeWebSocket({ node: { ca: cert } }), {
      url: server.url,
      clock: steppingClock(),
    });
    await until(() => heard.log.length > 0);
    link.terminate();

    expect(heard.timings).toEqual({ dnsMs: 1, tcpMs: 1, tlsMs: 1, upgradeMs: 1, totalMs: 4 });
  });
});

describe('what only the ws transport can do', () => {
  it('sends headers and the credentials of the URL', async () => {
    await using server = await PuppetServer.listen();
    const url = server.url.replace('ws://', 'ws://user:secret@');
    const { link } = dial(nodeWebSocket(), { url, headers: { 'X-Token': 'abc' } });
    const { request } = await server.upgrade();
    link.terminate();

    expect(request.headers).toMatchObject({
      'x-token': 'abc',
      authorization: `Basic ${Buffer.from('user:secret').toString('base64')}`,
    });
    expect(request.headers).not.toHaveProperty('sec-websocket-extensions');
  });

  it('throws for a header that cannot be sent', () => {
    const headers = { 'X-Token': 'a\r\nb' };

    expect(() => dial(nodeWebSocket(), { url: 'ws://127.0.0.1:1', headers })).toThrow(TypeError);
  });

  it('pings, and answers pings by itself', async () => {
    await using pair = await openPair(nodeWebSocket());
    pair.peer.autoPong(true);

    pair.link.ping?.();
    await until(() => pair.heard.pongs === 1);
    pair.peer.ping('are you there?');

    expect(Buffer.from(await pair.peer.nextPong()).toString()).toBe('are you there?');
  });

  it('ignores a ping, a pause and a resume before the link is open and after its end', async () => {
    await using server = await PuppetServer.listen();
    const { link, heard } = dial(nodeWebSocket(), { url: server.url });
    const callAll = (): void => {
      link.ping?.();
      link.pause?.();
      link.resume?.();
    };

    callAll();
    (await server.accept()).close(1000);
    await heard.end();
    callAll();

    expect(heard.log).toEqual(['opened', 'ended']);
  });

  it('reads nothing while it is paused, and all of it afterwards', async () => {
    await using pair = await openPair(nodeWebSocket());

    pair.link.pause?.();
    for (const message of ['one', 'two', 'three']) pair.peer.send(message);
    await quiet();
    expect(pair.heard.frames).toEqual([]);
    pair.link.resume?.();
    await until(() => pair.heard.frames.length === 3);

    expect(pair.heard.frames).toEqual(['one', 'two', 'three']);
  });

  it('hears the answer to its close frame though it was paused', async () => {
    await using pair = await openPair(nodeWebSocket());

    pair.link.pause?.();
    pair.link.close(1000, '');

    expect(await pair.heard.end()).toEqual({ closeCode: 1000, closeReason: '' });
  });

  it('compresses when both sides want it', async () => {
    const received: string[] = [];
    await using server = await listenDeflating((socket) => {
      socket.on('message', (data) => {
        received.push((data as Buffer).toString());
        socket.send(data as Buffer, { binary: false });
      });
    });
    const text = 'x'.repeat(1_000_000);
    let drained = 0;

    const { link, heard } = dial(nodeWebSocket({ compression: true }), server);
    await until(() => heard.log.includes('opened'));
    link.send(text);
    link.send('short');
    link.whenDrained(() => (drained = link.bufferedBytes === 0 ? 1 : NaN));
    await until(() => heard.frames.length === 2 && drained === 1);
    const { bytesIn, bytesOut } = link;
    link.terminate();

    expect(received[0] === text && heard.frames[0] === text).toBe(true);
    expect([received[1], heard.frames[1]]).toEqual(['short', 'short']);
    expect([bytesIn < 10_000, bytesOut < 10_000]).toEqual([true, true]);
  });
});

describe('a link that compresses', () => {
  it('sends in order, then the close frame', async () => {
    const log: unknown[] = [];
    await using server = await listenDeflating((socket) => {
      socket.on('message', (data) => log.push((data as Buffer).length));
      socket.on('close', (code) => log.push(`closed ${code}`));
    });
    const { link, heard } = dial(nodeWebSocket({ compression: true }), server);
    await until(() => heard.log.includes('opened'));

    for (const length of [200_000, 10, 100_000, 1]) link.send('x'.repeat(length));
    link.close(4000, '');
    await heard.end();
    await until(() => log.length === 5);

    expect(log).toEqual([200_000, 10, 100_000, 1, 'closed 4000']);
  });

  it('says once of each message that it will not leave, also of those that are being compressed', async () => {
    await using server = await listenDeflating(() => undefined);
    const { link, heard } = dial(nodeWebSocket({ compression: true }), server);
    await until(() => heard.log.includes('opened'));
    const outcomes: unknown[] = [];

    for (let n = 0; n < 5; n += 1) link.send('x'.repeat(200_000), (error) => outcomes.push(error));
    link.terminate();
    await until(() => outcomes.length === 5);
    await quiet();

    expect(outcomes).toEqual(Array(5).fill(expect.any(Error)));
  });
});

/** A transport whose writes to the system can be counted. */
function countingTransport() {
  const writes: number[] = [];
  const createConnection = ({ host, port }: { host: string; port: string }): Socket => {
    const socket = connect(Number(port), host);
    const write = socket._write.bind(socket);
    const writev = socket._writev?.bind(socket);
    socket._write = (chunk, encoding, callback) => {
      writes.push(1);
      write(chunk, encoding, callback);
    };
    socket._writev = (chunks, callback) => {
      writes.push(chunks.length);
      writev?.(chunks, callback);
    };
    return socket;
  };
  const node = {
    createConnection: createConnection as unknown as NonNullable<ClientOptions['createConnection']>,
  };
  return { transport: nodeWebSocket({ node }), writes };
}

describe('the sends of one turn', () => {
  it('leave in few writes', async () => {
    const { transport, writes } = countingTransport();
    await using pair = await openPair(transport);
    const counts: number[] = [];

    for (let turns = 0; turns < 3; turns += 1) {
      writes.length = 0;
      for (let n = 0; n < 100; n += 1) pair.link.send(`message ${n}`);
      await new Promise(setImmediate);
      counts.push(writes.length);
    }
    await until(() => pair.peer.frames.length === 300);

    expect(counts).toEqual([2, 1, 1]);
  });

  it('are not held back once they are many bytes', async () => {
    const { transport, writes } = countingTransport();
    await using pair = await openPair(transport);
    writes.length = 0;

    for (let n = 0; n < 10; n += 1) pair.link.send('x'.repeat(50_000));
    const writesInTurn = [...writes];
    await until(() => pair.peer.frames.length === 10);

    // One alone, then six with 300,000 bytes; each message is a chunk of header and one of payload.
    expect(writesInTurn).toEqual([2, 12]);
    expect(writes).toEqual([2, 12, 6]);
  });

  it('are one turn across promise callbacks', async () => {
    const { transport, writes } = countingTransport();
    await using pair = await openPair(transport);
    await new Promise(setImmediate);
    writes.length = 0;

    for (let n = 0; n < 100; n += 1) {
      await Promise.resolve();
      pair.link.send(`message ${n}`);
    }
    await until(() => pair.peer.frames.length === 100);

    expect(writes.length).toBe(2);
  });

  it('leave at once when there is but one a turn', async () => {
    const { transport, writes } = countingTransport();
    await using pair = await openPair(transport);
    writes.length = 0;

    for (let turns = 1; turns <= 20; turns += 1) {
      pair.link.send('alone');
      expect([writes.length, pair.link.bufferedBytes]).toEqual([turns, 0]);
      await new Promise(setImmediate);
    }
  });

  it('leave with the close frame that follows in that turn', async () => {
    await using pair = await openPair(nodeWebSocket());

    for (let n = 0; n < 100; n += 1) pair.link.send(`message ${n}`);
    expect(pair.link.bufferedBytes).toBeGreaterThan(0);
    pair.link.close(1000, '');

    expect(pair.link.bufferedBytes).toBe(0);
  });

  it('leave before the link is terminated in that turn', async () => {
    await using pair = await openPair(nodeWebSocket());

    for (let n = 0; n < 100; n += 1) pair.link.send(`message ${n}`);
    pair.link.terminate();

    expect(await pair.peer.closed()).toEqual({ code: 1006, reason: '' });
    expect(pair.peer.frames.length).toBe(100);
  });

  it('are lost once each when the socket is destroyed in that turn', async () => {
    const { transport, writes } = countingTransport();
    await using pair = await openPair(transport);
    const outcomes: unknown[] = [];
    pair.peer.freeze();
    pair.link.send(new Uint8Array(16 * 1024 * 1024), (error) => outcomes.push(error));
    await quiet();
    writes.length = 0;

    for (let n = 0; n < 10; n += 1) pair.link.send(`message ${n}`, (error) => outcomes.push(error));
    pair.link.terminate();
    await until(() => outcomes.length === 11);
    await quiet();

    expect(outcomes).toEqual(Array(11).fill(expect.any(Error)));
    expect(writes).toEqual([]);
  });
});

describe('the options of the ws transport', () => {
  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 31, '1000' as unknown as number])(
    'refuse %s as the longest message',
    (maxPayloadBytes) => {
      expect(() => nodeWebSocket({ maxPayloadBytes })).toThrow(InvalidOptionError);
    },
  );

  it('refuse compression that is neither on nor off', () => {
    expect(() => nodeWebSocket({ compression: 'yes' as unknown as boolean })).toThrow(InvalidOptionError);
  });
});
