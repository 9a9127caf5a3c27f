// What the event streams of the demo consist of, over many series: ranges, weights and texts, without a server.
import { expect, test } from 'vitest';
import { COMPONENTS, LEVEL_WEIGHTS, MESSAGES, type Level } from '../../src/demo-server/log-vocabulary.ts';
import { logs } from '../../src/demo-server/logs.ts';
import { metrics } from '../../src/demo-server/metrics.ts';
import { Random } from '../../src/demo-server/random.ts';
import type { Beat, Show } from '../../src/demo-server/show.ts';
import { stocks } from '../../src/demo-server/stocks.ts';
import { time } from '../../src/demo-server/time.ts';

const SERIES = 20;

function beatsOf({ beats, begin }: Show, seed = 1): readonly Beat[] {
  const next = begin(new Random(seed));
  return Array.from({ length: beats }, (_, index) => next(index + 1));
}

const manyOf = (show: Show) => Array.from({ length: SERIES }, (_, seed) => beatsOf(show, seed)).flat();

/** What the events of one type say. */
const dataOf = <Data>(beats: readonly Beat[], type: string) =>
  beats.flatMap(({ events }) => events.filter(({ event }) => event === type).map(({ data }) => data as Data));

/** That numbers lie within a range, and come close to both ends of it. */
function expectRange(numbers: readonly number[], [min, max]: readonly [number, number], slack = 0): void {
  const [least, most] = numbers.reduce(
    ([low, high], n) => [Math.min(low, n), Math.max(high, n)],
    [Infinity, -Infinity],
  );
  expect(least).toBeGreaterThanOrEqual(min);
  expect(least).toBeLessThanOrEqual(min + slack);
  expect(most).toBeLessThanOrEqual(max);
  expect(most).toBeGreaterThanOrEqual(max - slack);
}

const pausesOf = (beats: readonly Beat[]) => beats.map(({ pauseMs }) => pauseMs);
const share = (part: number, all: number) => Math.round((part / all) * 1_000) / 10;

test.each([
  ['time', time, 300],
  ['metrics', metrics, 600],
  ['stocks', stocks, 1_000],
  ['logs', logs, 1_000],
] as const)('%s has its number of events, and every id once', (_, show, count) => {
  expect(show.beats).toBe(count);
  const ids = beatsOf(show).flatMap(({ events }) => events.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
});

test('the time comes in four formats, equally often, every 0.8 to 1.2 seconds', () => {
  const beats = manyOf(time);
  const keys = dataOf<unknown>(beats, 'time').map((data) =>
    typeof data === 'string' ? data.replace(/\d/g, '0') : Object.keys(data as object).join(),
  );
  const formats = ['timestamp,format', '0000-00-00 00:00:00', 'timestamp,iso,human,day_of_week,count'];
  expect(new Set(keys)).toEqual(new Set(formats));
  const [undetailed, human, detailed] = formats.map((format) =>
    share(keys.filter((one) => one === format).length, keys.length),
  );
  expect([undetailed, human, detailed].map((percent) => Math.round(percent! / 5) * 5)).toEqual([50, 25, 25]);
  expectRange(pausesOf(beats), [800, 1_200], 1);
});

test('the detailed time says one moment in four ways', () => {
  interface Detailed {
    readonly timestamp: number;
    readonly iso: string;
    readonly human: string;
    readonly day_of_week: string;
    readonly count: number;
  }
  const all = dataOf<Detailed | string>(beatsOf(time), 'time');
  const index = all.findIndex((data) => typeof data === 'object' && 'count' in data);
  const { timestamp, iso, human, day_of_week: day, count } = all[index] as Detailed;
  expect(count).toBe(index + 1);
  expect(Date.parse(iso) / 1_000).toBe(timestamp);
  expect(`${human.replace(' ', 'T')}${iso.slice(19)}`).toBe(iso);
  expect(new Intl.DateTimeFormat('en', { weekday: 'long', timeZone: 'UTC' }).format(new Date(iso))).toBe(day);
});

interface Sample {
  readonly timestamp: number;
  readonly cpu_percent: number;
  readonly memory_percent: number;
  readonly disk_percent: number;
  readonly network_rx_mbps: number;
  readonly network_tx_mbps: number;
  readonly load_average: readonly number[];
  readonly processes: number;
  readonly threads: number;
}

test('metrics keep their ranges, and two digits', () => {
  const beats = manyOf(metrics);
  const samples = dataOf<Sample>(beats, 'metrics');
  expect(samples).toHaveLength(SERIES * 600);
  expect(Object.keys(samples[0]!)).toEqual([
    'timestamp',
    'cpu_percent',
    'memory_percent',
    'disk_percent',
    'network_rx_mbps',
    'network_tx_mbps',
    'load_average',
    'processes',
    'threads',
  ]);
  expectRange(
    samples.map((one) => one.cpu_percent),
    [0, 100],
    10,
  );
  const percents = samples.flatMap((one) => [one.memory_percent, one.disk_percent]);
  expect(percents.filter((percent) => percent < 0 || percent > 100)).toEqual([]);
  const figures = samples.flatMap(({ load_average: loads, ...others }) => [
    ...loads,
    ...Object.entries(others).flatMap(([name, figure]) => (name === 'timestamp' ? [] : [figure])),
  ]);
  expect(figures.filter((figure) => Number(figure.toFixed(2)) !== figure)).toEqual([]);
  expect(Math.min(...samples.map((one) => one.network_rx_mbps))).toBe(0);
  expect(Math.min(...samples.map((one) => one.network_tx_mbps))).toBe(0);
  expect(samples.every(({ load_average: loads }) => loads.length === 3)).toBe(true);
  expectRange(
    samples.flatMap(({ load_average: loads }) => loads),
    [0.5, 2],
  );
  expectRange(
    samples.map((one) => one.processes),
    [150, 250],
  );
  expectRange(
    samples.map((one) => one.threads),
    [800, 1_200],
  );
  expect(new Set(pausesOf(beats))).toEqual(new Set([1_000]));
});

test('metrics begin around the middle of where their bases may begin', () => {
  const first = Array.from({ length: 4_000 }, (_, seed) => metrics.begin(new Random(seed))(1));
  const samples = dataOf<Sample>(first, 'metrics');
  const meanAndVariance = (figureOf: (one: Sample) => number) => {
    const mean = samples.reduce((sum, one) => sum + figureOf(one), 0) / samples.length;
    const squares = samples.reduce((sum, one) => sum + (figureOf(one) - mean) ** 2, 0);
    return [mean, squares / samples.length] as const;
  };
  // The variance of a base that is uniform over 20, and that of the sample around it.
  for (const [[mean, variance], middle, deviation] of [
    [meanAndVariance((one) => one.memory_percent), 50, 5],
    [meanAndVariance((one) => one.disk_percent), 60, 3],
  ] as const) {
    expect(Math.abs(mean - middle)).toBeLessThan(0.6);
    expect(Math.abs(variance - (20 ** 2 / 12 + deviation ** 2))).toBeLessThan(4);
  }
});

/** Draws what lies three deviations beside the mean, always on the same side, and takes no chance. */
class Tendency extends Random {
  readonly #sign: number;

  constructor(sign: 1 | -1) {
    super(1);
    this.#sign = sign;
  }

  override gauss(mean: number, deviation: number): number {
    return mean + this.#sign * 3 * deviation;
  }

  override chance(): boolean {
    return false;
  }
}

const figuresOf = ({ events }: Beat) => {
  const sample = events[0]!.data as Sample;
  const { cpu_percent: cpu, memory_percent: memory, disk_percent: disk } = sample;
  return [cpu, memory, disk, sample.network_rx_mbps, sample.network_tx_mbps];
};

test('the bases of metrics drift, each by its own measure', () => {
  const next = metrics.begin(new Tendency(1));
  const [first, second] = [figuresOf(next(1)), figuresOf(next(2))];
  const drifts = second.map((figure, index) => figure - first[index]!);
  // Three deviations of the drift; the network sends half of what it receives.
  for (const [index, drift] of [1.5, 0.6, 0.3, 0.9, 0.45].entries())
    expect(Math.abs(drifts[index]! - drift)).toBeLessThan(0.0101);
});

test.each([
  ['up', 1, [50 + 45, 70 + 15, 80 + 9, 20 + 15, 10 + 6]],
  ['down', -1, [0, 30 - 15, 40 - 9, 0, 0]],
] as const)('however far the bases of metrics drift %s, they keep their limits', (_, sign, limits) => {
  const next = metrics.begin(new Tendency(sign));
  const last = Array.from({ length: 600 }, (_, index) => next(index + 1)).at(-1)!;
  expect(figuresOf(last)).toEqual(limits);
});

test('one beat of metrics in twenty is a spike, told of before with the same figure', () => {
  const beats = manyOf(metrics);
  const spikes = beats.filter(({ events }) => events.length === 2);
  expect(share(spikes.length, beats.length)).toBeCloseTo(5, 0);
  for (const { events } of spikes) {
    const [alert, sample] = events;
    const { cpu_percent: value } = sample!.data as Sample;
    expect(alert).toEqual({
      event: 'alert',
      id: `alert-${sample!.id}`,
      data: { type: 'spike', metric: 'cpu', value },
    });
  }
  expect(dataOf<{ readonly value: number }>(beats, 'alert').every(({ value }) => value >= 20)).toBe(true);
});

interface Tick {
  readonly symbol: string;
  readonly price: number;
  readonly change: number;
  readonly change_percent: number;
  readonly volume: number;
  readonly bid: number;
  readonly ask: number;
}

const PRICES = { AAPL: 180, GOOGL: 140, MSFT: 380, AMZN: 170, TSLA: 250, META: 350, NVDA: 500, AMD: 150 };

test('stocks begin at their prices and go on from the last one', () => {
  const prices = new Map(Object.entries(PRICES));
  for (const { symbol, price, change, change_percent: percent } of dataOf<Tick>(beatsOf(stocks), 'stock')) {
    const before = prices.get(symbol)!;
    expect(Math.abs(price - before - change)).toBeLessThan(0.0151);
    expect(Math.abs((change / before) * 100 - percent)).toBeLessThan(0.01);
    prices.set(symbol, price);
  }
});

test('stocks keep their ranges, and step as a mixture of two normal distributions', () => {
  const beats = manyOf(stocks);
  const ticks = dataOf<Tick>(beats, 'stock');
  expect(Object.keys(ticks[0]!)).toEqual([
    ...['symbol', 'price', 'change', 'change_percent', 'volume', 'timestamp', 'bid', 'ask'],
  ]);
  expectRange(
    ticks.map(({ volume }) => volume),
    [100_000, 10_000_000],
    5_000,
  );
  expectRange(
    ticks.map(({ price, bid }) => price - bid),
    [-0.0001, 0.1101],
    0.012,
  );
  expectRange(
    ticks.map(({ price, ask }) => ask - price),
    [-0.0001, 0.1101],
    0.012,
  );
  expectRange(pausesOf(beats), [50, 500], 1);
  for (const symbol of Object.keys(PRICES))
    expect(share(ticks.filter((one) => one.symbol === symbol).length, ticks.length)).toBeCloseTo(12.5, -0.5);
  const steps = ticks.map((one) => one.change_percent);
  const variance = steps.reduce((sum, step) => sum + step ** 2, 0) / steps.length;
  expect(Math.abs(variance - (0.9 * 0.5 ** 2 + 0.1 * 2 ** 2))).toBeLessThan(0.06);
  // Five deviations of the small step: only the large one gets there.
  expect(share(steps.filter((step) => Math.abs(step) > 2.5).length, steps.length)).toBeCloseTo(2.1, 0);
});

test('every fiftieth stock is followed by a summary of all prices', () => {
  const beats = beatsOf(stocks);
  const prices: Record<string, number> = { ...PRICES };
  for (const [index, { events }] of beats.entries()) {
    const [tick, summary] = events;
    const { symbol, price } = tick!.data as Tick;
    prices[symbol] = price;
    expect(tick!.id).toBe(`${symbol}-${index + 1}`);
    if ((index + 1) % 50 !== 0) expect(events).toHaveLength(1);
    else
      expect(summary).toEqual({
        event: 'summary',
        id: `summary-${index + 1}`,
        data: {
          type: 'summary',
          stocks: prices,
          total_updates: index + 1,
          timestamp: expect.any(Number) as number,
        },
      });
  }
});

interface Line {
  readonly level: Level;
  readonly component: (typeof COMPONENTS)[number];
  readonly message: string;
  readonly context: { readonly user_id: number; readonly request_id: string; readonly duration_ms: number };
}

test('the vocabulary of the log has the size that it is said to have', () => {
  expect(new Set(COMPONENTS).size).toBe(11);
  expect([COMPONENTS[0], COMPONENTS.at(-1)]).toEqual(['api.auth', 'websocket.handler']);
  expect(Object.entries(MESSAGES).map(([level, texts]) => [level, new Set(texts).size])).toEqual([
    ['DEBUG', 5],
    ['INFO', 5],
    ['WARNING', 5],
    ['ERROR', 5],
    ['CRITICAL', 4],
  ]);
});

test('log lines keep their ranges and weights', () => {
  const lines = dataOf<Line>(manyOf(logs), 'log');
  expect(Object.keys(lines[0]!)).toEqual(['timestamp', 'level', 'component', 'message', 'context']);
  for (const [level, weight] of Object.entries(LEVEL_WEIGHTS))
    expect(
      Math.abs(share(lines.filter((one) => one.level === level).length, lines.length) - weight),
    ).toBeLessThan(1);
  expect(new Set(lines.map(({ component }) => component))).toEqual(new Set(COMPONENTS));
  for (const [level, texts] of Object.entries(MESSAGES)) {
    const said = lines.filter((one) => one.level === level).map(({ message }) => message);
    expect(new Set(said)).toEqual(new Set(texts));
  }
  expectRange(
    lines.map(({ context }) => context.user_id),
    [1_000, 9_999],
    2,
  );
  expectRange(
    lines.map(({ context }) => context.duration_ms),
    [10, 500],
  );
  expect(lines.filter(({ context }) => !/^[\da-f]{16}$/.test(context.request_id))).toEqual([]);
});

test('the log pauses by its level, and follows what is serious with an alert', () => {
  const ranges = { DEBUG: [100, 300], INFO: [200, 800], WARNING: [200, 800] } as const;
  const beats = manyOf(logs);
  const of = (level: string) => beats.filter(({ events }) => (events[0]!.data as Line).level === level);
  for (const [level, range] of Object.entries(ranges)) {
    expectRange(pausesOf(of(level)), range, 2);
    expect(of(level).every(({ events }) => events.length === 1)).toBe(true);
  }
  for (const { events, pauseMs } of [...of('ERROR'), ...of('CRITICAL')]) {
    expect(pauseMs >= 1_000 && pauseMs <= 3_000).toBe(true);
    const { level, component, message } = events[0]!.data as Line;
    const data = {
      type: 'alert',
      level,
      message: `${component}: ${message}`,
      timestamp: expect.any(Number) as number,
    };
    expect(events.slice(1)).toEqual([{ event: 'alert', id: `alert-${events[0]!.id}`, data }]);
  }
  expectRange(pausesOf([...of('ERROR'), ...of('CRITICAL')]), [1_000, 3_000], 10);
});
