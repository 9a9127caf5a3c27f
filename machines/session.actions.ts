// Named updates of a session's context, one per thing that the chart can say. All are pure.
import { assertEvent } from 'xstate';
import { sessionSetup } from './session.setup.ts';
import type { Goodbye, SessionContext, SessionInput } from './session.types.ts';

const { assign } = sessionSetup;

const FAREWELL: Goodbye = { code: 1000, reason: '' };

export const initialSession = ({ input }: { input: SessionInput }): SessionContext => ({
  limits: input.limits,
  cause: 'REQUESTED',
  goodbye: FAREWELL,
  closeCode: null,
  closeReason: '',
  status: null,
});

export const goodbyeInput = ({ context }: { context: SessionContext }): Goodbye => context.goodbye;

/** No close frame came: RFC 6455 §7.1.5. */
const cutOff = (cause: string) => ({ cause, closeCode: 1006, closeReason: '' });

export const sessionActions = {
  noteAccepted: assign({ cause: 'ACCEPTED' }),
  noteRefused: assign(({ event }) => {
    assertEvent(event, 'request.refused');
    return { cause: 'REFUSED', status: event.status };
  }),
  noteAcceptTimeout: assign({ cause: 'ACCEPT_TIMEOUT', status: 503 }),
  noteUnwanted: assign({ cause: 'SHUTTING_DOWN', status: 503 }),
  noteGone: assign({ cause: 'PEER_LEFT' }),

  planClose: assign(({ event }) => {
    assertEvent(event, 'close');
    const { code, reason, cause = 'CLOSE_CALLED' } = event;
    return { cause, goodbye: { code, reason } };
  }),
  planReturn: assign({ cause: 'HANDLER_RETURNED', goodbye: FAREWELL }),
  planFailure: assign({ cause: 'HANDLER_FAILED', goodbye: { code: 1011, reason: 'Internal error' } }),
  planIdle: assign({ cause: 'IDLE_TIMEOUT', goodbye: { code: 1001, reason: 'Idle for too long' } }),

  noteLost: assign(({ event }) => {
    assertEvent(event, 'link.closed');
    return { cause: event.cause, closeCode: event.code, closeReason: event.reason };
  }),
  /** Whose close it was is known already. */
  noteAnswered: assign(({ event }) => {
    assertEvent(event, 'link.closed');
    return { closeCode: event.code, closeReason: event.reason };
  }),
  noteSilence: assign(cutOff('HEARTBEAT_TIMEOUT')),
  noteTerminated: assign(({ event }) => {
    assertEvent(event, 'terminate');
    return cutOff(event.cause);
  }),
  noteNoAnswer: assign({ closeCode: 1006, closeReason: '' }),
};
