// Which part of a drawing is in sight: pure arithmetic for fitting, zooming and moving.

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** How far one can zoom in: a drawing's unit is at most so many pixels. */
const MAX_PIXELS_PER_UNIT = 4;
/** How much of the panel's edge is left free when the whole drawing is shown. */
const MARGIN = 8;

/** The whole drawing, in the shape of the panel; a small drawing is not blown up beyond its size. */
export function fit(drawing: Box, panel: Pick<Box, 'width' | 'height'>): Box {
  const room = {
    width: Math.max(1, panel.width - MARGIN * 2),
    height: Math.max(1, panel.height - MARGIN * 2),
  };
  const unitsPerPixel = Math.max(1, drawing.width / room.width, drawing.height / room.height);
  const width = panel.width * unitsPerPixel;
  const height = panel.height * unitsPerPixel;
  return {
    x: drawing.x + (drawing.width - width) / 2,
    y: drawing.y + (drawing.height - height) / 2,
    width,
    height,
  };
}

/** Zooms by a factor (above 1: closer), with the point at these shares of the width and height staying in place. */
export function zoom(
  view: Box,
  factor: number,
  { drawing, panel }: { readonly drawing: Box; readonly panel: Pick<Box, 'width' | 'height'> },
  [atX, atY]: readonly [number, number] = [0.5, 0.5],
): Box {
  const whole = fit(drawing, panel);
  const width = Math.min(whole.width, Math.max(panel.width / MAX_PIXELS_PER_UNIT, view.width / factor));
  if (width >= whole.width) return whole;
  const height = width * (view.height / view.width);
  const moved = {
    x: view.x + (view.width - width) * atX,
    y: view.y + (view.height - height) * atY,
    width,
    height,
  };
  return keepInSight(moved, drawing);
}

export const move = (view: Box, dx: number, dy: number, drawing: Box): Box =>
  keepInSight({ ...view, x: view.x + dx, y: view.y + dy }, drawing);

/**
 * A view at a scale in which a part of the drawing is in sight: the same one when it is, else one around that part.
 * No more of what lies outside the drawing is shown than must be.
 */
export function follow(
  view: Box,
  target: Box,
  { drawing, panel }: { readonly drawing: Box; readonly panel: Pick<Box, 'width' | 'height'> },
  unitsPerPixel: number,
): Box {
  const width = panel.width * unitsPerPixel;
  const height = panel.height * unitsPerPixel;
  const isSameScale = Math.abs(view.width - width) < 1 && Math.abs(view.height - height) < 1;
  const isInSight = isSameScale && contains(view, target);
  const at = (axis: 'x' | 'y', side: 'width' | 'height', size: number): number => {
    const room = drawing[side] - size;
    if (room <= 0) return drawing[axis] + room / 2;
    const wanted = isInSight ? view[axis] : target[axis] + (target[side] - size) / 2;
    return clamp(wanted, drawing[axis], drawing[axis] + room);
  };
  return { x: at('x', 'width', width), y: at('y', 'height', height), width, height };
}

const contains = (outer: Box, inner: Box): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

/** The smallest box around several. */
export function around(boxes: readonly Box[]): Box {
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}

/** Moves a view as little as is needed for its middle to lie in the drawing. */
function keepInSight(view: Box, drawing: Box): Box {
  const halfWidth = view.width / 2;
  const halfHeight = view.height / 2;
  return {
    ...view,
    x: clamp(view.x, drawing.x - halfWidth, drawing.x + drawing.width - halfWidth),
    y: clamp(view.y, drawing.y - halfHeight, drawing.y + drawing.height - halfHeight),
  };
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
