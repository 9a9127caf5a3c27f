// An Express application with a WebSocket and an event stream. Its middleware does not see them.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/express.ts
import { once } from 'node:events';
import express from 'express';
import { createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'
import { visit } from './support/visit.ts';

const app = express();
app.get('/room', (_request, response) => void response.send('a page of Express'));

const server = app.listen(0, '127.0.0.1'); // the server: `app` itself is none
const realtime = createRealtimeServer({ server });

realtime.websocket('/room', async (socket) => {
  for await (const message of socket) await socket.send(message);
});
realtime.sse('/room/events', async (stream) => {
  for (const n of [1, 2, 3]) await stream.send({ event: 'tick', id: `${n}`, data: n });
});

await once(server, 'listening');
await visit(realtime.url);

await realtime.close(); // first: a server is not closed while a WebSocket is open
server.close();
