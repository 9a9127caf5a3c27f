// A machine as a neutral graph: what every drawing and table is made from. Read off the tree of state nodes,
// because XState's own directed graph leaves out eventless transitions and descriptions.
import type { AnyStateMachine, AnyStateNode, StateValue } from 'xstate';

export interface GraphState {
  /** Unique: the path from the root, with the machine's own id in front. */
  readonly id: string;
  /** The path below the root, such as `online.open`. */
  readonly path: string;
  readonly key: string;
  /** The id of the state around this one; the machine's own id at the top level. */
  readonly parent: string;
  /** The id of the state that is entered with this one; `null` when nothing is inside. */
  readonly initial: string | null;
  readonly tags: readonly string[];
  /** The names of the actors that live as long as this state. */
  readonly invokes: readonly string[];
  readonly description: string;
}

export interface GraphEdge {
  readonly source: string;
  /** The id of the state entered; `null` when the transition changes no state. */
  readonly target: string | null;
  /** The event as XState knows it, such as `xstate.after.backoff.connection.reconnecting.backingOff`. */
  readonly event: string;
  /** The event as a reader knows it, such as `after backoff` or `socket error`. */
  readonly label: string;
  readonly kind: 'event' | 'after' | 'done' | 'error' | 'always';
  readonly guard: string | null;
  readonly actions: readonly string[];
  readonly description: string;
}

export interface Graph {
  readonly id: string;
  readonly description: string;
  /** The id of the state that the machine starts in. */
  readonly initial: string;
  /** Every state below the root, in the order of the chart. */
  readonly states: readonly GraphState[];
  readonly edges: readonly GraphEdge[];
}

export function toGraph(machine: AnyStateMachine): Graph {
  const { root } = machine;
  const nodes = nodesBelow(root);
  return {
    id: root.id,
    description: root.description ?? '',
    initial: initialOf(root) ?? root.id,
    states: nodes.map((node) => toState(node, root)),
    edges: [root, ...nodes].flatMap(edgesOf),
  };
}

/** The state that is active in the end when the one with this id is entered. */
export function leafOf(graph: Graph, id: string): string {
  const initial = graph.states.find((state) => state.id === id)?.initial;
  return initial ? leafOf(graph, initial) : id;
}

/** A path such as `online.open.healthy` as XState's state value, `{ online: { open: 'healthy' } }`. */
export function valueOf(path: string): StateValue {
  const dot = path.indexOf('.');
  return dot < 0 ? path : { [path.slice(0, dot)]: valueOf(path.slice(dot + 1)) };
}

export const isInside = (id: string, outer: string): boolean => id.startsWith(`${outer}.`);

const nodesBelow = (node: AnyStateNode): AnyStateNode[] =>
  (Object.values(node.states) as AnyStateNode[]).flatMap((child) => [child, ...nodesBelow(child)]);

const toState = (node: AnyStateNode, root: AnyStateNode): GraphState => ({
  id: node.id,
  path: node.path.join('.'),
  key: node.key,
  parent: node.parent?.id ?? root.id,
  initial: initialOf(node),
  tags: node.tags,
  invokes: node.invoke.map(({ id, src }) => (typeof src === 'string' ? src : id)),
  description: node.description ?? '',
});

const initialOf = (node: AnyStateNode): string | null =>
  node.type === 'compound' ? (node.initial.target[0]?.id ?? null) : null;

const edgesOf = (node: AnyStateNode): GraphEdge[] =>
  [...node.transitions.values(), node.always ?? []].flat().map((transition) => ({
    source: node.id,
    target: transition.target?.[0]?.id ?? null,
    event: String(transition.eventType),
    ...readable(String(transition.eventType)),
    guard: transition.guard === undefined ? null : nameOf(transition.guard),
    actions: transition.actions.map(nameOf),
    description: transition.description ?? '',
  }));

/** XState's names for what is no event of ours, in the words of the chart. */
function readable(event: string): Pick<GraphEdge, 'kind' | 'label'> {
  const [prefix, kind, of, name = ''] = event.split('.');
  if (event === '') return { kind: 'always', label: 'always' };
  if (prefix !== 'xstate') return { kind: 'event', label: event };
  if (kind === 'after') return { kind, label: `after ${of ?? ''}` };
  if (kind === 'error') return { kind, label: `${name} error` };
  return { kind: 'done', label: of === 'actor' ? `${name} done` : 'done' };
}

/** The name of an action or guard: the chart gives names only, XState wraps some of them in objects. */
function nameOf(reference: unknown): string {
  if (typeof reference === 'string') return reference;
  const { type, name } = reference as { readonly type?: string; readonly name?: string };
  return type ?? name ?? 'inline';
}
