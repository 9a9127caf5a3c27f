// A protocol of one's own: the server greets first and wants a name; every message is acknowledged by its id.
// Run: node --conditions=statewire-source --import=tsx examples/own-protocol.ts
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { Connection, type Frame, type Protocol } from '../src/index.ts'; // in your project: 'statewire'

type FromServer =
  | { type: 'hello' }
  | { type: 'joined'; room: string }
  | { type: 'ack'; id: string }
  | { type: 'said'; text: string };
type ToServer = { id: string; text: string };

const parse = (frame: Frame) => JSON.parse(String(frame)) as FromServer;

/** Pure functions from frames to answers: no socket, no timer. */
const chat: Protocol<FromServer, ToServer, string, string> = {
  name: 'chat',
  encode: (message) => JSON.stringify({ type: 'say', ...message }),
  decode: parse,
  handshake: (name) => ({
    opening: [],
    receive: (frame) => {
      const event = parse(frame);
      if (event.type === 'hello')
        return { status: 'pending', send: [JSON.stringify({ type: 'join', name })] };
      if (event.type === 'joined') return { status: 'accepted', welcome: event.room };
      return { status: 'rejected', cure: 'stop', explanation: `Expected joined, got ${event.type}.` };
    },
  }),
  heartbeat: { probe: 'ping' },
  acknowledgements: {
    idOf: ({ id }) => id,
    acknowledgedBy: (event) => (event.type === 'ack' ? event.id : undefined),
  },
};

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (socket) => {
  const say = (event: FromServer) => socket.send(JSON.stringify(event));
  say({ type: 'hello' });
  socket.on('message', (data: Buffer) => {
    const { type, id, text } = JSON.parse(data.toString()) as ToServer & { type: string };
    if (type === 'join') say({ type: 'joined', room: 'kitchen' });
    else {
      say({ type: 'ack', id });
      say({ type: 'said', text: text.toUpperCase() });
    }
  });
});
await once(server, 'listening');

const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
const connection = new Connection({ url, protocol: chat, credentials: 'ada' });
connection.on('message', (event) => console.log('received', event));
console.log('room', await connection.connect());
console.log('delivered', await connection.deliver({ id: '1', text: 'good morning' }));
await connection.disconnect();
server.close();
