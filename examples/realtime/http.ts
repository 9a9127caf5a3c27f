// An HTTP server that is there already gets a WebSocket and an event stream. Its own requests stay its own.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/http.ts
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'
import { visit } from './support/visit.ts';

const server = createServer((request, response) => {
  const isRoom = request.url === '/room';
  response.writeHead(isRoom ? 200 : 404).end(isRoom ? 'a page of the server' : 'nothing here');
});

const realtime = createRealtimeServer({ server });

realtime.websocket('/room', async (socket) => {
  for await (const message of socket) await socket.send(message);
});
realtime.sse('/room/events', async (stream) => {
  for (const n of [1, 2, 3]) await stream.send({ event: 'tick', id: `${n}`, data: n });
});

server.listen(0, '127.0.0.1');
await once(server, 'listening');
await visit(realtime.url);

await realtime.close(); // first: a server is not closed while a WebSocket is open
server.close();
