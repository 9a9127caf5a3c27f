// How a state looks at a glance: one of five tones, each with a shape of its own beside its colour.
import type { Row } from '../protocol.ts';

/** `good`: usable; `busy`: on its way; `wait`: something was lost; `bad`: gave up; `rest`: nothing is going on. */
export type Tone = 'good' | 'busy' | 'wait' | 'bad' | 'rest';

/** The innermost word that says something decides. */
const WORDS: readonly (readonly [Tone, RegExp])[] = [
  ['bad', /^(fail|error|reject|crash|denied|invalid|broken)/i],
  ['wait', /^(reconnect|back(ing)?off|wait|retry|decid|prob|degraded|paused|offline|unhealthy)/i],
  [
    'busy',
    /^(connecting|authenticat|opening|load|fetch|start|sav|submit|pending|closing|leaving|returning|stopping)/i,
  ],
  ['good', /^(open|connected|healthy|online|ready|active|running|success|ok|joined|subscribed|on$)/i],
  ['rest', /^(idle|closed|done|ended|stopped|off$|inactive|disconnected)/i],
];

export function toneOf(path: string): Tone {
  for (const word of path.split(/[.\s+]+/).reverse()) {
    const found = WORDS.find(([, pattern]) => pattern.test(word));
    if (found !== undefined) return found[0];
  }
  return 'rest';
}

/** One word for a state: of a connection one of its eight public states, of another machine the innermost one. */
export function wordOf(path: string, machine: string): string {
  const words = path.split('.');
  if (machine !== 'connection') return path.includes(' + ') ? path : (words.at(-1) ?? path);
  const [outer = path, inner] = words;
  if (outer === 'deciding') return 'reconnecting';
  return outer === 'online' && inner !== undefined ? inner : outer;
}

/** What is left of a path beside its word, such as `healthy`. */
export function restOf(path: string, machine: string): string {
  const word = wordOf(path, machine);
  if (word === path) return '';
  if (machine === 'connection') return path === 'deciding' ? 'deciding' : (path.split(`${word}.`)[1] ?? '');
  return path.slice(0, path.length - word.length - 1);
}

export const SORTS = ['attention', 'name', 'since', 'events'] as const;
export type Sort = (typeof SORTS)[number];

const URGENCY: Readonly<Record<Tone, number>> = { bad: 0, wait: 1, busy: 2, good: 3, rest: 4 };

const byName = (one: Row, other: Row): number =>
  one.name < other.name ? -1 : one.name > other.name ? 1 : one.id < other.id ? -1 : 1;

const ORDERS: Readonly<Record<Sort, (one: Row, other: Row) => number>> = {
  attention: (one, other) => urgencyOf(one) - urgencyOf(other),
  name: byName,
  since: (one, other) => other.since - one.since,
  events: (one, other) => other.events - one.events,
};

const urgencyOf = ({ status, state }: Row): number => (status === 'ended' ? 9 : URGENCY[toneOf(state)]);

/** The rows that have every word of the filter in name, state, application or machine; in the order that is asked for. */
export function arrange(rows: Iterable<Row>, filter: string, sort: Sort): Row[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = [...rows].filter((row) => {
    const text = [row.name, row.state, row.application, row.machine, row.status].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return shown.sort((one, other) => ORDERS[sort](one, other) || byName(one, other));
}
