// Our client with servers that nobody here wrote: websockets and aiohttp of Python.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection, fixedBackoff, type ConnectionOptions, type StateChange } from '../../src/index.ts';
import { until } from '../../src/testing/wait.ts';
import { frames } from '../seed/scene.ts';
import { findTool } from '../support/tools.ts';
import { brief, MESSAGES, PATIENCE } from './messages.ts';
import { LIBRARIES, PythonPeer, type Message, type PeerLink } from './peer.ts';
import { AIOHTTP, freePort, WEBSOCKETS } from './tools.ts';

const paths = {
  websockets: findTool('The tests with servers of python3-websockets', WEBSOCKETS),
  aiohttp: findTool('The tests with servers of python3-aiohttp', AIOHTTP),
};

const SOON = { backoff: fixedBackoff({ delayMs: 20 }) } as const;

type Options = Partial<ConnectionOptions<string | Uint8Array>>;

class Client implements AsyncDisposable {
  readonly connection: Connection<string | Uint8Array>;
  readonly changes: StateChange[] = [];

  constructor(port: number, options: Options = {}) {
    this.connection = new Connection({
      url: `ws://127.0.0.1:${port}/feed?all`,
      protocol: frames,
      heartbeat: false,
      retry: SOON,
      ...options,
    });
    this.connection.on('statechange', (change) => this.changes.push(change));
  }

  /** Why it was lost, so far. */
  get losses(): string[] {
    return this.changes.filter(({ state }) => state === 'reconnecting').map(({ reason }) => reason);
  }

  is(state: Connection['state']): Promise<unknown> {
    const describe = (): string => `the state ${state}; it went ${JSON.stringify(this.changes)}`;
    return until(() => this.connection.state === state, { describe, ...PATIENCE });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.connection.disconnect();
  }
}

interface Connected extends AsyncDisposable {
  readonly client: Client;
  readonly link: PeerLink;
}

describe.each(LIBRARIES)('a server of python3-%s', { timeout: 60_000 }, (library) => {
  const path = paths[library];
  describe.skipIf(path === undefined)('meets our client', () => {
    let peer: PythonPeer;
    let port: number;
    let compressing: PythonPeer;
    let compressingPort: number;

    beforeAll(async () => {
      peer = new PythonPeer(path!, library);
      compressing = new PythonPeer(path!, library);
      port = await peer.serve({ subprotocols: ['v2', 'v1'] });
      compressingPort = await compressing.serve({ compression: true });
    });
    afterAll(async () => {
      await peer.process.kill();
      await compressing.process.kill();
    });

    async function connected(options: Options = {}): Promise<Connected> {
      const client = new Client(port, options);
      await client.connection.connect();
      const link = await peer.accept();
      return { client, link, [Symbol.asyncDispose]: () => client.connection.disconnect() };
    }

    async function exchange(client: Client, link: PeerLink, message: Message): Promise<void> {
      const messages = client.connection.messages();
      client.connection.send(message);
      const arrived = (await link.receive()) as Message;
      expect(brief(arrived)).toBe(brief(message));
      await link.send(arrived);
      expect(brief((await messages.next()).value)).toBe(brief(message));
      await messages.return?.();
    }

    it.each([
      { ours: false, theirs: true, agreed: 0 },
      { ours: true, theirs: false, agreed: 0 },
      { ours: true, theirs: true, agreed: 1 },
    ])(
      'and both get what the other sends, with compression here: $ours, there: $theirs',
      async ({ ours, theirs, agreed }) => {
        const options = { webSocket: { compression: ours } };
        await using client = new Client(theirs ? compressingPort : port, options);
        await client.connection.connect();
        const link = await (theirs ? compressing : peer).accept();
        expect(link.facts.extensions.length).toBe(agreed);
        for (const message of MESSAGES) await exchange(client, link, message);
      },
    );

    it('and both mean the same by JSON', async () => {
      await using connection = new Connection({ url: `ws://127.0.0.1:${port}` });
      await connection.connect();
      const link = await peer.accept();
      const messages = connection.messages();
      connection.send({ name: 'Ärger', prices: [1, 2.5], none: null });
      const said = (await link.receive()) as string;
      expect(said).toBe('{"name":"Ärger","prices":[1,2.5],"none":null}');
      await link.send(Buffer.from(said));
      expect((await messages.next()).value).toEqual({ name: 'Ärger', prices: [1, 2.5], none: null });
    });

    // aiohttp sends no fragments.
    if (library === 'websockets')
      it('and has its fragments put together', async () => {
        await using scene = await connected();
        const { client, link } = scene;
        const messages = client.connection.messages();
        await link.sendFragments(['one ', '', 'twö']);
        await link.sendFragments([Buffer.of(1), Buffer.alloc(70_000), Buffer.of(2)]);
        expect((await messages.next()).value).toBe('one twö');
        const expected = Buffer.concat([Buffer.of(1), Buffer.alloc(70_000), Buffer.of(2)]);
        expect(brief((await messages.next()).value)).toBe(brief(expected));
      });

    it('and both answer pings', async () => {
      await using scene = await connected({ heartbeat: { intervalMs: 20, timeoutMs: 20_000 } });
      const { client, link } = scene;
      await link.ping('are you there?');
      await link.ping('x'.repeat(125));
      await until(() => client.connection.stats.rttHistogram.count >= 2, PATIENCE);
      expect((await link.pings()).length).toBeGreaterThanOrEqual(2);
      expect(client.losses).toEqual([]);
    });

    it('and sees path, headers and subprotocols, and agrees on one', async () => {
      await using scene = await connected({
        protocols: ['v1', 'v0'],
        headers: { Authorization: 'Bearer right' },
      });
      const { path, headers, subprotocol } = scene.link.facts;
      expect({ path, subprotocol, authorization: headers?.['authorization'] }).toEqual({
        ...{ path: '/feed?all', subprotocol: 'v1', authorization: 'Bearer right' },
      });
    });

    it('and is asked again after 503 and, with a new token, after 401', async () => {
      let token = 0;
      await using client = new Client(port, { headers: () => ({ Authorization: `${++token}` }) });
      await peer.refuse(503, { 'Retry-After': '0' });
      await peer.refuse(401);
      await client.connection.connect();
      const link = await peer.accept();
      expect(link.facts.headers?.['authorization']).toBe('3');
      expect(client.losses).toEqual(['UPGRADE_REJECTED']);
    });

    it('and is told which status it refused with, where nothing is tried again', async () => {
      await using client = new Client(port, { retry: false });
      await peer.refuse(404);
      await expect(client.connection.connect()).rejects.toMatchObject({
        ...{ code: 'UPGRADE_REJECTED', details: { httpStatus: 404 } },
      });
    });

    it.each([
      [1000, 'done', 'reconnecting'],
      [1001, 'leaving', 'reconnecting'],
      [1008, 'not like this', 'failed'],
      [1011, 'broken', 'reconnecting'],
      [4000, 'Grüße', 'reconnecting'],
    ] as const)('and either hears the other close with %i and a reason', async (code, reason, next) => {
      const farewell = { ...frames, closeWith: { code, reason } };
      const { client, link } = await connected({ protocol: farewell });
      await link.close(code, reason);
      await client.is(next === 'failed' ? 'failed' : 'open');
      await until(() => client.changes.some(({ state }) => state === next), PATIENCE);
      const { lastCloseCode, lastCloseReason } = client.connection.stats;
      expect({ lastCloseCode, lastCloseReason }).toEqual({ lastCloseCode: code, lastCloseReason: reason });

      if (next === 'failed') await client.connection.connect();
      await client.is('open');
      const again = await peer.accept();
      await client.connection.disconnect();
      expect(await again.receive()).toEqual({ code, reason });
    });

    it('and is come back to when it is gone without a word', async () => {
      await using scene = await connected();
      const { client, link } = scene;
      await link.abort();
      const again = await peer.accept();
      await client.is('open');
      expect(client.losses).toEqual(['LINK_LOST']);
      await exchange(client, again, 'still here');
    });

    it('and is given up while it is frozen, and come back to', async () => {
      await using frozen = new PythonPeer(path!, library);
      await using client = new Client(await frozen.serve(), {
        heartbeat: { intervalMs: 100, timeoutMs: 1_000 },
        timeouts: { connectMs: 5_000 },
      });
      await client.connection.connect();
      await frozen.accept();
      await until(() => client.connection.stats.rttMs !== undefined, PATIENCE);
      frozen.process.freeze();
      await until(() => client.losses.includes('HEARTBEAT_TIMEOUT'), PATIENCE);
      await client.is('connecting');
      frozen.process.thaw();
      await client.is('open');
      client.connection.send('you are back');
      expect(await (await frozen.accept()).receive()).toBe('you are back');
    });

    it('and gets what waited for it when it was killed and started again', async () => {
      const port = await freePort();
      const first = new PythonPeer(path!, library);
      await using second = new PythonPeer(path!, library);
      await first.serve({ port });
      await using client = new Client(port);
      await client.connection.connect();
      await first.accept();
      await first.process.kill();
      await client.is('reconnecting');
      const delivered = client.connection.deliver('for later');
      await until(() => client.losses.includes('CONNECT_FAILED'), PATIENCE);
      await second.serve({ port });
      const link = await second.accept();
      expect(await link.receive()).toBe('for later');
      await delivered;
      expect(client.losses[0]).toBe('LINK_LOST');
    });
  });
});
