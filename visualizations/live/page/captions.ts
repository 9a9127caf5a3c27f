// What a state or an edge of the chart is, in a title and a sentence: for what is pointed at.
import type { EdgeView, MachineView } from '../protocol.ts';
import { leafOf } from './chart-model.ts';

export interface Caption {
  readonly title: string;
  readonly text: string;
}

export const keyOf = (machine: MachineView, id: string): string =>
  machine.states.find((state) => state.id === id)?.key ?? machine.id;

export function describeState(machine: MachineView, id: string): Caption | undefined {
  const state = machine.states.find((one) => one.id === id);
  if (state === undefined) return undefined;
  const { key, description, invokes, initial } = state;
  const start = initial === null ? '' : ` Starts in ${keyOf(machine, leafOf(machine, initial))}.`;
  const actors = invokes.length === 0 ? '' : ` While it lasts, it runs: ${invokes.join(', ')}.`;
  return { title: `State ${key}`, text: `${description}${start}${actors}`.trim() };
}

export function describeEdges(machine: MachineView, indexes: readonly number[]): Caption | undefined {
  const edges = indexes.flatMap((index) => machine.edges.find((edge) => edge.index === index) ?? []);
  const [first] = edges;
  if (first === undefined) return undefined;
  return {
    title: `${keyOf(machine, first.source)} → ${first.target === null ? 'stays' : keyOf(machine, first.target)}`,
    text: edges.map(({ label, description }) => `${label}: ${description}`).join('\n'),
  };
}

/** One edge on one line, for a tooltip. */
export function lineOf(machine: MachineView, edge: EdgeView): string {
  const target = edge.target === null ? 'stays' : `leads to ${keyOf(machine, edge.target)}`;
  return `${edge.label} ${target}. ${edge.description}`.trim();
}
