// The tail of the log: the newest row is last and in sight, until somebody scrolls up to read.
import { h, part, setText } from '../../../visualizations/live/page/dom.ts';
import { plural } from '../../../visualizations/live/page/format.ts';
import { EndInSight } from './end-in-sight.ts';
import { fieldsOf, textIn, type Fields } from './fields.ts';
import type { StreamPanel } from './stream.ts';

/** Of rows that are shown, and of those that wait to be. */
const MAX_ROWS = 500;
/** Rows that come within this time are laid out together. */
const TOGETHER_MS = 16;

class Tail {
  readonly #rows = part('log-rows');
  readonly #button = part('log-follow');
  readonly #end = new EndInSight(this.#rows, () => this.#followed());
  readonly #held: HTMLElement[] = [];
  #due: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#button.addEventListener('click', () => this.#end.follow(!this.#end.isFollowing));
    this.#show();
  }

  append(row: HTMLElement): void {
    this.#held.push(row);
    if (this.#held.length > MAX_ROWS) this.#held.shift();
    if (!this.#end.isFollowing) this.#show();
    else this.#due ??= setTimeout(() => this.#release(), TOGETHER_MS);
  }

  /** Shows what is at least this serious. */
  showFrom(level: string): void {
    this.#rows.dataset['from'] = level;
    this.#end.settle();
  }

  #followed(): void {
    this.#release();
    this.#show();
  }

  #release(): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    if (!this.#end.isFollowing) return;
    this.#rows.append(...this.#held.splice(0));
    while (this.#rows.childElementCount > MAX_ROWS) this.#rows.firstElementChild?.remove();
    this.#end.settle();
  }

  #show(): void {
    const { isFollowing } = this.#end;
    const waiting = this.#held.length;
    const paused = waiting === 0 ? 'Paused' : `Paused · ${waiting}${waiting === MAX_ROWS ? '+' : ''} new`;
    setText(this.#button, isFollowing ? 'Following' : paused);
    this.#button.setAttribute('aria-pressed', String(isFollowing));
    this.#button.title = isFollowing ? 'Stop at what is shown' : 'Go on with the newest';
  }
}

/** A row of any log event: what is missing in it is left out. */
function rowOf(data: unknown, id: string): HTMLElement {
  const fields = fieldsOf(data);
  const level = textIn(fields, 'level');
  return h(
    'li',
    { class: 'row', 'data-id': id, 'data-level': level },
    h('time', {}, clockOf(fields['timestamp'])),
    h('span', { class: 'level' }, level),
    h('span', { class: 'component' }, textIn(fields, 'component')),
    h('span', { class: 'words' }, textIn(fields, 'message')),
    h('span', { class: 'context quiet' }, contextOf(fields)),
  );
}

/** Seconds since 1970, or a date in words. */
function clockOf(timestamp: unknown): string {
  const date = typeof timestamp === 'number' ? new Date(timestamp * 1000) : new Date(String(timestamp));
  return Number.isNaN(date.getTime()) ? '' : date.toTimeString().slice(0, 8);
}

function contextOf({ context }: Fields): string {
  if (typeof context !== 'object' || context === null) return '';
  const { duration_ms: durationMs, user_id: user } = context as Fields;
  return `user ${String(user)} · ${String(durationMs)} ms`;
}

export function logsPanel(): StreamPanel {
  const tail = new Tail();
  const level = part<HTMLSelectElement>('log-level');
  const alerts = part('log-alerts');
  let alertCount = 0;
  level.addEventListener('change', () => tail.showFrom(level.value));
  return {
    ...{ id: 'logs', title: 'Logs', path: '/sse/logs', event: 'log' },
    show: (data, id) => tail.append(rowOf(data, id)),
    others: {
      alert: () => {
        alertCount += 1;
        setText(alerts, plural(alertCount, 'alert'));
      },
    },
  };
}
