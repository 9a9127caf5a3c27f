// What a flight recorder writes down, as JSON: enough to fold the pure machine over it again.
import type { EventObject, StateValue } from 'xstate';
import { ConnectionError } from '../errors.ts';

export const RECORDING_FORMAT = 'statewire.recording';
export const RECORDING_VERSION = 1;

/** One event of a machine, and the state that it led to. */
export interface RecordedEvent {
  /** When it was taken, in milliseconds on the connection's clock. */
  readonly atMs: number;
  readonly event: EventObject;
  readonly value: StateValue;
}

/** One message, recorded only when it was asked for. */
export interface RecordedMessage {
  readonly atMs: number;
  readonly direction: 'in' | 'out';
  readonly message: unknown;
}

export interface Recording {
  readonly format: typeof RECORDING_FORMAT;
  readonly version: typeof RECORDING_VERSION;
  readonly name: string;
  readonly machine: { readonly id: string; readonly fingerprint: string };
  /** ISO 8601, on the wall clock; `recordedAtMs` is the same moment on the connection's clock. */
  readonly recordedAt: string;
  readonly recordedAtMs: number;
  /** Where the events start: the first state of the machine, or the one before the oldest event that was kept. */
  readonly start: { readonly value: StateValue; readonly context: unknown };
  /** Events that were no longer kept when this was written. */
  readonly droppedEvents: number;
  readonly events: readonly RecordedEvent[];
  readonly messages?: readonly RecordedMessage[];
}

/**
 * A short fingerprint of a chart, the same for the same chart (FNV-1a over its configuration; no security is meant).
 * Of the configuration, not of XState's definition of it, which changes with XState's versions; and in the order of the
 * alphabet, because that is how inspectors pass a chart on.
 */
export function fingerprintOf(config: unknown): string {
  let hash = 0x811c9dc5;
  for (const char of JSON.stringify(config, sorted)) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

const sorted = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value;

/**
 * A recording from its JSON text, or from what `JSON.parse` made of it.
 *
 * @throws {ConnectionError} `INVALID_RECORDING`, for what is none, or of a format that is not known here
 */
export function parseRecording(given: unknown): Recording {
  const data = typeof given === 'string' ? parse(given) : given;
  const { format, version, machine, start, events } = (data ?? {}) as Partial<Recording>;
  if (format !== RECORDING_FORMAT) refuse(`JSON with the format "${RECORDING_FORMAT}"`, format);
  if (version !== RECORDING_VERSION) refuse(`version ${RECORDING_VERSION} of the format`, version);
  if (typeof machine?.id !== 'string' || typeof machine.fingerprint !== 'string')
    refuse('a machine with an id and a fingerprint', machine);
  if (start === undefined || !isStateValue(start.value)) refuse('a start with a value and a context', start);
  if (!Array.isArray(events)) return refuse('a list of events', events);
  events.forEach(checkEvent);
  return data as Recording;
}

function checkEvent(given: unknown, index: number): void {
  const { atMs, event, value } = (given ?? {}) as Partial<RecordedEvent>;
  if (typeof atMs !== 'number' || typeof event?.type !== 'string' || !isStateValue(value))
    refuse(`a time, an event and a state value as event ${index}`, given);
}

/** @throws {ConnectionError} `INVALID_RECORDING` */
export function refuse(expected: string, actual: unknown): never {
  throw new ConnectionError('INVALID_RECORDING', { details: { expected, actual: briefly(actual) } });
}

const MAX_SHOWN_CHARS = 60;

function briefly(value: unknown): string {
  if (value === undefined) return 'nothing';
  try {
    const text = JSON.stringify(value);
    return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
  } catch {
    return 'what is nested too deep to show';
  }
}

/** A chart has no more levels, or nobody can read it. */
const MAX_LEVELS = 32;

export function isStateValue(value: unknown, level = 0): value is StateValue {
  if (typeof value === 'string') return true;
  if (typeof value !== 'object' || value === null || level > MAX_LEVELS) return false;
  return Object.values(value).every((inner) => isStateValue(inner, level + 1));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse('JSON', text);
  }
}
