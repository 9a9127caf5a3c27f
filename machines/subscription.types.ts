// What the subscription machine remembers and hears: plain data only. Messages, and where a subscriber stands among them,
// pass it by.
import type { Failure } from './connection.types.ts';

/** The time limits that the chart names, in milliseconds. */
export interface SubscriptionLimits {
  /** For the server's word about a subscription; a server that gives none is taken to have agreed. */
  readonly acknowledgementMs: number;
  /** Before a server that could not do it now is asked again. */
  readonly retryDelayMs: number;
}

export interface SubscriptionInput {
  readonly limits: SubscriptionLimits;
}

export interface SubscriptionContext {
  readonly limits: SubscriptionLimits;
  /** Why it failed. */
  readonly failure: Failure | null;
}

/** What the user asks for: imperatives. */
export type SubscriptionUserEvent = { readonly type: 'subscribe' } | { readonly type: 'unsubscribe' };

/** What happened: facts. */
export type SubscriptionFact =
  | { readonly type: 'link.ready' }
  | { readonly type: 'link.lost' }
  | { readonly type: 'link.ended' }
  | { readonly type: 'link.failed'; readonly failure: Failure }
  | { readonly type: 'reply.subscribed' }
  | { readonly type: 'reply.unsubscribed' }
  | { readonly type: 'reply.postponed' }
  | { readonly type: 'reply.refused'; readonly failure: Failure };

export type SubscriptionEvent = SubscriptionUserEvent | SubscriptionFact;
