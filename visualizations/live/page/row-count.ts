// The words at the head of the list: how many there are, and what a filter finds nothing for.
import type { Row } from '../protocol.ts';
import { formatNumber } from './format.ts';
import { wordOf } from './tone.ts';

/** Such as `3 · 1 open · 1 ended`; what is open is counted where there are connections. */
export function countOf(rows: readonly Row[]): string {
  if (rows.length === 0) return '';
  const live = rows.filter(({ status }) => status === 'live');
  const open = live.filter((row) => isConnection(row) && wordOf(row.state, row.machine) === 'open').length;
  const ended = rows.length - live.length;
  return [
    formatNumber(rows.length),
    ...(rows.some(isConnection) ? [`${formatNumber(open)} open`] : []),
    ...(ended > 0 ? [`${formatNumber(ended)} ended`] : []),
  ].join(' · ');
}

const isConnection = ({ machine }: Row): boolean => machine === 'connection';

/** How much a filter leaves of it. */
export const shownOf = (shown: number, all: number): string =>
  `${formatNumber(shown)} of ${formatNumber(all)} shown`;

/** What is said in place of an empty list; nothing while there is no filter. */
export const noMatchOf = (filter: string, shown: number): string =>
  shown > 0 || filter.trim() === '' ? '' : `No connection matches “${filter.trim()}”.`;
