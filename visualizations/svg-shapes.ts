// The few shapes that a drawing is made of, as SVG text. Colours are plain attributes in the light theme, for viewers
// that know no custom properties; the style sheet overrides them by class.
import { rounded, type Area, type Point } from './geometry.ts';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export const escaped = (words: string): string => words.replace(/[&<>"]/g, (one) => ESCAPES[one] ?? one);

/** An attribute that is left out when it is `false`; numbers are rounded. */
type Attributes = Readonly<Record<string, string | number | false>>;

export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => {
    if (value === false) return '';
    return ` ${key}="${typeof value === 'number' ? String(rounded(value)) : escaped(value)}"`;
  });
  const start = `<${name}${written.join('')}`;
  return content.length === 0 ? `${start}/>` : `${start}>${content.join('')}</${name}>`;
}

export const rect = ({ x, y, width, height }: Area, radius: number, attributes: Attributes): string =>
  element('rect', { x, y, width, height, rx: radius, ...attributes });

/** `at` is where the baseline begins. */
export const text = ({ x, y }: Point, words: string, attributes: Attributes): string =>
  element('text', { x, y, ...attributes }, escaped(words));

export const tooltip = (lines: readonly string[]): string =>
  element('title', {}, escaped(lines.filter((line) => line !== '').join('\n')));

/** A line with round corners. */
export function lineThrough(way: readonly Point[]): string {
  const [start = { x: 0, y: 0 }, ...rest] = way;
  const steps = rest.map((corner, index) => {
    const next = rest[index + 1];
    if (!next) return `L${pair(corner)}`;
    return `L${pair(onTheWay(corner, way[index] ?? corner))}Q${pair(corner)} ${pair(onTheWay(corner, next))}`;
  });
  return `M${pair(start)}${steps.join('')}`;
}

const CORNER_RADIUS = 8;

/** A point on the line from one point to another, a corner's radius away but not beyond the middle. */
function onTheWay(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const part = length === 0 ? 0 : Math.min(CORNER_RADIUS / length, 0.5);
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}

const HEAD = { length: 9, halfWidth: 4.5 };

/** The triangle at the end of a line. */
export function headOf(way: readonly Point[]): string {
  const end = way.at(-1) ?? { x: 0, y: 0 };
  const before = way.at(-2) ?? end;
  const length = Math.hypot(end.x - before.x, end.y - before.y) || 1;
  const along = { x: (end.x - before.x) / length, y: (end.y - before.y) / length };
  const corner = (side: number): Point => ({
    x: end.x - along.x * HEAD.length - along.y * side,
    y: end.y - along.y * HEAD.length + along.x * side,
  });
  return `M${pair(end)}L${pair(corner(HEAD.halfWidth))}L${pair(corner(-HEAD.halfWidth))}Z`;
}

const pair = ({ x, y }: Point): string => `${rounded(x)} ${rounded(y)}`;
