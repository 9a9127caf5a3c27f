// Values as MessagePack: bytes and dates stay what they are, and there is less of it than of JSON.
// Run: node --conditions=statewire-source --import=tsx examples/realtime/messagepack.ts
import { decode, encode } from '@msgpack/msgpack';
import { Connection, messagePack } from '../../src/index.ts'; // in your project: 'statewire'
import { createRealtimeServer } from '../../src/server/index.ts'; // in your project: 'statewire/server'

interface Reading {
  readonly sensor: string;
  readonly at: Date;
  readonly samples: Uint8Array;
}

await using server = createRealtimeServer();
server.websocket('/readings', async (socket) => {
  for (;;) {
    const reading = decode(await socket.receiveBinary()) as Reading;
    await socket.sendBinary(encode({ ...reading, sensor: reading.sensor.toUpperCase() }));
  }
});
await server.listen();

await using connection = new Connection({
  url: `${server.url}/readings`,
  protocol: messagePack<Reading>(), // nothing is checked: validate what comes from a stranger
});
const readings = connection.messages();
await connection.connect();
connection.send({ sensor: 'north', at: new Date(0), samples: new Uint8Array([1, 2, 3]) });
for await (const { sensor, at, samples } of readings) {
  console.log(sensor, at.toISOString(), [...samples]);
  break;
}
