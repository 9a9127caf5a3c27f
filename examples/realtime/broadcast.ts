// One message for many, encoded and framed once: for everybody of a route, of a path, or of one's own choice.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/broadcast.ts
import { Connection } from '../../src/index.ts'; // in your project: 'statewire'
import { createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'

await using server = createRealtimeServer();
server.websocket('/scores/:sport', async (socket) => {
  for await (const message of socket) await socket.send(message);
});
await server.listen();

const PATHS = ['/scores/chess?lang=en', '/scores/chess?lang=de', '/scores/golf?lang=de'];
const readers = PATHS.map((path) => new Connection({ url: server.url + path }));
const read = readers.map(async (reader, index) => {
  const heard: unknown[] = [];
  for await (const message of reader.messages()) {
    if (message === 'over') break;
    heard.push(message);
  }
  console.log(PATHS[index], JSON.stringify(heard));
});
await Promise.all(readers.map((reader) => reader.connect()));

console.log('of the route:', server.broadcast('/scores/:sport', { starts: '20:00' }));
console.log('of a path:', server.broadcast('/scores/golf', { hole: 18 }));
const germans = server.broadcast(({ query }) => query.get('lang') === 'de', { guten: 'Abend' });
console.log('of a choice:', germans);
server.broadcast('/scores/:sport', '"over"');

await Promise.all(read);
await Promise.all(readers.map((reader) => reader.disconnect()));
