// A machine's chart as the page reads it: which states are active for a value, and which edge an event took.
import type { StateValue } from 'xstate';
import type { EdgeView, Entry, MachineView, StateView } from '../protocol.ts';

/** The states that are active for a value, each before those inside it. */
export function activeStates(machine: MachineView, value: StateValue): StateView[] {
  return statesBelow(machine, machine.id, value);
}

function statesBelow(machine: MachineView, parent: string, value: StateValue): StateView[] {
  const inner: [string, StateValue | undefined][] =
    typeof value === 'string' ? [[value, undefined]] : Object.entries(value);
  return inner.flatMap(([key, below]) => {
    const state = machine.states.find((one) => one.parent === parent && one.key === key);
    if (state === undefined) return [];
    return [state, ...(below === undefined ? [] : statesBelow(machine, state.id, below))];
  });
}

/** The innermost active states: one, or one of each parallel region. */
export function activeLeaves(machine: MachineView, value: StateValue): StateView[] {
  const active = activeStates(machine, value);
  return active.filter(({ id }) => !active.some(({ parent }) => parent === id));
}

/** The id of the state that is active in the end when the one with this id is entered. */
export function leafOf(machine: MachineView, id: string): string {
  const initial = machine.states.find((state) => state.id === id)?.initial;
  return initial ? leafOf(machine, initial) : id;
}

/** The path of the active state, such as `online.open.healthy`; parallel regions are joined by ` + `. */
export const pathOf = (value: StateValue): string => pathsIn(value).join(' + ');

function pathsIn(value: StateValue | undefined): string[] {
  if (typeof value !== 'object') return [value ?? ''];
  return Object.entries(value).flatMap(([key, inner]) => {
    const paths = pathsIn(inner);
    return paths.length === 0 ? [key] : paths.map((path) => `${key}.${path}`);
  });
}

/**
 * The edge that an event took: the first one that it fits, from the active states outwards, whose target is active
 * afterwards. `undefined` for an event that moved nothing, and when what was before is not known.
 */
export function takenEdge(
  machine: MachineView,
  before: StateValue | undefined,
  { event, value }: Pick<Entry, 'event' | 'value'>,
): EdgeView | undefined {
  if (before === undefined) return undefined;
  const after = new Set(activeStates(machine, value).map(({ id }) => id));
  const fitting = leavingEdges(machine, before).filter((edge) => edge.event === event.type);
  const taken = fitting.find(({ target }) => target === null || after.has(leafOf(machine, target)));
  // An eventless transition may have led on from the target. With one candidate there is still no doubt.
  return taken ?? (fitting.length === 1 ? fitting[0] : undefined);
}

/** The edges that can be taken from a value: those of the innermost states first. */
export function leavingEdges(machine: MachineView, value: StateValue): EdgeView[] {
  const sources = [machine.id, ...activeStates(machine, value).map(({ id }) => id)].reverse();
  return sources.flatMap((source) => machine.edges.filter((edge) => edge.source === source));
}

/** The edges that an event can still take: an inner state's answer to an event hides those further out. */
export function possibleEdges(machine: MachineView, value: StateValue): EdgeView[] {
  const seen = new Set<string>();
  return leavingEdges(machine, value).filter(({ event }) => {
    if (seen.has(event)) return false;
    seen.add(event);
    return true;
  });
}

/** The actors that live as long as the active states. */
export const liveActors = (machine: MachineView, value: StateValue): { actor: string; state: StateView }[] =>
  activeStates(machine, value).flatMap((state) => state.invokes.map((actor) => ({ actor, state })));
