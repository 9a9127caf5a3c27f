// What the server of the live view and its page say to each other, over one WebSocket. Types only: both import it.
import type { StateValue } from 'xstate';

/** One machine in the list: a connection, or any other actor with a chart. */
export interface Row {
  /** Unique on this server, over all applications. */
  readonly id: string;
  readonly name: string;
  /** The id of the chart, such as `connection`. */
  readonly machine: string;
  /** The process or page it lives in. */
  readonly application: string;
  /** The path of the active state, such as `online.open.healthy`; parallel regions are joined by ` + `. */
  readonly state: string;
  /** `ended`: it is stopped or done, its application has gone, or it was replayed. */
  readonly status: 'live' | 'ended';
  /** When it entered `state`. All times are wall clock, in milliseconds since 1970. */
  readonly since: number;
  readonly lastEvent: string;
  readonly events: number;
  /** Retries in a row, where the context has an `attempt`. */
  readonly attempt?: number;
  /** When the next attempt is due, while one is planned. */
  readonly retryAt?: number;
}

/** One event, and the state it led to. */
export interface Entry {
  /** Counts from 0, without gaps. */
  readonly index: number;
  readonly at: number;
  readonly event: { readonly type: string; readonly [field: string]: unknown };
  readonly value: StateValue;
  readonly context: unknown;
}

/** What a connection counted by a moment: the figures of `connection.stats` that are plotted or shown. */
export interface Sample {
  readonly at: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly attempts: number;
  readonly reconnects: number;
  readonly downtimeMs: number;
  readonly waitingMessages: number;
  readonly bufferedBytes: number;
  readonly droppedMessages: number;
  readonly expiredMessages: number;
  readonly invalidMessages: number;
  readonly rttMs?: number;
  readonly lastCloseCode?: number;
  readonly lastCloseReason?: string;
}

export interface StateView {
  /** As in the drawing's `data-state`, such as `connection.online.open`. */
  readonly id: string;
  readonly key: string;
  readonly parent: string;
  readonly initial: string | null;
  readonly description: string;
  readonly tags: readonly string[];
  readonly invokes: readonly string[];
}

export interface EdgeView {
  /** As in the drawing's `data-edge`: its place in the list of edges. */
  readonly index: number;
  readonly source: string;
  readonly target: string | null;
  /** The event's type as XState knows it; `''` for an eventless transition. */
  readonly event: string;
  readonly label: string;
  readonly description: string;
}

export interface MachineView {
  readonly id: string;
  readonly description: string;
  readonly states: readonly StateView[];
  readonly edges: readonly EdgeView[];
  /** The drawing; `null` when this machine cannot be drawn here, and its outline is all there is. */
  readonly svg: string | null;
}

export type FromServer =
  | { readonly type: 'hello'; readonly version: string; readonly now: number }
  /** Rows that are new or have changed; sent at most every 200 ms. */
  | { readonly type: 'rows'; readonly rows: readonly Row[] }
  /** Rows that are no longer kept. */
  | { readonly type: 'gone'; readonly ids: readonly string[] }
  /** The answer to `watch`: everything that is kept of one row. `dropped` entries came before and are not kept. */
  | {
      readonly type: 'history';
      readonly id: string;
      readonly machine: MachineView;
      readonly dropped: number;
      readonly entries: readonly Entry[];
      readonly samples: readonly Sample[];
    }
  /** More of the row that is watched; sent at most every 50 ms. */
  | { readonly type: 'entries'; readonly id: string; readonly entries: readonly Entry[] }
  | { readonly type: 'samples'; readonly id: string; readonly samples: readonly Sample[] };

export type FromPage =
  /** Follow this row from now on, and no other. */
  { readonly type: 'watch'; readonly id: string };
