// The server that does nothing until told, watched from the other end by a ws client and by plain TCP.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { PuppetServer } from '../../src/testing/puppet-server.ts';
import { until } from '../../src/testing/wait.ts';
import { countResources, quiet } from './leftovers.ts';

interface Client {
  readonly ws: WebSocket;
  readonly log: string[];
}

function connectTo(url: string, subprotocols: string[] = []): Client {
  const ws = new WebSocket(url, subprotocols, { autoPong: false });
  const log: string[] = [];
  ws.on('open', () => log.push('open'));
  ws.on('message', (data, isBinary) => {
    log.push(isBinary ? `bytes ${(data as Buffer).toString('hex')}` : `text ${(data as Buffer).toString()}`);
  });
  ws.on('ping', (payload) => log.push(`ping ${payload.toString()}`));
  ws.on('pong', (payload) => log.push(`pong ${payload.toString()}`));
  ws.on('error', (error: NodeJS.ErrnoException) => log.push(`error ${error.code ?? error.message}`));
  ws.on('close', (code, reason) => log.push(`close ${code} ${reason.toString()}`.trim()));
  onTestFinished(() => {
    ws.terminate();
  });
  return { ws, log };
}

const logged = ({ log }: Client, entry: string) =>
  until(() => log.includes(entry), { describe: () => `"${entry}" in ${JSON.stringify(log)}` });

async function openPair(server: PuppetServer) {
  const client = connectTo(server.url);
  const socket = await server.accept();
  await logged(client, 'open');
  return { client, socket };
}

describe('upgrades', () => {
  test('waits until an upgrade is accepted', async () => {
    await using server = await PuppetServer.listen();
    const client = connectTo(`${server.url}/path?x=1`);
    const upgrade = await server.upgrade();
    await quiet();
    expect([client.log, server.pendingUpgrades, upgrade.request.url]).toEqual([[], 1, '/path?x=1']);
    upgrade.accept();
    await logged(client, 'open');
    expect([server.pendingUpgrades, server.connections, server.totalConnections]).toEqual([0, 1, 1]);
  });

  test('agrees on the first subprotocol offered, on another, or on none', async () => {
    await using server = await PuppetServer.listen();
    const first = connectTo(server.url, ['one', 'two']);
    const upgrade = await server.upgrade();
    expect([upgrade.subprotocols, upgrade.accept().subprotocol]).toEqual([['one', 'two'], 'one']);
    await logged(first, 'open');
    const second = connectTo(server.url, ['one', 'two']);
    expect((await server.accept({ subprotocol: 'two' })).subprotocol).toBe('two');
    await logged(second, 'open');
    const none = connectTo(server.url, ['one']);
    expect((await server.accept({ subprotocol: false })).subprotocol).toBe('');
    await logged(none, 'error Server sent no subprotocol');
    const uninvited = connectTo(server.url, ['one']);
    await server.accept({ subprotocol: 'three' });
    await logged(uninvited, 'error Server sent an invalid subprotocol');
    expect([first.ws.protocol, second.ws.protocol]).toEqual(['one', 'two']);
  });

  test('sends more headers with the 101', async () => {
    await using server = await PuppetServer.listen();
    const { ws } = connectTo(server.url);
    const answered = once(ws, 'upgrade') as Promise<[{ headers: Record<string, string> }]>;
    await server.accept({ headers: { 'X-Node': 'seven' } });
    expect((await answered)[0].headers['x-node']).toBe('seven');
  });

  test('refuses with a status and headers', async () => {
    await using server = await PuppetServer.listen();
    const { ws } = connectTo(server.url);
    const refused = once(ws, 'unexpected-response') as Promise<
      [unknown, { statusCode: number; headers: Record<string, string> }]
    >;
    (await server.upgrade()).refuse(503, { 'Retry-After': '7' });
    const [, { statusCode, headers }] = await refused;
    expect([statusCode, headers['retry-after']]).toEqual([503, '7']);
    await until(() => server.connections === 0);
  });

  test('ignores an upgrade, and notices when its client leaves', async () => {
    await using server = await PuppetServer.listen();
    const client = connectTo(server.url);
    const upgrade = await server.upgrade();
    upgrade.ignore();
    await quiet();
    expect([client.log, server.connections, server.pendingUpgrades]).toEqual([[], 1, 0]);
    client.ws.terminate();
    await until(() => server.connections === 0);
    expect(upgrade.isGone).toBe(true);
  });

  test('destroys an upgrade without an answer', async () => {
    await using server = await PuppetServer.listen();
    const client = connectTo(server.url);
    (await server.upgrade()).destroy();
    await logged(client, 'close 1006');
    expect(client.log).toEqual(['error ECONNRESET', 'close 1006']);
  });

  test('hands out an upgrade whose client has left, but neither counts nor accepts it', async () => {
    await using server = await PuppetServer.listen();
    const client = connectTo(server.url);
    await until(() => server.pendingUpgrades === 1);
    client.ws.terminate();
    await until(() => server.pendingUpgrades === 0);
    const upgrade = await server.upgrade();
    expect(() => upgrade.accept()).toThrow('has left');
  });

  test.each([
    ['FIN', (tcp: Socket) => tcp.end()],
    ['RST', (tcp: Socket) => tcp.resetAndDestroy()],
  ])('notices a client that sends something early and leaves with %s', async (_how, leave) => {
    await using server = await PuppetServer.listen();
    const tcp = await rawUpgrade(server);
    await until(() => server.pendingUpgrades === 1);
    tcp.write(maskedText('early'));
    await quiet();
    leave(tcp);
    await until(() => server.pendingUpgrades === 0 && server.connections === 0);
  });

  test('refuses a second answer', async () => {
    await using server = await PuppetServer.listen();
    connectTo(server.url);
    const upgrade = await server.upgrade();
    upgrade.accept();
    expect(() => {
      upgrade.destroy();
    }).toThrow('This upgrade was answered before.');
  });

  test('gives frames that were sent before the 101 to the socket', async () => {
    await using server = await PuppetServer.listen();
    const tcp = await rawUpgrade(server);
    const upgrade = await server.upgrade();
    tcp.write(maskedText('early'));
    await quiet();
    expect(await upgrade.accept().nextFrame()).toBe('early');
  });

  test('accepts by itself with autoAccept, and passes over what is no WebSocket upgrade', async () => {
    await using server = await PuppetServer.listen({ autoAccept: true });
    const odd = await rawUpgrade(server, 'h2c');
    const [answer] = (await once(odd, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /);
    const client = connectTo(server.url);
    await logged(client, 'open');
    (await server.accept()).send('hello');
    await logged(client, 'text hello');
  });

  test('calls onSocket with every socket', async () => {
    await using server = await PuppetServer.listen({
      onSocket: (socket) => {
        socket.onFrame = (frame) => {
          socket.send(`${socket.request.url ?? ''} ${String(frame)}`);
        };
      },
    });
    const client = connectTo(`${server.url}/echo`);
    await logged(client, 'open');
    client.ws.send('one');
    await logged(client, 'text /echo one');
  });

  test('answers a request that is no upgrade with 426', async () => {
    await using server = await PuppetServer.listen();
    const response = await fetch(server.url.replace('ws:', 'http:'));
    expect(response.status).toBe(426);
  });
});

describe('frames', () => {
  test('records texts as strings and binary messages as bytes, and hands them out one by one', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    client.ws.send('{"a":1}');
    client.ws.send(Buffer.from([1, 2]));
    client.ws.send('last');
    expect(await socket.nextJson()).toEqual({ a: 1 });
    expect(await socket.nextFrame()).toEqual(new Uint8Array([1, 2]));
    expect(await socket.nextFrame()).toBe('last');
    expect(socket.frames).toEqual(['{"a":1}', new Uint8Array([1, 2]), 'last']);
  });

  test('sends text and bytes as they are and objects as JSON, in order', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    socket.send('text');
    socket.send(new Uint8Array([255, 0]));
    socket.send({ b: [2] });
    socket.sendRaw(Buffer.from([0x81, 0x03, ...Buffer.from('raw')]));
    await logged(client, 'text raw');
    expect(client.log).toEqual(['open', 'text text', 'bytes ff00', 'text {"b":[2]}', 'text raw']);
  });

  test('ignores what is sent when the connection is gone', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    client.ws.terminate();
    await socket.closed();
    socket.send('late');
    socket.sendRaw(Buffer.from('late'));
    socket.ping();
    socket.pong();
    socket.close(1000);
    socket.drop();
    socket.reset();
    socket.freeze();
    socket.thaw();
    await quiet();
    expect(socket.isClosed).toBe(true);
  });

  test('answers a breach of the protocol with its close code', async () => {
    await using server = await PuppetServer.listen();
    const { tcp, socket } = await rawPair(server);
    const answer = once(tcp, 'data') as Promise<[Buffer]>;
    tcp.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
    expect((await answer)[0]).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xea]));
    expect(socket.closeReceived).toBeUndefined();
  });
});

describe('pings', () => {
  test('answers none unless told, then with the latest payload', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    client.ws.ping('one');
    expect(await socket.nextPing()).toEqual(new Uint8Array(Buffer.from('one')));
    await quiet();
    expect([client.log, socket.pings]).toEqual([['open'], 1]);
    socket.pong();
    await logged(client, 'pong one');
    socket.pong('odd');
    await logged(client, 'pong odd');
  });

  test('answers by itself while autoPong is on', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    socket.autoPong(true);
    client.ws.ping('one');
    await logged(client, 'pong one');
    socket.autoPong(false);
    client.ws.ping('two');
    await until(() => socket.pings === 2);
    await quiet();
    expect(client.log).toEqual(['open', 'pong one']);
  });

  test('pings the client and counts its pongs', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    socket.ping('up?');
    await logged(client, 'ping up?');
    client.ws.pong('yes');
    expect(await socket.nextPong()).toEqual(new Uint8Array(Buffer.from('yes')));
    expect(socket.pongs).toBe(1);
  });
});

describe('closing', () => {
  test('sends a close frame and waits for the answer', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    socket.close(4001, 'go away');
    await logged(client, 'close 4001 go away');
    expect(await socket.closed()).toEqual({ code: 4001, reason: 'go away' });
    expect(() => {
      socket.close(1006);
    }).not.toThrow();
  });

  test('sends an empty close frame without a code', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    socket.close();
    await logged(client, 'close 1005');
  });

  test('refuses a code that must not be sent', async () => {
    await using server = await PuppetServer.listen();
    const { socket } = await openPair(server);
    expect(() => {
      socket.close(1006);
    }).toThrow(TypeError);
  });

  test('answers the close frame of the client with the same code', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    client.ws.close(4002, 'enough');
    expect(await socket.closed()).toEqual({ code: 4002, reason: 'enough' });
    await logged(client, 'close 4002 enough');
    expect(socket.closeReceived).toEqual({ code: 4002, reason: 'enough' });
  });

  test('tells an empty close frame as 1005 and answers with an empty one', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    client.ws.close();
    expect(await socket.closed()).toEqual({ code: 1005, reason: '' });
    await logged(client, 'close 1005');
  });

  test('holds the answer until told, and can still send meanwhile', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    socket.holdClose();
    expect(() => {
      socket.answerClose();
    }).toThrow('has not sent a close frame');
    client.ws.close(1000, 'bye');
    expect(await until(() => socket.closeReceived)).toEqual({ code: 1000, reason: 'bye' });
    socket.send('wait');
    await logged(client, 'text wait');
    await quiet();
    expect([client.log, server.connections]).toEqual([['open', 'text wait'], 1]);
    socket.answerClose();
    await logged(client, 'close 1000 bye');
    await until(() => server.connections === 0);
  });
});

describe('faults', () => {
  test('resets with RST', async () => {
    await using server = await PuppetServer.listen();
    const { tcp, socket } = await rawPair(server);
    const failed = once(tcp, 'error') as Promise<[NodeJS.ErrnoException]>;
    socket.reset();
    expect((await failed)[0].code).toBe('ECONNRESET');
    expect(await socket.closed()).toEqual({ code: 1006, reason: '' });
  });

  test('drops with FIN, without a close frame', async () => {
    await using server = await PuppetServer.listen();
    const { tcp, socket } = await rawPair(server);
    const received: Buffer[] = [];
    tcp.on('data', (chunk: Buffer) => received.push(chunk));
    const ended = once(tcp, 'end');
    socket.drop();
    await ended;
    expect(received).toEqual([]);
    expect(await socket.closed()).toEqual({ code: 1006, reason: '' });
  });

  test('neither reads nor writes while frozen, and catches up when thawed', async () => {
    await using server = await PuppetServer.listen();
    const { client, socket } = await openPair(server);
    socket.autoPong(true);
    socket.freeze();
    socket.freeze();
    client.ws.send('in');
    client.ws.ping('p');
    socket.send('out');
    await quiet();
    expect([client.log, socket.frames, server.connections]).toEqual([['open'], [], 1]);
    socket.thaw();
    await logged(client, 'pong p');
    expect([client.log, socket.frames]).toEqual([['open', 'text out', 'pong p'], ['in']]);
  });

  test('goes away with everything and comes back on the same port', async () => {
    await using server = await PuppetServer.listen();
    const { url } = server;
    const { client } = await openPair(server);
    const pending = connectTo(url);
    await until(() => server.pendingUpgrades === 1);
    await server.goAway();
    expect([server.connections, server.pendingUpgrades]).toEqual([0, 0]);
    await Promise.all([logged(client, 'close 1006'), logged(pending, 'close 1006')]);
    const refused = connectTo(url);
    await logged(refused, 'error ECONNREFUSED');
    await server.comeBack();
    expect(server.url).toBe(url);
    await server.upgrade();
    await openPair(server);
    expect([server.connections, server.totalConnections]).toEqual([1, 3]);
  });

  test('comes back when asked while it still goes away, and may be closed twice', async () => {
    const server = await PuppetServer.listen();
    const { url } = server;
    await openPair(server);
    await Promise.all([server.goAway(), server.comeBack()]);
    expect(server.url).toBe(url);
    await openPair(server);
    await Promise.all([server.close(), server.close()]);
    expect(server.connections).toBe(0);
  });
});

describe('afterwards', () => {
  test('leaves no socket, server or timer behind, whatever state its sockets were in', async () => {
    const nothingIsLeft = await countResources();
    const clients: Client[] = [];
    {
      await using server = await PuppetServer.listen();
      const frozen = await openPair(server);
      frozen.socket.freeze();
      const held = await openPair(server);
      held.socket.holdClose();
      held.client.ws.close(1000);
      const closing = await openPair(server);
      closing.socket.freeze();
      closing.socket.close(1000);
      const pending = [connectTo(server.url), connectTo(server.url)];
      await until(() => held.socket.closeReceived && server.pendingUpgrades === 2);
      (await server.upgrade()).ignore();
      clients.push(frozen.client, held.client, closing.client, ...pending);
    }
    await until(() => clients.every(({ ws }) => ws.readyState === WebSocket.CLOSED));
    await nothingIsLeft();
  });
});

async function rawPair(server: PuppetServer) {
  const tcp = await rawUpgrade(server);
  const socket = await server.accept();
  await once(tcp, 'data');
  return { tcp, socket };
}

/** A handshake by hand, for what no WebSocket client would send. */
async function rawUpgrade(server: PuppetServer, protocol = 'websocket') {
  const tcp = connect(Number(new URL(server.url).port), '127.0.0.1');
  onTestFinished(() => {
    tcp.destroy();
  });
  await once(tcp, 'connect');
  tcp.write(
    `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  return tcp;
}

/** A client's text frame with a mask of zeroes. */
const maskedText = (text: string) =>
  Buffer.from([0x81, 0x80 | Buffer.byteLength(text), 0, 0, 0, 0, ...Buffer.from(text)]);
