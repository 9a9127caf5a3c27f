// A machine as one SVG for light and dark, without script or external font. A page that embeds it lights what happens:
// it adds the class `active` to `[data-state="ID"]`, and `taken` to `[data-edge~="INDEX"]`.
import {
  CLOCK_WIDTH,
  GAP,
  LINE_HEIGHT,
  lineWidth,
  MARK_WIDTH,
  PILL_SIZE,
  TEXT_SIZE,
  TITLE_SIZE,
  type Line,
} from './boxes.ts';
import type { Pill, Row } from './contents.ts';
import { rounded, type Area, type Point } from './geometry.ts';
import type { Graph } from './graph.ts';
import {
  layOut,
  type Layout,
  type LayoutSettings,
  type PlacedArrow,
  type PlacedState,
  type Start,
} from './layout.ts';
import { element, escaped, headOf, lineThrough, rect, text, tooltip } from './svg-shapes.ts';
import { LIGHT, STYLE } from './svg-style.ts';

/**
 * Draws a machine, always the same way, in about half a second.
 *
 * @throws {Error} when elkjs is not installed, or cannot lay out this machine.
 */
export async function drawMachine(graph: Graph, settings: LayoutSettings = {}): Promise<string> {
  return toSvg(graph, await layOut(graph, settings));
}

export function toSvg(graph: Graph, { width, height, states, arrows, starts }: Layout): string {
  const root = {
    xmlns: 'http://www.w3.org/2000/svg',
    class: 'statechart',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
    'font-family': 'Helvetica, Arial, sans-serif',
    fill: LIGHT.text,
  };
  const content = [
    element('title', {}, escaped(`The statechart "${graph.id}"`)),
    element('desc', {}, escaped(inWords(graph))),
    element('style', {}, `\n${STYLE}\n`),
    rect({ x: 0.5, y: 0.5, width: width - 1, height: height - 1 }, 12, {
      class: 'ground',
      fill: LIGHT.ground,
      stroke: LIGHT.groundLine,
    }),
    ...states.map(drawState),
    ...starts.map(drawStart),
    ...arrows.map(drawArrow),
  ];
  return `${element('svg', root, '\n', content.join('\n'), '\n')}\n`;
}

function inWords({ description, states, edges }: Graph): string {
  const paths = states.map(({ path }) => path).join(', ');
  return `${description} ${states.length} states, ${edges.length} transitions. The states: ${paths}.`.trim();
}

function drawState(placed: PlacedState): string {
  const { state, area, contents } = placed;
  const classes = ['state', placed.isContainer ? 'outer' : 'leaf', placed.isGoal && 'goal'].filter(Boolean);
  return element(
    'g',
    { class: classes.join(' '), 'data-state': state.id },
    tooltip([state.path, state.description]),
    drawBox(placed),
    ...(state.type === 'history'
      ? [historyMark(placed)]
      : [text(baseline(contents.title), state.key, { 'font-size': TITLE_SIZE, 'font-weight': 'bold' })]),
    ...contents.pills.map(drawPill),
    ...contents.rows.map(drawRow),
    state.type === 'final'
      ? rect(inset(area, 3), 7, { class: 'inner', fill: 'none', stroke: LIGHT.stateLine })
      : '',
  );
}

function drawBox({ state, area, isContainer, isRegion, isGoal }: PlacedState): string {
  const radius = state.type === 'history' ? area.width / 2 : 10;
  const box = {
    class: 'box',
    fill: isContainer ? LIGHT.outer : LIGHT.state,
    stroke: isContainer ? LIGHT.outerLine : LIGHT.stateLine,
    'stroke-width': '1.5',
    'stroke-dasharray': isRegion && '7 4',
  };
  return rect(area, radius, isGoal ? { ...box, fill: LIGHT.goal, stroke: LIGHT.road } : box);
}

function historyMark({ area, state }: PlacedState): string {
  const words = state.history === 'deep' ? 'H*' : 'H';
  const middle = { x: area.x + area.width / 2, y: area.y + area.height / 2 + 5 };
  return text(middle, words, { 'font-size': TITLE_SIZE, 'font-weight': 'bold', 'text-anchor': 'middle' });
}

const baseline = ({ x, y }: Area): Point => ({ x, y: y + 13.5 });

const inset = ({ x, y, width, height }: Area, by: number): Area => ({
  x: x + by,
  y: y + by,
  width: width - 2 * by,
  height: height - 2 * by,
});

function drawPill({ kind, text: words, area, at }: Pill): string {
  const isActor = kind === 'actor';
  const colour = isActor ? LIGHT.actorText : LIGHT.quiet;
  return element(
    'g',
    { class: kind },
    rect(area, area.height / 2, { class: 'pill', fill: isActor ? LIGHT.actor : LIGHT.tag }),
    isActor ? drawActor({ x: area.x + GAP + 5.5, y: area.y + area.height / 2 }) : '',
    text(at, words, { 'font-size': String(PILL_SIZE), fill: colour }),
  );
}

/** A ring with a core: something is at work here. */
const drawActor = ({ x, y }: Point): string =>
  element('circle', { class: 'icon', cx: x, cy: y, r: 4.5, fill: 'none', stroke: LIGHT.actorText }) +
  element('circle', { class: 'core', cx: x, cy: y, r: 2, fill: LIGHT.actorText });

function drawRow({ line, area }: Row): string {
  const isStay = line.to === null;
  const at = { x: area.x + (isStay ? MARK_WIDTH : 0), y: area.y + 12 };
  return element(
    'g',
    { class: 'edge', 'data-edge': String(line.edge) },
    tooltip([line.text, line.description]),
    rect({ ...area, x: area.x - 4, width: area.width + 8 }, 4, { class: 'row', fill: 'none' }),
    isStay ? drawMark({ x: area.x + 2, y: area.y + 8 }) : '',
    drawLine(line, at),
  );
}

/** An arrow in a circle: stays. */
const drawMark = ({ x, y }: Point): string =>
  element('path', {
    class: 'mark',
    d: `M${rounded(x + 8.5)} ${rounded(y - 2.5)}a4.5 4.5 0 1 0 .5 4m.5 -7v3.5h-3.5`,
    fill: 'none',
    stroke: LIGHT.quiet,
  });

/** An event with its guard, and with its target where no arrow shows that; `at` is where its baseline begins. */
function drawLine(line: Line, at: Point, middle?: number): string {
  const { kind, guard, to } = line;
  const isDelay = kind === 'after';
  const isCentred = middle !== undefined && !isDelay;
  const x = isCentred ? middle : at.x + (isDelay ? CLOCK_WIDTH : 0);
  const words = element(
    'text',
    { x, y: at.y, 'font-size': TEXT_SIZE, 'text-anchor': isCentred && 'middle' },
    escaped(line.text),
    guard === null
      ? ''
      : ` ${element('tspan', { class: 'guard', 'font-style': 'italic' }, escaped(`[${guard}]`))}`,
    to === null ? '' : escaped(` → ${to}`),
  );
  return element('g', { class: `line-${kind}` }, isDelay ? drawClock(at) : '', words);
}

const drawClock = ({ x, y }: Point): string =>
  element('path', {
    class: 'clock',
    d: `M${rounded(x + 0.5)} ${rounded(y - 4)}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0m5 -3v3h2.5`,
    fill: 'none',
    stroke: LIGHT.after,
  });

function drawStart({ dot, way, isRoad, hasDot }: Start): string {
  const radius = dot.width / 2;
  const circle = {
    class: 'dot',
    cx: dot.x + radius,
    cy: dot.y + radius,
    r: radius,
    fill: isRoad ? LIGHT.road : LIGHT.arrow,
  };
  return element(
    'g',
    { class: isRoad ? 'start road' : 'start' },
    hasDot ? element('circle', circle) : '',
    ...drawWay(way, { isRoad, dashes: hasDot ? false : '2 3' }),
  );
}

function drawArrow({ lines, kind, way, isRoad, label }: PlacedArrow): string {
  const middle = label.x + label.width / 2;
  const baselineOf = (line: Line, index: number): Point => ({
    x: middle - lineWidth(line) / 2,
    y: label.y + 14 + index * LINE_HEIGHT,
  });
  return element(
    'g',
    {
      class: `edge ${kind}${isRoad ? ' road' : ''}`,
      'data-edge': lines.map(({ edge }) => String(edge)).join(' '),
    },
    tooltip(lines.map(({ text: event, description }) => (description ? `${event}: ${description}` : event))),
    ...drawWay(way, { isRoad, dashes: DASHES[kind] ?? false }),
    rect(label, 6, { class: 'label', fill: LIGHT.label, stroke: LIGHT.labelLine }),
    ...lines.map((line, index) => drawLine(line, baselineOf(line, index), middle)),
  );
}

/** Kinds differ by more than their colour. */
const DASHES: Readonly<Partial<Record<Line['kind'], string>>> = { after: '6 4', always: '2 3' };

interface WayStyle {
  readonly isRoad: boolean;
  readonly dashes: string | false;
}

const drawWay = (way: readonly Point[], { isRoad, dashes }: WayStyle): string[] => [
  element('path', {
    class: 'way',
    d: lineThrough(way),
    fill: 'none',
    stroke: isRoad ? LIGHT.road : LIGHT.arrow,
    'stroke-width': isRoad ? '2.5' : '1.5',
    'stroke-dasharray': dashes,
  }),
  element('path', { class: 'head', d: headOf(way), fill: isRoad ? LIGHT.road : LIGHT.arrow }),
];
