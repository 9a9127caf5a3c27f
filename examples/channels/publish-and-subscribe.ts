// What is published while a subscriber is cut off arrives when it is back: nothing is missing, nothing comes twice.
// Run: node --conditions=statewire-source --import=tsx examples/channels/publish-and-subscribe.ts
import { ChannelClient } from '../../src/channels/index.ts'; // in your project: 'statewire/channels'
import { createChannelHub } from '../../src/server/index.ts'; // in your project: 'statewire/server'
import { FaultProxy } from '../../src/testing/index.ts'; // in your project: 'statewire/testing'

await using hub = await createChannelHub().listen();
await using proxy = await FaultProxy.listen(hub.webSocketUrl);

await using reader = new ChannelClient({ url: proxy.url, retryDelayMs: 100, maxRetries: Infinity });
reader.connection.on('reconnecting', ({ error }) => console.log('cut:', error.code));
await reader.connect();
const orders = await reader.subscribe('orders');
orders.on('gap', ({ after }) => console.log('missing after', after)); // never: the hub has them all

await using writer = new ChannelClient({ url: hub.webSocketUrl });
await writer.connect();
await writer.subscribe('orders');
const publish = async (item: string) => {
  const publication = await writer.publish('orders', { item });
  if (publication.outcome === 'acknowledged') console.log('published', item, 'as', publication.seq);
};

await publish('book');
for await (const { payload, seq } of orders) {
  console.log('order', seq, payload);
  if (seq === 1) {
    await proxy.goAway(); // the link is gone
    await publish('lamp');
    await publish('chair');
    await proxy.comeBack();
  }
  if (seq === 3) break;
}
