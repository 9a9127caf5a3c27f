// The whole life of one subscription to a channel, on the side of the client. Names only: what they do is in
// subscription.actions.ts and subscription.delays.ts, who does the work is in subscription.setup.ts.
import { initialSubscription, subscriptionActions } from './subscription.actions.ts';
import { subscriptionDelays } from './subscription.delays.ts';
import { subscriptionSetup } from './subscription.setup.ts';

export const subscriptionMachine = subscriptionSetup
  .extend({ actions: subscriptionActions, delays: subscriptionDelays })
  .createMachine({
    id: 'subscription',
    description: 'One channel that a client wants the messages of, through as many connections as it takes.',
    context: initialSubscription,
    initial: 'subscribing',
    states: {
      subscribing: {
        description: 'The server does not know yet, or not any more, that the messages are wanted.',
        initial: 'waiting',
        on: {
          'link.lost': {
            target: '.waiting',
            description: 'The connection broke before the server had said anything.',
          },
          'link.failed': {
            target: 'failed.cutOff',
            actions: 'noteFailure',
            description: 'The connection has given up.',
          },
          'link.ended': { target: 'ended', description: 'The client has disconnected.' },
        },
        states: {
          waiting: {
            description: 'There is no connection; the server is asked as soon as there is.',
            on: {
              'link.ready': {
                target: 'asking',
                description: 'A connection is there, and nothing was sent on it yet.',
              },
              unsubscribe: {
                target: '#subscription.ended',
                description: 'Nobody was asked: nothing is to be undone.',
              },
            },
          },
          asking: {
            description: 'The server was asked, and its answer is awaited, if it gives one.',
            invoke: { id: 'ask', src: 'ask' },
            on: {
              'reply.subscribed': {
                target: '#subscription.subscribed.confirmed',
                description: 'The server agreed.',
              },
              'reply.refused': {
                target: '#subscription.failed.refused',
                actions: 'noteFailure',
                description: 'The server does not allow it.',
              },
              'reply.postponed': {
                target: 'postponed',
                description: 'The server cannot do it now.',
              },
              unsubscribe: {
                target: '#subscription.unsubscribing',
                description: 'Not wanted any more, before the answer came.',
              },
            },
            after: {
              acknowledgement: {
                target: '#subscription.subscribed.assumed',
                description: 'No word came: a server that gives none does what it was asked for.',
              },
            },
          },
          postponed: {
            description: 'The server is asked again a little later.',
            on: {
              unsubscribe: {
                target: '#subscription.ended',
                description: 'The server has nothing to forget.',
              },
            },
            after: {
              retryDelay: { target: 'asking', description: 'Perhaps it can now.' },
            },
          },
        },
      },

      subscribed: {
        description: 'Messages come.',
        initial: 'confirmed',
        on: {
          'link.lost': {
            target: 'subscribing.waiting',
            description: 'The connection broke, and what the server knew with it.',
          },
          'link.failed': {
            target: 'failed.cutOff',
            actions: 'noteFailure',
            description: 'The connection has given up.',
          },
          'link.ended': { target: 'ended', description: 'The client has disconnected.' },
          'reply.refused': {
            target: 'failed.refused',
            actions: 'noteFailure',
            description: 'The server does not allow it any more.',
          },
          'reply.postponed': {
            target: 'subscribing.postponed',
            description: 'The server cannot do it now, and said so late.',
          },
          unsubscribe: {
            target: 'unsubscribing',
            description: 'The last who wanted the messages has had enough.',
          },
        },
        states: {
          confirmed: { description: 'The server said so.' },
          assumed: {
            description: 'The server says nothing about subscriptions.',
            on: {
              'reply.subscribed': { target: 'confirmed', description: 'It does, only late.' },
            },
          },
        },
      },

      unsubscribing: {
        description: 'The server was told that the messages are not wanted any more.',
        invoke: { id: 'leave', src: 'leave' },
        on: {
          'reply.unsubscribed': { target: 'ended', description: 'The server has forgotten it.' },
          'reply.refused': { target: 'ended', description: 'The server knew nothing of it.' },
          'link.lost': { target: 'ended', description: 'The server forgets it with the connection.' },
          'link.failed': { target: 'ended', description: 'There is no server any more.' },
          'link.ended': { target: 'ended', description: 'The client has disconnected.' },
          subscribe: { target: 'subscribing', description: 'Wanted again, before it had ended.' },
        },
        after: {
          acknowledgement: { target: 'ended', description: 'No word came, and none is needed.' },
        },
      },

      failed: {
        description: 'No messages come, and the failure says why.',
        on: {
          subscribe: {
            target: 'subscribing',
            actions: 'forgetFailure',
            description: 'Asked for once more.',
          },
          unsubscribe: { target: 'ended', description: 'Whoever wanted it knows.' },
          'link.ended': { target: 'ended', description: 'The client has disconnected.' },
        },
        initial: 'refused',
        states: {
          refused: { description: 'The server does not allow it.' },
          cutOff: {
            description: 'The connection gave up; the server is asked again when the client connects.',
            on: {
              'link.ready': {
                target: '#subscription.subscribing.asking',
                actions: 'forgetFailure',
                description: 'There is a connection again.',
              },
            },
          },
        },
      },

      ended: {
        type: 'final',
        description: 'Not wanted any more. Who subscribes again gets another subscription.',
      },
    },
  });
