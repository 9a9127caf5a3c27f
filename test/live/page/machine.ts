// A machine as the page is told of it, made from a chart.
import type { AnyStateMachine } from 'xstate';
import { toGraph } from '../../../visualizations/graph.ts';
import type { Entry, MachineView } from '../../../visualizations/live/protocol.ts';

export function viewOf(machine: AnyStateMachine): MachineView {
  const { id, description, states, edges } = toGraph(machine);
  return {
    id,
    description,
    states: states.map((state) => ({ ...state })),
    edges: edges.map((edge, index) => ({ ...edge, index })),
    svg: null,
  };
}

export const entryOf = (entry: Partial<Entry> & Pick<Entry, 'event' | 'value'>): Entry => ({
  index: 0,
  at: 0,
  context: {},
  ...entry,
});
