// Named updates of a subscription's context. All are pure.
import { assertEvent } from 'xstate';
import { subscriptionSetup } from './subscription.setup.ts';
import type { SubscriptionContext, SubscriptionInput } from './subscription.types.ts';

const { assign } = subscriptionSetup;

export const initialSubscription = ({ input }: { input: SubscriptionInput }): SubscriptionContext => ({
  limits: input.limits,
  failure: null,
});

export const subscriptionActions = {
  noteFailure: assign(({ event }) => {
    assertEvent(event, ['reply.refused', 'link.failed']);
    return { failure: event.failure };
  }),
  forgetFailure: assign({ failure: null }),
};
