// A plot of samples by their numbers: some lines, an axis, a legend, and marks at the samples that raised an alert.
import { h, svg } from '../../../visualizations/live/page/dom.ts';
import { linePath, scaleFor, share } from '../../../visualizations/live/page/plot-scale.ts';

/** How many samples are in sight. */
export const SPAN = 120;

const HEIGHT = 112;
const LEFT = 40;
const RIGHT = 10;
const TOP = 14;
const BOTTOM = 18;

export interface Line<Sample> {
  readonly name: string;
  readonly value: (sample: Sample) => number;
}

interface Numbered {
  readonly number: number;
  readonly isAlert: boolean;
}

export interface PlotOptions<Sample> {
  readonly title: string;
  /** Written behind each value of the axis. */
  readonly unit: string;
  /** The end of the axis. Default: as the values need it. */
  readonly max?: number;
  /** The first one bears the marks of the alerts. */
  readonly lines: readonly Line<Sample>[];
  readonly marksAlerts?: boolean;
}

export class MetricsPlot<Sample extends Numbered> {
  readonly element: HTMLElement;
  readonly #canvas = svg('svg', { class: 'plot', height: HEIGHT, role: 'img' });
  readonly #options: PlotOptions<Sample>;
  #samples: readonly Sample[] = [];
  #isDue = false;

  constructor(options: PlotOptions<Sample>) {
    this.#options = options;
    const { title, lines, marksAlerts = false } = options;
    this.element = h(
      'figure',
      { class: 'plot-box' },
      h(
        'figcaption',
        {},
        h('span', { class: 'plot-title' }, title),
        ...lines.map(({ name }, index) => h('span', { class: `key key-${index}` }, name)),
        ...(marksAlerts ? [h('span', { class: 'key key-alert' }, 'alert')] : []),
      ),
      this.#canvas,
    );
    new ResizeObserver(() => this.#paint()).observe(this.element);
  }

  /** Shows the last of these samples, which are in order; many calls in a row are one painting. */
  show(samples: readonly Sample[]): void {
    this.#samples = samples;
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#paint();
    });
  }

  get #width(): number {
    return Math.max(200, this.#canvas.clientWidth);
  }

  #paint(): void {
    const { lines, max, unit, title } = this.#options;
    const samples = this.#samples;
    const to = Math.max(SPAN, samples.at(-1)?.number ?? 0);
    const from = to - SPAN + 1;
    const values = samples.flatMap((sample) => lines.map(({ value }) => value(sample)));
    const axis = scaleFor(max ?? Math.max(1, ...values), 2);
    const x = (number: number): number => LEFT + share(number, from, to) * (this.#width - LEFT - RIGHT);
    const y = (value: number): number =>
      HEIGHT - BOTTOM - share(value, 0, axis.max) * (HEIGHT - TOP - BOTTOM);
    this.#canvas.setAttribute('aria-label', `${title} of the last ${samples.length} events`);
    this.#canvas.replaceChildren(
      ...axis.ticks.flatMap((tick) => [
        svg('line', { class: 'grid', x1: LEFT, x2: this.#width - RIGHT, y1: y(tick), y2: y(tick) }),
        svg('text', { class: 'tick', x: LEFT - 6, y: y(tick) + 3, 'text-anchor': 'end' }, `${tick}${unit}`),
      ]),
      ...this.#ends(from, to),
      ...lines.map(({ value }, index) => this.#line(index, value, [x, y])),
      ...this.#marks(x, y),
    );
  }

  #ends(from: number, to: number): SVGElement[] {
    const y = HEIGHT - 4;
    const end = { class: 'tick', x: this.#width - RIGHT, y, 'text-anchor': 'end' };
    return [svg('text', { class: 'tick', x: LEFT, y }, `#${from}`), svg('text', end, `#${to}`)];
  }

  /** Broken where a sample is missing. */
  #line(index: number, value: (sample: Sample) => number, [x, y]: readonly [Place, Place]): SVGElement {
    const samples = this.#samples;
    const points = samples.flatMap((sample, at) => {
      const point = { at: sample.number, value: value(sample) };
      const isGap = at > 0 && samples[at - 1]?.number !== sample.number - 1;
      return isGap ? [{ at: sample.number, value: undefined }, point] : [point];
    });
    const d = linePath(points, (point) => [x(point.at), y(point.value ?? 0)]);
    return svg('path', { class: `line line-${index}`, d });
  }

  #marks(x: Place, y: Place): SVGElement[] {
    const [first] = this.#options.lines;
    if (first === undefined || this.#options.marksAlerts !== true) return [];
    return this.#samples
      .filter(({ isAlert }) => isAlert)
      .map((sample) => {
        const [at, top] = [x(sample.number), y(first.value(sample)) - 4];
        return svg('path', { class: 'alert', d: `M${at} ${top}l-5 -8h10z` });
      });
  }
}

type Place = (value: number) => number;
