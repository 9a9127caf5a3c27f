// Several streams over one connection, each with its own place: browsers allow six connections for HTTP/1.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/sse-channels.ts
import { createRealtimeServer, createSseHistory } from '../../src/server/index.ts'; // in your project: 'statewire/server'
import { SseConnection } from '../../src/sse/index.ts'; // in your project: 'statewire/sse'

const orders = createSseHistory();
const prices = createSseHistory();

await using server = createRealtimeServer();
server.sse('/dashboard', async (stream) => {
  await stream.send({ retryMs: 200 });
  const channels = { orders: stream.channel('orders'), prices: stream.channel('prices') }; // all of them first
  await Promise.all([channels.orders.follow(orders), channels.prices.follow(prices)]);
});
await server.listen();

await using client = new SseConnection({ url: `${server.url}/dashboard` });
client.onEvent('orders/placed', ({ data, id }) => console.log('order', data, `(${id})`));
client.onEvent('prices/tick', ({ data, id }) => console.log('price', data, `(${id})`));
const events = client.messages();
await client.connect();

orders.publish({ event: 'placed', id: '1', data: 'a book' });
prices.publish({ event: 'tick', id: '7', data: 12.5 });
await events.next();
await events.next();

for (const stream of server.connections.values()) await stream.close(); // cut: each channel goes on where it was
prices.publish({ event: 'tick', id: '8', data: 12.7 });
orders.publish({ event: 'placed', id: '2', data: 'a lamp' });
await events.next();
await events.next();
