// How a subscription is, read off a snapshot.
import type { SnapshotFrom } from 'xstate';
import type { subscriptionMachine } from './subscription.machine.ts';

export type SubscriptionSnapshot = SnapshotFrom<typeof subscriptionMachine>;

/** The five public states, in the order of a life. */
export const SUBSCRIPTION_STATES = ['subscribing', 'subscribed', 'unsubscribing', 'failed', 'ended'] as const;

export type SubscriptionState = (typeof SUBSCRIPTION_STATES)[number];

/** A snapshot's public state. A machine that crashed has `failed`: it does nothing any more. */
export function selectSubscriptionState({ status, value }: SubscriptionSnapshot): SubscriptionState {
  if (status === 'error') return 'failed';
  return typeof value === 'string' ? value : (Object.keys(value)[0] as SubscriptionState);
}

/** Whether the server has said so, and it is not merely taken to have agreed. */
export const isSubscriptionConfirmed = (snapshot: SubscriptionSnapshot): boolean =>
  snapshot.matches({ subscribed: 'confirmed' });
