// A replayed step in one line: for people, and for programs.
import type { AnyMachineSnapshot, EventObject, StateValue } from 'xstate';
import { connectionMachine, selectState, type Failure } from '../../../machines/index.ts';
import type { Recording } from '../../inspection/recording.ts';
import type { ReplayStep } from '../../inspection/replay.ts';
import { harmless, pad, padStart, seconds, type Style } from '../style.ts';

const CELLS = { time: 11, event: 22 } as const;

export function headingOf(
  { name, machine, recordedAt, droppedEvents }: Recording,
  { bold, dim }: Style,
): string[] {
  const kept = droppedEvents === 0 ? '' : ` · ${droppedEvents} earlier events were not kept`;
  return [bold(harmless(name)), dim(harmless(`machine ${machine.id} · recorded ${recordedAt}${kept}`))];
}

/** `+0.016 s  socket.opened   connecting → authenticating`, with what the event said and where it differs. */
export function lineOf(
  { atMs, event, before, after, recorded }: ReplayStep,
  startMs: number,
  style: Style,
): string {
  const time = style.dim(padStart(`+${seconds(atMs - startMs, 3)}`, CELLS.time));
  const from = pathOf(before.value as StateValue);
  const to = pathOf(after.value as StateValue);
  const way = from === to ? style.dim(to) : `${from} → ${style.bold(to)}`;
  const said = [detailsOf(event), planOf(after)].filter((part) => part !== '').join(' · ');
  const other = recorded === undefined ? '' : style.red(`  ✘ recorded: ${harmless(pathOf(recorded))}`);
  return `${time}  ${pad(nameOf(event.type), CELLS.event)}  ${way}${said && style.dim(`  ${harmless(said)}`)}${other}`;
}

export const jsonLineOf = ({ atMs, event, before, after, recorded }: ReplayStep): string =>
  JSON.stringify({
    atMs,
    event,
    from: before.value as StateValue,
    to: after.value as StateValue,
    state: wordOf(after),
    context: after.context as unknown,
    ...(recorded !== undefined && { recorded }),
  });

/** `xstate.after.backoff.connection.reconnecting.backingOff` is XState's way to say `after backoff`. */
const nameOf = (type: string): string => harmless(type).replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1');

const pathOf = (value: StateValue): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value)
        .map(([key, inner]) => [key, inner === undefined ? '' : pathOf(inner)].filter(Boolean).join('.'))
        .join(' + ');

/** What an event carries that is not said already: `CLOSED_BY_PEER, closeCode 1012`. */
function detailsOf(event: ReplayStep['event']): string {
  const { failure, ...carried } = event as EventObject & { readonly failure?: Failure };
  const fields = Object.entries({ ...failure?.details, ...carried })
    .filter(([key]) => !['type', 'phase', 'delayMs'].includes(key))
    .map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  return [...(failure === undefined ? [] : [failure.code]), ...fields].join(', ');
}

/** The wait that was planned, where there is one. */
function planOf(after: AnyMachineSnapshot): string {
  const { retryInMs, attempt } = (after.context ?? {}) as {
    readonly retryInMs?: number | null;
    readonly attempt?: number;
  };
  if (typeof retryInMs !== 'number' || wordOf(after) !== 'reconnecting' || after.value === 'deciding')
    return '';
  return `retry ${attempt ?? ''} in ${seconds(retryInMs)}`;
}

/** The public state of our own machine; of any other, its path. */
const wordOf = (snapshot: AnyMachineSnapshot): string =>
  snapshot.machine.id === connectionMachine.id ? selectState(snapshot) : pathOf(snapshot.value as StateValue);
