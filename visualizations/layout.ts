// Where everything in a drawing goes, as the Eclipse Layout Kernel (elkjs) finds it. elkjs is loaded when the first
// drawing is asked for: not everybody who uses this has it.
import type { ElkExtendedEdge, ElkNode, LayoutOptions } from 'elkjs/lib/elk-api.js';
import {
  arrowsOf,
  boxesOf,
  headerSize,
  isStep,
  labelSize,
  leafSize,
  type Arrow,
  type StateBox,
} from './boxes.ts';
import { contentsOf, type Contents } from './contents.ts';
import { rounded, type Area, type Point } from './geometry.ts';
import { isInside, type Graph } from './graph.ts';

export interface PlacedState extends StateBox {
  readonly area: Area;
  readonly contents: Contents;
}

export interface PlacedArrow extends Arrow {
  readonly way: readonly Point[];
  readonly label: Area;
}

/** The way into a state's initial child, or from a history state that has nothing to remember yet. */
export interface Start {
  readonly from: string;
  readonly target: string;
  readonly isRoad: boolean;
  /** Whether it begins at a dot; the other ones begin at the history state. */
  readonly hasDot: boolean;
  readonly dot: Area;
  readonly way: readonly Point[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Outer states first: the inner ones are drawn over them. */
  readonly states: readonly PlacedState[];
  readonly arrows: readonly PlacedArrow[];
  readonly starts: readonly Start[];
}

export interface LayoutSettings {
  /**
   * Paths of states, such as `['idle', 'online', 'online.open']`: the steps between them stand out.
   * By default none, but for the connection's chart.
   */
  readonly road?: readonly string[];
}

/** What is drawn, before it has places. */
interface Plan {
  readonly graph: Graph;
  readonly boxes: readonly StateBox[];
  readonly arrows: readonly Arrow[];
  readonly starts: readonly Omit<Start, 'dot' | 'way'>[];
}

/** Found by looking: what keeps the connection's chart narrow enough for a README, straight and without overlaps. */
const SETTINGS: LayoutOptions = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'org.eclipse.elk.json.edgeCoords': 'ROOT',
  'org.eclipse.elk.json.shapeCoords': 'ROOT',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
  // The other strategy, NETWORK_SIMPLEX, bends lines askew where they leave a container.
  'elk.layered.nodePlacement.strategy': 'BRANDES_KOEPF',
  'elk.layered.thoroughness': '40',
  'elk.randomSeed': '1',
  'elk.padding': '[top=16,left=16,bottom=16,right=16]',
  'elk.layered.spacing.nodeNodeBetweenLayers': '22',
  'elk.layered.spacing.edgeNodeBetweenLayers': '13',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '10',
  'elk.spacing.nodeNode': '24',
  'elk.spacing.edgeNode': '14',
  'elk.spacing.edgeEdge': '12',
  'elk.spacing.edgeLabel': '4',
};

const FIRST: LayoutOptions = { 'elk.layered.layering.layerConstraint': 'FIRST' };

const ROAD: LayoutOptions = {
  'elk.layered.priority.straightness': '20',
  'elk.layered.priority.shortness': '10',
  'elk.layered.priority.direction': '10',
};

const ON_THE_LINE: LayoutOptions = { 'elk.edgeLabels.inline': 'true' };
const AT_THE_SOURCE: LayoutOptions = { 'elk.edgeLabels.placement': 'TAIL' };

const DOT_SIZE = 12;
const ENTRANCE_WIDTH = 30;

/** The main roads of charts that are known here, by the machine's id. */
const ROADS: Readonly<Record<string, readonly string[]>> = {
  connection: ['idle', 'online', 'online.connecting', 'online.authenticating', 'online.open'],
  session: ['accepting', 'linked', 'linked.open'],
  subscription: ['subscribing', 'subscribing.waiting', 'subscribing.asking', 'subscribed.confirmed'],
};

function roadOf({ id, states }: Graph): readonly string[] {
  const road = ROADS[id] ?? [];
  return road.every((path) => states.some((state) => state.path === path)) ? road : [];
}

export async function layOut(graph: Graph, settings: LayoutSettings = {}): Promise<Layout> {
  const road = (settings.road ?? roadOf(graph)).map((path) => `${graph.id}.${path}`);
  const boxes = boxesOf(graph, road);
  const plan: Plan = { graph, boxes, arrows: arrowsOf(graph, road), starts: startsOf(graph, boxes, road) };
  const { default: elk } = await import('elkjs/lib/elk.bundled.js');
  const root: ElkNode = {
    id: 'root',
    layoutOptions: SETTINGS,
    children: nodesIn(plan, boxes[0]?.state.parent ?? ''),
    edges: [...plan.arrows.map((arrow, index) => edgeOf(plan, arrow, index)), ...plan.starts.map(startEdge)],
  };
  return placed(plan, await new elk.default().layout(root));
}

function startsOf(
  { id, initial }: Graph,
  boxes: readonly StateBox[],
  road: readonly string[],
): Plan['starts'] {
  const hasFrame = boxes[0]?.state.id === id;
  const inside = boxes.flatMap(({ state }) =>
    state.initial === null
      ? []
      : [{ from: state.id, target: state.initial, hasDot: state.type !== 'history' }],
  );
  const top = hasFrame || initial === id ? [] : [{ from: id, target: initial, hasDot: true }];
  return [...top, ...inside].map(({ from, target, hasDot }) => ({
    from,
    target,
    hasDot,
    isRoad: isStep(road, from, target) || (from === id && road[0] === target),
  }));
}

const nodeId = (state: string): string => `state ${state}`;
const dotId = (state: string): string => `start ${state}`;
const startId = (state: string): string => `from start ${state}`;
const arrowId = (index: number): string => `arrow ${index}`;

/** The states directly inside one, behind the dot that it starts at. */
function nodesIn(plan: Plan, parent: string): ElkNode[] {
  const nodes = plan.boxes.filter(({ state }) => state.parent === parent).map((box) => nodeOf(plan, box));
  const dot = { id: dotId(parent), width: DOT_SIZE, height: DOT_SIZE, layoutOptions: FIRST };
  return plan.starts.some(({ from }) => from === parent) ? [dot, ...nodes] : nodes;
}

function nodeOf(plan: Plan, box: StateBox): ElkNode {
  const { id } = box.state;
  if (!box.isContainer)
    return { id: nodeId(id), ...leafSize(box), layoutOptions: { 'elk.alignment': 'TOP' } };
  const { width, height } = headerSize(box);
  return {
    id: nodeId(id),
    children: nodesIn(plan, id),
    layoutOptions: {
      'elk.padding': `[top=${height + 4},left=14,bottom=14,right=14]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      // elkjs 0.12 lays a container out from left to right, turns the result, and forgets to turn this: height first.
      'elk.nodeSize.minimum': `(${height},${width + entranceWidth(plan, box)})`,
      // MODEL_ORDER inside a container ends elkjs 0.12 with an exception.
      'elk.layered.cycleBreaking.strategy': 'DEPTH_FIRST',
    },
  };
}

function edgeOf(plan: Plan, arrow: Arrow, index: number): ElkExtendedEdge {
  const { source, target, lines, isRoad } = arrow;
  const place = isLoneReturn(plan, arrow) ? AT_THE_SOURCE : ON_THE_LINE;
  return {
    id: arrowId(index),
    sources: [nodeId(source)],
    targets: [nodeId(target)],
    // A label without text is left out of the layout.
    labels: [{ id: `label ${index}`, text: '-', ...labelSize(lines), layoutOptions: place }],
    layoutOptions: isRoad ? ROAD : {},
  };
}

/**
 * The only arrow out of a state, back to one far before it. In the middle of such long ways, side by side, labels would
 * take the width.
 */
function isLoneReturn({ graph, arrows }: Plan, { source, target }: Arrow): boolean {
  const orderOf = (id: string): number => graph.states.findIndex((state) => state.id === id);
  const isAlone = arrows.filter((other) => other.source === source).length === 1;
  const isMet = arrows.some((other) => other.source === target && other.target === source);
  return isAlone && !isMet && orderOf(target) < orderOf(source) && !isInside(source, target);
}

/** Room beside the words at the top of a container for each arrow that comes in from above. */
function entranceWidth({ arrows }: Plan, { state: { id } }: StateBox): number {
  const entrances = arrows.filter(({ source, target }) => isInside(target, id) && !isInside(source, id));
  return entrances.filter(({ source }) => source !== id).length * ENTRANCE_WIDTH;
}

const startEdge = ({ from, target, isRoad, hasDot }: Plan['starts'][number]): ElkExtendedEdge => ({
  id: startId(from),
  sources: [hasDot ? dotId(from) : nodeId(from)],
  targets: [nodeId(target)],
  layoutOptions: isRoad ? ROAD : {},
});

function placed(plan: Plan, root: ElkNode): Layout {
  const nodes = nodesBelow(root);
  const nodeBy = new Map(nodes.map((node) => [node.id, node]));
  const edgeBy = new Map([root, ...nodes].flatMap(({ edges = [] }) => edges).map((edge) => [edge.id, edge]));
  const arrows = plan.arrows.map((arrow, index) => {
    const edge = edgeBy.get(arrowId(index));
    return { ...arrow, way: wayOf(edge), label: areaOf(edge?.labels?.[0]) };
  });
  const starts = plan.starts.map((start) => ({
    ...start,
    dot: areaOf(nodeBy.get(dotId(start.from))),
    way: wayOf(edgeBy.get(startId(start.from))),
  }));
  const ways = [...arrows, ...starts].map(({ way }) => way);
  const states = plan.boxes.map((box) => {
    const area = areaOf(nodeBy.get(nodeId(box.state.id)));
    return { ...box, area, contents: contentsOf(box, area, ways) };
  });
  return { width: rounded(root.width), height: rounded(root.height), states, arrows, starts };
}

const nodesBelow = ({ children = [] }: ElkNode): ElkNode[] =>
  children.flatMap((child) => [child, ...nodesBelow(child)]);

const wayOf = (edge: ElkExtendedEdge | undefined): Point[] =>
  (edge?.sections ?? [])
    .flatMap(({ startPoint, bendPoints = [], endPoint }) => [startPoint, ...bendPoints, endPoint])
    .map(({ x, y }) => ({ x: rounded(x), y: rounded(y) }));

const areaOf = ({ x, y, width, height }: Partial<Area> = {}): Area => ({
  x: rounded(x),
  y: rounded(y),
  width: rounded(width),
  height: rounded(height),
});
