// Test paths generated from the connection machine: together they walk over every transition it has.
import { getShortestPaths } from 'xstate/graph';
import { getNextTransitions, type AnyEventObject, type StateValue } from 'xstate';
import {
  connectionMachine,
  type ConnectionEvent,
  type ConnectionSnapshot,
  type Failure,
  type Limits,
} from '../../machines/index.ts';

/** A state of the chart in one word per level, such as `online.open.probing`. */
export type StatePath = string;

export interface PathStep {
  readonly from: StatePath;
  /** What happens: an event of the machine; `xstate.after.…` when time passes. */
  readonly event: AnyEventObject;
  readonly to: StatePath;
}

export interface ConnectionPath {
  /** Readable: `connect → socket.opened → disconnect`. */
  readonly name: string;
  readonly steps: readonly PathStep[];
}

const failure: Failure = { code: 'LINK_LOST', cure: 'retry', details: { closeCode: 1006 } };
const rejection: Failure = { code: 'CREDENTIALS_REJECTED', cure: 'stop', details: {} };

/** What the world might say, one example for each event that carries something. */
const EXAMPLES: readonly ConnectionEvent[] = [
  { type: 'socket.closed', failure },
  { type: 'handshake.rejected', failure: rejection },
  { type: 'heartbeat.doubted', cause: 'network' },
  { type: 'heartbeat.missed', silentForMs: 25_000 },
  { type: 'verdict.retry', delayMs: 1_000 },
  { type: 'verdict.stop', failure },
];

const LIMITS: Limits = { connectMs: 1, handshakeMs: 1, closeMs: 1, stableAfterMs: 1, networkPatienceMs: 1 };

export const statePath = (value: StateValue): StatePath =>
  typeof value === 'string'
    ? value
    : Object.entries(value)
        .map(([key, inner]) => `${key}.${statePath(inner ?? '')}`)
        .join('');

/** The short name of an event: `after backoff` rather than `xstate.after.backoff.connection.reconnecting.backingOff`. */
export const eventName = (type: string): string => type.replace(/^xstate\.after\.([^.]+).*/, 'after $1');

/** One transition, for counting: `idle --connect--> online.connecting`. */
export const edgeOf = ({ from, event, to }: PathStep): string =>
  `${from} --${eventName(event.type)}--> ${to}`;

const eventsOf = (snapshot: ConnectionSnapshot): ConnectionEvent[] =>
  [...new Set(getNextTransitions(snapshot).map(({ eventType }) => eventType as string))].map(
    (type) => EXAMPLES.find((example) => example.type === type) ?? ({ type } as ConnectionEvent),
  );

/**
 * The shortest paths that together take every transition of the machine at least once, each from `idle`.
 * A path that only begins another one is left out.
 */
export function connectionPaths(): readonly ConnectionPath[] {
  const found = getShortestPaths(connectionMachine, {
    input: { limits: LIMITS },
    events: eventsOf,
    filterEvents: (snapshot: ConnectionSnapshot, event: ConnectionEvent) => snapshot.can(event),
    // A vertex is a state together with the transition that led to it: so the shortest paths to all vertices
    // walk over all transitions. Numbers in the context guard nothing, and are left out.
    serializeState: (snapshot: ConnectionSnapshot, event?: AnyEventObject, previous?: ConnectionSnapshot) =>
      [
        previous === undefined ? '' : statePath(previous.value),
        event?.type ?? '',
        statePath(snapshot.value),
      ].join(' '),
    limit: 5_000,
  });
  const paths = found.map(({ steps }) => toPath(steps as never));
  return paths.filter((path) => path.steps.length > 0 && !paths.some((other) => isLongerThan(other, path)));
}

function toPath(
  steps: readonly { readonly event: AnyEventObject; readonly state: ConnectionSnapshot }[],
): ConnectionPath {
  const walked = steps.map(({ event, state }, index) => ({
    from: statePath(steps[index - 1]?.state.value ?? 'idle'),
    event,
    to: statePath(state.value),
  }));
  const taken = walked.filter(({ event }) => event.type !== 'xstate.init');
  return { name: taken.map(({ event }) => eventName(event.type)).join(' → '), steps: taken };
}

const isLongerThan = (other: ConnectionPath, path: ConnectionPath): boolean =>
  other.steps.length > path.steps.length &&
  path.steps.every((step, index) => edgeOf(step) === edgeOf(other.steps[index] as PathStep));

/** Every transition of the machine, by name: what the paths of `connectionPaths()` cover. */
export function allTransitions(paths = connectionPaths()): ReadonlySet<string> {
  return new Set(paths.flatMap(({ steps }) => steps.map(edgeOf)));
}
