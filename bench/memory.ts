// Opens many idle connections of one contender and reports what one of them holds on the heap.
import { CONTENDERS, type Client } from './contenders.ts';
import { heap } from './heap.ts';

const [name = '', url = '', count = '0'] = process.argv.slice(2);
const contender = CONTENDERS[name];
if (contender === undefined) throw new Error(`There is no contender "${name}".`);

await (await contender(url)).close();
const before = heap();
const clients: Client[] = [];
for (let index = 0; index < Number(count); index += 1) clients.push(await contender(url));
// Idle means that what began with the opening is over, such as statewire's wait for a stable session.
await new Promise((resolve) => setTimeout(resolve, 6_000));
const after = heap();
process.send?.((after - before) / clients.length);
