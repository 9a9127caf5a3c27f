// A room for each path: everybody in it hears who comes, what is said, and who leaves.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/chat-room.ts
import { Connection, text } from '../../src/index.ts'; // in your project: 'statewire'
import { createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'

await using server = createRealtimeServer();
server.websocket('/rooms/:room', async (socket) => {
  const name = socket.query.get('name') ?? 'somebody';
  const tell = (message: object) => server.broadcast(socket.path, message);
  tell({ room: socket.params.room, joined: name });
  for await (const message of socket) tell({ from: name, text: message.toString() });
  tell({ left: name });
});
await server.listen();

async function join(room: string, name: string) {
  const connection = new Connection({ url: `${server.url}/rooms/${room}?name=${name}`, protocol: text() });
  const heard = connection.messages();
  await connection.connect();
  return { connection, heard };
}

const ada = await join('kitchen', 'ada');
const bob = await join('kitchen', 'bob');
const eve = await join('cellar', 'eve');
eve.connection.send('nobody in the kitchen hears this');
bob.connection.send('good morning');
await bob.connection.disconnect();

for await (const line of ada.heard) {
  console.log('ada hears', line);
  if (line.includes('left')) break;
}
await Promise.all([ada.connection.disconnect(), eve.connection.disconnect()]);
