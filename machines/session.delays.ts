// Every wait of the session chart by name, in milliseconds, within what a timer can hold.
import { clampDelay } from './connection.delays.ts';
import type { SessionContext } from './session.types.ts';

interface Args {
  readonly context: SessionContext;
}

export const sessionDelays = {
  acceptTimeout: ({ context }: Args) => clampDelay(context.limits.acceptMs),
  closeTimeout: ({ context }: Args) => clampDelay(context.limits.closeMs),
};
