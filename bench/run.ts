// `npm run bench`: statewire beside raw ws and its peers, one round of each after the other, as ratios of medians.
// `npm run bench -- --quick` takes a minute, with a tenth of the messages and three rounds;
// `--only=receive`, `send`, `burst`, `open` or `memory` takes one part.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { canSend, CONTENDERS } from './contenders.ts';
import { memory, open, receive, send } from './measure.ts';

const isQuick = process.argv.includes('--quick');
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice(7);
const wants = (part: string): boolean => only === undefined || only === part;
const ROUNDS = isQuick ? 3 : 7;
const SCALE = isQuick ? 0.1 : 1;
const SIZES = [16, 128, 1_024, 16_384];
const names = Object.keys(CONTENDERS);

const median = (figures: readonly number[]): number =>
  figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN;
const enough = (bytes: number) =>
  Math.ceil((bytes > 8_000 ? 20_000 : bytes > 1_000 ? 80_000 : 200_000) * SCALE);

type Figures = Map<string, number>;

/** Every contender once a round, in turn, so that whatever the machine does hits all of them. The first round only warms up. */
async function interleave(
  contenders: readonly string[],
  measure: (name: string) => Promise<number>,
): Promise<Figures> {
  const figures = new Map<string, number[]>(contenders.map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const name of contenders) {
      const figure = await measure(name);
      if (round > 0) figures.get(name)?.push(figure);
    }
  }
  return new Map([...figures].map(([name, all]) => [name, median(all)]));
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
    const ratios = contenders.slice(1).map((name) => ((figures.get(name) ?? NaN) / base).toFixed(2));
    console.log(`| ${label} | ${Math.round(base).toLocaleString('en')} | ${ratios.join(' | ')} |`);
  }
}

const server = fork(new URL('server.js', import.meta.url));
const [port] = (await once(server, 'message')) as [number];
const url = `ws://127.0.0.1:${String(port)}`;
const senders = names.filter(canSend);
const sized = async (measure: (bytes: number) => Promise<Figures>) => {
  const rows: [string, Figures][] = [];
  for (const bytes of SIZES) rows.push([`${bytes.toLocaleString('en')} B`, await measure(bytes)]);
  return rows;
};

console.log(
  `Node ${process.version}, ${String(ROUNDS)} rounds, interleaved; ratios of medians to raw ws, higher is better but for memory.`,
);
if (wants('receive'))
  print(
    'Receive: parsed and dispatched',
    names,
    await sized((bytes) => interleave(names, (name) => receive(name, url, bytes, enough(bytes)))),
    'messages/s',
  );
if (wants('send'))
  print(
    'Send, one a turn',
    senders,
    await sized((bytes) => interleave(senders, (name) => send(name, url, bytes, enough(bytes) / 4, 1))),
    'messages/s',
  );
if (wants('burst'))
  print(
    'Send, bursts of 100 a turn',
    senders,
    await sized((bytes) => interleave(senders, (name) => send(name, url, bytes, enough(bytes), 100))),
    'messages/s',
  );
if (wants('open'))
  print(
    'Open',
    names,
    [['one after the other', await interleave(names, (name) => open(name, url, Math.ceil(300 * SCALE)))]],
    'connections/s',
  );

if (wants('memory')) {
  const heaps: [string, number][] = [];
  for (const name of names) heaps.push([name, await memory(name, url, isQuick ? 1_000 : 5_000)]);
  console.log('\n### Heap of an idle open connection\n\n| client | bytes |\n| --- | --- |');
  for (const [name, bytes] of heaps) console.log(`| ${name} | ${Math.round(bytes).toLocaleString('en')} |`);
}

server.disconnect();
