// A hub in a process of its own, over the NATS server that it is told.
import { createChannelHub } from '../../../src/server/channels/hub.ts';
import { natsBroker } from '../../../src/server/channels/nats/broker.ts';

const [servers = '', maxMessages = ''] = process.argv.slice(2);
const hub = await createChannelHub({
  port: 0,
  host: '127.0.0.1',
  broker: natsBroker({ servers, maxMessages: Number(maxMessages), timeoutMs: 10_000 }),
}).listen();
process.stdout.write(`${hub.webSocketUrl}\n`);
