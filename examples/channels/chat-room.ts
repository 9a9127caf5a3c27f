// A chat: rooms are channels, and only who has a name may write.
// Run: node --conditions=statewire-source --import=tsx examples/channels/chat-room.ts
import { ChannelClient, type ChannelError, type ChannelMessage } from '../../src/channels/index.ts'; // in your project: 'statewire/channels'
import { createChannelHub } from '../../src/server/index.ts'; // in your project: 'statewire/server'

await using hub = createChannelHub({
  authenticate: (request) => String(request.headers['x-name'] ?? 'guest'),
  authorize: ({ action, identity }) => action === 'subscribe' || identity !== 'guest',
  echo: true, // who says something hears it too, in the order in which all hear it
});
await hub.listen();

async function join(room: string, name: string) {
  const client = new ChannelClient({ url: hub.webSocketUrl, headers: { 'x-name': name }, echo: true });
  await client.connect();
  const lines = (await client.subscribe(room)).messages();
  const say = (text: string) => client.publish(room, { from: name, text });
  return { lines, say, leave: () => client.disconnect() };
}

const ada = await join('kitchen', 'ada');
const bob = await join('kitchen', 'bob');
const guest = await join('kitchen', 'guest');
const eve = await join('cellar', 'eve');

await eve.say('nobody in the kitchen hears this');
await bob.say('good morning');
await ada.say('good morning, bob');
await guest.say('may I?').catch((error: unknown) => console.log('guest:', (error as ChannelError).code));

async function hear(name: string, { lines }: typeof ada) {
  const { value } = (await lines.next()) as IteratorYieldResult<ChannelMessage>;
  console.log(name, 'hears', value.payload);
}
await hear('ada', ada);
await hear('ada', ada);
await hear('guest', guest);
await Promise.all([ada, bob, guest, eve].map(({ leave }) => leave()));
