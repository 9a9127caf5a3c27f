// The events of the watched row, one line each, and the slider that goes back in time.
import type { Entry } from '../protocol.ts';
import { pathOf } from './chart-model.ts';
import type { Moment } from './explain.ts';
import { h, part, setAttributes, setText } from './dom.ts';
import { formatClock, formatDuration, formatNumber, plural } from './format.ts';
import { readEntry } from './reading.ts';
import type { Store, Watched } from './store.ts';
import { fillBadge } from './rows-view.ts';
import { VirtualList } from './virtual-list.ts';

const ROW_HEIGHT = 28;

export class TimelineView {
  readonly #store: Store;
  readonly #list: VirtualList<Entry>;
  readonly #slider = part<HTMLInputElement>('slider');
  #watched: Watched | undefined;
  #moment: Moment | undefined;
  #wasLive = true;

  constructor(store: Store) {
    this.#store = store;
    this.#list = new VirtualList<Entry>(part('events'), {
      rowHeight: ROW_HEIGHT,
      create: eventElement,
      fill: (element, entry) => this.#fill(element, entry),
      chosen: ({ index }) => store.select(index),
    });
    this.#slider.addEventListener('input', () => store.select(Number(this.#slider.value)));
    part('live').addEventListener('click', () => store.goLive());
  }

  update(): void {
    const { watched, moment, isLive, newer } = this.#store;
    this.#tell(isLive, newer);
    if (watched === this.#watched && moment === this.#moment) return;
    const forgotten = this.#forgotten;
    // Whoever has scrolled away from what is new wants to stay there.
    const isStaying =
      isLive && this.#wasLive && watched?.id === this.#watched?.id && !this.#list.showsSelected;
    const follows = moment !== this.#moment && !isStaying;
    this.#wasLive = isLive;
    this.#watched = watched;
    this.#moment = moment;
    this.#list.update(this.#entries, this.#place);
    if (follows) this.#list.reveal(this.#place);
    else if (forgotten > 0) this.#list.shift(forgotten);
    this.#slide();
  }

  get #entries(): readonly Entry[] {
    return this.#watched?.entries ?? [];
  }

  get #place(): number {
    return (this.#moment?.entry.index ?? 0) - this.#store.earlier;
  }

  /** Entries that have gone from the top of the list since it was shown last. */
  get #forgotten(): number {
    const top = this.#entries[0]?.index;
    return top === undefined || this.#store.watched?.id !== this.#watched?.id ? 0 : this.#store.earlier - top;
  }

  #tell(isLive: boolean, newer: number): void {
    const live = part('live');
    const status = this.#store.watchedRow?.status;
    setAttributes(live, { 'aria-pressed': String(isLive), 'data-status': status });
    const [there, back] = status === 'ended' ? ['End', 'To the end'] : ['Live', 'Back to live'];
    const more = newer > 0 ? `, ${formatNumber(newer)} new` : '';
    setText(live, isLive ? there : `${back}${more}`);
    document.body.classList.toggle('looking-back', !isLive);
  }

  #slide(): void {
    const { earlier } = this.#store;
    const moment = this.#moment;
    const last = this.#entries.at(-1)?.index ?? 0;
    setAttributes(this.#slider, { min: earlier, max: last });
    this.#slider.value = String(moment?.entry.index ?? 0);
    this.#slider.disabled = this.#entries.length < 2;
    part('earlier').hidden = earlier === 0;
    setText(part('earlier'), `${plural(earlier, 'earlier event')} ${earlier === 1 ? 'is' : 'are'} not kept.`);
    if (moment === undefined) return;
    const position = `${formatNumber(moment.entry.index + 1)} of ${formatNumber(last + 1)}`;
    const { label } = readEntry(moment.entry, moment.before);
    setText(part('position'), position);
    setAttributes(this.#slider, { 'aria-valuetext': `${position}: ${label}, ${pathOf(moment.entry.value)}` });
  }

  #fill(element: HTMLElement, entry: Entry): void {
    const before = this.#entries[entry.index - this.#store.earlier - 1];
    const { label, reason, payload, caption, isFailure } = readEntry(entry, before);
    const gap = before === undefined ? '' : `+${formatDuration(entry.at - before.at)}`;
    const [why, led] = [...element.children].slice(3);
    [formatClock(entry.at), gap, label].forEach((text, column) => {
      const cell = element.children[column];
      if (cell) setText(cell, text);
    });
    [reason, caption || payload].forEach((text, place) => {
      const cell = why?.children[place];
      if (cell) setText(cell, text);
    });
    const state = pathOf(entry.value);
    const badge = led?.firstElementChild;
    // The name in the chart, not the public word: it is what is lit.
    if (badge) fillBadge(badge, { state, machine: '', status: 'live' });
    setAttributes(element, {
      class: `entry${isFailure ? ' failure' : ''}`,
      title: [label, reason, caption || payload, state].filter(Boolean).join('\n'),
    });
  }
}

const eventElement = (): HTMLElement =>
  h(
    'div',
    { class: 'entry' },
    h('span', { class: 'time' }),
    h('span', { class: 'gap' }),
    h('span', { class: 'type' }),
    h('span', { class: 'why' }, h('span', { class: 'reason' }), h('span', { class: 'payload' })),
    h('span', { class: 'led' }, h('span', { class: 'badge small' })),
  );
