// A server that is told to go: it says goodbye to everybody, lets the handlers end, and resolves when nothing is left.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/graceful-shutdown.ts
import { Connection } from '../../src/index.ts'; // in your project: 'statewire'
import { createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'
import { SseConnection } from '../../src/sse/index.ts'; // in your project: 'statewire/sse'

const server = createRealtimeServer();
server.websocket('/jobs', async (socket) => {
  for await (const message of socket) await socket.send(message);
  console.log('server: WebSocket over,', socket.closeCause);
});
server.sse('/news', async (stream) => {
  await new Promise((resolve) => stream.signal.addEventListener('abort', resolve));
  console.log('server: stream over,', stream.closeCause);
});
await server.listen();

process.once('SIGTERM', () => {
  void server.close({ deadlineMs: 10_000 }).then(() => console.log('server: nothing left'));
});

const jobs = new Connection({ url: `${server.url}/jobs` });
const news = new SseConnection({ url: `${server.url}/news` });
const losses = [jobs, news].map(
  (connection) =>
    new Promise<string>((resolve) => connection.once('reconnecting', ({ error }) => resolve(error.message))),
);
await Promise.all([jobs.connect(), news.connect()]);

process.kill(process.pid, 'SIGTERM'); // what Kubernetes, systemd and docker do
for (const loss of losses) console.log('client:', await loss);
await Promise.all([jobs.disconnect(), news.disconnect()]); // they would come back by themselves
