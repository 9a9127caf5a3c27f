// What the relay machine remembers and hears: plain data only. The text of an answer passes it by.
import type { Failure } from './connection.types.ts';

/** The time limits that the chart names, in milliseconds. */
export interface RelayLimits {
  /** Until the assistant gives its first sign of life. */
  readonly firstEventMs: number;
  /** Between two of them. The watchdog keeps this one; the chart only says it. */
  readonly silenceMs: number;
  /** For the whole answer. */
  readonly overallMs: number;
}

export interface RelayInput {
  readonly limits: RelayLimits;
}

export interface RelayContext {
  readonly limits: RelayLimits;
  /** Why there is no answer. */
  readonly failure: Failure | null;
}

/** What the user asks for: an imperative. */
export interface RelayUserEvent {
  readonly type: 'cancel';
  readonly failure: Failure;
}

/** What happened: facts. */
export type RelayFact =
  | { readonly type: 'run.answered' }
  | { readonly type: 'run.calledTools' }
  | { readonly type: 'run.ended' }
  | { readonly type: 'run.silent' }
  | { readonly type: 'run.failed'; readonly failure: Failure }
  | { readonly type: 'tools.done' }
  | { readonly type: 'end.settled' }
  | { readonly type: 'end.refused'; readonly failure: Failure };

export type RelayEvent = RelayUserEvent | RelayFact;
