// The charts of the rows: known by their fingerprints, drawn once, when somebody looks.
import { readFile } from 'node:fs/promises';
import { createMachine, type AnyStateMachine } from 'xstate';
import {
  connectionMachine,
  relayMachine,
  sessionMachine,
  subscriptionMachine,
} from '../../machines/index.ts';
import { fingerprintOf } from '../../src/inspection/recording.ts';
import { toGraph, type Graph } from '../graph.ts';
import type { MachineView } from './protocol.ts';

/** A chart as it is told: the configuration of a machine, without its functions. */
export type ChartConfig = Readonly<Record<string, unknown>>;

/** One chart, shared by all rows that have it. */
export interface Chart {
  readonly id: string;
  readonly fingerprint: string;
  readonly config: ChartConfig;
  /** The length of its text, where it came as one. */
  readonly chars: number;
}

/** What functions stand for in a chart: inspectors leave them out, or tell their names. */
const FUNCTIONS: readonly string[] = ['context', 'input', 'output'];

/** Charts of this package: their drawings are made already. */
const OWN = [connectionMachine, sessionMachine, subscriptionMachine, relayMachine].map(
  (machine: AnyStateMachine) => ({
    machine,
    drawing: `../${machine.id}.svg`,
    chart: {
      id: machine.id,
      fingerprint: fingerprintOf(machine.config),
      config: machine.config as ChartConfig,
      chars: 0,
    },
    shape: shapeOf(machine.config as ChartConfig),
  }),
);

/** Beyond this, a layout takes seconds, and nobody can read it. */
const MAX_DRAWN_STATES = 150;
const MAX_CHARTS = 200;

export class Charts {
  readonly #charts = new Map<string, Chart>();
  /** All connections of a process have the same one. */
  readonly #known = new WeakMap<object, Chart>();
  readonly #views = new Map<string, Promise<MachineView>>();

  /** The chart with this configuration; `undefined` when it is none, as of an actor that is a promise. */
  chartOf(config: unknown, chars = 0): Chart | undefined {
    if (!isChart(config)) return undefined;
    const chart = this.#known.get(config) ?? this.#chartLike(config, chars);
    this.#known.set(config, chart);
    return chart;
  }

  #chartLike(config: ChartConfig, chars: number): Chart {
    const own = OWN.find(({ shape }) => shape === shapeOf(config));
    if (own !== undefined) return own.chart;
    const fingerprint = fingerprintOf(config);
    const known = this.#charts.get(fingerprint);
    if (known !== undefined) return known;
    if (this.#charts.size >= MAX_CHARTS) forgetFirst(this.#charts);
    const chart = {
      id: typeof config['id'] === 'string' ? config['id'] : 'machine',
      fingerprint,
      config,
      chars,
    };
    this.#charts.set(fingerprint, chart);
    return chart;
  }

  /** The chart that a recording names; a chart without states when it is not known here. */
  chartNamed({ id, fingerprint }: { readonly id: string; readonly fingerprint: string }): Chart {
    const own = OWN.find(({ chart }) => chart.id === id)?.chart;
    return own ?? this.#charts.get(fingerprint) ?? { id, fingerprint, config: { id, states: {} }, chars: 0 };
  }

  view(chart: Chart): Promise<MachineView> {
    const known = this.#views.get(chart.fingerprint);
    if (known !== undefined) return known;
    if (this.#views.size >= MAX_CHARTS) forgetFirst(this.#views);
    const view = makeView(chart);
    this.#views.set(chart.fingerprint, view);
    return view;
  }
}

/** A fingerprint of a chart without what inspectors do not agree on. */
function shapeOf(config: unknown): string {
  const text = JSON.stringify(config, (key, value: unknown) => (FUNCTIONS.includes(key) ? undefined : value));
  return fingerprintOf(JSON.parse(text));
}

export const isChart = (config: unknown): config is ChartConfig =>
  typeof config === 'object' && config !== null && typeof (config as ChartConfig)['states'] === 'object';

const forgetFirst = (map: Map<string, unknown>): void => {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
};

async function makeView(chart: Chart): Promise<MachineView> {
  const own = OWN.find(({ chart: { fingerprint } }) => fingerprint === chart.fingerprint);
  const graph = own === undefined ? graphOf(chart) : toGraph(own.machine);
  const states = graph.states.map(({ id, key, parent, initial, description, tags, invokes }) => ({
    id,
    key,
    parent,
    initial,
    description,
    tags,
    invokes,
  }));
  const edges = graph.edges.map(({ source, target, event, label, description }, index) => ({
    index,
    source,
    target,
    event,
    label,
    description,
  }));
  const svg = own === undefined ? await drawingOf(graph) : await fileText(own.drawing);
  return { id: graph.id, description: graph.description, states, edges, svg };
}

/** A stranger's chart may be none that XState can read. */
function graphOf({ id, config }: Chart): Graph {
  try {
    return toGraph(createMachine(config));
  } catch {
    return toGraph(createMachine({ id, description: 'This chart cannot be read.' }));
  }
}

async function drawingOf(graph: Graph): Promise<string | null> {
  if (graph.states.length === 0 || graph.states.length > MAX_DRAWN_STATES) return null;
  try {
    const { drawMachine } = await import('../svg.ts');
    return await drawMachine(graph);
  } catch {
    // Without elkjs, which is an optional peer, there is no layout; nor is there of a chart that it cannot lay out.
    return null;
  }
}

async function fileText(path: string): Promise<string | null> {
  try {
    return await readFile(new URL(path, import.meta.url), 'utf8');
  } catch {
    return null;
  }
}
