// The fault matrix: what happens, in which state the connection is then and why, and whether it tries again.
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ConnectionOptions, ErrorCode } from '../../src/index.ts';
import type { PuppetSocket } from '../../src/testing/puppet-server.ts';
import { guarded, type Message, type Welcome } from '../support/guarded-protocol.ts';
import { quiet, rejectionOf, stage, type Scene } from '../support/connected.ts';

type Guarded = Scene<Message, Message, Welcome, string>;
type Options = Partial<ConnectionOptions<Message, Message, Welcome, string>>;

interface Fault {
  readonly fault: string;
  readonly options?: Options;
  readonly strike: (scene: Guarded) => unknown;
  readonly state: 'reconnecting' | 'failed';
  readonly code: ErrorCode;
  readonly details?: Readonly<Record<string, unknown>>;
}

const letIn = async (socket: PuppetSocket): Promise<PuppetSocket> => {
  await socket.nextFrame();
  socket.send({ type: 'welcome', session: 'one' });
  return socket;
};

/** A session, from the side of the server. */
const session = async (scene: Guarded): Promise<PuppetSocket> => {
  const socket = await letIn(await scene.server.accept());
  await scene.until('open');
  return socket;
};

/** A port that nobody listens on. */
async function closedPort(): Promise<string> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `ws://127.0.0.1:${port}`;
}

/** A server that takes TCP connections and answers with these bytes, or with nothing. */
async function rawServer(answer?: string): Promise<string> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => answer !== undefined && socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const refusal = (status: number, state: Fault['state']): Fault => ({
  fault: `the upgrade is refused with ${status}`,
  strike: async (scene) => (await scene.server.upgrade()).refuse(status),
  state,
  code: 'UPGRADE_REJECTED',
  details: { httpStatus: status, phase: 'connecting' },
});

const closing = (closeCode: number, state: Fault['state']): Fault => ({
  fault: `the server closes with ${closeCode}`,
  strike: async (scene) => (await session(scene)).close(closeCode),
  state,
  code: 'CLOSED_BY_PEER',
  details: { closeCode, phase: 'open' },
});

const wait = (ms: number) => async (scene: Guarded) => {
  await scene.server.accept();
  await scene.until('authenticating');
  scene.clock.advance(ms);
};

const connecting: readonly Fault[] = [
  {
    fault: 'the name is not known',
    options: {
      url: 'ws://nowhere.invalid',
      webSocket: {
        node: {
          lookup: (host, _, callback) => {
            callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), '', 4);
          },
        },
      },
    },
    strike: () => undefined,
    state: 'reconnecting',
    code: 'CONNECT_FAILED',
    details: { cause: 'getaddrinfo ENOTFOUND nowhere.invalid', phase: 'connecting' },
  },
  {
    fault: 'the port is closed',
    options: { url: closedPort },
    strike: () => undefined,
    state: 'reconnecting',
    code: 'CONNECT_FAILED',
    details: { cause: expect.stringContaining('ECONNREFUSED') as unknown, phase: 'connecting' },
  },
  {
    fault: 'the connection is cut before the upgrade',
    strike: async (scene) => (await scene.server.upgrade()).destroy(),
    state: 'reconnecting',
    code: 'CONNECT_FAILED',
  },
  {
    fault: 'the server speaks no HTTP',
    options: { url: () => rawServer('220 mail.example ESMTP\r\n') },
    strike: () => undefined,
    state: 'reconnecting',
    code: 'CONNECT_FAILED',
  },
  {
    fault: 'the server switches protocols with a wrong key',
    options: {
      url: () =>
        rawServer(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
            'Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n',
        ),
    },
    strike: () => undefined,
    state: 'reconnecting',
    code: 'CONNECT_FAILED',
  },
  {
    fault: 'the server takes the connection and says nothing',
    options: { timeouts: { connectMs: 2_000 } },
    strike: async (scene) => {
      (await scene.server.upgrade()).ignore();
      scene.clock.advance(2_000);
    },
    state: 'reconnecting',
    code: 'CONNECT_TIMEOUT',
    details: { limitMs: 2_000, phase: 'connecting' },
  },
  ...[404, 408, 425, 429, 500, 502, 503, 504].map((status) => refusal(status, 'reconnecting')),
  ...[301, 400, 401, 403, 405, 410, 426].map((status) => refusal(status, 'failed')),
];

const authenticating: readonly Fault[] = [
  {
    fault: 'the server is silent in the handshake',
    options: { timeouts: { handshakeMs: 3_000 } },
    strike: wait(3_000),
    state: 'reconnecting',
    code: 'HANDSHAKE_TIMEOUT',
    details: { limitMs: 3_000, phase: 'authenticating' },
  },
  {
    fault: 'the connection is cut in the handshake',
    strike: async (scene) => (await scene.server.accept()).reset(),
    state: 'reconnecting',
    code: 'LINK_LOST',
    details: {
      cause: expect.stringContaining('ECONNRESET') as unknown,
      closeCode: 1006,
      phase: 'authenticating',
    },
  },
  {
    fault: 'the server closes in the handshake',
    strike: async (scene) => (await scene.server.accept()).close(1013, 'busy'),
    state: 'reconnecting',
    code: 'CLOSED_BY_PEER',
    details: { closeCode: 1013, closeReason: 'busy', phase: 'authenticating' },
  },
  {
    fault: 'the server answers rubbish in the handshake',
    strike: async (scene) => (await scene.server.accept()).send('rubbish'),
    state: 'reconnecting',
    code: 'HANDSHAKE_FAILED',
  },
  {
    fault: 'the credentials are refused for good',
    strike: async (scene) => (await scene.server.accept()).send({ type: 'rejected' }),
    state: 'failed',
    code: 'CREDENTIALS_REJECTED',
    details: { explanation: 'rejected', phase: 'authenticating' },
  },
  {
    fault: 'the credentials have expired, and there is nobody to ask for others',
    strike: async (scene) => (await scene.server.accept()).send({ type: 'expired' }),
    state: 'failed',
    code: 'CREDENTIALS_REJECTED',
    details: { explanation: 'expired', phase: 'authenticating' },
  },
];

const open: readonly Fault[] = [
  ...[1000, 1001, 1011, 1012, 1013, 1014, 3000, 4000, 4999].map((code) => closing(code, 'reconnecting')),
  ...[1002, 1003, 1007, 1009, 1010].map((code) => closing(code, 'reconnecting')),
  ...[1008, 4401, 4403].map((code) => closing(code, 'failed')),
  closing(1005, 'reconnecting'),
  {
    fault: 'the server resets the connection',
    strike: async (scene) => (await session(scene)).reset(),
    state: 'reconnecting',
    code: 'LINK_LOST',
    details: { cause: expect.stringContaining('ECONNRESET') as unknown, closeCode: 1006, phase: 'open' },
  },
  {
    fault: 'the server ends the connection without a close frame',
    strike: async (scene) => (await session(scene)).drop(),
    state: 'reconnecting',
    code: 'LINK_LOST',
    details: { closeCode: 1006, phase: 'open' },
  },
  {
    fault: 'the server is cut in the middle of a frame',
    strike: async (scene) => {
      const socket = await session(scene);
      socket.sendRaw(Uint8Array.of(0x81, 0x7e, 0x03, 0xe8, ...new TextEncoder().encode('{"type":')));
      socket.drop();
    },
    state: 'reconnecting',
    code: 'LINK_LOST',
  },
  {
    fault: 'the server breaks the WebSocket protocol',
    strike: async (scene) => (await session(scene)).sendRaw(Uint8Array.of(0xff, 0x00)),
    state: 'reconnecting',
    code: 'LINK_LOST',
  },
  {
    fault: 'a message is longer than is allowed',
    options: { webSocket: { maxPayloadBytes: 1_000 } },
    strike: async (scene) => (await session(scene)).send({ type: 'x'.repeat(2_000) }),
    state: 'reconnecting',
    code: 'LINK_LOST',
  },
  {
    fault: 'a text is no UTF-8',
    strike: async (scene) => (await session(scene)).sendRaw(Uint8Array.of(0x81, 0x01, 0xff)),
    state: 'reconnecting',
    code: 'LINK_LOST',
  },
  {
    fault: 'the link falls silent',
    strike: async (scene) => {
      const socket = await session(scene);
      socket.freeze();
      scene.clock.advance(25_000);
      socket.thaw();
    },
    state: 'reconnecting',
    code: 'HEARTBEAT_TIMEOUT',
    details: { silentForMs: 25_000, phase: 'open' },
  },
];

describe.each([
  ['connecting', connecting],
  ['authenticating', authenticating],
  ['open', open],
] as const)('while %s', (phase, faults) => {
  test.each(faults.map((row) => [row.fault, row.state, row.code, row] as const))(
    '%s → %s, %s',
    async (_, state, code, { options, strike, details }) => {
      await using scene = await stage<Message, Message, Welcome, string>({
        protocol: guarded,
        credentials: 'secret',
        ...options,
      });
      const asked = scene.connection.connect();
      const settled = phase === 'open' ? asked : rejectionOf(asked);
      await strike(scene);
      await scene.until(state);
      // What can no longer matter may still be on its way.
      await quiet();

      expect(scene.changes.at(-1)).toMatchObject({
        state,
        reason: code,
        retryInMs: state === 'failed' ? null : (expect.any(Number) as number),
      });
      const { failure } = scene.connection.actor.getSnapshot().context;
      expect(failure?.code).toBe(code);
      if (details !== undefined) expect(failure?.details).toEqual(details);
      expect(scene.messages).toEqual([]);
      if (state === 'failed') expect(scene.clock.pending).toBe(0);
      await scene.connection.disconnect();
      await settled;
    },
  );
});
