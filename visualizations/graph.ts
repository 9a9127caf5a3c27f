// A machine as a neutral graph: what every drawing and table is made from. Read off the tree of state nodes,
// because XState's own directed graph leaves out eventless transitions and descriptions.
import type { AnyStateMachine, AnyStateNode, StateValue } from 'xstate';

export interface GraphState {
  /** Unique: the path from the root, with the machine's own id in front. */
  readonly id: string;
  /** The path below the root, such as `online.open`. */
  readonly path: string;
  readonly key: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** What a history state remembers: which child was active, or which leaf; `null` for any other state. */
  readonly history: 'shallow' | 'deep' | null;
  /** The id of the state around this one; the machine's own id at the top level. */
  readonly parent: string;
  /**
   * The id of the state that is entered with this one: the initial child of a compound state, where a history state
   * leads when there is nothing to remember. `null` when there is none, or all children are entered (parallel).
   */
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
  /** The ids of all states entered: more than one only when a transition enters several regions. */
  readonly targets: readonly string[];
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
  /** `parallel` when all states at the top are active at once. */
  readonly type: GraphState['type'];
  /** The names of the actors that live as long as the machine. */
  readonly invokes: readonly string[];
  /** The id of the state that the machine starts in; the machine's own id when it is parallel or has no states. */
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
    type: root.type,
    invokes: actorsOf(root),
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
  type: node.type,
  history: node.type === 'history' ? (node.history === 'deep' ? 'deep' : 'shallow') : null,
  parent: node.parent?.id ?? root.id,
  initial: initialOf(node),
  tags: node.tags,
  invokes: actorsOf(node),
  description: node.description ?? '',
});

const actorsOf = (node: AnyStateNode): string[] =>
  node.invoke.map(({ id, src }) => (typeof src === 'string' && !src.startsWith('xstate.') ? src : id));

function initialOf(node: AnyStateNode): string | null {
  if (node.type === 'compound') return node.initial.target[0]?.id ?? null;
  const remembersNothing =
    node.type === 'history' ? (node.config as { readonly target?: string }).target : null;
  return remembersNothing && node.parent ? idOf(node.parent, remembersNothing) : null;
}

/** The id behind a target as a chart spells it: a sibling's key, a path from it, or `#` and an id. */
const idOf = (parent: AnyStateNode, target: string): string =>
  target.startsWith('#') ? target.slice(1) : `${parent.id}.${target}`;

const edgesOf = (node: AnyStateNode): GraphEdge[] =>
  [...node.transitions.values(), node.always ?? []].flat().map((transition) => ({
    source: node.id,
    target: transition.target?.[0]?.id ?? null,
    targets: transition.target?.map(({ id }) => id) ?? [],
    event: String(transition.eventType),
    ...readable(String(transition.eventType), node),
    guard: transition.guard === undefined ? null : nameOf(transition.guard),
    actions: transition.actions.map(nameOf),
    description: transition.description ?? '',
  }));

/** XState's names for what is no event of ours, in the words of the chart. */
function readable(event: string, node: AnyStateNode): Pick<GraphEdge, 'kind' | 'label'> {
  const [prefix, kind, of = ''] = event.split('.');
  if (event === '') return { kind: 'always', label: 'always' };
  if (event === '*') return { kind: 'event', label: 'any other event' };
  if (prefix !== 'xstate') return { kind: 'event', label: event };
  if (kind === 'after') return { kind, label: `after ${durationOf(of)}` };
  if (kind === 'error') return { kind, label: `${actorIn(event, node)} error` };
  if (kind === 'snapshot') return { kind: 'event', label: `${actorIn(event, node)} snapshot` };
  return { kind: 'done', label: of === 'actor' ? `${actorIn(event, node)} done` : 'done' };
}

/** A delay's name as it is; a number is milliseconds. */
function durationOf(delay: string): string {
  if (!/^\d+$/.test(delay)) return delay;
  const ms = Number(delay);
  return ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`;
}

/** Which of a state's actors an event such as `xstate.done.actor.0.machine.state` speaks of. */
function actorIn(event: string, node: AnyStateNode): string {
  const place = node.invoke.findIndex(({ id }) => event.endsWith(`.${id}`));
  return actorsOf(node)[place] ?? event.slice(event.lastIndexOf('.') + 1);
}

interface Reference {
  readonly type?: string;
  readonly name?: string;
  /** Of `and`, `or` and `not`: what they are made of. */
  readonly guards?: readonly unknown[];
}

/** The name of an action or guard: the chart gives names only, XState wraps some of them in objects. */
function nameOf(reference: unknown): string {
  if (typeof reference === 'string') return reference;
  const { type, name, guards } = reference as Reference;
  if (guards && name === 'not') return `not ${guards.map(nameOf).join('')}`;
  if (guards) return guards.map(nameOf).join(` ${name ?? ''} `);
  return (type ?? name) || 'inline';
}
