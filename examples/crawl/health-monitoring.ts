// Watching a server: every 30 s a ping and the state of the connection, and a warning above a second of latency.
// Run: node --conditions=statewire-source --import=tsx examples/crawl/health-monitoring.ts
import { setTimeout as sleep } from 'node:timers/promises';
import { CrawlClient } from '../../src/crawl/index.ts'; // in your project: 'statewire/crawl'
import { FaultProxy } from '../../src/testing/index.ts'; // in your project: 'statewire/testing'
import { local } from './support/local.ts';

interface Watch {
  /** Default: 30,000. */
  readonly everyMs?: number;
  /** Default: 1,000. */
  readonly warnAboveMs?: number;
  readonly signal: AbortSignal;
}

async function watch(client: CrawlClient, { everyMs = 30_000, warnAboveMs = 1_000, signal }: Watch) {
  try {
    for (;;) {
      await check(client, { warnAboveMs, signal });
      await sleep(everyMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function check(
  client: CrawlClient,
  { warnAboveMs, signal }: { warnAboveMs: number; signal: AbortSignal },
) {
  try {
    const { latencyMs } = await client.ping({ signal });
    const { isHealthy, backpressureCount } = await client.status({ signal });
    if (latencyMs > warnAboveMs) console.log(`warning: latency above ${warnAboveMs} ms`);
    console.log(`healthy: ${isHealthy && latencyMs <= warnAboveMs}, backpressure ${backpressureCount}`);
  } catch (error) {
    signal.throwIfAborted();
    console.log('warning:', (error as Error).message);
  }
}

await using here = await local();
await using proxy = await FaultProxy.listen(here.baseUrl);
await using client = new CrawlClient({ baseUrl: proxy.url, keepOpenMs: Infinity });

const over = new AbortController();
const watching = watch(client, { everyMs: 500, signal: over.signal }); // 30 s would be long for an example
setTimeout(() => proxy.delay(600), 700); // the network slows down: 1.2 s there and back
setTimeout(() => proxy.delay(0), 3_500);
setTimeout(() => over.abort(), 5_500);
await watching;
console.log(
  'pings answered:',
  client.metrics.latency.count > 3,
  '· connections:',
  client.metrics.connections.opened,
);
