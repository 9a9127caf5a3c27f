// A long list of rows of one height, of which only those in sight are in the page.
import { h, setAttributes } from './dom.ts';

/** Rows above and below those in sight that are there too, so that scrolling shows no gap. */
const MARGIN = 6;

export interface VirtualListOptions<Item> {
  readonly rowHeight: number;
  /** Makes the element of a row, empty. */
  readonly create: () => HTMLElement;
  /** Writes an item into an element, which may have shown another one. */
  readonly fill: (element: HTMLElement, item: Item, isSelected: boolean) => void;
  /** A row was clicked. */
  readonly chosen: (item: Item) => void;
}

export class VirtualList<Item> {
  readonly #scroller: HTMLElement;
  readonly #options: VirtualListOptions<Item>;
  readonly #sizer = h('div', { class: 'sizer', role: 'presentation' });
  readonly #elements = new Map<number, HTMLElement>();
  readonly #shown = new WeakMap<HTMLElement, Item>();
  #items: readonly Item[] = [];
  #selected = -1;
  #height = 0;

  /** @param scroller an element with `role="listbox"` and an id, whose height is bounded */
  constructor(scroller: HTMLElement, options: VirtualListOptions<Item>) {
    this.#scroller = scroller;
    this.#options = options;
    scroller.append(this.#sizer);
    scroller.addEventListener('scroll', () => this.#paint(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(scroller);
    this.#sizer.addEventListener('click', ({ target }) => {
      const row = (target as Element).closest<HTMLElement>('[role=option]');
      const item = row && this.#shown.get(row);
      if (item) options.chosen(item);
    });
  }

  /** Shows these items. Every row in sight is written anew. */
  update(items: readonly Item[], selected: number): void {
    this.#items = items;
    this.#selected = selected;
    this.#sizer.style.height = `${items.length * this.#options.rowHeight}px`;
    this.#paint();
  }

  /** Scrolls as little as is needed to have a row in sight. */
  reveal(index: number): void {
    const { rowHeight } = this.#options;
    const { scrollTop, clientHeight } = this.#scroller;
    const top = index * rowHeight;
    if (top < scrollTop) this.#scroller.scrollTop = top;
    else if (top + rowHeight > scrollTop + clientHeight)
      this.#scroller.scrollTop = top + rowHeight - clientHeight;
  }

  /** Whether the selected row was wholly in sight when the list was painted last; true without one. */
  get showsSelected(): boolean {
    const { rowHeight } = this.#options;
    const { scrollTop } = this.#scroller;
    const top = this.#selected * rowHeight;
    return this.#selected < 0 || (top >= scrollTop && top + rowHeight <= scrollTop + this.#height);
  }

  /** Keeps the rows in sight where they are when so many rows above them have gone. */
  shift(rows: number): void {
    this.#scroller.scrollTop -= rows * this.#options.rowHeight;
  }

  #resized(): void {
    if (this.#selected >= 0 && this.showsSelected) this.reveal(this.#selected);
    this.#paint();
  }

  #paint(): void {
    const { rowHeight, create, fill } = this.#options;
    const { scrollTop, clientHeight } = this.#scroller;
    this.#height = clientHeight;
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - MARGIN);
    const end = Math.min(this.#items.length, Math.ceil((scrollTop + clientHeight) / rowHeight) + MARGIN);
    for (const [index, element] of this.#elements) {
      if (index >= first && index < end) continue;
      element.remove();
      this.#elements.delete(index);
    }
    for (let index = first; index < end; index += 1) {
      const element = this.#elements.get(index) ?? this.#place(index, create());
      const item = this.#items[index] as Item;
      this.#shown.set(element, item);
      setAttributes(element, {
        'aria-selected': String(index === this.#selected),
        'aria-setsize': this.#items.length,
      });
      fill(element, item, index === this.#selected);
    }
    setAttributes(this.#scroller, {
      'aria-activedescendant': this.#elements.get(this.#selected)?.id,
    });
  }

  #place(index: number, element: HTMLElement): HTMLElement {
    element.id = `${this.#scroller.id}-${index}`;
    setAttributes(element, { role: 'option', 'aria-posinset': index + 1 });
    element.style.transform = `translateY(${index * this.#options.rowHeight}px)`;
    this.#elements.set(index, element);
    this.#sizer.append(element);
    return element;
  }
}
