// How a session is, read off a snapshot.
import type { SnapshotFrom } from 'xstate';
import type { sessionMachine } from './session.machine.ts';

export type SessionSnapshot = SnapshotFrom<typeof sessionMachine>;

/** The four public states, in the order of a life. */
export const SESSION_STATES = ['accepting', 'open', 'closing', 'closed'] as const;

export type SessionState = (typeof SESSION_STATES)[number];

/** A snapshot's public state. A machine that crashed is `closed`: it holds nothing any more and will do nothing. */
export function selectSessionState({ status, value }: SessionSnapshot): SessionState {
  if (status === 'error') return 'closed';
  return typeof value === 'string' ? value : value.linked;
}
