// What goes wrong, and what becomes of it: a lost connection is restored by itself, after 2, 4 and 8 s, and only the
// pages without a result are asked for again; a server that is not there is tried three times, after 2^n s.
// Run: node --conditions=statewire-source --import=tsx examples/crawl/errors-and-reconnection.ts
import { CrawlClient, StreamingError, ValidationError } from '../../src/crawl/index.ts'; // in your project: 'statewire/crawl'
import { FaultProxy } from '../../src/testing/index.ts'; // in your project: 'statewire/testing'
import { local } from './support/local.ts';

await using here = await local();
await using proxy = await FaultProxy.listen(here.baseUrl);

// 1. A mistake of ours is found before anything happens.
await using client = new CrawlClient({ baseUrl: proxy.url });
try {
  client.crawl([]);
} catch (error) {
  console.log(error instanceof ValidationError, (error as Error).message);
}

// 2. The connection breaks in the middle: nothing to do but to go on reading.
client.on('connection', (connection) =>
  connection.on('statechange', ({ state, attempt, retryInMs }) => {
    if (state === 'reconnecting' && retryInMs !== null)
      console.log(`lost; try ${attempt} in ${retryInMs} ms`);
  }),
);
const results: number[] = [];
for await (const { type, data } of client.crawl(here.pages('/a', '/b?afterMs=300', '/c?afterMs=300'))) {
  if (type !== 'result') continue;
  results.push(data.index);
  if (results.length === 1) proxy.reset();
}
console.log('each page once:', results.sort().join());

// 3. Without reconnection: a loop of one's own, over what is missing.
const TRIES = 3;
await using single = new CrawlClient({ baseUrl: proxy.url, retry: false });
let missing: readonly string[] = here.pages('/d', '/e');
await proxy.goAway();
for (let attempt = 1; attempt <= TRIES && missing.length > 0; attempt += 1) {
  try {
    for await (const { type, data } of single.crawl(missing))
      if (type === 'summary') console.log(`try ${attempt}: ${data.successful} fetched`);
    missing = [];
  } catch (error) {
    if (!(error instanceof StreamingError) || !error.retryable) throw error;
    missing = error.missingUrls;
    console.log(`try ${attempt}: ${missing.length} without a result; again in ${2 ** attempt} s`);
    await new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 1_000));
    await proxy.comeBack();
  }
}

// 4. What the server refuses is not worth another try.
try {
  for await (const { type } of client.crawl(['http://name:password@127.0.0.1/'])) console.log(type);
} catch (error) {
  const { code, retryable } = error as StreamingError;
  console.log(code, 'retryable:', retryable);
}
