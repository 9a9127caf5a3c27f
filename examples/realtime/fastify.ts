// A Fastify application with a WebSocket and an event stream. Its hooks do not see them.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/fastify.ts
import { fastify } from 'fastify';
import { createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'
import { visit } from './support/visit.ts';

const app = fastify();
app.get('/room', () => 'a page of Fastify');

const realtime = createRealtimeServer({ server: app.server });
app.addHook('preClose', () => realtime.close()); // or app.close() waits for WebSockets for ever

realtime.websocket('/room', async (socket) => {
  for await (const message of socket) await socket.send(message);
});
realtime.sse('/room/events', async (stream) => {
  for (const n of [1, 2, 3]) await stream.send({ event: 'tick', id: `${n}`, data: n });
});

// With a host: for `localhost`, its default, Fastify makes a second server, for ::1, which is not `app.server`.
await app.listen({ port: 0, host: '127.0.0.1' });
await visit(realtime.url);

await app.close();
