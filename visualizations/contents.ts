// Where the words in a state's box go. A line that runs through the top of a box is stepped over, not written on.
import {
  ACTOR_ICON_WIDTH,
  actorsHeight,
  actorWidth,
  GAP,
  HEADER_HEIGHT,
  LINE_HEIGHT,
  PADDING,
  PILL_HEIGHT,
  rowWidth,
  tagWidth,
  titleWidth,
  type Line,
  type StateBox,
} from './boxes.ts';
import type { Area, Point } from './geometry.ts';

export interface Pill {
  readonly kind: 'tag' | 'actor';
  readonly text: string;
  readonly area: Area;
  /** Where the text begins, on its baseline. */
  readonly at: Point;
}

export interface Row {
  readonly line: Line;
  readonly area: Area;
}

export interface Contents {
  readonly title: Area;
  readonly pills: readonly Pill[];
  readonly rows: readonly Row[];
}

/** @param ways - The lines that may run through the box. */
export function contentsOf(box: StateBox, area: Area, ways: readonly (readonly Point[])[]): Contents {
  const steppedOver = placed(box, area, box.isContainer ? barsIn(area, ways) : []);
  return isWithin(steppedOver, area) ? steppedOver : placed(box, area, []);
}

const isWithin = ({ title, pills, rows }: Contents, area: Area): boolean =>
  [title, ...[...pills, ...rows].map((part) => part.area)].every(
    ({ x, width }) => x + width <= area.x + area.width,
  );

function placed(box: StateBox, area: Area, bars: readonly Bar[]): Contents {
  const { state, isContainer, lines } = box;
  const left = area.x + PADDING;
  const header = { y: area.y + (HEADER_HEIGHT - PILL_HEIGHT) / 2 + 1, height: PILL_HEIGHT };
  const title = stepOver({ ...header, x: left, width: titleWidth(state) }, bars);

  const tags = inARow(
    state.tags.map((text) => ({ kind: 'tag' as const, text, width: tagWidth(text) })),
    { ...header, x: endOf(title), width: 0 },
    bars,
  );
  const actorsAt = isContainer
    ? { ...header, x: endOf(tags.at(-1)?.area ?? title), width: 0 }
    : { ...header, x: left, width: 0, y: area.y + HEADER_HEIGHT - 2 };
  const actors = inARow(
    state.invokes.map((text) => ({ kind: 'actor' as const, text, width: actorWidth(text) })),
    actorsAt,
    bars,
  );

  const top = area.y + HEADER_HEIGHT - 2 + actorsHeight(box);
  const rows = lines.map((line, index) => ({
    line,
    area: stepOver(
      { x: title.x, y: top + index * LINE_HEIGHT, width: rowWidth(line), height: LINE_HEIGHT },
      bars,
    ),
  }));
  return { title, pills: [...tags, ...actors], rows };
}

const endOf = ({ x, width }: Area): number => x + width + GAP;

/** A vertical piece of a line. */
interface Bar {
  readonly x: number;
  readonly from: number;
  readonly to: number;
}

const barsIn = (area: Area, ways: readonly (readonly Point[])[]): Bar[] =>
  ways
    .flatMap((way) => way.slice(1).map((end, index) => ({ start: way[index] ?? end, end })))
    .filter(({ start, end }) => start.x === end.x && start.x > area.x && start.x < area.x + area.width)
    .map(({ start, end }) => ({ x: start.x, from: Math.min(start.y, end.y), to: Math.max(start.y, end.y) }))
    .sort((a, b) => a.x - b.x);

/** The first place from there to the right in which no line is crossed. */
function stepOver(area: Area, bars: readonly Bar[]): Area {
  const touched = bars.find(
    ({ x, from, to }) =>
      x > area.x - GAP && x < area.x + area.width + GAP / 2 && from < area.y + area.height && to > area.y,
  );
  return touched ? stepOver({ ...area, x: touched.x + PADDING }, bars) : area;
}

function inARow(
  pills: readonly { readonly kind: Pill['kind']; readonly text: string; readonly width: number }[],
  start: Area,
  bars: readonly Bar[],
): Pill[] {
  let { x } = start;
  return pills.map(({ kind, text, width }) => {
    const area = stepOver({ ...start, x, width }, bars);
    x = endOf(area);
    const inset = kind === 'actor' ? GAP + ACTOR_ICON_WIDTH : GAP;
    return { kind, text, area, at: { x: area.x + inset, y: area.y + 13 } };
  });
}
