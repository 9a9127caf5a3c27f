// "What is going on", in plain words, for somebody who has never seen a statechart.
import type { EdgeView, Entry, MachineView, StateView } from '../protocol.ts';
import { activeLeaves, activeStates, pathOf, possibleEdges, takenEdge } from './chart-model.ts';
import { formatDuration, isRecord } from './format.ts';
import { failureOf, meaningOf, readEntry, type Reading } from './reading.ts';
import { wordOf } from './tone.ts';

/** A moment of a machine: an entry, and the one before it where that is kept. */
export interface Moment {
  readonly entry: Entry;
  readonly before: Entry | undefined;
}

export interface Explanation {
  /** The active states, the outermost first. */
  readonly states: readonly StateView[];
  readonly reading: Reading;
  /** The edge that was taken last. */
  readonly edge: EdgeView | undefined;
  /** Why: the failure or reason that holds now, in words. */
  readonly why: string;
  readonly remedy: string;
  /** What comes next; `waitMs` is what a countdown counts from the moment on. */
  readonly next: Next;
  /** The edges that can be taken next. */
  readonly choices: readonly EdgeView[];
}

export interface Next {
  readonly text: string;
  /** How long after the moment it is due; `undefined` when no time is known. */
  readonly waitMs?: number;
}

/** @param isEnd whether the machine has ended with this moment, so that nothing comes after it */
export function explain(machine: MachineView, { entry, before }: Moment, isEnd = false): Explanation {
  const end = endOf(machine, entry, isEnd);
  return {
    states: activeStates(machine, entry.value),
    reading: readEntry(entry, before),
    edge: takenEdge(machine, before?.value, entry),
    ...whyOf(entry.context),
    next: end ?? nextOf(machine, entry),
    choices: end === undefined ? possibleEdges(machine, entry.value) : [],
  };
}

function whyOf(context: unknown): Pick<Explanation, 'why' | 'remedy'> {
  const failure = failureOf(context);
  const meaning = failure && meaningOf(failure);
  const reason = isRecord(context) ? context['reason'] : undefined;
  return {
    why: meaning?.message ?? failure?.code ?? REASONS[String(reason)] ?? '',
    remedy: meaning?.remedy ?? '',
  };
}

const REASONS: Readonly<Record<string, string>> = {
  CREATED: 'It was made, and waits for a call of connect().',
  CONNECT_CALLED: 'The application called connect().',
  DISCONNECT_CALLED: 'The application called disconnect().',
  HANDSHAKE_ACCEPTED: 'The server accepted the session.',
  NETWORK_RETURNED: 'The network is back.',
  PAGE_RETURNED: 'The page is looked at again.',
};

/** Why nothing comes next, if so. */
function endOf(machine: MachineView, { event, value }: Entry, isEnd: boolean): Next | undefined {
  if (event.type === 'xstate.stop') return { text: 'Nothing more: it was stopped.' };
  const canGoOn = activeLeaves(machine, value).some(({ id }) => canLeave(machine, id));
  // Every state of a connection can be left; one that is not in its chart is told by its name.
  if (machine.id !== 'connection' && !canGoOn)
    return { text: 'Nothing more: no transition leaves this state.' };
  return isEnd ? { text: 'Nothing more: what is known of it ends here.' } : undefined;
}

function nextOf(machine: MachineView, { value, context }: Entry): Next {
  if (machine.id === 'connection') {
    const path = pathOf(value);
    const next = NEXT[path] ?? NEXT[wordOf(path, machine.id)];
    if (next !== undefined) return next(isRecord(context) ? context : {});
  }
  return { text: 'It waits for one of these:' };
}

function canLeave(machine: MachineView, id: string): boolean {
  if (machine.edges.some(({ source }) => source === id)) return true;
  const parent = machine.states.find((state) => state.id === id)?.parent;
  return parent !== undefined && canLeave(machine, parent);
}

type Context = Readonly<Record<string, unknown>>;

const limitOf = (context: Context, name: string): number | undefined => {
  const limits = context['limits'];
  const limit = isRecord(limits) ? limits[name] : undefined;
  return typeof limit === 'number' ? limit : undefined;
};

const within = (limitMs: number | undefined): string =>
  limitMs === undefined ? 'in time' : `within ${formatDuration(limitMs)}`;

/** What comes next in each state of a connection, by its path or its word. */
const NEXT: Readonly<Record<string, (context: Context) => Next>> = {
  idle: () => ({ text: 'Nothing happens until connect() is called.' }),
  connecting: (context) => ({
    text: `The attempt is lost unless the socket opens ${within(limitOf(context, 'connectMs'))}.`,
  }),
  authenticating: (context) => ({
    text: `The attempt is lost unless the server accepts ${within(limitOf(context, 'handshakeMs'))}.`,
  }),
  'online.open.probing': () => ({
    text: 'Any byte from the server proves that the link lives; without one it is given up.',
  }),
  open: (context) => {
    const stableMs = limitOf(context, 'stableAfterMs');
    if (Number(context['attempt'] ?? 0) === 0 || stableMs === undefined)
      return { text: 'Nothing is due: messages flow, and silence makes it ask for a sign of life.' };
    return {
      text: `Once it has held for ${formatDuration(stableMs)}, retries are counted from the start again.`,
    };
  },
  closing: (context) => ({
    text: `The server's answer to the goodbye is awaited, and it ends ${within(limitOf(context, 'closeMs'))}.`,
  }),
  deciding: () => ({ text: 'The retry policy is asked whether to try again, and when.' }),
  'reconnecting.backingOff': (context) => {
    const { retryInMs, attempt } = context;
    const retry = typeof attempt === 'number' ? `retry ${attempt}` : 'the next attempt';
    if (typeof retryInMs !== 'number') return { text: `Waiting before ${retry}.` };
    return { text: `before ${retry}.`, waitMs: retryInMs };
  },
  'reconnecting.waitingForNetwork': (context) => {
    const patienceMs = limitOf(context, 'networkPatienceMs');
    const most = patienceMs === undefined ? '' : `, at most ${formatDuration(patienceMs)}`;
    return { text: `Waiting for the network${most}.` };
  },
  failed: () => ({ text: 'Nothing happens until connect() is called again.' }),
  closed: () => ({ text: 'Nothing happens until connect() is called again.' }),
};
