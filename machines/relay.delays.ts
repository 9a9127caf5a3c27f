// Every wait of the relay chart by name, in milliseconds, within what a timer can hold.
import { clampDelay } from './connection.delays.ts';
import type { RelayContext } from './relay.types.ts';

interface Args {
  readonly context: RelayContext;
}

export const relayDelays = {
  firstEventTimeout: ({ context }: Args) => clampDelay(context.limits.firstEventMs),
  overallTimeout: ({ context }: Args) => clampDelay(context.limits.overallMs),
};
