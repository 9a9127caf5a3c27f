// A protocol of one's own: the server greets first, wants a name, and acknowledges every message by its id.
// Run: node --conditions=statewire-source --import=tsx examples/own-protocol.ts
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { Connection, type Protocol } from '../src/index.ts'; // in your project: 'statewire'

type FromServer =
  | { type: 'hello'; room: string }
  | { type: 'refused'; why: string }
  | { type: 'ack'; id: string }
  | { type: 'said'; by: string; text: string };
interface ToServer {
  id: string;
  text: string;
}

const parse = (frame: string | Uint8Array) => JSON.parse(String(frame)) as FromServer;

/** Pure functions from frames to answers: no socket, no timer. `connect()` resolves with the name of the room. */
export const chat: Protocol<FromServer, ToServer, string, string> = {
  name: 'chat',
  subprotocols: ['chat.v1'],
  encode: (message) => JSON.stringify({ type: 'say', ...message }),
  decode: parse,
  handshake: (name) => {
    let room = '';
    return {
      opening: [],
      receive: (frame) => {
        const event = parse(frame);
        if (event.type === 'refused') return { status: 'rejected', cure: 'stop', explanation: event.why };
        if (event.type === 'hello') ({ room } = event);
        if (event.type === 'ack') return { status: 'accepted', welcome: room };
        return { status: 'pending', send: [JSON.stringify({ type: 'name', name })] };
      },
    };
  },
  heartbeat: { probe: 'ping' },
  acknowledgements: {
    idOf: ({ id }) => id,
    acknowledgedBy: (event) => (event.type === 'ack' ? event.id : undefined),
  },
};

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'chat.v1' });
server.on('connection', (socket) => {
  const say = (event: FromServer) => socket.send(JSON.stringify(event));
  say({ type: 'hello', room: 'kitchen' });
  socket.on('message', (data) => {
    const {
      type,
      id = 'name',
      text = '',
    } = JSON.parse(String(data as Buffer)) as Partial<ToServer> & { type: string };
    say({ type: 'ack', id });
    if (type === 'say') say({ type: 'said', by: 'echo', text });
  });
});
await once(server, 'listening');

const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
const connection = new Connection({ url, protocol: chat, credentials: 'ada' });
console.log('room:', await connection.connect());
const reply = new Promise((resolve) =>
  connection.on('message', (event) => event.type === 'said' && resolve(event)),
);
console.log('delivery:', await connection.deliver({ id: '1', text: 'good morning' }));
console.log('reply:', await reply);
await connection.disconnect();
server.close();
