// /sse/metrics: a machine that is invented: four figures that drift, and a processor that is busy now and then.
import type { Random } from './random.ts';
import type { Beat, Show } from './show.ts';
import { clamped, epochSeconds, rounded } from './stage.ts';

const PAUSE_MS = 1_000;
const SPIKE_PROBABILITY = 0.05;

interface Figure {
  /** Where its base begins. */
  readonly start: readonly [min: number, max: number];
  /** How far its base goes in one beat, and how far it goes at all. */
  readonly drift: number;
  readonly base: readonly [min: number, max: number];
}

const FIGURES = {
  cpu: { start: [10, 30], drift: 0.5, base: [5, 50] },
  memory: { start: [40, 60], drift: 0.2, base: [30, 70] },
  disk: { start: [50, 70], drift: 0.1, base: [40, 80] },
  /** In megabytes per second. */
  network: { start: [1, 10], drift: 0.3, base: [0.5, 20] },
} as const satisfies Record<string, Figure>;

type Bases = Record<keyof typeof FIGURES, number>;

export const metrics: Show = {
  beats: 600,
  begin: (random) => {
    const bases = startingBases(random);
    return (number) => {
      const beat = beatOf(number, bases, random);
      drift(bases, random);
      return beat;
    };
  },
};

function beatOf(number: number, bases: Bases, random: Random): Beat {
  const percent = (base: number, deviation: number) => clamped(random.gauss(base, deviation), 0, 100);
  const calmCpu = percent(bases.cpu, 15);
  const memory = percent(bases.memory, 5);
  const disk = percent(bases.disk, 3);
  const received = Math.max(0, random.gauss(bases.network, 5));
  const sent = Math.max(0, random.gauss(0.5 * bases.network, 2));
  const isSpike = random.chance(SPIKE_PROBABILITY);
  const cpu = rounded(isSpike ? Math.min(100, calmCpu + random.uniform(20, 40)) : calmCpu, 2);
  const sample = {
    timestamp: epochSeconds(),
    cpu_percent: cpu,
    memory_percent: rounded(memory, 2),
    disk_percent: rounded(disk, 2),
    network_rx_mbps: rounded(received, 2),
    network_tx_mbps: rounded(sent, 2),
    load_average: [1, 5, 15].map(() => rounded(random.uniform(0.5, 2), 2)),
    processes: random.integer(150, 250),
    threads: random.integer(800, 1_200),
  };
  const alert = { event: 'alert', id: `alert-${number}`, data: { type: 'spike', metric: 'cpu', value: cpu } };
  const events = [...(isSpike ? [alert] : []), { event: 'metrics', id: String(number), data: sample }];
  return { events, pauseMs: PAUSE_MS };
}

const each = (baseOf: (figure: Figure, name: keyof Bases) => number): Bases => ({
  cpu: baseOf(FIGURES.cpu, 'cpu'),
  memory: baseOf(FIGURES.memory, 'memory'),
  disk: baseOf(FIGURES.disk, 'disk'),
  network: baseOf(FIGURES.network, 'network'),
});

const startingBases = (random: Random): Bases => each(({ start }) => random.uniform(...start));

function drift(bases: Bases, random: Random): void {
  const next = each(({ drift: deviation, base }, name) =>
    clamped(bases[name] + random.gauss(0, deviation), ...base),
  );
  Object.assign(bases, next);
}
