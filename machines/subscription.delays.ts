// Every wait of the subscription chart by name, in milliseconds, within what a timer can hold.
import { clampDelay } from './connection.delays.ts';
import type { SubscriptionContext } from './subscription.types.ts';

interface Args {
  readonly context: SubscriptionContext;
}

export const subscriptionDelays = {
  acknowledgement: ({ context }: Args) => clampDelay(context.limits.acknowledgementMs),
  retryDelay: ({ context }: Args) => clampDelay(context.limits.retryDelayMs),
};
