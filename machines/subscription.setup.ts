// The vocabulary of the subscription chart: its types, and the two actors that the world must provide.
// The actors are stubs that name themselves; a client provides the real ones.
import { fromCallback, setup, type EventObject } from 'xstate';
import type { SubscriptionContext, SubscriptionEvent, SubscriptionInput } from './subscription.types.ts';

const stub = (name: string) =>
  fromCallback<EventObject>(() => {
    throw new Error(
      `The actor "${name}" was not provided: use subscriptionMachine.provide({ actors: { ${name} } }).`,
    );
  });

export const subscriptionSetup = setup({
  types: {
    context: {} as SubscriptionContext,
    events: {} as SubscriptionEvent,
    input: {} as SubscriptionInput,
  },
  actors: {
    ask: stub('ask'),
    leave: stub('leave'),
  },
});
