// The whole life of a connection. Names only: what they do is in connection.actions.ts and connection.delays.ts,
// who does the work is in connection.setup.ts. The drawing and the tables in README.md are made from this file.
import { initialContext, connectionActions, policyInput, socketInput } from './connection.actions.ts';
import { connectionDelays } from './connection.delays.ts';
import { connectionSetup } from './connection.setup.ts';

export const connectionMachine = connectionSetup
  .extend({ actions: connectionActions, delays: connectionDelays })
  .createMachine({
    id: 'connection',
    description: 'Keeps one connection alive, and knows at any moment why it is in the state it is in.',
    context: initialContext,
    initial: 'idle',
    states: {
      idle: {
        description: 'Nothing was asked yet: no socket, no timer.',
        tags: 'queues',
        on: {
          connect: { target: 'online', actions: 'begin', description: 'The user wants a connection.' },
          disconnect: { target: 'closed', actions: 'end', description: 'Nothing to undo.' },
        },
      },

      online: {
        description: 'A socket exists, or is being opened. Leaving this state disposes of it.',
        invoke: {
          id: 'socket',
          src: 'socket',
          input: socketInput,
        },
        on: {
          'socket.closed': {
            target: 'deciding',
            actions: 'recordLoss',
            description: 'The socket is gone; the failure says why.',
          },
          disconnect: {
            target: '.closing',
            actions: 'end',
            description: 'The user wants to end it: say goodbye first.',
          },
        },
        initial: 'connecting',
        states: {
          connecting: {
            description:
              'URL, headers and credentials are resolved for this attempt, and a socket is being opened.',
            tags: 'queues',
            entry: 'enterConnecting',
            on: {
              'socket.opened': {
                target: 'authenticating',
                description: 'The socket is open; the handshake begins.',
              },
              disconnect: {
                target: '#connection.closed',
                actions: 'end',
                description: 'There is nobody to say goodbye to yet.',
              },
            },
            after: {
              connectTimeout: {
                target: '#connection.deciding',
                actions: 'recordConnectTimeout',
                description: 'Nobody answered, or a URL, header or credential function hangs.',
              },
            },
          },

          authenticating: {
            description: 'The protocol introduces itself, and re-creates what the server must know again.',
            tags: 'queues',
            entry: 'enterAuthenticating',
            on: {
              'handshake.accepted': {
                target: 'open',
                actions: 'welcome',
                description: 'The server let us in.',
              },
              'handshake.rejected': {
                target: '#connection.deciding',
                actions: 'recordLoss',
                description: 'The server refused us, or answered what cannot be understood.',
              },
            },
            after: {
              handshakeTimeout: {
                target: '#connection.deciding',
                actions: 'recordHandshakeTimeout',
                description: 'The server took the connection and then said nothing.',
              },
            },
          },

          open: {
            description: 'Messages flow both ways.',
            tags: 'writes',
            entry: 'enterOpen',
            invoke: { id: 'heartbeat', src: 'heartbeat' },
            after: {
              stable: {
                actions: 'resetAttempts',
                description: 'The session held: the next loss starts counting from the first delay.',
              },
            },
            initial: 'healthy',
            states: {
              healthy: {
                description: 'Life was seen lately.',
                on: {
                  'heartbeat.doubted': {
                    target: 'probing',
                    description: 'Silence, or a return from a sleep: ask for a sign of life.',
                  },
                },
              },
              probing: {
                description: 'A sign of life was asked for; any inbound byte is one.',
                on: {
                  'heartbeat.answered': { target: 'healthy', description: 'The peer lives.' },
                  'heartbeat.missed': {
                    target: '#connection.deciding',
                    actions: 'recordSilence',
                    description: 'The link is dead, whatever the socket says.',
                  },
                },
              },
            },
          },

          closing: {
            description:
              'We asked to end: the outbox and the farewell are flushed, then the close frame is sent and answered.',
            invoke: { id: 'farewell', src: 'farewell' },
            initial: 'leaving',
            states: {
              leaving: {
                description: 'For good.',
                tags: 'refuses',
                on: {
                  'socket.closed': { target: '#connection.closed', description: 'The peer answered.' },
                  connect: {
                    target: 'returning',
                    actions: 'begin',
                    description: 'The user changed their mind: come back after this.',
                  },
                  disconnect: { description: 'Already on the way.' },
                },
                after: {
                  closeTimeout: {
                    target: '#connection.closed',
                    description: 'The peer did not answer in time.',
                  },
                },
              },
              returning: {
                description: 'To open a new connection as soon as this one has ended.',
                tags: 'queues',
                on: {
                  'socket.closed': {
                    target: '#connection.online',
                    description: 'Ended; begin anew.',
                  },
                  disconnect: {
                    target: 'leaving',
                    actions: 'end',
                    description: 'The user changed their mind again.',
                  },
                },
                after: {
                  closeTimeout: {
                    target: '#connection.online',
                    description: 'The peer did not answer in time; begin anew.',
                  },
                },
              },
            },
          },
        },
      },

      deciding: {
        description: 'An attempt or a session was lost; the retry policy gives its verdict.',
        tags: 'queues',
        entry: 'countAttempt',
        invoke: {
          id: 'retryPolicy',
          src: 'retryPolicy',
          input: policyInput,
        },
        on: {
          'verdict.retry': {
            target: 'reconnecting',
            actions: 'planRetry',
            description: 'Try again after a delay.',
          },
          'verdict.waitForNetwork': {
            target: 'reconnecting.waitingForNetwork',
            actions: 'planWait',
            description: 'Try again when the network is back.',
          },
          'verdict.reauthenticate': {
            target: 'online',
            actions: 'planRefresh',
            description: 'Try again at once with fresh credentials.',
          },
          'verdict.stop': {
            target: 'failed',
            actions: 'giveUp',
            description: 'Trying again would not help, or was tried often enough.',
          },
          disconnect: { target: 'closed', actions: 'end', description: 'The user had enough.' },
        },
      },

      reconnecting: {
        description: 'No socket; the next attempt is planned.',
        tags: 'queues',
        invoke: { id: 'surroundings', src: 'surroundings' },
        on: {
          connect: {
            target: 'online',
            actions: 'noteRetryNow',
            description: 'The user does not want to wait.',
          },
          'network.returned': {
            target: 'online',
            actions: 'noteReturn',
            description: 'Back online: waiting longer is of no use.',
          },
          'page.returned': {
            target: 'online',
            actions: 'noteReturn',
            description: 'The page is looked at again.',
          },
          disconnect: { target: 'closed', actions: 'end', description: 'The user had enough.' },
        },
        initial: 'backingOff',
        states: {
          backingOff: {
            description: 'Until `retryInMs` has passed.',
            after: { backoff: { target: '#connection.online', description: 'The next attempt is due.' } },
          },
          waitingForNetwork: {
            description: 'Until the platform says that it is online, or for as long as its word is taken.',
            after: {
              networkPatience: {
                target: '#connection.online',
                description: 'The platform may be wrong: look.',
              },
            },
          },
        },
      },

      failed: {
        description: 'Gave up, with a failure that says why. `connect()` starts again.',
        tags: 'refuses',
        on: {
          connect: { target: 'online', actions: 'begin', description: 'The user wants to try again.' },
          disconnect: { target: 'closed', actions: 'end', description: 'The user takes note.' },
        },
      },

      closed: {
        description: 'Ended on purpose. `connect()` starts again.',
        tags: 'refuses',
        on: {
          connect: { target: 'online', actions: 'begin', description: 'The user wants a connection again.' },
        },
      },
    },
  });
