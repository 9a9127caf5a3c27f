// A small plot: lines over time with an axis, a legend, and the values at the moment that is pointed at.
import { h, svg } from './dom.ts';
import { formatClock, formatDuration } from './format.ts';
import { linePath, nearest, scaleFor, share, type Point } from './plot-scale.ts';

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface PlotWindow {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** The moment that is looked at, when it is not the last one. */
  readonly mark: number | undefined;
}

const HEIGHT = 68;
const LEFT = 44;
const RIGHT = 6;
const TOP = 6;
const BOTTOM = 16;

export class Plot {
  readonly element: HTMLElement;
  readonly #readout = h('span', { class: 'readout' });
  readonly #canvas = svg('svg', { class: 'plot', height: HEIGHT, role: 'img' });
  readonly #format: (value: number) => string;
  readonly #title: string;
  #series: readonly Series[] = [];
  #window: PlotWindow = { from: 0, to: 1, mark: undefined };
  #pointedAt: number | undefined;

  /** @param format writes a value with its unit */
  constructor(title: string, format: (value: number) => string) {
    this.#title = title;
    this.#format = format;
    this.element = h(
      'figure',
      { class: 'plot-box' },
      h('figcaption', {}, h('span', {}, title), this.#readout),
      this.#canvas,
    );
    new ResizeObserver(() => this.#paint()).observe(this.element);
    this.#canvas.addEventListener('pointermove', ({ offsetX }) => {
      const { from, to } = this.#window;
      this.#pointedAt = from + ((offsetX - LEFT) / (this.#width - LEFT - RIGHT)) * (to - from);
      this.#paint();
    });
    this.#canvas.addEventListener('pointerleave', () => {
      this.#pointedAt = undefined;
      this.#paint();
    });
  }

  update(series: readonly Series[], window: PlotWindow): void {
    this.#series = series.map(({ name, points }) => ({
      name,
      points: points.filter(({ at }) => at >= window.from && at <= window.to),
    }));
    this.#window = window;
    this.#paint();
  }

  get #width(): number {
    return Math.max(160, this.#canvas.clientWidth);
  }

  #paint(): void {
    const { from, to, mark } = this.#window;
    const values = this.#series.flatMap(({ points }) => points.map(({ value }) => value ?? 0));
    const { ticks, max } = scaleFor(Math.max(0, ...values), 2);
    const x = (at: number): number => LEFT + share(at, from, to) * (this.#width - LEFT - RIGHT);
    const y = (value: number): number => TOP + (1 - share(value, 0, max)) * (HEIGHT - TOP - BOTTOM);
    const hasValues = this.#series.some(({ points }) => points.some(({ value }) => value !== undefined));
    const moment = this.#pointedAt ?? mark;
    this.#canvas.replaceChildren(
      ...(hasValues ? ticks : []).flatMap((tick) => [
        svg('line', { class: 'grid', x1: LEFT, x2: this.#width - RIGHT, y1: y(tick), y2: y(tick) }),
        svg('text', { class: 'tick', x: LEFT - 6, y: y(tick) + 3, 'text-anchor': 'end' }, this.#format(tick)),
      ]),
      svg('text', { class: 'tick', x: LEFT, y: HEIGHT - 3 }, `${formatDuration(to - from)} ago`),
      svg(
        'text',
        { class: 'tick', x: this.#width - RIGHT, y: HEIGHT - 3, 'text-anchor': 'end' },
        endOf(this.#window),
      ),
      ...this.#series.map(({ points }, index) =>
        svg('path', {
          class: `line line-${index}`,
          d: linePath(points, ({ at, value = 0 }) => [x(at), y(value)]),
        }),
      ),
      ...(hasValues
        ? []
        : [
            svg(
              'text',
              { class: 'nothing', x: LEFT + 8, y: HEIGHT / 2 },
              'Nothing was measured in this time.',
            ),
          ]),
      ...(moment === undefined
        ? []
        : [svg('line', { class: 'cursor', x1: x(moment), x2: x(moment), y1: TOP, y2: HEIGHT - BOTTOM })]),
    );
    this.#read(moment);
  }

  #read(moment: number | undefined): void {
    const parts = this.#series.map(({ name, points }, index) => {
      const point =
        moment === undefined
          ? points.findLast(({ value }) => value !== undefined)
          : points[nearest(points, moment)];
      const text = point?.value === undefined ? '–' : this.#format(point.value);
      return h('span', { class: `key key-${index}` }, name === '' ? text : `${name} ${text}`);
    });
    this.#readout.replaceChildren(...parts);
    if (this.#pointedAt !== undefined)
      this.#readout.append(h('span', {}, formatClock(this.#pointedAt).slice(0, 8)));
    this.#canvas.setAttribute(
      'aria-label',
      `${this.#title}: ${parts.map(({ textContent }) => textContent).join(', ')}`,
    );
  }
}

const endOf = ({ mark, to }: PlotWindow): string =>
  mark === undefined ? 'now' : formatClock(to).slice(0, 8);
