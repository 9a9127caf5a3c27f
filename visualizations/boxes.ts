// What a drawing shows: which transitions are arrows and which are written in a box, and how much room each takes.
// No positions yet.
import type { Graph, GraphEdge, GraphState } from './graph.ts';
import { textWidth } from './text-width.ts';

/** One line of text that stands for one transition. */
export interface Line {
  /** The transition's place in the graph's list of edges. */
  readonly edge: number;
  readonly kind: GraphEdge['kind'];
  readonly text: string;
  readonly guard: string | null;
  /** The name of the state it leads to, where that is written and not drawn; `null` for an arrow and for what stays. */
  readonly to: string | null;
  readonly description: string;
}

/** Transitions with the same ends, drawn as one arrow. */
export interface Arrow {
  readonly source: string;
  readonly target: string;
  /** `event` where kinds are mixed. */
  readonly kind: GraphEdge['kind'];
  readonly lines: readonly Line[];
  readonly isRoad: boolean;
}

export interface StateBox {
  readonly state: GraphState;
  /** Whether other states are inside. */
  readonly isContainer: boolean;
  /** Whether it is active together with the states beside it. */
  readonly isRegion: boolean;
  /** Whether the main road ends here. */
  readonly isGoal: boolean;
  /** The transitions that are written in it. */
  readonly lines: readonly Line[];
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Sizes are user units. At 850 of them in a column of 830 pixels, a text of 12 is 11.7 pixels high. */
export const TITLE_SIZE = 14;
export const TEXT_SIZE = 12;
export const PILL_SIZE = 11.5;
export const LINE_HEIGHT = 16;
export const PILL_HEIGHT = 18;
export const HEADER_HEIGHT = 32;
export const PADDING = 10;
export const GAP = 6;
/** The clock in front of a delay. */
export const CLOCK_WIDTH = 15;
/** The circling arrow in front of a transition that stays. */
export const MARK_WIDTH = 17;
export const ACTOR_ICON_WIDTH = 13;

const HISTORY_SIZE = 30;
const MIN_WIDTH = 72;

const LABEL_PADDING = 5;

export const lineWidth = ({ kind, text, guard, to }: Line): number =>
  (kind === 'after' ? CLOCK_WIDTH : 0) +
  textWidth(`${text}${guard === null ? '' : ` [${guard}]`}${to === null ? '' : ` → ${to}`}`, TEXT_SIZE);

/** A line in a box: what stays has a mark in front. */
export const rowWidth = (line: Line): number => (line.to === null ? MARK_WIDTH : 0) + lineWidth(line);

export const titleWidth = ({ key }: GraphState): number => textWidth(key, TITLE_SIZE, 'bold');
export const tagWidth = (tag: string): number => textWidth(tag, PILL_SIZE) + 12;
export const actorWidth = (actor: string): number => textWidth(actor, PILL_SIZE) + 12 + ACTOR_ICON_WIDTH;

export const labelSize = (lines: readonly Line[]): Size => ({
  width: Math.max(...lines.map(lineWidth)) + 2 * LABEL_PADDING,
  height: lines.length * LINE_HEIGHT + 4,
});

/** Side by side, with gaps between them and in front of the first. */
const sum = (widths: readonly number[]): number => widths.reduce((total, width) => total + GAP + width, 0);

/** How high the row of actors is, which a state without others inside has under its title. */
export const actorsHeight = ({ isContainer, state }: StateBox): number =>
  isContainer || state.invokes.length === 0 ? 0 : PILL_HEIGHT + GAP;

/** How large a state without others inside is. */
export function leafSize(box: StateBox): Size {
  const { state, lines } = box;
  if (state.type === 'history') return { width: HISTORY_SIZE, height: HISTORY_SIZE };
  const title = titleWidth(state) + sum(state.tags.map(tagWidth));
  const actors = sum(state.invokes.map(actorWidth)) - GAP;
  const width = Math.max(title, actors, ...lines.map(rowWidth)) + 2 * PADDING;
  return { width: Math.max(MIN_WIDTH, width), height: contentHeight(box) };
}

/** How much room a state with others inside needs at its top. */
export function headerSize(box: StateBox): Size {
  const { state, lines } = box;
  const title = titleWidth(state) + sum(state.tags.map(tagWidth)) + sum(state.invokes.map(actorWidth));
  return { width: Math.max(title, ...lines.map(rowWidth)) + 2 * PADDING, height: contentHeight(box) };
}

const contentHeight = (box: StateBox): number =>
  HEADER_HEIGHT + actorsHeight(box) + box.lines.length * LINE_HEIGHT + (box.lines.length > 0 ? GAP / 2 : 0);

/** The states of a graph, the outer ones first; a road is the ids of states that the eye is led along. */
export function boxesOf(graph: Graph, road: readonly string[]): StateBox[] {
  const written = graph.edges.flatMap((edge, index) =>
    isArrow(graph, road, edge) ? [] : [{ source: edge.source, line: lineOf(graph, edge, index) }],
  );
  return [...frameOf(graph), ...graph.states].map((state) => ({
    state,
    isContainer: graph.states.some(({ parent }) => parent === state.id),
    isRegion: typeOf(graph, state.parent) === 'parallel',
    isGoal: road.at(-1) === state.id,
    lines: written.filter(({ source }) => source === state.id).map(({ line }) => line),
  }));
}

/** The machine itself is drawn only if something is said of it, regions, actors or transitions, or if it is all there is. */
function frameOf(graph: Graph): GraphState[] {
  const { id, type, invokes, initial, description } = graph;
  const isSpokenOf = graph.edges.some(({ source, targets }) => source === id || targets.includes(id));
  const isNeeded = type === 'parallel' || invokes.length > 0 || isSpokenOf || graph.states.length === 0;
  if (!isNeeded) return [];
  const start = initial === id ? null : initial;
  const frame = { id, path: id, key: id, type, invokes, description, initial: start };
  return [{ ...frame, history: null, parent: '', tags: [] }];
}

const typeOf = (graph: Graph, id: string): GraphState['type'] | undefined =>
  id === graph.id ? graph.type : graph.states.find((state) => state.id === id)?.type;

/** From so many states does an event lead to the same one that arrows would say less than words. */
const MANY = 3;

/**
 * Whether a transition is drawn as an arrow. One that stays is not; nor is what is the same in many states, such as
 * `disconnect → closed`: it is written in the box.
 */
function isArrow(
  graph: Graph,
  road: readonly string[],
  { source, target, targets, event }: GraphEdge,
): boolean {
  if (target === null) return false;
  if (targets.length > 1 || isStep(road, source, target)) return true;
  const alike = graph.edges.filter((other) => other.event === event && other.target === target);
  return event === '' || new Set(alike.map((edge) => edge.source)).size < MANY;
}

/** The arrows of a graph: one per pair of states, in the order of the first transition between them. */
export function arrowsOf(graph: Graph, road: readonly string[]): Arrow[] {
  const between = new Map<string, Arrow>();
  for (const [index, edge] of graph.edges.entries()) {
    if (!isArrow(graph, road, edge)) continue;
    const line = { ...lineOf(graph, edge, index), to: null };
    for (const target of edge.targets) {
      const ends = JSON.stringify([edge.source, target]);
      const { lines = [], kind = line.kind } = between.get(ends) ?? {};
      between.set(ends, {
        source: edge.source,
        target,
        kind: kind === line.kind ? kind : 'event',
        lines: [...lines, line],
        isRoad: isStep(road, edge.source, target),
      });
    }
  }
  return [...between.values()];
}

/** Whether a road leads directly from one state to the other. */
export const isStep = (road: readonly string[], source: string, target: string): boolean =>
  road.includes(source) && road[road.indexOf(source) + 1] === target;

const lineOf = (graph: Graph, edge: GraphEdge, index: number): Line => ({
  edge: index,
  kind: edge.kind,
  text: edge.label,
  guard: edge.guard,
  to: graph.states.find(({ id }) => id === edge.target)?.key ?? edge.target,
  description: edge.description,
});
