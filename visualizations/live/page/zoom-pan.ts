// What part of the drawing is in sight: all of it, what follows the active state, or what the user has moved to.
import { part, setAttributes } from './dom.ts';
import { fit, follow, move, zoom, type Box } from './viewport.ts';

const ZOOM_STEP = 1.3;
/** A press that moves less than this is a click. */
const DRAG_FROM_PX = 4;
/** When it follows, a drawing is not made smaller than this to have its whole width in sight. */
const LEAST_PIXELS_PER_UNIT = 0.55;

type Mode = 'follow' | 'fit' | 'free';

export class ZoomPan {
  readonly #panel: HTMLElement;
  #svg: SVGSVGElement | undefined;
  #drawing: Box = { x: 0, y: 0, width: 1, height: 1 };
  #view: Box = this.#drawing;
  #mode: Mode = 'follow';
  #target: Box | undefined;

  constructor(panel: HTMLElement) {
    this.#panel = panel;
    new ResizeObserver(() => this.#resized()).observe(panel);
    part('zoom-in').addEventListener('click', () => this.zoomIn());
    part('zoom-out').addEventListener('click', () => this.zoomOut());
    part('zoom-fit').addEventListener('click', () => this.fit());
    part('zoom-follow').addEventListener('click', () => this.follow());
    panel.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    panel.addEventListener('pointerdown', (event) => this.#drag(event));
  }

  /** Shows another drawing, in the mode that was chosen. */
  show(svg: SVGSVGElement | undefined): void {
    this.#svg = svg;
    this.#target = undefined;
    if (svg === undefined) return;
    const { x, y, width, height } = svg.viewBox.baseVal;
    this.#drawing = { x, y, width, height };
    if (this.#mode === 'free') this.#mode = 'follow';
    this.#resized();
  }

  /** What is to be kept in sight. */
  lookAt(target: Box): void {
    this.#target = target;
    if (this.#mode === 'follow') this.#resized();
  }

  fit(): void {
    this.#mode = 'fit';
    this.#resized();
  }

  follow(): void {
    this.#mode = 'follow';
    this.#resized();
  }

  zoomIn(): void {
    this.#zoomBy(ZOOM_STEP);
  }

  zoomOut(): void {
    this.#zoomBy(1 / ZOOM_STEP);
  }

  #zoomBy(factor: number, at?: readonly [number, number]): void {
    const view = zoom(this.#view, factor, { drawing: this.#drawing, panel: this.#size }, at);
    this.#mode = view.width >= fit(this.#drawing, this.#size).width ? 'fit' : 'free';
    this.#show(view);
  }

  get #size(): { width: number; height: number } {
    return { width: Math.max(1, this.#panel.clientWidth), height: Math.max(1, this.#panel.clientHeight) };
  }

  #resized(): void {
    const drawing = this.#drawing;
    const panel = this.#size;
    if (this.#mode === 'fit') this.#show(fit(drawing, panel));
    else if (this.#mode === 'free') this.#show(zoom(this.#view, 1, { drawing, panel }));
    else {
      const target = this.#target ?? { ...drawing, height: 0 };
      const unitsPerPixel = Math.max(1, Math.min(1 / LEAST_PIXELS_PER_UNIT, drawing.width / panel.width));
      this.#show(follow(this.#view, target, { drawing, panel }, unitsPerPixel));
    }
  }

  #show(view: Box): void {
    this.#view = view;
    if (this.#svg) setAttributes(this.#svg, { viewBox: [view.x, view.y, view.width, view.height].join(' ') });
    this.#panel.classList.toggle('movable', this.#mode !== 'fit');
    setAttributes(part('zoom-fit'), { 'aria-pressed': String(this.#mode === 'fit') });
    setAttributes(part('zoom-follow'), { 'aria-pressed': String(this.#mode === 'follow') });
  }

  #moveTo(view: Box): void {
    this.#mode = 'free';
    this.#show(view);
  }

  #wheel(event: WheelEvent): void {
    const isZoom = event.ctrlKey || event.metaKey;
    // Without a modifier the wheel scrolls the page, unless there is something out of sight to move to.
    if (this.#svg === undefined || (!isZoom && this.#mode === 'fit')) return;
    event.preventDefault();
    if (isZoom) {
      const { left, top, width, height } = this.#panel.getBoundingClientRect();
      const at = [(event.clientX - left) / width, (event.clientY - top) / height] as const;
      this.#zoomBy(Math.exp(-event.deltaY / 300), at);
    } else {
      const units = this.#view.width / this.#size.width;
      this.#moveTo(move(this.#view, event.deltaX * units, event.deltaY * units, this.#drawing));
    }
  }

  #drag(down: PointerEvent): void {
    if (down.button !== 0 || this.#svg === undefined || this.#mode === 'fit') return;
    const start = this.#view;
    const units = start.width / this.#size.width;
    const dragging = new AbortController();
    const drag = (event: PointerEvent): void => {
      const dx = down.clientX - event.clientX;
      const dy = down.clientY - event.clientY;
      if (Math.hypot(dx, dy) < DRAG_FROM_PX) return;
      this.#panel.classList.add('dragging');
      this.#moveTo(move(start, dx * units, dy * units, this.#drawing));
    };
    const end = (): void => {
      this.#panel.classList.remove('dragging');
      dragging.abort();
    };
    const { signal } = dragging;
    window.addEventListener('pointermove', drag, { signal });
    window.addEventListener('pointerup', end, { signal });
    window.addEventListener('pointercancel', end, { signal });
  }
}
