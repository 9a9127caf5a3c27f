// A Hono application with a WebSocket and an event stream. Its middleware does not see them.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/hono.ts
import { once } from 'node:events';
import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'
import { visit } from './support/visit.ts';

const app = new Hono();
app.get('/room', (context) => context.text('a page of Hono'));

// What serve() returns is typed as HTTP/2 too; without `createServer` in its options it is HTTP/1.
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
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
