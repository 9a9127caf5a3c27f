// What an entry of the timeline tells: the event in words, whether it is bad news, why, and what it carried.
import { ERRORS } from '../../../src/errors.ts';
import { nameOfClose } from '../../../machines/close-codes.ts';
import type { Entry } from '../protocol.ts';
import { pathOf } from './chart-model.ts';
import { flatten, formatField, formatValue, isRecord } from './format.ts';

/** A failure as it stands in an event or a context. */
export interface ReadFailure {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Reading {
  /** The event as a reader knows it. */
  readonly label: string;
  readonly isFailure: boolean;
  /** The failure that came with it, or was established by it. */
  readonly failure: ReadFailure | undefined;
  /** A code or a word; empty when the event needs no reason. */
  readonly reason: string;
  readonly payload: string;
  /** What is to be known of an event that no chart describes. */
  readonly caption: string;
}

const BAD_NEWS =
  /(^|[._\s-])(error|fail|failed|failure|reject|rejected|missed|timeout|lost|crash\w*)($|[._\s-])/i;

/** The server's word for events that it was not told of. */
const MISSED = 'statewire.missed';

/** Reads an entry, given the one before it. */
export function readEntry(entry: Entry, before: Entry | undefined): Reading {
  const { event } = entry;
  const own = failureIn(event['failure']);
  const isCalm = event.type === MISSED || isGoodbye(entry, before);
  const failure = isCalm ? undefined : (own ?? establishedBy(entry, before));
  return {
    label: eventLabel(event.type),
    isFailure: !isCalm && (failure !== undefined || BAD_NEWS.test(event.type)),
    failure,
    reason: own?.code ?? failure?.code ?? changedReason(entry, before),
    payload: payloadOf(event),
    caption: event.type === MISSED ? 'Some events could not be told; this is how it is by now.' : '',
  };
}

/** The socket of a connection that was closing is gone, as it was asked to be. */
const isGoodbye = ({ event }: Entry, before: Entry | undefined): boolean =>
  event.type === 'socket.closed' && before !== undefined && pathOf(before.value).startsWith('online.closing');

/** The failure that a context remembers since this entry. */
function establishedBy({ context }: Entry, before: Entry | undefined): ReadFailure | undefined {
  const failure = failureOf(context);
  const isNew = failure !== undefined && before !== undefined && !isSame(failure, failureOf(before.context));
  return isNew ? failure : undefined;
}

/** XState's names for what is no event of the user's, in the words of the chart. */
export function eventLabel(type: string): string {
  if (type === 'xstate.init') return 'started';
  if (type === 'xstate.stop') return 'stopped';
  if (type === MISSED) return 'events missing';
  if (type === '') return 'always';
  const [prefix, kind, of, ...names] = type.split('.');
  if (prefix !== 'xstate') return type;
  if (kind === 'after') return `after ${/^\d+$/.test(of ?? '') ? `${of} ms` : of}`;
  if (of === 'actor') return `${names.join('.')} ${kind === 'error' ? 'failed' : 'done'}`;
  return `${kind} ${[of, ...names].join('.')}`;
}

/** The failure that a context remembers. */
export const failureOf = (context: unknown): ReadFailure | undefined =>
  isRecord(context) ? failureIn(context['failure']) : undefined;

function failureIn(value: unknown): ReadFailure | undefined {
  if (!isRecord(value) || typeof value['code'] !== 'string') return undefined;
  const { code, details } = value;
  return { code, details: isRecord(details) ? details : {} };
}

const isSame = (one: ReadFailure, other: ReadFailure | undefined): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

const reasonIn = (context: unknown): string =>
  isRecord(context) && typeof context['reason'] === 'string' ? context['reason'] : '';

const changedReason = (entry: Entry, before: Entry | undefined): string => {
  const reason = reasonIn(entry.context);
  return reason === reasonIn(before?.context) ? '' : reason;
};

/** The fields of an event on one line; of a failure its details, because its code is told apart. */
function payloadOf(event: Entry['event']): string {
  const fields = Object.entries(event).flatMap(([key, value]) => {
    if (key === 'type') return [];
    const failure = key === 'failure' ? failureIn(value) : undefined;
    return failure === undefined ? flatten(value, key) : flatten(failure.details);
  });
  // What phase it was can be seen; what comes first is read first.
  fields.sort(([one], [other]) => Number(one === 'phase') - Number(other === 'phase'));
  return fields.map(([key, value]) => `${key} ${formatField(key, value, 60)}`).join(' · ');
}

/** What a failure means and what to do about it, where its code is one of statewire's. */
export function meaningOf({ code, details }: ReadFailure): { message: string; remedy: string } | undefined {
  if (!Object.hasOwn(ERRORS, code)) return undefined;
  const { message, remedy } = ERRORS[code as keyof typeof ERRORS];
  return { message: message(details as Readonly<Record<string, string | number | boolean>>), remedy };
}

export interface CloseMet {
  readonly code: number;
  readonly name: string;
  readonly reason: string;
  readonly count: number;
}

/** The close codes in a list of events, the most frequent first. */
export function closesIn(entries: readonly Entry[]): CloseMet[] {
  const met = new Map<string, CloseMet>();
  for (const { event } of entries) {
    const details = failureIn(event['failure'])?.details;
    const code = details?.['closeCode'];
    if (typeof code !== 'number' || event.type.startsWith('verdict.')) continue;
    const reason = formatValue(details?.['closeReason'] ?? '').replace(/^""$/, '');
    const key = `${code} ${reason}`;
    met.set(key, { code, name: nameOfClose(code), reason, count: (met.get(key)?.count ?? 0) + 1 });
  }
  return [...met.values()].sort((one, other) => other.count - one.count || one.code - other.code);
}
