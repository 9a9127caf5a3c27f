// The keyboard: one table of keys, which is also the help that `?` shows.
import { h, part } from './dom.ts';

export interface Shortcut {
  /** As `KeyboardEvent.key` has them. */
  readonly keys: readonly string[];
  readonly help: string;
  readonly run: () => void;
}

const NAMES: Readonly<Record<string, string>> = { ' ': 'Space', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc' };

/** Listens for these keys wherever nothing else wants them. */
export function startKeys(shortcuts: readonly Shortcut[]): void {
  part('keys').replaceChildren(
    ...shortcuts.flatMap(({ keys, help }) => [
      h('dt', {}, ...keys.flatMap((key) => [h('kbd', {}, NAMES[key] ?? key), ' '])),
      h('dd', {}, help),
    ]),
  );
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    const shortcut = shortcuts.find(({ keys }) => keys.includes(event.key));
    if (shortcut === undefined) return;
    event.preventDefault();
    shortcut.run();
  });
}

/** Whether the element with the focus does something of its own with a key. */
function isTaken({ key, target }: KeyboardEvent): boolean {
  if (part<HTMLDialogElement>('help').open) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && target.type === 'range')
    return /^(Arrow|Home|End|Page)/.test(key);
  if (target.matches('input, select, textarea')) return key !== 'Escape';
  return target.matches('button, a, summary') && (key === ' ' || key === 'Enter');
}
