// "What is going on": where it is, what happened last, why, and what comes next, with a countdown where one runs.
import type { EdgeView, MachineView } from '../protocol.ts';
import { lineOf } from './captions.ts';
import { h, part, prose, setText } from './dom.ts';
import { explain, type Explanation, type Moment } from './explain.ts';
import { formatClock, formatCountdown, formatDuration } from './format.ts';
import type { Store } from './store.ts';

export class ExplainView {
  readonly #element = part('explanation');
  readonly #hint: (edges: readonly EdgeView[]) => void;
  #shown: { readonly moment: Moment; readonly machine: MachineView; readonly isEnd: boolean } | undefined;
  #countdown: { readonly element: HTMLElement; readonly dueAt: number; readonly waitMs: number } | undefined;

  /** @param hint lights edges in the drawing while they are pointed at */
  constructor(hint: (edges: readonly EdgeView[]) => void) {
    this.#hint = hint;
  }

  update(machine: MachineView, moment: Moment, store: Store): void {
    const { entry } = moment;
    const shown = this.#shown;
    const isSame =
      shown?.moment.entry === entry && shown.machine === machine && shown.isEnd === store.isAtEnd;
    if (!isSame) {
      this.#shown = { moment, machine, isEnd: store.isAtEnd };
      this.#build(machine, moment, store.isAtEnd);
    }
    if (this.#countdown === undefined) return;
    const { element, dueAt, waitMs } = this.#countdown;
    const leftMs = dueAt - store.now;
    if (!store.isLive) setText(element, `Waited ${formatDuration(waitMs)}`);
    else setText(element, leftMs > 0 ? `Waiting ${formatCountdown(leftMs)}` : 'The wait is over');
  }

  #build(machine: MachineView, moment: Moment, isEnd: boolean): void {
    const explanation = explain(machine, moment, isEnd);
    this.#countdown = undefined;
    this.#element.replaceChildren(
      h(
        'dl',
        { class: 'story' },
        ...line('Now', ...whereLine(explanation)),
        ...line('Last event', ...eventLine(explanation, moment)),
        ...(explanation.why === '' ? [] : line('Why', ...whyLine(explanation))),
        ...line('Next', ...this.#nextLine(explanation, moment), this.#choices(machine, explanation)),
      ),
    );
  }

  #nextLine({ next }: Explanation, { entry }: Moment): (Node | string)[] {
    if (next.waitMs === undefined) return [next.text];
    const element = h('span', { class: 'countdown', role: 'timer', 'aria-live': 'off' });
    this.#countdown = { element, dueAt: entry.at + next.waitMs, waitMs: next.waitMs };
    return [element, ` ${next.text}`];
  }

  /** What can happen in this state, as a row of events. */
  #choices(machine: MachineView, { choices }: Explanation): HTMLElement {
    const chips = choices.map((edge) => {
      const chip = h('li', { class: 'chip', title: lineOf(machine, edge) }, edge.label);
      chip.addEventListener('pointerenter', () => this.#hint([edge]));
      chip.addEventListener('pointerleave', () => this.#hint([]));
      return chip;
    });
    return h('ul', { class: 'chips', 'aria-label': 'What can happen here' }, ...chips);
  }
}

const line = (title: string, ...content: (Node | string)[]): HTMLElement[] => [
  h('dt', {}, title),
  h('dd', {}, ...content),
];

const whereLine = ({ states }: Explanation): Node[] =>
  states.map(({ key, description }) =>
    h('span', { class: 'where' }, h('b', {}, key), ' ', ...prose(description)),
  );

function eventLine({ reading, edge }: Explanation, { entry, before }: Moment): (Node | string)[] {
  const gap = before === undefined ? '' : `, ${formatDuration(entry.at - before.at)} after the one before`;
  return [
    h('b', { class: reading.isFailure ? 'failure' : '' }, reading.label),
    ' ',
    ...prose(edge?.description ?? reading.caption),
    h('span', { class: 'quiet' }, ` ${formatClock(entry.at)}${gap}`),
  ];
}

const whyLine = ({ why, remedy, reading }: Explanation): (Node | string)[] => [
  ...(reading.failure === undefined ? [] : [h('code', { class: 'failure' }, reading.failure.code), ' ']),
  ...prose(why),
  ...(remedy === '' ? [] : [h('span', { class: 'remedy' }, ` ${remedy}`)]),
];
