// Points and areas of a drawing, in user units.

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Area extends Point {
  readonly width: number;
  readonly height: number;
}

/** To halves: so exact that nothing looks shifted, so coarse that no machine's floating point shows. */
export const rounded = (length = 0): number => Math.round(length * 2) / 2;
