// The whole life of a connection on the side of the server. Names only: what they do is in session.actions.ts and
// session.delays.ts, who does the work is in session.setup.ts.
import { goodbyeInput, initialSession, sessionActions } from './session.actions.ts';
import { sessionDelays } from './session.delays.ts';
import { sessionSetup } from './session.setup.ts';

export const sessionMachine = sessionSetup
  .extend({ actions: sessionActions, delays: sessionDelays })
  .createMachine({
    id: 'session',
    description: 'One client of a server, from its request to the end of its connection.',
    context: initialSession,
    initial: 'accepting',
    states: {
      accepting: {
        description: 'A request came: it is judged, and answered. Leaving this state unanswered refuses it.',
        invoke: { id: 'gatekeeper', src: 'gatekeeper' },
        on: {
          'request.accepted': {
            target: 'linked',
            actions: 'noteAccepted',
            description: 'The client may come in, and knows it.',
          },
          'request.refused': {
            target: 'closed',
            actions: 'noteRefused',
            description: 'The client was turned away with an HTTP status.',
          },
          'link.closed': {
            target: 'closed',
            actions: 'noteGone',
            description: 'The client did not wait for the answer.',
          },
          close: {
            target: 'closed',
            actions: 'noteUnwanted',
            description: 'The server ends before it has decided.',
          },
          terminate: {
            target: 'closed',
            actions: 'noteUnwanted',
            description: 'The server ends before it has decided.',
          },
        },
        after: {
          acceptTimeout: {
            target: 'closed',
            actions: 'noteAcceptTimeout',
            description: 'Whoever was to judge the request did not answer.',
          },
        },
      },

      linked: {
        description: 'There is a connection. Leaving this state cuts it off if it is still there.',
        invoke: { id: 'link', src: 'link' },
        on: {
          'link.closed': {
            target: 'closed',
            actions: 'noteLost',
            description: 'The peer closed the connection, or it broke.',
          },
          terminate: {
            target: 'closed',
            actions: 'noteTerminated',
            description: 'The server waits no longer.',
          },
        },
        initial: 'open',
        states: {
          open: {
            description: 'Messages flow both ways, and the handler runs.',
            invoke: [
              { id: 'handler', src: 'handler' },
              { id: 'watchdog', src: 'watchdog' },
            ],
            on: {
              close: {
                target: 'closing',
                actions: 'planClose',
                description: 'The handler or the server wants to end it.',
              },
              'handler.returned': {
                target: 'closing',
                actions: 'planReturn',
                description: 'The handler is done.',
              },
              'handler.failed': {
                target: 'closing',
                actions: 'planFailure',
                description: 'The handler threw: our fault, not that of the client.',
              },
              'idle.exceeded': {
                target: 'closing',
                actions: 'planIdle',
                description: 'No message in either direction for too long.',
              },
              'heartbeat.missed': {
                target: '#session.closed',
                actions: 'noteSilence',
                description: 'The link is dead, whatever the socket says.',
              },
            },
          },
          closing: {
            description: 'We said goodbye; the answer of the peer is awaited.',
            invoke: { id: 'goodbye', src: 'goodbye', input: goodbyeInput },
            on: {
              'link.closed': {
                target: '#session.closed',
                actions: 'noteAnswered',
                description: 'The connection ended.',
              },
            },
            after: {
              closeTimeout: {
                target: '#session.closed',
                actions: 'noteNoAnswer',
                description: 'The peer did not answer in time.',
              },
            },
          },
        },
      },

      closed: {
        type: 'final',
        description: 'Ended; the context says how and why. A client that comes back is another session.',
      },
    },
  });
