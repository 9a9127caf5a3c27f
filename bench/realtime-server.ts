// One server of the realtime benchmark, in a process of its own. Says its port first, and then does what it is asked,
// one thing after the other.
import { setTimeout as sleep } from 'node:timers/promises';
import { heap } from './heap.ts';
import { hose } from './realtime-hose.ts';
import { nowMs, POOL, type Kind } from './realtime-messages.ts';
import { STREAM_SIDES, type StreamKind, type StreamSide } from './realtime-streams.ts';
import { WEB_SOCKET_SIDES, type WebSocketSide } from './realtime-websockets.ts';

export type Task =
  | { readonly do: 'pour'; readonly kind: Kind; readonly count: number }
  | { readonly do: 'burst'; readonly count: number }
  | { readonly do: 'broadcast'; readonly bytes: number }
  /** Tells everybody the time, so many times, at this pace. */
  | { readonly do: 'tick'; readonly count: number; readonly paceMs: number }
  | { readonly do: 'usage' }
  | { readonly do: 'heap' };

export interface Answer {
  /** When it began, and how long the call took. */
  readonly startedAtMs: number;
  readonly tookMs: number;
  /** User and system. */
  readonly processorMs: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

type Side = WebSocketSide | StreamSide;

const makers: Readonly<Record<string, () => Promise<Side> | Promise<{ readonly port: number }>>> = {
  'WebSocket ws': WEB_SOCKET_SIDES.ws,
  'WebSocket statewire': WEB_SOCKET_SIDES.statewire,
  'SSE response.write': STREAM_SIDES['response.write'],
  'SSE better-sse': STREAM_SIDES['better-sse'],
  'SSE statewire': STREAM_SIDES.statewire,
  hose,
};

const [name = ''] = process.argv.slice(2);
const make = makers[name];
if (make === undefined) throw new Error(`There is no server "${name}".`);
const side = (await make()) as Side;

async function tick(count: number, paceMs: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    (side as StreamSide).tell(String(number % POOL), String(nowMs()));
    await sleep(paceMs);
  }
}

async function follow(task: Task): Promise<void> {
  if (task.do === 'pour') await side.pour(task.kind as StreamKind, task.count);
  else if (task.do === 'burst') await side.burst(task.count);
  else if (task.do === 'broadcast') (side as WebSocketSide).broadcast('x'.repeat(task.bytes));
  else if (task.do === 'tick') await tick(task.count, task.paceMs);
}

const SETTLED_MS = 1_000;

async function answer(task: Task): Promise<Answer> {
  const startedAtMs = nowMs();
  await follow(task);
  const tookMs = nowMs() - startedAtMs;
  // What has just opened or closed is over by then.
  if (task.do === 'heap') await sleep(SETTLED_MS);
  const heapBytes = task.do === 'heap' ? heap() : NaN;
  const { user, system } = process.cpuUsage();
  const residentBytes = process.memoryUsage.rss();
  return { startedAtMs, tookMs, processorMs: (user + system) / 1_000, heapBytes, residentBytes };
}

process.on('message', (task: Task) => void answer(task).then((answered) => process.send?.(answered)));
process.on('disconnect', () => process.exit());
process.send?.(side.port);
