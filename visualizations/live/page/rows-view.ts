// The list of connections: state, since when, attempt and countdown of each, filtered and sorted.
import type { Row } from '../protocol.ts';
import { h, part, setAttributes, setText } from './dom.ts';
import { formatAge, formatCountdown, plural } from './format.ts';
import { countOf, noMatchOf, shownOf } from './row-count.ts';
import type { Store } from './store.ts';
import { arrange, restOf, SORTS, toneOf, wordOf } from './tone.ts';
import { VirtualList } from './virtual-list.ts';

const ROW_HEIGHT = 52;

export class RowsView {
  readonly #store: Store;
  readonly #watch: (id: string) => void;
  readonly #list: VirtualList<Row>;
  #rows: Row[] = [];
  #version = -1;

  constructor(store: Store, watch: (id: string) => void) {
    this.#store = store;
    this.#watch = watch;
    this.#list = new VirtualList<Row>(part('rows'), {
      rowHeight: ROW_HEIGHT,
      create: rowElement,
      fill: (element, row) => fillRow(element, row, store.now),
      chosen: ({ id }) => watch(id),
    });
    const filter = part<HTMLInputElement>('filter');
    const sort = part<HTMLSelectElement>('sort');
    const change = () => store.arrange(filter.value, SORTS.find((one) => one === sort.value) ?? 'attention');
    filter.addEventListener('input', change);
    sort.addEventListener('change', change);
    part('rows').addEventListener('keydown', (event) => this.#key(event));
  }

  /** Watches the row that comes so many places after the watched one. */
  step(by: number): void {
    const place = this.#place + by;
    const row = this.#rows[Math.min(this.#rows.length - 1, Math.max(0, place))];
    if (row === undefined) return;
    this.#watch(row.id);
    this.#list.reveal(this.#rows.indexOf(row));
  }

  update(): void {
    const { rows, rowsVersion, filter, sort } = this.#store;
    if (rowsVersion !== this.#version) {
      this.#version = rowsVersion;
      this.#rows = arrange(rows.values(), filter, sort);
      const count = this.#rows.length;
      setText(
        part('row-count'),
        filter.trim() === '' ? countOf([...rows.values()]) : shownOf(count, rows.size),
      );
      setText(part('no-match'), noMatchOf(filter, count));
    }
    this.#list.update(this.#rows, this.#place);
  }

  get #place(): number {
    return this.#rows.findIndex(({ id }) => id === this.#store.watched?.id);
  }

  #key(event: KeyboardEvent): void {
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: 10,
      PageUp: -10,
      Home: -Infinity,
      End: Infinity,
    };
    const by = steps[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.step(by);
  }
}

const rowElement = (): HTMLElement =>
  h(
    'div',
    { class: 'connection' },
    h('span', { class: 'row-name' }),
    h('span', { class: 'row-age' }),
    h('span', { class: 'badge' }),
    h('span', { class: 'row-note' }),
  );

function fillRow(element: HTMLElement, row: Row, now: number): void {
  const [name, age, badge, note] = element.children;
  if (!name || !age || !badge || !note) return;
  setText(name, row.name);
  setText(age, formatAge(now - row.since));
  fillBadge(badge, row);
  setText(note, noteOf(row, now));
  setAttributes(element, {
    'data-status': row.status,
    title: `${row.name}\n${row.state} · ${plural(row.events, 'event')} · ${row.application}`,
  });
}

/** The state of a row as a word, a colour and a shape. */
export function fillBadge(
  badge: Element,
  { state, machine, status }: Pick<Row, 'state' | 'machine' | 'status'>,
): void {
  setText(badge, wordOf(state, machine));
  setAttributes(badge, { 'data-tone': toneOf(state), 'data-status': status, title: state });
}

function noteOf(row: Row, now: number): string {
  if (row.status === 'ended') return 'ended';
  const { attempt = 0, retryAt } = row;
  if (retryAt !== undefined) {
    const left = retryAt - now;
    return left <= 0 ? `retry ${attempt} is due` : `retry ${attempt} in ${formatCountdown(left)}`;
  }
  if (attempt > 0) return `${restOf(row.state, row.machine)} attempt ${attempt}`.trim();
  return restOf(row.state, row.machine);
}
