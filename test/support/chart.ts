// The chart without an actor: put it into a state, say an event, look at what comes out. Pure, so it takes no time.
import { initialTransition, transition, type StateValue } from 'xstate';
import {
  connectionMachine,
  type ConnectionContext,
  type ConnectionEvent,
  type ConnectionSnapshot,
  type Failure,
  type Limits,
} from '../../machines/index.ts';
import { isInside, toGraph, valueOf, type GraphEdge } from '../../visualizations/graph.ts';

export const graph = toGraph(connectionMachine);

/** Each is another number, so that a mistaken one shows. */
export const limits: Limits = {
  connectMs: 1_000,
  handshakeMs: 2_000,
  closeMs: 3_000,
  stableAfterMs: 4_000,
  networkPatienceMs: 5_000,
};

export const linkLost: Failure = { code: 'LINK_LOST', cure: 'retry', details: { closeCode: 1006 } };
export const rejected: Failure = { code: 'CREDENTIALS_REJECTED', cure: 'refresh', details: {} };
export const exhausted: Failure = { code: 'RETRIES_EXHAUSTED', cure: 'stop', details: { attempts: 5 } };

/** One event of each type; whoever needs other figures says so. */
export const samples: { readonly [Type in ConnectionEvent['type']]: ConnectionEvent & { type: Type } } = {
  connect: { type: 'connect' },
  disconnect: { type: 'disconnect' },
  'socket.opened': { type: 'socket.opened' },
  'socket.closed': { type: 'socket.closed', failure: linkLost },
  'handshake.accepted': { type: 'handshake.accepted' },
  'handshake.rejected': { type: 'handshake.rejected', failure: rejected },
  'heartbeat.doubted': { type: 'heartbeat.doubted', cause: 'silence' },
  'heartbeat.answered': { type: 'heartbeat.answered' },
  'heartbeat.missed': { type: 'heartbeat.missed', silentForMs: 30_000 },
  'network.returned': { type: 'network.returned' },
  'page.returned': { type: 'page.returned' },
  'verdict.retry': { type: 'verdict.retry', delayMs: 75 },
  'verdict.reauthenticate': { type: 'verdict.reauthenticate' },
  'verdict.waitForNetwork': { type: 'verdict.waitForNetwork' },
  'verdict.stop': { type: 'verdict.stop', failure: exhausted },
};

/** A state as the tests call it: its path, without `online`, which nobody needs to tell `open.healthy` from others. */
export const shortOf = (id: string): string => id.replace('connection.', '').replace('online.', '');

export function idOf(short: string): string {
  const state = graph.states.find(({ id }) => shortOf(id) === short);
  if (!state) throw new Error(`The chart has no state "${short}".`);
  return state.id;
}

/** The leaves of the chart, which are all the states that it can be in. */
export const leaves: readonly string[] = graph.states
  .filter(({ initial }) => initial === null)
  .map(({ id }) => shortOf(id));

export const leafOf = ({ value }: ConnectionSnapshot): string => shortOf(dotted(value));

const dotted = (value: StateValue): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value)
        .map(([key, inner = '']) => `${key}.${dotted(inner)}`)
        .join();

/** The machine as it was created. */
export const created = (own: Partial<Limits> = {}): ConnectionSnapshot =>
  initialTransition(connectionMachine, { limits: { ...limits, ...own } })[0];

/** The machine in this state, with a context that it may not have got there by itself. */
export const at = (short: string, context: Partial<ConnectionContext> = {}): ConnectionSnapshot =>
  connectionMachine.resolveState({
    value: valueOf(idOf(short).replace('connection.', '')),
    context: { ...created().context, ...context },
  });

/** An event, its name alone, or `after …` as in the drawings. */
export type Said = ConnectionEvent | string;

/** Something that the machine wants done: an actor begun or ended, a timer set or cancelled. */
export interface Effect {
  readonly type: string;
  readonly params: unknown;
}

const hear = (snapshot: ConnectionSnapshot, said: Said) =>
  transition(connectionMachine, snapshot, typeof said === 'string' ? eventOf(snapshot, said) : said);

function eventOf(snapshot: ConnectionSnapshot, name: string): ConnectionEvent {
  if (name in samples) return samples[name as ConnectionEvent['type']];
  return { type: rawOf(leafOf(snapshot), name) } as ConnectionEvent;
}

/** The arrows of a leaf and of the states around it. */
export const arrowsFrom = (leaf: string): GraphEdge[] =>
  graph.edges.filter(({ source }) => source === idOf(leaf) || isInside(idOf(leaf), source));

/** The name that XState has for an event of the drawings in this state. */
export const rawOf = (leaf: string, label: string): string =>
  arrowsFrom(leaf).find((edge) => edge.label === label)?.event ?? label;

/** Where the machine is after these events, and what it wants done because of the last one. */
export const say = (from: ConnectionSnapshot, ...events: readonly Said[]) =>
  events.reduce<readonly [ConnectionSnapshot, readonly Effect[]]>(
    ([snapshot], event) => hear(snapshot, event),
    [from, []],
  );

/** Where the machine is after these events, since it was created. */
export const live = (...events: readonly Said[]): ConnectionSnapshot => say(created(), ...events)[0];

/** Each state that can be reached, by name, as it is after the shortest way to it. */
export function reached(): ReadonlyMap<string, ConnectionSnapshot> {
  const found = new Map([[leafOf(created()), created()]]);
  for (const [leaf, snapshot] of found) {
    for (const { label } of arrowsFrom(leaf)) {
      const [next] = say(snapshot, label);
      if (!found.has(leafOf(next))) found.set(leafOf(next), next);
    }
  }
  return found;
}
