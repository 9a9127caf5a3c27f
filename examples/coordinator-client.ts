// CoordinatorClient against the mock coordinator: events by name, a token that expires, a clean end.
// Run: node --conditions=statewire-source --import=tsx examples/coordinator-client.ts
import { CoordinatorClient } from '../src/coordinator/index.ts'; // in your project: 'statewire/coordinator'
import { MockCoordinator } from '../src/testing/index.ts'; // in your project: 'statewire/testing'

await using coordinator = await MockCoordinator.listen();

let asked = 0;
const client = new CoordinatorClient('api-key', () => `token-${(asked += 1)}`, 'ada', {
  url: coordinator.url,
  backoffBaseMs: 100, // the default is a second
});
client.connection.on('statechange', ({ previous, state }) => console.log(`${previous} → ${state}`));
client.on('call.*', ({ type, call_cid }) => console.log('event', type, call_cid));

const welcome = await client.connect();
console.log('welcome', welcome.type);
coordinator.emit({ type: 'call.created', call_cid: 'default:1' });

const reconnected = new Promise((resolve) => client.connection.once('reconnected', resolve));
coordinator.expireTokens();
coordinator.emitTokenExpired();
await reconnected;

const ended = new Promise((resolve) => client.once('call.ended', resolve));
coordinator.emit({ type: 'call.ended', call_cid: 'default:1' });
await ended;
await client.disconnect();
console.log(
  `${asked} tokens, ${coordinator.totalConnections} connections, ${coordinator.liveConnections} left`,
);
