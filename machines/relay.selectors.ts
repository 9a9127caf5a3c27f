// How an answer is, read off a snapshot.
import type { SnapshotFrom } from 'xstate';
import type { relayMachine } from './relay.machine.ts';

export type RelaySnapshot = SnapshotFrom<typeof relayMachine>;

/** The seven public states, in the order of a life: the innermost ones of the chart. */
export const RELAY_STATES = [
  'waiting',
  'hearing',
  'executing',
  'completing',
  'failing',
  'completed',
  'failed',
] as const;

export type RelayState = (typeof RELAY_STATES)[number];

/** A snapshot's public state. A machine that crashed has `failed`: it does nothing any more. */
export function selectRelayState({ status, value }: RelaySnapshot): RelayState {
  if (status === 'error') return 'failed';
  if (typeof value === 'string') return value;
  const { running } = value as { readonly running: 'executing' | { readonly reading: RelayState } };
  return typeof running === 'string' ? running : running.reading;
}
