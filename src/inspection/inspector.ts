// Who looks at connections from outside, and what it is shown beyond XState's own events.
import type { InspectionEvent } from 'xstate';
import type { ConnectionStats } from '../statistics.ts';

/** What an inspector may ask of a connection at any time. */
export interface Inspected {
  /** The option `name`, else the URL without its secrets, else `connection`. */
  readonly name: string;
  readonly stats: ConnectionStats;
  /** The present time on the connection's clock, in milliseconds. */
  readonly now: number;
}

/** Looks at connections. Any XState inspector is one. What it throws is reported, and changes nothing. */
export interface Inspector {
  next(event: InspectionEvent): unknown;
  /**
   * Called once for each connection, before its first event. Hold it weakly (`WeakRef`): to be looked at must not
   * keep a connection in memory.
   */
  attach?(sessionId: string, inspected: Inspected): void;
}
