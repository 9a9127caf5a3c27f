// One message on its way out: what is known of it, and what becomes of it.
import type { Deferred } from './deferred.ts';
import type { Frame } from './transports/transport.ts';

/** How far a delivered message is known to have come. */
export interface Delivery {
  /** `flushed`: the platform has taken every byte. `acknowledged`: the server said that it has the message. */
  readonly outcome: 'flushed' | 'acknowledged';
}

export interface DeliverOptions {
  /** Aborting cancels a message that still waits: it is never sent, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long the message may wait, in milliseconds. Default: `outbox.ttlMs`. */
  readonly ttlMs?: number;
}

/** A message that waits, or whose outcome is not known yet. */
export interface Entry<Outgoing> {
  readonly message: Outgoing;
  readonly frame: Frame;
  readonly bytes: number;
  readonly ackId: string | undefined;
  /** Present for `deliver()`, absent for `send()`. */
  readonly receipt: Deferred<Delivery> | undefined;
  readonly ttlMs: number;
  readonly expiresAt: number;
  /** How often it was handed to a link. What was may have arrived, whatever becomes of it afterwards. */
  writes: number;
  timer?: unknown;
}

const encoder = new TextEncoder();
/** What a frame counts for in the bounds of the outbox. */
export const bytesOf = (frame: Frame): number =>
  typeof frame === 'string' ? encoder.encode(frame).length : frame.byteLength;
