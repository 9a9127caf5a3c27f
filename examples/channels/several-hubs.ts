// Two hubs with one broker act as one: a client that loses its hub comes back to the other, and misses nothing.
// On two machines the broker is natsBroker({ servers: 'nats.example:4222' }); in one process the one in memory will do.
// Run: node --conditions=statewire-source --import=tsx examples/channels/several-hubs.ts
import { ChannelClient } from '../../src/channels/index.ts'; // in your project: 'statewire/channels'
import { createChannelHub, memoryBroker } from '../../src/server/index.ts'; // in your project: 'statewire/server'

const broker = memoryBroker();
const first = await createChannelHub({ broker }).listen();
const second = await createChannelHub({ broker }).listen();
const urls = [first.webSocketUrl, second.webSocketUrl];

let turn = 0;
const reader = new ChannelClient({
  url: () => urls[turn++ % urls.length] ?? first.webSocketUrl, // asked for each attempt: another one each time
  retryDelayMs: 100,
  maxRetries: Infinity,
});
reader.connection.on('reconnecting', ({ error }) => console.log('lost the first hub:', error.code));
await reader.connect();
const news = await reader.subscribe('news');

await first.publish('news', 'at the first hub');
await second.publish('news', 'at the second hub');
for await (const { payload, seq } of news) {
  console.log('news', seq, payload);
  if (seq === 2) {
    await first.close({ deadlineMs: 100 });
    await second.publish('news', 'published while nobody listened');
  }
  if (seq === 3) break;
}
console.log('now at the second hub:', second.channels);

await reader.disconnect();
await second.close();
await broker.close();
