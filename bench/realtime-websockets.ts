// The WebSocket servers side by side, each used as its documentation says, behind one interface.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { createRealtimeServer, type WebSocketSession } from '../src/server/index.ts';
import { binaries, Order, POOL, samples, texts, type Kind } from './realtime-messages.ts';

/** Paths: `/sink?kind=…&count=…` counts what comes and says `counted`, `/echo` gives it back, `/hall` only listens. */
export interface WebSocketSide {
  readonly port: number;
  /** Sends so many messages to whoever came to `/hall` last: one after the other, as fast as they are taken. */
  pour(kind: Kind, count: number): Promise<void>;
  /** The same, but none waits for the one before it. */
  burst(count: number): Promise<void>;
  /** Sends one message to everybody in `/hall`. */
  broadcast(text: string): void;
}

export const MANY = 1_000_000;
/** Everybody comes from one address here. */
export const LIMITS = {
  maxConnections: MANY,
  maxConnectionsPerAddress: MANY,
  requestsPerSecond: MANY,
  requestBurst: MANY,
};
/** Where our outlet begins to wait by default. */
const HIGH_WATER_BYTES = 65_536;

/** A benchmark that is wrong in what it measures ends here. */
export function fail(thrown: unknown): never {
  console.error(thrown);
  process.exit(1);
}

const statewireSink = async (socket: WebSocketSession): Promise<void> => {
  const kind = socket.query.get('kind') as Kind;
  const count = Number(socket.query.get('count'));
  const order = new Order();
  while (order.seen < count)
    if (kind === 'text') order.text(await socket.receiveText());
    else if (kind === 'binary') order.binary(await socket.receiveBinary());
    else order.json(await socket.receiveJson());
  await socket.sendText('counted');
  for await (const message of socket) fail(new Error(`There was one message too many: ${String(message)}`));
};

async function statewire(): Promise<WebSocketSide> {
  const server = createRealtimeServer({ limits: LIMITS });
  let last: WebSocketSession | undefined;
  server.websocket('/sink', (socket) => statewireSink(socket).catch(fail));
  server.websocket('/echo', async (socket) => {
    for await (const message of socket) await socket.send(message);
  });
  server.websocket('/hall', async (socket) => {
    last = socket;
    for await (const message of socket) fail(new Error(`Nobody speaks here: ${String(message)}`));
  });
  await server.listen();
  const pour = async (kind: Kind, count: number): Promise<void> => {
    const socket = last!;
    const [text, binary, json] = [texts(), binaries(), samples()];
    for (let sent = 0; sent < count; sent += 1)
      if (kind === 'text') await socket.sendText(text[sent % POOL]!);
      else if (kind === 'binary') await socket.sendBinary(binary[sent % POOL]!);
      else await socket.sendJson(json[sent % POOL]);
  };
  const burst = async (count: number): Promise<void> => {
    const socket = last!;
    await Promise.all(
      texts()
        .slice(0, count)
        .map((text) => socket.send(text)),
    );
  };
  const broadcast = (text: string): void => void server.broadcast('/hall', text);
  return { port: Number(new URL(server.url).port), pour, burst, broadcast };
}

function rawSink(socket: WebSocket, query: URLSearchParams): void {
  const kind = query.get('kind') as Kind;
  const count = Number(query.get('count'));
  const order = new Order();
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary !== (kind === 'binary')) fail(new Error('A message is of the wrong type.'));
    if (kind === 'text') order.text(data.toString());
    else if (kind === 'binary') order.binary(data);
    else order.json(JSON.parse(data.toString()));
    if (order.seen === count) socket.send('counted');
    if (order.seen > count) fail(new Error('There was one message too many.'));
  });
}

/** Waits, as ours does, when more is unsent than our high water. */
async function rawPour(socket: WebSocket, kind: Kind, count: number): Promise<void> {
  const [text, binary, json] = [texts(), binaries(), samples()];
  for (let sent = 0; sent < count; sent += 1) {
    const data =
      kind === 'text'
        ? text[sent % POOL]!
        : kind === 'binary'
          ? binary[sent % POOL]!
          : JSON.stringify(json[sent % POOL]);
    if (socket.bufferedAmount < HIGH_WATER_BYTES) socket.send(data);
    else await new Promise((resolve) => socket.send(data, resolve));
  }
}

async function rawWs(): Promise<WebSocketSide> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  const hall = new Set<WebSocket>();
  let last: WebSocket | undefined;
  server.on('connection', (socket: WebSocket, { url = '/' }: IncomingMessage) => {
    const { pathname, searchParams } = new URL(url, 'ws://bench');
    socket.on('error', () => undefined);
    if (pathname === '/sink') rawSink(socket, searchParams);
    else if (pathname === '/echo') socket.on('message', (data, binary) => socket.send(data, { binary }));
    else {
      last = socket;
      hall.add(socket);
      socket.on('message', () => fail(new Error('Nobody speaks here.')));
      socket.on('close', () => hall.delete(socket));
    }
  });
  await once(server, 'listening');
  const burst = async (count: number): Promise<void> => {
    const socket = last!;
    await Promise.all(
      texts()
        .slice(0, count)
        .map((text) => new Promise((resolve) => socket.send(text, resolve))),
    );
  };
  const broadcast = (text: string): void => {
    for (const socket of hall) if (socket.readyState === socket.OPEN) socket.send(text);
  };
  const pour = (kind: Kind, count: number): Promise<void> => rawPour(last!, kind, count);
  return { port: (server.address() as AddressInfo).port, pour, burst, broadcast };
}

/** The first one is what the other is measured by. */
export const WEB_SOCKET_SIDES = { ws: rawWs, statewire } as const;
