// `npm run bench`: statewire beside raw ws and its peers, one round of each after the other, as medians of ratios.
// `npm run bench -- --quick` takes a minute, with a tenth of the messages and three rounds;
// `--only=receive`, `send`, `burst`, `open`, `inspect`, `crawl`, `realtime` or `memory` takes one part.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { canSend, CONTENDERS } from './contenders.ts';
import { memory, open, receive, sender, type Rates, type Sender } from './measure.ts';
import { interleave, median } from './rounds.ts';

const isQuick = process.argv.includes('--quick');
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice(7);
const wants = (part: string): boolean => only === undefined || only === part;
const ROUNDS = isQuick ? 3 : 7;
const SCALE = isQuick ? 0.1 : 1;
const SIZES = [16, 128, 1_024, 16_384];
const names = Object.keys(CONTENDERS);

const enough = (bytes: number) =>
  Math.ceil((bytes > 8_000 ? 20_000 : bytes > 1_000 ? 80_000 : 200_000) * SCALE);

type Figures = Map<string, number>;

/** The median of `ws`, and of each other contender the median of its ratios to `ws` in the same round. */
function compare(figures: ReadonlyMap<string, readonly number[]>): Figures {
  const base = figures.get('ws') ?? [];
  return new Map(
    [...figures].map(([name, all]) => {
      const ratios = all.map((figure, round) => figure / (base[round] ?? NaN));
      return [name, median(name === 'ws' ? all : ratios)];
    }),
  );
}

/** Many short slices over connections that stay open: what one slice has bad luck with, forty do not. */
async function slices(bytes: number, burst: number): Promise<Record<keyof Rates, Figures>> {
  const clients = new Map<string, Sender>();
  for (const name of senders) clients.set(name, await sender(name, url));
  const count = Math.ceil(enough(bytes) / 40);
  const measure = (name: string) => (clients.get(name) as Sender).send(bytes, count, burst);
  const figures = [...(await interleave(senders, measure, isQuick ? 11 : 41))];
  for (const client of clients.values()) await client.close();
  const of = (rate: keyof Rates) =>
    compare(new Map(figures.map(([name, all]) => [name, all.map((rates) => rates[rate])])));
  return { wall: of('wall'), processor: of('processor') };
}

async function printSending(title: string, burst: number): Promise<void> {
  const rows: [string, Record<keyof Rates, Figures>][] = [];
  for (const bytes of SIZES) rows.push([labelOf(bytes), await slices(bytes, burst)]);
  const of = (rate: keyof Rates) => rows.map(([label, figures]) => [label, figures[rate]] as const);
  print(title, senders, of('wall'), 'messages/s');
  print(`${title}, by processor time`, senders, of('processor'), 'messages/s of processor');
}

function print(
  title: string,
  contenders: readonly string[],
  rows: readonly (readonly [string, Figures])[],
  unit: string,
): void {
  console.log(`\n### ${title}\n`);
  console.log(`| | ws (${unit}) | ${contenders.slice(1).join(' | ')} |`);
  console.log(
    `| --- | --- | ${contenders
      .slice(1)
      .map(() => '---')
      .join(' | ')} |`,
  );
  for (const [label, figures] of rows) {
    const base = figures.get('ws') ?? NaN;
    const ratios = contenders.slice(1).map((name) => (figures.get(name) ?? NaN).toFixed(2));
    console.log(`| ${label} | ${Math.round(base).toLocaleString('en')} | ${ratios.join(' | ')} |`);
  }
}

const server = fork(new URL('server.js', import.meta.url));
const [port] = (await once(server, 'message')) as [number];
const url = `ws://127.0.0.1:${String(port)}`;
const senders = names.filter(canSend);
const labelOf = (bytes: number): string => `${bytes.toLocaleString('en')} B`;

console.log(
  `Node ${process.version}, ${String(ROUNDS)} rounds, interleaved; medians of the ratios to raw ws in the same round, higher is better but for memory.`,
);
if (wants('receive')) {
  const rows: [string, Figures][] = [];
  for (const bytes of SIZES) {
    const figures = await interleave(names, (name) => receive(name, url, bytes, enough(bytes)), ROUNDS);
    rows.push([labelOf(bytes), compare(figures)]);
  }
  print('Receive: parsed and dispatched', names, rows, 'messages/s');
}
if (wants('send')) await printSending('Send, one a turn', 1);
if (wants('burst')) await printSending('Send, bursts of 100 a turn', 100);
if (wants('open')) {
  const figures = await interleave(names, (name) => open(name, url, Math.ceil(300 * SCALE)), ROUNDS);
  print('Open', names, [['one after the other', compare(figures)]], 'connections/s');
}

if (wants('memory')) {
  const heaps: [string, number][] = [];
  for (const name of names) heaps.push([name, await memory(name, url, isQuick ? 1_000 : 5_000)]);
  console.log('\n### Heap of an idle open connection\n\n| client | bytes |\n| --- | --- |');
  for (const [name, bytes] of heaps) console.log(`| ${name} | ${Math.round(bytes).toLocaleString('en')} |`);
}

/** A benchmark of its own, in a process of its own. */
async function run(file: string, ...given: string[]): Promise<void> {
  const child = fork(new URL(file, import.meta.url), [...given, ...process.argv.slice(2)]);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) process.exitCode = 1;
}

if (wants('inspect')) await run('inspect.js', url);
if (wants('crawl')) await run('crawl.js');
if (wants('realtime')) await run('realtime.js');

server.disconnect();
