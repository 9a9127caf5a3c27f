// The public answers to "how is the connection?", read off a snapshot.
import type { SnapshotFrom } from 'xstate';
import type { connectionMachine } from './connection.machine.ts';

export type ConnectionSnapshot = SnapshotFrom<typeof connectionMachine>;

/** The eight public states, in the order of a life. */
export const CONNECTION_STATES = [
  'idle',
  'connecting',
  'authenticating',
  'open',
  'closing',
  'reconnecting',
  'failed',
  'closed',
] as const;

export type ConnectionState = (typeof CONNECTION_STATES)[number];

/** A snapshot's public state. A machine that crashed is `failed`: it holds nothing any more and will do nothing. */
export function selectState(snapshot: ConnectionSnapshot): ConnectionState {
  if (snapshot.status === 'error') return 'failed';
  const { value } = snapshot;
  if (typeof value === 'string') return value === 'deciding' ? 'reconnecting' : value;
  if ('reconnecting' in value) return 'reconnecting';
  const { online } = value;
  if (typeof online === 'string') return online;
  return 'open' in online ? 'open' : 'closing';
}

/** The wait before the planned attempt in milliseconds; `null` when none is planned or its time is not known. */
export const selectRetryInMs = (snapshot: ConnectionSnapshot): number | null =>
  snapshot.matches({ reconnecting: 'backingOff' }) ? snapshot.context.retryInMs : null;

/** What becomes of a message that is sent now. */
export const selectSending = (snapshot: ConnectionSnapshot): 'writes' | 'queues' | 'refuses' => {
  if (snapshot.hasTag('writes')) return 'writes';
  return snapshot.hasTag('queues') ? 'queues' : 'refuses';
};
