// The smallest server there is, and a client of it.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/echo.ts
import { Connection, text } from '../../src/index.ts'; // in your project: 'statewire'
import { createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'

await using server = createRealtimeServer({ port: 0 });
server.websocket('/ws/echo', async (socket) => {
  await socket.send('welcome');
  for await (const message of socket) await socket.send(`echo: ${message.toString()}`);
  console.log(`server: ${socket.messagesReceived} received, closed with ${socket.closeCode}`);
});
await server.listen();

const connection = new Connection({ url: `${server.url}/ws/echo`, protocol: text() });
const messages = connection.messages();
await connection.connect();
connection.send('one');
connection.send('two');
for await (const message of messages) {
  console.log(message);
  if (message === 'echo: two') break;
}
await connection.disconnect();
