// Rows as recordings, to be saved and replayed; and recordings as rows, to be looked at.
import { RECORDING_FORMAT, RECORDING_VERSION, type Recording } from '../../src/inspection/recording.ts';
import { replay } from '../../src/inspection/replay.ts';
import type { Charts } from './charts.ts';
import { toEntry } from './entries.ts';
import type { Answer } from './http.ts';
import type { KeptRow, Moment } from './kept-row.ts';
import type { Store } from './store.ts';

/** Where the events of a machine begin, or begin again: before it, nothing is known. */
const BEGINNINGS: readonly string[] = ['xstate.init', 'statewire.missed'];

/** What is kept of a row, in the format of the flight recorder. Its clock is the wall clock. */
export function recordingOf(row: KeptRow): Recording | undefined {
  const kept = [...(row.start === undefined ? [] : [row.start]), ...row.moments.from(0)];
  const begin = Math.max(
    0,
    kept.findLastIndex(({ event }) => BEGINNINGS.includes(event.type)),
  );
  const { redactor } = row;
  const [start, ...events] = kept.slice(begin).map((moment, index) => toEntry(moment, index, redactor));
  if (start === undefined) return undefined;
  const { id, fingerprint } = row.chart;
  const now = new Date();
  return {
    format: RECORDING_FORMAT,
    version: RECORDING_VERSION,
    name: row.name,
    machine: { id, fingerprint },
    recordedAt: now.toISOString(),
    recordedAtMs: now.getTime(),
    start: { value: start.value, context: start.context },
    droppedEvents: Math.max(0, row.moments.end - events.length - 1),
    events: events.map(({ at, event, value }) => ({ atMs: at, event, value })),
  };
}

/** `/recordings/<id>.json`. */
export const recordingRoute =
  (store: Store) =>
  (path: string): Answer | undefined => {
    const id = /^\/recordings\/([\w-]+)\.json$/.exec(path)?.[1];
    const row = id === undefined ? undefined : store.row(id);
    const recording = row && recordingOf(row);
    if (recording === undefined) return undefined;
    return {
      contentType: 'application/json; charset=utf-8',
      body: `${JSON.stringify(recording, null, 2)}\n`,
      fileName: `${recording.machine.id.replaceAll(/[^\w-]/g, '_')}-${row?.id ?? ''}.recording.json`,
    };
  };

/** A recording as a row that has ended. */
export function showRecording(recording: Recording, store: Store, charts: Charts): void {
  const chart = charts.chartNamed(recording.machine);
  const row = store.add({ name: recording.name, application: 'a recording', chart });
  for (const moment of momentsOf(recording)) store.note(row, moment);
  store.end(row);
}

function momentsOf(recording: Recording): Moment[] {
  const { start, events, recordedAt, recordedAtMs } = recording;
  const contexts = contextsOf(recording);
  const offsetMs = Date.parse(recordedAt) - recordedAtMs;
  const at = (atMs: number): number => atMs + (Number.isFinite(offsetMs) ? offsetMs : 0);
  const began = {
    ...start,
    event: { type: 'xstate.init' },
    at: at(events[0]?.atMs ?? recordedAtMs),
    chars: 0,
  };
  const later = events.map(({ atMs, event, value }, index) => ({
    at: at(atMs),
    event,
    value,
    context: contexts[index],
    chars: 0,
  }));
  return [began, ...later];
}

/** What the machine of today remembers on the same way, where it is known here. */
function contextsOf(recording: Recording): readonly unknown[] {
  try {
    return replay(recording).steps.map(({ after }) => after.context as unknown);
  } catch {
    return [];
  }
}
