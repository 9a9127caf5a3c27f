// The realtime server beside raw ws, better-sse and a bare `response.write`, and the event stream clients beside
// eventsource and `fetch`: messages a second, latency, bursts, broadcast, memory. Every server is a process of its own,
// every message is counted and in order, or it ends here.
// `--part=websocket`, `broadcast`, `sse`, `client` or `memory` takes one part.
import { cpus, loadavg } from 'node:os';
import { RawEventStream, RawWebSocket } from './raw-clients.ts';
import { EVENT_CLIENTS, type EventClientName } from './event-clients.ts';
import { KINDS, SEED } from './realtime-messages.ts';
import {
  broadcast,
  burst,
  clientMemory,
  echo,
  eventBurst,
  eventLatency,
  events,
  follow,
  hall,
  receive,
  reconnect,
  send,
  serverMemory,
  type Rate,
} from './realtime-measure.ts';
import { ServerProcess } from './realtime-process.ts';
import { STREAM_SIDES } from './realtime-streams.ts';
import { WEB_SOCKET_SIDES } from './realtime-websockets.ts';
import { interleave, median, percentile, ratio } from './rounds.ts';

const isQuick = process.argv.includes('--quick');
const part = process.argv.find((argument) => argument.startsWith('--part='))?.slice(7);
const wants = (name: string): boolean => part === undefined || part === name;

const ROUNDS = isQuick ? 3 : 11;
/** Whole multiples of the pool of messages. */
const MESSAGES = isQuick ? 20_000 : 100_000;
const EVENTS = isQuick ? 20_000 : 100_000;
const TRIPS = isQuick ? 500 : 2_000;
const TICKS = isQuick ? 200 : 1_000;
const BURSTS = isQuick ? 5 : 41;
const BURST = 1_000;
const CLIENTS = isQuick ? 100 : 1_000;
const BROADCASTS = isQuick ? 5 : 40;
const IDLE = isQuick ? 200 : 2_000;
const CUTS = 5;
const KEEP_ALIVE_MS = 10;

const text = (figure: number, digits = 0): string =>
  figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

function print(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`\n### ${title}\n\n| ${heads.join(' | ')} |\n|${' --- |'.repeat(heads.length)}`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
}

const of = <Figures>(all: readonly Figures[], figure: keyof Figures): number[] =>
  all.map((figures) => figures[figure] as number);

type Rounds = ReadonlyMap<string, readonly Rate[]>;

function rateRows(what: string, rounds: Rounds): string[][] {
  const [base = []] = rounds.values();
  return [...rounds].map(([name, rates]) => [
    ...[what, name, text(median(of(rates, 'perSecond')))],
    text(ratio(of(rates, 'perSecond'), of(base, 'perSecond')), 2),
    text(median(of(rates, 'processorUs')), 2),
    text(ratio(of(rates, 'processorUs'), of(base, 'processorUs')), 2),
  ]);
}

const RATE_HEADS = ['', 'server', 'per second', 'ratio', 'processor, µs each', 'ratio'];

/** Milliseconds, to the microsecond. */
const percentiles = (all: readonly number[]): string[] => [
  ...[0.5, 0.9, 0.99, 1].map((share) => text(percentile(all, share), 3)),
  text(all.length),
];

const PERCENTILE_HEADS = ['p50', 'p90', 'p99', 'max', 'samples'];

function latencyRows(what: string, rounds: ReadonlyMap<string, readonly (readonly number[])[]>): string[][] {
  return [...rounds].map(([name, all]) => [what, name, ...percentiles(all.flat())]);
}

function burstRows(rounds: ReadonlyMap<string, readonly number[]>): string[][] {
  const [base = []] = rounds.values();
  return [...rounds].map(([name, spent]) => [
    name,
    text(median(spent), 2),
    text(percentile(spent, 0.9), 2),
    text(ratio(spent, base), 2),
  ]);
}

const BURST_HEADS = ['server', 'ms, median', 'ms, p90', 'ratio'];

/** What the seed's documents projected, and never measured. */
const verdicts: string[][] = [];

function judge(what: string, goal: number, unit: 'messages/s' | 'events/s', rounds: Rounds): void {
  const measured = median(of(rounds.get('statewire') ?? [], 'perSecond'));
  verdicts.push([what, `${text(goal)} ${unit}`, text(measured), measured >= goal ? 'met' : 'not met']);
}

function judgeLatency(
  what: string,
  goalMs: number,
  rounds: ReadonlyMap<string, readonly (readonly number[])[]>,
): void {
  const all = (rounds.get('statewire') ?? []).flat();
  const [half, most] = [percentile(all, 0.5), percentile(all, 0.99)];
  const met = most < goalMs ? 'met' : half < goalMs ? 'met by the median' : 'not met';
  verdicts.push([what, `< ${goalMs} ms`, `p50 ${text(half, 3)}, p99 ${text(most, 3)}`, met]);
}

/** A process for each, all there at once: one that is not asked does nothing. */
class Servers<Name extends string> implements AsyncDisposable {
  readonly #servers = new Map<Name, ServerProcess>();

  static async start<Name extends string>(prefix: string, names: readonly Name[]): Promise<Servers<Name>> {
    const all = new Servers<Name>();
    for (const name of names) all.#servers.set(name, await ServerProcess.start(`${prefix} ${name}`));
    return all;
  }

  of(name: Name): ServerProcess {
    return this.#servers.get(name)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers.values()) await server[Symbol.asyncDispose]();
  }
}

const webSockets = Object.keys(WEB_SOCKET_SIDES) as (keyof typeof WEB_SOCKET_SIDES)[];
const streams = Object.keys(STREAM_SIDES) as (keyof typeof STREAM_SIDES)[];
const clients = Object.keys(EVENT_CLIENTS) as EventClientName[];

const GOALS = { text: 100_000, binary: 120_000, json: 80_000 } as const;

async function measureWebSockets(): Promise<void> {
  await using servers = await Servers.start('WebSocket', webSockets);
  const rows: string[][] = [];
  for (const [what, measure] of Object.entries({ receive, send }))
    for (const kind of KINDS) {
      const rounds = await interleave(
        webSockets,
        (name) => measure(servers.of(name), kind, MESSAGES),
        ROUNDS,
      );
      rows.push(...rateRows(`${what} ${kind}`, rounds));
      judge(`WebSocket, ${what} ${kind}`, GOALS[kind], 'messages/s', rounds);
    }
  print('WebSocket server: messages', RATE_HEADS, rows);

  const latencies: string[][] = [];
  for (const connections of [1, 100]) {
    const measure = (name: (typeof webSockets)[number]) => echo(servers.of(name), connections, TRIPS);
    const rounds = await interleave(webSockets, measure, ROUNDS);
    latencies.push(...latencyRows(`${connections} at once`, rounds));
    judgeLatency(`WebSocket, echo, ${connections} at once`, 1, rounds);
  }
  print('WebSocket server: echo, ms', ['connections', 'server', ...PERCENTILE_HEADS], latencies);

  const bursts = await interleave(webSockets, (name) => burst(servers.of(name), BURST), BURSTS);
  print(`WebSocket server: a burst of ${text(BURST)} sends`, BURST_HEADS, burstRows(bursts));
}

async function measureBroadcast(): Promise<void> {
  await using servers = await Servers.start('WebSocket', webSockets);
  const audiences = new Map<string, RawWebSocket[]>();
  for (const name of webSockets) audiences.set(name, await hall(servers.of(name), CLIENTS));
  const rows: string[][] = [];
  for (const bytes of [100, 4_096]) {
    const measure = (name: (typeof webSockets)[number]) =>
      broadcast(servers.of(name), audiences.get(name)!, bytes, BROADCASTS);
    const rounds = await interleave(webSockets, measure, ROUNDS);
    const base = rounds.get('ws') ?? [];
    for (const [name, all] of rounds)
      rows.push([
        ...[`${text(bytes)} B`, name === 'ws' ? 'ws, in a loop' : name],
        ...[text(median(of(all, 'callMs')), 2), text(median(of(all, 'spentMs')), 2)],
        ...[text(ratio(of(all, 'spentMs'), of(base, 'spentMs')), 2), text(median(of(all, 'processorMs')), 2)],
        text(ratio(of(all, 'processorMs'), of(base, 'processorMs')), 2),
      ]);
  }
  for (const audience of audiences.values()) for (const client of audience) await client.close();
  const heads = [
    '',
    'server',
    'the call, ms',
    'all have it, ms',
    'ratio',
    'processor, ms a message',
    'ratio',
  ];
  print(`WebSocket server: broadcast to ${text(CLIENTS)} clients`, heads, rows);
}

async function measureStreams(): Promise<void> {
  await using servers = await Servers.start('SSE', streams);
  type Name = (typeof streams)[number];
  const rows: string[][] = [];
  const ways = [
    ['text', 'text', 0, 60_000],
    ['JSON', 'json', 0, 50_000],
    [`text, keep-alive each ${KEEP_ALIVE_MS} ms`, 'text', KEEP_ALIVE_MS, 45_000],
  ] as const;
  for (const [what, kind, keepAliveMs, goal] of ways) {
    const measure = (name: Name) => events(servers.of(name), kind, keepAliveMs, EVENTS);
    const rounds = await interleave(streams, measure, ROUNDS);
    rows.push(...rateRows(what, rounds));
    judge(`SSE, ${what}`, goal, 'events/s', rounds);
  }
  print('SSE server: events', RATE_HEADS, rows);

  const latencies: string[][] = [];
  for (const [connections, samples, paceMs] of [
    [1, TICKS, 1],
    [100, 20 * 100, 10],
  ] as const) {
    const measure = (name: Name) => eventLatency(servers.of(name), connections, samples, paceMs);
    const rounds = await interleave(streams, measure, ROUNDS);
    latencies.push(...latencyRows(`${connections}, each told every ${paceMs} ms`, rounds));
    judgeLatency(`SSE, ${connections} at once`, 2, rounds);
  }
  print(
    'SSE server: from the send to the client, ms',
    ['connections', 'server', ...PERCENTILE_HEADS],
    latencies,
  );

  const bursts = await interleave(streams, (name) => eventBurst(servers.of(name), BURST), BURSTS);
  print(`SSE server: a burst of ${text(BURST)} events`, BURST_HEADS, burstRows(bursts));
}

async function measureClients(): Promise<void> {
  await using server = await ServerProcess.start('hose');
  const rates = await interleave(clients, (name) => follow(server, name, EVENTS), ROUNDS);
  const away = await interleave(clients, (name) => reconnect(server, name, CUTS), ROUNDS);
  print('SSE clients: events', ['', 'client', ...RATE_HEADS.slice(2)], rateRows('text', rates));
  const rows: string[][] = [];
  for (const name of clients) {
    const awayMs = (away.get(name) ?? []).flat();
    const back = [0.5, 0.9, 1].map((share) => text(percentile(awayMs, share)));
    rows.push([name, ...back, text(awayMs.length), text(await clientMemory(server, name, IDLE / 2))]);
  }
  const heads = ['client', 'back after, ms, p50', 'p90', 'max', 'cuts', 'heap of an idle stream, bytes'];
  print('SSE clients: after a cut, with `retry: 100`, and idle', heads, rows);
}

async function measureMemory(): Promise<void> {
  const rows: string[][] = [];
  const weigh = async (
    server: ServerProcess,
    open: () => Promise<{ close(): Promise<void> }>,
  ): Promise<void> => {
    const { heapBytes, residentBytes } = await serverMemory(server, open, IDLE);
    rows.push([server.name, text(heapBytes), text(residentBytes)]);
  };
  for (const name of webSockets) {
    await using server = await ServerProcess.start(`WebSocket ${name}`);
    await weigh(server, () => RawWebSocket.open(server.port, '/hall'));
  }
  for (const name of streams) {
    await using server = await ServerProcess.start(`SSE ${name}`);
    await weigh(server, () => RawEventStream.open(server.port, '/events?kind=text'));
  }
  print('Servers: an idle connection', ['', 'heap, bytes', 'resident, bytes'], rows);
}

const [processor] = cpus();
console.log(
  `\nRealtime: Node ${process.version}, ${cpus().length} × ${processor?.model ?? 'unknown'}, load ${text(loadavg()[0] ?? NaN, 2)} at the start; ${ROUNDS} rounds, interleaved; medians, and medians of the ratios to the first one in the same round; seed ${SEED}.`,
);
if (wants('websocket')) await measureWebSockets();
if (wants('broadcast')) await measureBroadcast();
if (wants('sse')) await measureStreams();
if (wants('client')) await measureClients();
if (wants('memory')) await measureMemory();
if (verdicts.length > 0) print('What the seed projected', ['', 'projected', 'measured', ''], verdicts);
