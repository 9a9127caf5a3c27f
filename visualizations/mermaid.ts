// A graph as Mermaid text, which GitHub draws. States nest as in the chart; arrows with the same ends share a line.
import { isInside, type Graph, type GraphState } from './graph.ts';

export function toMermaid(graph: Graph): string {
  return ['stateDiagram-v2', ...statesIn(graph, graph), '', ...arrows(graph), ''].join('\n');
}

function statesIn(
  graph: Graph,
  { id, type, initial }: Pick<GraphState, 'id' | 'type' | 'initial'>,
): string[] {
  const inside = graph.states.filter(({ parent }) => parent === id).map((state) => stateLines(graph, state));
  const lines =
    type === 'parallel'
      ? inside.flatMap((region, index) => (index > 0 ? ['--', ...region] : region))
      : inside.flat();
  const start = type === 'compound' && initial !== null ? [`[*] --> ${aliasOf(graph, initial)}`] : [];
  return [...start, ...lines].map((line) => `  ${line}`);
}

function stateLines(graph: Graph, state: GraphState): string[] {
  const alias = aliasOf(graph, state.id);
  if (state.type === 'final') return [alias, `${alias} --> [*]`];
  if (childrenOf(graph, state.id).length === 0) return [alias];
  return [`state ${alias} {`, ...statesIn(graph, state), '}'];
}

/** One line per pair of states; what leads from the one to the other is stacked on it. */
function arrows(graph: Graph): string[] {
  const labels = new Map<string, string[]>();
  for (const { source, target, label } of drawable(graph)) {
    const ends = `${aliasOf(graph, source)} --> ${aliasOf(graph, target)}`;
    labels.set(ends, [...(labels.get(ends) ?? []), label]);
  }
  return [...labels].map(([ends, texts]) => `  ${ends} : ${texts.join('<br/>')}`);
}

/** Names are short where they are unique, so that the text reads well too. */
function aliasOf(graph: Graph, id: string): string {
  const { key, path } = stateOf(graph, id);
  const isUnique = graph.states.filter((state) => state.key === key).length === 1;
  return isUnique ? key : path.replaceAll('.', '_');
}

interface Arrow {
  readonly source: string;
  readonly target: string;
  readonly event: string;
  readonly label: string;
}

/**
 * The edges as arrows, in the order of their sources. One that changes no state is left to the table of events.
 * Mermaid 11 fails at an arrow between a state and one inside it, and lays two opposite arrows of a compound state
 * upon each other: such an arrow is drawn between the inner states that it means.
 */
function drawable(graph: Graph): Arrow[] {
  const edges = graph.edges.filter(
    ({ source, target }) => target !== null && source !== graph.id && target !== graph.id,
  ) as Arrow[];
  const drawn = edges.flatMap((edge) => {
    const { source, target } = edge;
    const isMet = edges.some((other) => other.source === target && other.target === source);
    const sources = isMet || isInside(target, source) ? inheritors(graph, edge) : [source];
    const end = isMet || isInside(source, target) ? (stateOf(graph, target).initial ?? target) : target;
    return sources.map((start) => ({ ...edge, source: start, target: end }));
  });
  return graph.states.flatMap(({ id }) => drawn.filter(({ source }) => source === id));
}

/** Which of the states inside an edge's source leave its event to that source; the source itself when it is a leaf. */
function inheritors(graph: Graph, { source, target, event }: Arrow): string[] {
  const children = childrenOf(graph, source);
  if (children.length === 0) return [source];
  return children.filter((id) => id !== target && !isInside(target, id) && !handles(graph, id, event));
}

/** Whether nothing inside a state, nor the state itself, leaves an event to the states around it. */
function handles(graph: Graph, id: string, event: string): boolean {
  const children = childrenOf(graph, id);
  const isOwn = graph.edges.some((edge) => edge.source === id && edge.event === event && edge.guard === null);
  return isOwn || (children.length > 0 && children.every((child) => handles(graph, child, event)));
}

const childrenOf = (graph: Graph, parent: string): string[] =>
  graph.states.filter((state) => state.parent === parent).map(({ id }) => id);

function stateOf(graph: Graph, id: string): GraphState {
  const state = graph.states.find((candidate) => candidate.id === id);
  if (!state) throw new Error(`The graph "${graph.id}" has no state "${id}".`);
  return state;
}
