// The chart as a nested list, with what is active marked: the drawing in text, and all there is without a drawing.
import type { MachineView, StateView } from '../protocol.ts';
import { activeStates, takenEdge } from './chart-model.ts';
import { keyOf } from './captions.ts';
import { h, part, prose, setAttributes } from './dom.ts';
import type { Moment } from './explain.ts';

export class OutlineView {
  readonly #element = part('outline');
  #machine: MachineView | undefined;

  update(machine: MachineView, moment: Moment | undefined): void {
    if (machine !== this.#machine) this.#build(machine);
    if (moment === undefined) return;
    const { entry, before } = moment;
    const active = new Set(activeStates(machine, entry.value).map(({ id }) => id));
    const taken = takenEdge(machine, before?.value, entry);
    for (const item of this.#element.querySelectorAll<HTMLElement>('[data-outline-state]')) {
      const isActive = active.has(item.dataset['outlineState'] ?? '');
      item.classList.toggle('active', isActive);
      setAttributes(item, { 'aria-current': isActive ? 'true' : undefined });
    }
    for (const item of this.#element.querySelectorAll<HTMLElement>('[data-outline-edge]'))
      item.classList.toggle('taken', item.dataset['outlineEdge'] === String(taken?.index));
  }

  #build(machine: MachineView): void {
    this.#machine = machine;
    const about =
      machine.description === '' ? [] : [h('p', { class: 'quiet' }, ...prose(machine.description))];
    this.#element.replaceChildren(...about, listBelow(machine, machine.id));
  }
}

const listBelow = (machine: MachineView, parent: string): HTMLElement =>
  h(
    'ul',
    {},
    ...machine.states.filter((state) => state.parent === parent).map((state) => itemOf(machine, state)),
  );

function itemOf(machine: MachineView, state: StateView): HTMLElement {
  const edges = machine.edges.filter(({ source }) => source === state.id);
  const hasInner = machine.states.some(({ parent }) => parent === state.id);
  return h(
    'li',
    { 'data-outline-state': state.id },
    h('strong', {}, state.key),
    h('span', { class: 'active-mark' }, 'active'),
    h('span', { class: 'about' }, ...prose(state.description)),
    h(
      'ul',
      { class: 'edges' },
      ...edges.map(({ index, label, target, description }) =>
        h(
          'li',
          { 'data-outline-edge': String(index), title: description },
          h('code', {}, label),
          target === null ? ' stays' : ` → ${keyOf(machine, target)}`,
          h('span', { class: 'taken-mark' }, 'taken last'),
        ),
      ),
    ),
    ...(hasInner ? [listBelow(machine, state.id)] : []),
  );
}
