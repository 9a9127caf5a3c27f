// An event stream that is cut: what was published meanwhile is given to the client when it comes back.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/stream-with-history.ts
import { createRealtimeServer, createSseHistory } from '../../src/server/index.ts'; // in your project: 'statewire/server'
import { SseConnection } from '../../src/sse/index.ts'; // in your project: 'statewire/sse'

const prices = createSseHistory({ maxEvents: 500, ttlMs: 60_000 });
const publish = (price: number) => prices.publish({ event: 'price', data: { price } });

await using server = createRealtimeServer();
server.sse('/prices', async (stream) => {
  stream.keepAlive(15_000); // so that both sides notice a dead link
  await stream.send({ retryMs: 200 }); // when to come back
  await stream.follow(prices); // from the client's Last-Event-ID on
});
await server.listen();

await using client = new SseConnection<{ price: number }>({ url: `${server.url}/prices`, decode: 'json' });
client.on('reconnecting', ({ error }) => {
  console.log('cut:', error.code);
  for (const price of [103, 104]) publish(price); // nobody is there to hear it
});
client.on('reconnected', () => console.log('back'));

const events = client.messages();
await client.connect();
for (const price of [101, 102]) publish(price);
for await (const { data } of events) {
  console.log('price', data.price);
  if (data.price === 102) for (const stream of server.connections.values()) void stream.close();
  if (data.price === 104) break;
}
