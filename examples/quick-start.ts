// A connection to an echo server that breaks once: nothing that was sent is lost.
// Run: node --conditions=statewire-source --import=tsx examples/quick-start.ts
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { Connection } from '../src/index.ts'; // in your project: 'statewire'

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
await once(server, 'listening');
const { port } = server.address() as AddressInfo;

const connection = new Connection({ url: `ws://127.0.0.1:${port}` });
connection.on('statechange', ({ previous, state, reason }) => {
  console.log(`${previous} → ${state} (${reason})`);
});
connection.on('message', (message) => console.log('received', message));

await connection.connect();
connection.send({ hello: 'world' });
await new Promise((resolve) => connection.once('message', resolve));

// The server breaks every link; what is sent meanwhile waits, and is sent when the connection is open again.
for (const socket of server.clients) socket.terminate();
await new Promise((resolve) => connection.once('reconnecting', resolve));
connection.send({ still: 'here' });
await new Promise((resolve) => connection.once('message', resolve));

await connection.disconnect();
server.close();
