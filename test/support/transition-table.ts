// Compares a table of transitions with the chart: arrow by arrow, and state by state.
import { isInside, leafOf as innermost, type GraphEdge } from '../../visualizations/graph.ts';
import type { ConnectionEvent, ConnectionSnapshot } from '../../machines/index.ts';
import { at, graph, idOf, leafOf, leaves, rawOf, say, shortOf } from './chart.ts';

/** In `from`, `event` leads to `to` (or `stays`), and the connection then gives `reason`, if it gives another one. */
export type Row = readonly [from: string, event: string, to: string, reason?: string];

export interface Case {
  readonly from: string;
  readonly event: string;
  readonly to: string;
  readonly reason: string;
}

/** The reason in each case before the event, so that a reason that is not given shows. */
const EARLIER = 'EARLIER';

/** Each leaf that a row speaks for: those inside `from` that no row of a state further in speaks for. */
export function casesOf(table: readonly Row[]): Case[] {
  return leaves.flatMap((leaf) => {
    const rows = table.filter(([from]) => leaf === from || isInside(idOf(leaf), idOf(from)));
    return rows
      .filter(
        ([from, event]) => !rows.some((other) => other[1] === event && isInside(idOf(other[0]), idOf(from))),
      )
      .map(([, event, to, reason = EARLIER]) => ({
        from: leaf,
        event,
        to: to === 'stays' ? leaf : to,
        reason,
      }));
  });
}

/** The rows as text, to be compared with `arrowsOfChart`. */
export const arrowsOf = (table: readonly Row[]): string[] =>
  table.map(([from, event, to]) => `${from} + ${event} → ${to}`);

export const arrowsOfChart = (): string[] =>
  graph.edges.map(({ source, label, target }) => `${shortOf(source)} + ${label} → ${endOf(target)}`);

const endOf = (target: GraphEdge['target']): string =>
  target === null ? 'stays' : shortOf(innermost(graph, target));

/** Where the machine really goes, and the reason that it gives. */
export function outcomeOf({ from, event }: Pick<Case, 'from' | 'event'>): Pick<Case, 'to' | 'reason'> {
  const [next] = say(at(from, { reason: EARLIER }), event);
  return { to: leafOf(next), reason: next.context.reason };
}

/** Every event that the chart knows, said in every state; what happened although no row speaks of it. */
export function surprisesBeside(table: readonly Row[]): string[] {
  const known = new Set(casesOf(table).map(({ from, event }) => `${from} + ${rawOf(from, event)}`));
  const events = [...new Set(graph.edges.map(({ event }) => event))];
  const unknown = leaves.flatMap((from) => events.map((event) => ({ from, event })));
  return unknown
    .filter(({ from, event }) => !known.has(`${from} + ${event}`))
    .filter(({ from, event }) => isMoved(at(from), event))
    .map(({ from, event }) => `${from} + ${event}`);
}

function isMoved(before: ConnectionSnapshot, event: string): boolean {
  const [after, effects] = say(before, { type: event } as ConnectionEvent);
  return leafOf(after) !== leafOf(before) || effects.length > 0 || after.context !== before.context;
}
