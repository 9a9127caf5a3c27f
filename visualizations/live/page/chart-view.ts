// The drawing of the chart: lights what is active and what was taken, and explains what is pointed at.
import type { EdgeView, MachineView } from '../protocol.ts';
import { describeEdges, describeState, type Caption } from './captions.ts';
import { activeLeaves, activeStates, takenEdge } from './chart-model.ts';
import { part, setAttributes } from './dom.ts';
import { parseDrawing } from './drawing.ts';
import type { Moment } from './explain.ts';
import { around } from './viewport.ts';
import { ZoomPan } from './zoom-pan.ts';

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export class ChartView {
  readonly #panel = part('canvas');
  readonly #explain: (caption: Caption | undefined) => void;
  readonly zoomPan = new ZoomPan(this.#panel);
  #machine: MachineView | undefined;
  #svg: SVGSVGElement | undefined;
  #moment: Moment | undefined;

  /** @param explain is told what is pointed at, and when nothing is any more */
  constructor(explain: (caption: Caption | undefined) => void) {
    this.#explain = explain;
    this.#panel.addEventListener('pointerover', ({ target }) => this.#pointAt(target));
    this.#panel.addEventListener('pointerleave', () => this.#explain(undefined));
    this.#panel.addEventListener('focusin', ({ target }) => this.#pointAt(target));
    this.#panel.addEventListener('focusout', () => this.#explain(undefined));
    this.#panel.addEventListener('keydown', (event) => this.#key(event));
  }

  get hasDrawing(): boolean {
    return this.#svg !== undefined;
  }

  update(machine: MachineView, moment: Moment | undefined): void {
    if (machine !== this.#machine) this.#draw(machine);
    if (moment === undefined || moment === this.#moment) return;
    this.#moment = moment;
    this.#light(machine, moment);
  }

  /** Lights these edges faintly, as an answer to what is pointed at elsewhere. */
  hint(edges: readonly EdgeView[]): void {
    for (const element of this.#groups('[data-edge]')) {
      const isHinted = indexesOf(element).some((index) => edges.some((edge) => edge.index === index));
      element.classList.toggle('hinted', isHinted);
    }
  }

  #groups(selector: string): SVGGElement[] {
    return [...(this.#svg?.querySelectorAll<SVGGElement>(selector) ?? [])];
  }

  #light(machine: MachineView, { entry, before }: Moment): void {
    const active = new Set(activeStates(machine, entry.value).map(({ id }) => id));
    const taken = takenEdge(machine, before?.value, entry);
    const leaves = new Set(activeLeaves(machine, entry.value).map(({ id }) => id));
    for (const state of this.#groups('[data-state]')) {
      const id = state.dataset['state'] ?? '';
      state.classList.toggle('active', active.has(id));
      setAttributes(state, {
        'aria-current': active.has(id) ? 'true' : undefined,
        tabindex: leaves.has(id) ? 0 : -1,
      });
    }
    for (const edge of this.#groups('[data-edge]'))
      edge.classList.toggle('taken', taken !== undefined && indexesOf(edge).includes(taken.index));
    const lit = this.#groups('[data-state].active').filter((state) =>
      leaves.has(state.dataset['state'] ?? ''),
    );
    if (lit.length > 0) this.zoomPan.lookAt(around(lit.map((state) => state.getBBox())));
  }

  #draw(machine: MachineView): void {
    this.#machine = machine;
    this.#moment = undefined;
    this.#svg = undefined;
    this.#panel.replaceChildren();
    const drawing = machine.svg === null ? undefined : parseDrawing(machine.svg);
    document.adoptedStyleSheets = drawing === undefined ? [] : [drawing.sheet];
    if (drawing !== undefined) {
      const { element } = drawing;
      for (const name of ['width', 'height']) element.removeAttribute(name);
      setAttributes(element, { role: 'group', 'aria-label': `Drawing of the chart ${machine.id}` });
      element.querySelectorAll('title, desc, .ground').forEach((one) => one.remove());
      this.#svg = element;
      this.#groups('[data-state], [data-edge]').forEach((group) => this.#prepare(group));
      this.#panel.append(element);
    }
    this.zoomPan.show(this.#svg);
  }

  /** Makes a part of the drawing something that can be pointed at and named. */
  #prepare(group: SVGGElement): void {
    const { title, text } = this.#captionOf(group) ?? { title: '', text: '' };
    setAttributes(group, { role: 'img', tabindex: -1, 'aria-label': `${title}. ${text}` });
    const way = group.querySelector<SVGPathElement>('path.way');
    if (way === null) return;
    const hit = way.cloneNode() as SVGPathElement;
    for (const { name } of [...hit.attributes]) if (name !== 'd') hit.removeAttribute(name);
    hit.setAttribute('class', 'hit');
    group.prepend(hit);
  }

  #captionOf(group: SVGGElement): Caption | undefined {
    if (this.#machine === undefined) return undefined;
    if (group.dataset['edge'] !== undefined) return describeEdges(this.#machine, indexesOf(group));
    return describeState(this.#machine, group.dataset['state'] ?? '');
  }

  #pointAt(target: EventTarget | null): void {
    const group = (target as Element).closest<SVGGElement>('[data-edge], [data-state]');
    this.#explain(group === null ? undefined : this.#captionOf(group));
  }

  /** Arrow keys walk over states and edges, so that the drawing is one stop of the tab key. */
  #key(event: KeyboardEvent): void {
    const step = STEPS[event.key];
    const groups = this.#groups('[data-state], [data-edge]');
    if (step === undefined || groups.length === 0) return;
    const place = groups.findIndex((group) => group === document.activeElement);
    event.preventDefault();
    event.stopPropagation();
    const next = groups.at((place + step) % groups.length);
    next?.focus({ preventScroll: true });
    if (next) this.zoomPan.lookAt(next.getBBox());
  }
}

const indexesOf = (element: SVGGElement): number[] => (element.dataset['edge'] ?? '').split(' ').map(Number);
