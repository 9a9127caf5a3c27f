// Named updates of the context, one per thing that the chart can say. All are pure.
import { assertEvent } from 'xstate';
import { clampDelay } from './connection.delays.ts';
import { connectionSetup } from './connection.setup.ts';
import type {
  ConnectionContext,
  ConnectionInput,
  Failure,
  PolicyInput,
  SocketInput,
} from './connection.types.ts';

const { assign } = connectionSetup;

/** What a session forgets of the losses before it, once it is known to hold. */
const settled = { attempt: 0, repeats: 0, failure: null } as const;

const fresh = { ...settled, sessions: 0, refreshes: 0, retryInMs: null } as const;

export const initialContext = ({ input }: { input: ConnectionInput }): ConnectionContext => ({
  ...fresh,
  limits: input.limits,
  phase: 'connecting',
  reason: 'CREATED',
});

export const socketInput = ({ context }: { context: ConnectionContext }): SocketInput => ({
  attempt: context.attempt,
  session: context.sessions + 1,
  reason: context.reason,
});

/** `deciding` is never entered without a failure. */
const NO_FAILURE: Failure = { code: 'INTERNAL_ERROR', cure: 'stop', details: { phase: 'deciding' } };

export const policyInput = ({ context }: { context: ConnectionContext }): PolicyInput => ({
  attempt: context.attempt,
  phase: context.phase,
  sessions: context.sessions,
  refreshes: context.refreshes,
  repeats: context.repeats,
  previousDelayMs: context.attempt > 1 ? context.retryInMs : null,
  failure: context.failure ?? NO_FAILURE,
});

/** A failure that the machine itself establishes: a deadline passed. */
const overdue = (context: ConnectionContext, code: string, limitMs: number): Failure => ({
  code,
  cure: 'retry',
  details: { phase: context.phase, limitMs },
});

const lostBy = (context: ConnectionContext, failure: Failure) => ({
  failure,
  reason: failure.code,
  repeats: isSame(context.failure, failure) ? context.repeats + 1 : 1,
});

const isSame = (a: Failure | null, b: Failure) =>
  a?.code === b.code && a.details['closeCode'] === b.details['closeCode'];

export const connectionActions = {
  begin: assign({ ...fresh, reason: 'CONNECT_CALLED' }),
  end: assign({ reason: 'DISCONNECT_CALLED' }),
  noteReturn: assign({
    reason: ({ event }) => (event.type === 'page.returned' ? 'PAGE_RETURNED' : 'NETWORK_RETURNED'),
  }),
  noteRetryNow: assign({ reason: 'CONNECT_CALLED' }),

  enterConnecting: assign({ phase: 'connecting' }),
  enterAuthenticating: assign({ phase: 'authenticating' }),
  enterOpen: assign({ phase: 'open' }),
  welcome: assign(({ context }) => ({
    sessions: context.sessions + 1,
    refreshes: 0,
    reason: 'HANDSHAKE_ACCEPTED',
    ...(context.limits.stableAfterMs === 0 && settled),
  })),
  resetAttempts: assign(settled),
  countAttempt: assign({ attempt: ({ context }) => context.attempt + 1 }),

  recordLoss: assign(({ context, event }) => {
    assertEvent(event, ['socket.closed', 'handshake.rejected']);
    return lostBy(context, event.failure);
  }),
  recordSilence: assign(({ context, event }) => {
    assertEvent(event, 'heartbeat.missed');
    const details = { phase: context.phase, silentForMs: event.silentForMs };
    return lostBy(context, { code: 'HEARTBEAT_TIMEOUT', cure: 'retry', details });
  }),
  recordConnectTimeout: assign(({ context }) =>
    lostBy(context, overdue(context, 'CONNECT_TIMEOUT', context.limits.connectMs)),
  ),
  recordHandshakeTimeout: assign(({ context }) =>
    lostBy(context, overdue(context, 'HANDSHAKE_TIMEOUT', context.limits.handshakeMs)),
  ),

  planRetry: assign(({ event }) => {
    assertEvent(event, 'verdict.retry');
    return { retryInMs: clampDelay(event.delayMs) };
  }),
  planRefresh: assign(({ context }) => ({ refreshes: context.refreshes + 1, retryInMs: null })),
  planWait: assign({ retryInMs: null }),
  giveUp: assign(({ event }) => {
    assertEvent(event, 'verdict.stop');
    return { failure: event.failure, reason: event.failure.code };
  }),
};
