// Named updates of a relay's context. All are pure.
import { assertEvent } from 'xstate';
import type { Failure } from './connection.types.ts';
import { relaySetup } from './relay.setup.ts';
import type { RelayContext, RelayInput } from './relay.types.ts';

const { assign } = relaySetup;

export const initialRelay = ({ input }: { input: RelayInput }): RelayContext => ({
  limits: input.limits,
  failure: null,
});

const timeout = (missing: string, limitMs: number): Failure => ({
  code: 'ASSISTANT_TIMEOUT',
  cure: 'stop',
  details: { missing, limitMs },
});

export const relayActions = {
  noteFailure: assign(({ event }) => {
    assertEvent(event, ['cancel', 'run.failed', 'end.refused']);
    return { failure: event.failure };
  }),
  noteNoEvent: assign(({ context }) => ({
    failure: timeout('first event', context.limits.firstEventMs),
  })),
  noteSilence: assign(({ context }) => ({ failure: timeout('further event', context.limits.silenceMs) })),
  noteNoEnd: assign(({ context }) => ({ failure: timeout('end', context.limits.overallMs) })),
};
