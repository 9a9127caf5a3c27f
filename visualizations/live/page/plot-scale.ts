// The arithmetic of plots: round numbers for an axis, and places for values.

export interface Scale {
  /** The end of the axis: a round number at or above the largest value. */
  readonly max: number;
  /** From 0 to `max`, evenly spaced. */
  readonly ticks: readonly number[];
}

const STEPS = [1, 2, 2.5, 5, 10];

/** An axis from 0 to at least `largest`, with at most `most` steps of a round size. */
export function scaleFor(largest: number, most = 3): Scale {
  const top = Number.isFinite(largest) && largest > 0 ? largest : 1;
  const rough = top / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((one) => one * power >= rough * (1 - 1e-9)) ?? 10) * power;
  const steps = Math.ceil(top / step - 1e-9);
  const ticks = Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(12)));
  return { max: ticks.at(-1) ?? top, ticks };
}

/** Where a value lies between two others, from 0 to 1. */
export const share = (value: number, from: number, to: number): number =>
  to === from ? 0 : Math.min(1, Math.max(0, (value - from) / (to - from)));

export interface Point {
  readonly at: number;
  /** `undefined` where nothing was measured: the line is broken there. */
  readonly value: number | undefined;
}

/** The index of the point that is nearest in time; -1 without points. They are in the order of time. */
export function nearest(points: readonly { readonly at: number }[], at: number): number {
  let low = 0;
  let high = points.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.at ?? 0) <= at) low = middle;
    else high = middle;
  }
  const toLow = Math.abs(at - (points[low]?.at ?? 0));
  const toHigh = Math.abs((points[high]?.at ?? 0) - at);
  return toHigh < toLow ? high : low;
}

/** The path of an SVG line through points, given where each lies; broken where there is no value. */
export function linePath(
  points: readonly Point[],
  place: (point: Point) => readonly [number, number],
): string {
  let isDown = false;
  return points
    .map((point) => {
      if (point.value === undefined) {
        isDown = false;
        return '';
      }
      const [x, y] = place(point);
      const command = isDown ? 'L' : 'M';
      isDown = true;
      return `${command}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
