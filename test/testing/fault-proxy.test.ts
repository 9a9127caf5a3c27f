// The proxy's faults, byte by byte, between two plain TCP ends; and once with a WebSocket through it.
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { FaultProxy } from '../../src/testing/fault-proxy.ts';
import { Port } from '../../src/testing/port.ts';
import { PuppetServer } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { Inbox, until } from '../../src/testing/wait.ts';
import { countResources, quiet } from './leftovers.ts';

/** One end of a TCP connection: what it received as text, and how it ended. */
class End {
  readonly tcp: Socket;
  text = '';
  end: 'fin' | 'rst' | 'refused' | undefined;

  constructor(tcp: Socket) {
    this.tcp = tcp;
    tcp.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
    tcp.on('end', () => (this.end ??= 'fin'));
    tcp.on('error', (error: NodeJS.ErrnoException) => {
      this.end ??= error.code === 'ECONNREFUSED' ? 'refused' : 'rst';
    });
    onTestFinished(() => {
      tcp.destroy();
    });
  }

  async receives(text: string): Promise<void> {
    await until(() => this.text.length >= text.length, {
      describe: () => `"${text}", got "${this.text}" and ${this.end ?? 'no end'}`,
    });
    expect(this.text).toBe(text);
  }

  async ends(how: End['end']): Promise<void> {
    await until(() => this.end, { describe: `an end by ${how ?? 'nothing'}` });
    expect(this.end).toBe(how);
  }
}

/** A server that only listens, and a proxy in front of it. */
async function setUp(): Promise<AsyncDisposable & { proxy: FaultProxy; open: () => Promise<[End, End]> }> {
  const arrivals = new Inbox<End>('a connection behind the proxy');
  const port = new Port(
    createServer({ allowHalfOpen: true }, (tcp) => {
      arrivals.push(new End(tcp));
    }),
  );
  await port.comeBack();
  const proxy = await FaultProxy.listen(Number(port.authority.split(':')[1]));
  return {
    proxy,
    open: async () => {
      const client = dial(proxy);
      return [client, await arrivals.next()];
    },
    [Symbol.asyncDispose]: async () => {
      await proxy.close();
      await port.goAway();
    },
  };
}

const dial = (proxy: FaultProxy) =>
  new End(connect({ port: Number(new URL(proxy.url).port), host: '127.0.0.1', allowHalfOpen: true }));

describe('without faults', () => {
  test('carries bytes both ways and counts them', async () => {
    await using it = await setUp();
    const [client, server] = await it.open();
    client.tcp.write('hello');
    await server.receives('hello');
    server.tcp.write('hi');
    await client.receives('hi');
    expect(it.proxy.stats).toEqual({ connections: 1, live: 1, bytesToClient: 2, bytesToServer: 5 });
  });

  test.each(['client', 'server'] as const)(
    'carries the FIN of the %s on its own, so that the other half still works',
    async (first) => {
      await using it = await setUp();
      const [client, server] = await it.open();
      const [asker, answerer] = first === 'client' ? [client, server] : [server, client];
      asker.tcp.end('question');
      await answerer.ends('fin');
      await quiet();
      expect(asker.end).toBeUndefined();
      answerer.tcp.end('answer');
      await asker.ends('fin');
      expect([answerer.text, asker.text]).toEqual(['question', 'answer']);
      await until(() => it.proxy.stats.live === 0);
    },
  );

  test('carries RST both ways', async () => {
    await using it = await setUp();
    const [client, server] = await it.open();
    server.tcp.write('x');
    await client.receives('x');
    server.tcp.resetAndDestroy();
    await client.ends('rst');
    const [otherClient, otherServer] = await it.open();
    otherClient.tcp.resetAndDestroy();
    await otherServer.ends('rst');
    await until(() => it.proxy.stats.live === 0);
  });

  test('carries more than its buffers hold, to a slow reader, complete and in order', async () => {
    await using it = await setUp();
    const [client, server] = await it.open();
    const bytes = 32 * 1024 * 1024;
    client.tcp.pause();
    server.tcp.write(Buffer.alloc(bytes / 2, 'a'));
    server.tcp.write(Buffer.alloc(bytes / 2, 'b'));
    let carried: number;
    do {
      carried = it.proxy.stats.bytesToClient;
      await quiet();
    } while (carried < it.proxy.stats.bytesToClient);
    expect(carried).toBeLessThan(bytes);
    client.tcp.resume();
    await until(() => client.text.length === bytes);
    expect([client.text.indexOf('b'), client.text.lastIndexOf('a')]).toEqual([bytes / 2, bytes / 2 - 1]);
  });

  test('resets a client whose target refuses', async () => {
    const target = await PuppetServer.listen();
    await target.close();
    await using proxy = await FaultProxy.listen(target.url);
    await dial(proxy).ends('rst');
  });

  test('keeps path and query of the target, and carries a WebSocket', async () => {
    await using target = await PuppetServer.listen();
    await using proxy = await FaultProxy.listen(`${target.url}/a/b?c=d`);
    expect(proxy.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/a\/b\?c=d$/);
    const ws = new WebSocket(proxy.url);
    const socket = await target.accept();
    expect(socket.request.url).toBe('/a/b?c=d');
    ws.on('open', () => {
      ws.send('through');
    });
    expect(await socket.nextFrame()).toBe('through');
    ws.terminate();
    expect((await socket.closed()).code).toBe(1006);
  });

  test('has no path when the target has none', async () => {
    await using proxy = await FaultProxy.listen('wss://127.0.0.1:1');
    expect(proxy.url).toMatch(/^wss:\/\/127\.0\.0\.1:\d+$/);
  });

  test.each(['nonsense', NaN, 70_000])('refuses the target %s', async (target) => {
    await expect(FaultProxy.listen(target)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('cutAfter', () => {
  test.each(['fin', 'rst'] as const)('cuts at exactly the byte asked for, with %s', async (how) => {
    await using it = await setUp();
    const [client, server] = await it.open();
    server.tcp.write('before');
    await client.receives('before');
    it.proxy.cutAfter(3, { direction: 'toClient', how });
    client.tcp.write('not counted');
    server.tcp.write('ab');
    await client.receives('beforeab');
    server.tcp.write('cdef');
    await Promise.all([client.ends(how), server.ends(how)]);
    expect(client.text).toBe('beforeabc');
    expect(it.proxy.stats.bytesToClient).toBe(9);
    if (how === 'rst') await until(() => it.proxy.stats.live === 0);
  });

  test('cuts what flows to the server', async () => {
    await using it = await setUp();
    const [client, server] = await it.open();
    it.proxy.cutAfter(4, { direction: 'toServer' });
    client.tcp.write('abcdef');
    await Promise.all([client.ends('rst'), server.ends('rst')]);
    expect(server.text).toBe('abcd');
  });

  test('carries nothing of what came right behind the byte', async () => {
    await using it = await setUp();
    const clock = new VirtualClock();
    const [client, server] = await it.open();
    it.proxy.delay(10, clock);
    for (const [index, text] of ['abc', 'def'].entries()) {
      server.tcp.write(text);
      await until(() => clock.pending === index + 1);
    }
    it.proxy.cutAfter(3, { direction: 'toClient', how: 'fin' });
    clock.advance(10);
    await client.ends('fin');
    expect([client.text, it.proxy.stats.bytesToClient]).toEqual(['abc', 3]);
  });

  test('cuts every later connection, from its first byte', async () => {
    await using it = await setUp();
    it.proxy.cutAfter(1, { direction: 'toServer' });
    for (let i = 0; i < 3; i += 1) {
      const [client, server] = await it.open();
      client.tcp.write('xy');
      await client.ends('rst');
      expect(server.text).toBe('x');
    }
  });

  test('cuts as many connections as asked for', async () => {
    await using it = await setUp();
    it.proxy.cutAfter(1, { direction: 'toServer', times: 2 });
    const links = [await it.open(), await it.open(), await it.open()] as const;
    for (const [client] of links.slice(0, 2)) {
      client.tcp.write('xy');
      await client.ends('rst');
    }
    links[2][0].tcp.write('xy');
    await links[2][1].receives('xy');
    const [client, server] = await it.open();
    client.tcp.write('xy');
    await server.receives('xy');
  });

  test('cuts at once after no byte at all, and only as often as asked for', async () => {
    await using it = await setUp();
    const [one] = await it.open();
    const [two, server] = await it.open();
    it.proxy.cutAfter(0, { direction: 'toClient', how: 'fin', times: 1 });
    await one.ends('fin');
    server.tcp.write('alive');
    await two.receives('alive');
    it.proxy.cutAfter(0, { direction: 'toServer' });
    await two.ends('rst');
    await dial(it.proxy).ends('rst');
  });

  test.each([-1, 0.5, NaN, Infinity])('refuses %d bytes', async (bytes) => {
    await using it = await setUp();
    expect(() => {
      it.proxy.cutAfter(bytes, { direction: 'toClient' });
    }).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

describe('freeze', () => {
  test('holds bytes and ends back on live and new connections, until thawed', async () => {
    await using it = await setUp();
    const [client, server] = await it.open();
    it.proxy.freeze();
    const [newClient, newServer] = await it.open();
    client.tcp.write('in');
    server.tcp.end('out');
    newClient.tcp.write('new');
    newServer.tcp.resetAndDestroy();
    await quiet();
    expect([client.text, server.text, newClient.text, newServer.text]).toEqual(['', '', '', '']);
    expect([client.end, newClient.end]).toEqual([undefined, undefined]);
    it.proxy.thaw();
    await Promise.all([server.receives('in'), client.receives('out'), client.ends('fin')]);
    await newClient.ends('rst');
  });
});

describe('delay', () => {
  test('holds each chunk back for the delay, in order, and holds its end back too', async () => {
    await using it = await setUp();
    const clock = new VirtualClock();
    const [client, server] = await it.open();
    it.proxy.delay(100, clock);
    server.tcp.write('slow ');
    await until(() => clock.pending === 1);
    it.proxy.delay(10, clock);
    server.tcp.end('quick');
    await until(() => clock.pending === 3);
    clock.advance(50);
    await quiet();
    expect([client.text, client.end]).toEqual(['', undefined]);
    clock.advance(49);
    await quiet();
    expect(client.text).toBe('');
    clock.advance(1);
    await client.receives('slow quick');
    await client.ends('fin');
  });

  test('slows the sender down instead of holding everything in memory', async () => {
    await using it = await setUp();
    const clock = new VirtualClock();
    const [client, server] = await it.open();
    it.proxy.delay(1000, clock);
    const bytes = 32 * 1024 * 1024;
    server.tcp.write(Buffer.alloc(bytes, 'x'));
    await until(() => clock.pending > 16);
    await quiet();
    expect(server.tcp.writableNeedDrain).toBe(true);
    await until(() => {
      clock.advance(1000);
      return client.text.length === bytes;
    });
  });

  test('uses real time by default', async () => {
    await using it = await setUp();
    const [client, server] = await it.open();
    it.proxy.delay(20);
    const start = performance.now();
    server.tcp.write('later');
    await client.receives('later');
    expect(performance.now() - start).toBeGreaterThanOrEqual(19);
  });

  test('leaves no timer behind when the connection ends first', async () => {
    await using it = await setUp();
    const clock = new VirtualClock();
    const [, server] = await it.open();
    it.proxy.delay(100, clock);
    server.tcp.write('never');
    await until(() => clock.pending === 1);
    it.proxy.reset();
    expect(clock.pending).toBe(0);
  });

  test('leaves no timer behind when both ends leave before their time', async () => {
    await using it = await setUp();
    const clock = new VirtualClock();
    const [client, server] = await it.open();
    it.proxy.delay(100, clock);
    client.tcp.resetAndDestroy();
    server.tcp.resetAndDestroy();
    await until(() => it.proxy.stats.live === 0);
    expect(clock.pending).toBe(0);
  });
});

describe('ends of connections', () => {
  test.each(['reset', 'end'] as const)('%s() ends both halves of live connections only', async (method) => {
    await using it = await setUp();
    const [client, server] = await it.open();
    client.tcp.write('x');
    await server.receives('x');
    it.proxy[method]();
    const how = method === 'reset' ? 'rst' : 'fin';
    await Promise.all([client.ends(how), server.ends(how)]);
    const [later, laterServer] = await it.open();
    later.tcp.write('fine');
    await laterServer.receives('fine');
  });

  test('refuses new connections with RST, and leaves the live ones alone', async () => {
    await using it = await setUp();
    const [client, server] = await it.open();
    it.proxy.refuse();
    await dial(it.proxy).ends('rst');
    client.tcp.write('still here');
    await server.receives('still here');
    it.proxy.refuse(false);
    await it.open();
    expect(it.proxy.stats).toMatchObject({ connections: 3, live: 2 });
  });

  test('goes away with all connections, in front and behind, and comes back on the same port', async () => {
    await using it = await setUp();
    const { url } = it.proxy;
    const [client, server] = await it.open();
    await it.proxy.goAway();
    await Promise.all([client.ends('fin'), server.ends('fin')]);
    await dial(it.proxy).ends('refused');
    await it.proxy.comeBack();
    expect(it.proxy.url).toBe(url);
    await it.open();
  });
});

describe('heal', () => {
  test('revokes every fault', async () => {
    await using it = await setUp();
    const [client, server] = await it.open();
    it.proxy.cutAfter(1, { direction: 'toClient' });
    it.proxy.cutAfter(1, { direction: 'toServer' });
    it.proxy.delay(1000, new VirtualClock());
    it.proxy.refuse();
    it.proxy.freeze();
    it.proxy.heal();
    client.tcp.write('to server');
    server.tcp.write('to client');
    await Promise.all([server.receives('to server'), client.receives('to client')]);
    const [laterClient, laterServer] = await it.open();
    laterClient.tcp.write('later');
    await laterServer.receives('later');
  });
});

describe('afterwards', () => {
  test('leaves no socket, server or timer behind, whatever its connections were doing', async () => {
    const nothingIsLeft = await countResources();
    const clients: End[] = [];
    {
      await using it = await setUp();
      const { proxy } = it;
      const faults = [
        () => undefined,
        () => {
          proxy.end();
        },
        () => {
          proxy.delay(60_000);
        },
        () => {
          proxy.freeze();
        },
      ];
      for (const fault of faults) {
        const [client, server] = await it.open();
        fault();
        client.tcp.write('on its way');
        server.tcp.end('back');
        await quiet();
        clients.push(client);
      }
      clients.push(dial(proxy));
    }
    for (const { tcp } of clients) tcp.destroy();
    await nothingIsLeft();
  });
});
