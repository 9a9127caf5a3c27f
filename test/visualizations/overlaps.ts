// What covers what in a drawing.
import type { Area, Point } from '../../visualizations/geometry.ts';

export type Named = Area & { readonly name: string };

const touch = (a: Area, b: Area): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

/** The pairs of areas that share some ground. */
export const overlapping = (areas: readonly Named[]): string[] =>
  areas.flatMap((a, index) =>
    areas
      .slice(index + 1)
      .filter((b) => touch(a, b))
      .map((b) => `${a.name} and ${b.name}`),
  );

/** One entry for each line that runs through an area. */
export const crossed = (area: Named, ways: readonly (readonly Point[])[]): string[] =>
  ways
    .filter((way) => way.slice(1).some((end, index) => touch(area, around(way[index]!, end))))
    .map((way) => `${area.name} by the line to ${JSON.stringify(way.at(-1))}`);

const around = (a: Point, b: Point): Area => ({
  x: Math.min(a.x, b.x),
  y: Math.min(a.y, b.y),
  width: Math.abs(a.x - b.x) + 0.1,
  height: Math.abs(a.y - b.y) + 0.1,
});

export const isInsideOf = (inner: Area, outer: Area): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;
