// What a control event costs: without an inspector, with each of ours, and with Stately's own. Run by run.ts, with the
// address of its server; forks itself for a live view that is elsewhere. Messages are no control events: they cost
// nothing of this, which test/inspection/inspectors.test.ts proves.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createWebSocketInspector } from '@statelyai/inspect';
import { Connection, type ConnectionOptions } from '../src/index.ts';
import { remoteInspector } from '../src/inspection/remote.ts';
import { xstate4Bridge } from '../src/inspection/xstate4-bridge.ts';
import { liveView } from '../visualizations/live/server.ts';

type Prepared = Pick<ConnectionOptions, 'inspect' | 'recorder'> & { readonly end?: () => unknown };

/** Told apart by what looks at the connection. The recorder is on wherever it is not turned off. */
const CONTENDERS: Readonly<Record<string, (viewUrl: string) => Prepared | Promise<Prepared>>> = {
  'nothing at all': () => ({ recorder: false }),
  'the recorder (default)': () => ({}),
  'liveView()': async () => {
    const view = await liveView();
    return { inspect: view, end: () => view.close() };
  },
  'remoteInspector()': (url) => {
    const inspect = remoteInspector({ url });
    return { inspect, end: () => inspect.close() };
  },
  'xstate4Bridge(), nobody looks': () => ({ inspect: xstate4Bridge() }),
  'xstate4Bridge(), one looks': () => {
    const inspect = xstate4Bridge();
    let chars = 0;
    inspect
      .visit({ send: (frame) => void (chars += JSON.stringify(frame).length) })
      .receive({ type: 'xstate.inspecting' });
    return { inspect, end: () => inspect.close() };
  },
  '@statelyai/inspect': (url) => {
    const inspector = createWebSocketInspector({ url });
    return { inspect: inspector.inspect, end: () => inspector.stop() };
  },
};

interface Cost {
  /** Until the one who sent the event goes on, in microseconds. */
  readonly onTheSpot: number;
  /** Of CPU, with what is put off until later, in microseconds. */
  readonly inAll: number;
}

const EVENTS_A_TURN = 50;
/** For what was put off to be done. */
const AFTERMATH_MS = 200;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function measure(url: string, { end, ...options }: Prepared, count: number): Promise<Cost> {
  const connection = new Connection({ url, heartbeat: false, ...options });
  await connection.connect();
  await pause(AFTERMATH_MS);
  const { actor } = connection;
  let spentMs = 0;
  const cpu = process.cpuUsage();
  for (let sent = 0; sent < count; sent += EVENTS_A_TURN) {
    const start = performance.now();
    for (let index = 0; index < EVENTS_A_TURN; index += 2) {
      actor.send({ type: 'heartbeat.doubted', cause: 'silence' });
      actor.send({ type: 'heartbeat.answered' });
    }
    spentMs += performance.now() - start;
    await pause(1);
  }
  await pause(AFTERMATH_MS);
  const { user, system } = process.cpuUsage(cpu);
  await connection.disconnect();
  await end?.();
  return { onTheSpot: (spentMs * 1_000) / count, inAll: (user + system) / count };
}

const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN;

function print(costs: ReadonlyMap<string, readonly Cost[]>): void {
  const rows = [...costs].map(([name, all]) => ({
    name,
    onTheSpot: median(all.map(({ onTheSpot }) => onTheSpot)),
    inAll: median(all.map(({ inAll }) => inAll)),
  }));
  const [base] = rows;
  console.log('\n### A control event, by what looks at the connection\n');
  console.log('| | on the spot (µs) | ratio | CPU in all (µs) | ratio |\n| --- | --- | --- | --- | --- |');
  for (const { name, onTheSpot, inAll } of rows) {
    const spot = `${onTheSpot.toFixed(1)} | ${(onTheSpot / (base?.onTheSpot ?? NaN)).toFixed(2)}`;
    console.log(`| ${name} | ${spot} | ${inAll.toFixed(1)} | ${(inAll / (base?.inAll ?? NaN)).toFixed(2)} |`);
  }
}

async function compare(url: string, isQuick: boolean): Promise<void> {
  const view = fork(new URL(import.meta.url), ['view']);
  const [viewUrl] = (await once(view, 'message')) as [string];
  const costs = new Map<string, Cost[]>(Object.keys(CONTENDERS).map((name) => [name, []]));
  // The first round only warms up.
  for (let round = 0; round <= (isQuick ? 3 : 7); round += 1) {
    for (const [name, prepare] of Object.entries(CONTENDERS)) {
      const cost = await measure(url, await prepare(viewUrl), isQuick ? 2_000 : 10_000);
      if (round > 0) costs.get(name)?.push(cost);
    }
  }
  print(costs);
  view.kill();
  // Stately's client goes on trying to reach its server, for ever.
  process.exit();
}

/** Runs until it is killed: a live view by itself keeps no process alive. */
async function serveView(): Promise<void> {
  const view = await liveView();
  process.send?.(view.url.replace('http:', 'ws:'));
  setInterval(() => undefined, 60_000);
}

const [mode = ''] = process.argv.slice(2);
await (mode === 'view' ? serveView() : compare(mode, process.argv.includes('--quick')));
