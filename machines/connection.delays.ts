// Every wait of the chart by name, in milliseconds, within what a timer can hold.
import type { ConnectionContext } from './connection.types.ts';

/** The longest delay that `setTimeout` takes; a longer one, or NaN, would fire at once. */
export const MAX_DELAY_MS = 2_147_483_647;

export const clampDelay = (ms: number): number =>
  Number.isNaN(ms) ? MAX_DELAY_MS : Math.min(Math.max(ms, 0), MAX_DELAY_MS);

interface Args {
  readonly context: ConnectionContext;
}

export const connectionDelays = {
  connectTimeout: ({ context }: Args) => clampDelay(context.limits.connectMs),
  handshakeTimeout: ({ context }: Args) => clampDelay(context.limits.handshakeMs),
  closeTimeout: ({ context }: Args) => clampDelay(context.limits.closeMs),
  stable: ({ context }: Args) => clampDelay(context.limits.stableAfterMs),
  backoff: ({ context }: Args) => clampDelay(context.retryInMs ?? 0),
  networkPatience: ({ context }: Args) => clampDelay(context.limits.networkPatienceMs),
};
