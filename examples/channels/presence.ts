// Who is there: everybody in a channel is told who is present, who comes, and who goes.
// Run: node --conditions=statewire-source --import=tsx examples/channels/presence.ts
import { ChannelClient, type Presence } from '../../src/channels/index.ts'; // in your project: 'statewire/channels'
import { createChannelHub } from '../../src/server/index.ts'; // in your project: 'statewire/server'

await using hub = createChannelHub({
  authenticate: (request) => String(request.headers['x-name']),
  presence: { channels: (name) => name.startsWith('room-'), data: ({ identity }) => identity },
});
await hub.listen();

async function enter(name: string) {
  const client = new ChannelClient({ url: hub.webSocketUrl, headers: { 'x-name': name } });
  await client.connect();
  return { client, room: await client.subscribe('room-kitchen') };
}

const ada = await enter('ada');
/** What ada is told next of this kind. */
const told = (event: Presence['event']) =>
  new Promise<readonly unknown[]>((resolve) => {
    const off = ada.room.on('presence', (presence) => {
      if (presence.event !== event) return;
      off();
      resolve(presence.members.map(({ data }) => data));
    });
  });

const joins = told('join');
const bob = await enter('bob');
console.log('join', await joins);
console.log('present', ada.room.members.map(({ data }) => data).sort());
const leaves = told('leave');
await bob.client.disconnect();
console.log('gone:', (await leaves).length);
console.log(
  'present',
  ada.room.members.map(({ data }) => data),
);
await ada.client.disconnect();
