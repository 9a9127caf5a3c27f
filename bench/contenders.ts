// The clients side by side, each used as its documentation says, behind one interface. Every one parses JSON and
// dispatches by `type` to a listener, because that is what an application does with a message.
import { EventEmitter } from 'node:events';
import { createClient } from 'graphql-ws';
import { WebSocket as PartySocket } from 'partysocket';
import ReconnectingWebSocketModule from 'reconnecting-websocket';
import { WebSocket } from 'ws';
import { Connection } from '../src/index.ts';

export interface Message {
  readonly type: string;
}

export interface Client {
  on(type: string, listener: (message: Message) => void): void;
  send(message: object): void;
  /** Asks the server for `count` messages of `bytes` bytes. */
  blast(bytes: number, count: number): void;
  close(): void | Promise<void>;
}

/** `floods`: it will send without looking at what is buffered. */
export type Contender = (url: string, floods?: boolean) => Promise<Client>;

interface DomLike {
  send(data: string): void;
  close(): void;
  addEventListener(type: 'open' | 'message', listener: (event: { data: string }) => void): void;
}

const ReconnectingWebSocket = ReconnectingWebSocketModule as unknown as new (
  url: string,
  protocols: string[],
  options: object,
) => DomLike;

/** Parses and dispatches for the clients that leave that to the application. */
async function domClient(socket: DomLike): Promise<Client> {
  const emitter = new EventEmitter();
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data) as Message;
    emitter.emit(message.type, message);
  });
  await new Promise<void>((resolve) => {
    socket.addEventListener('open', () => resolve());
  });
  return {
    on: (type, listener) => void emitter.on(type, listener),
    send: (message) => socket.send(JSON.stringify(message)),
    blast: (bytes, count) => socket.send(JSON.stringify({ type: 'blast', bytes, count })),
    close: () => socket.close(),
  };
}

const rawWs: Contender = async (url) => {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const emitter = new EventEmitter();
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message;
    emitter.emit(message.type, message);
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const send = (message: object) => socket.send(JSON.stringify(message));
  return {
    on: (type, listener) => void emitter.on(type, listener),
    send,
    blast: (bytes, count) => send({ type: 'blast', bytes, count }),
    close: () => socket.close(),
  };
};

/** The others queue without a bound, so that a sender who looks at nothing is not held up: here likewise. */
const UNBOUNDED = { highWaterBytes: 2 ** 31, maxBytes: 2 ** 31, maxMessages: Infinity };

const statewire: Contender = async (url, floods = false) => {
  const connection = new Connection<Message, object>(floods ? { url, outbox: UNBOUNDED } : { url });
  const emitter = new EventEmitter();
  connection.on('message', (message) => emitter.emit(message.type, message));
  await connection.connect();
  return {
    on: (type, listener) => void emitter.on(type, listener),
    send: (message) => void connection.send(message),
    blast: (bytes, count) => void connection.send({ type: 'blast', bytes, count }),
    close: () => connection.disconnect(),
  };
};

const partysocket: Contender = (url) => domClient(new PartySocket(url, [], { WebSocket }));

const reconnectingWebSocket: Contender = (url) =>
  domClient(new ReconnectingWebSocket(url, [], { WebSocket }));

const graphqlWs: Contender = async (url) => {
  const emitter = new EventEmitter();
  const client = createClient({ url, webSocketImpl: WebSocket, lazy: false, retryAttempts: 0 });
  await new Promise((resolve) => client.on('connected', resolve));
  const subscribe = (bytes: number, count: number) =>
    client.subscribe<Message>(
      { query: 'subscription { tick }', variables: { bytes, count } },
      {
        next: ({ data }) => data && emitter.emit(data.type, data),
        error: () => undefined,
        complete: () => undefined,
      },
    );
  return {
    on: (type, listener) => void emitter.on(type, listener),
    // It sends nothing but operations, so it has no part in the measurements of sending.
    send: () => {
      throw new Error('graphql-ws has no send().');
    },
    blast: (bytes, count) => void subscribe(bytes, count),
    close: () => client.dispose(),
  };
};

/** The first one is what the others are measured by. */
export const CONTENDERS: Readonly<Record<string, Contender>> = {
  ws: rawWs,
  statewire,
  partysocket,
  'reconnecting-websocket': reconnectingWebSocket,
  'graphql-ws': graphqlWs,
};

export const canSend = (name: string): boolean => name !== 'graphql-ws';
