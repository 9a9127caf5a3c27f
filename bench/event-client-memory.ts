// Opens many idle event streams with one client and reports what one of them holds on the heap.
import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_CLIENTS, type EventClientName } from './event-clients.ts';
import { heap } from './heap.ts';

const [name = '', url = '', count = '0'] = process.argv.slice(2);
const contender = EVENT_CLIENTS[name as EventClientName];

const open = (): Promise<ReturnType<typeof contender>> =>
  new Promise((resolve) => {
    const client = contender(url, () => queueMicrotask(() => resolve(client)));
  });

await (await open()).close();
const before = heap();
const clients = [];
for (let index = 0; index < Number(count); index += 1) clients.push(await open());
// Idle means that what began with the opening is over, such as statewire's wait for a stable session.
await sleep(6_000);
process.send?.((heap() - before) / clients.length);
