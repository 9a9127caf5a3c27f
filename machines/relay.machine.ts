// The whole life of one answer of an assistant, on the side that publishes it. Names only: what they do is in
// relay.actions.ts and relay.delays.ts, who does the work is in relay.setup.ts.
import { initialRelay, relayActions } from './relay.actions.ts';
import { relayDelays } from './relay.delays.ts';
import { relaySetup } from './relay.setup.ts';

export const relayMachine = relaySetup.extend({ actions: relayActions, delays: relayDelays }).createMachine({
  id: 'relay',
  description: 'One answer of an assistant, from the request to its last frame.',
  context: initialRelay,
  initial: 'running',
  states: {
    running: {
      description: 'The answer is being made.',
      initial: 'reading',
      on: {
        cancel: {
          target: 'failing',
          actions: 'noteFailure',
          description: 'Whoever asked does not want it any more.',
        },
      },
      after: {
        overallTimeout: {
          target: 'failing',
          actions: 'noteNoEnd',
          description: 'It took too long altogether.',
        },
      },
      states: {
        reading: {
          description: 'The events of a run are read. Leaving this state stops it.',
          invoke: { id: 'reader', src: 'reader' },
          initial: 'waiting',
          on: {
            'run.calledTools': {
              target: 'executing',
              description: 'The assistant wants to know something first.',
            },
            'run.ended': {
              target: '#relay.completing',
              description: 'The answer is whole.',
            },
            'run.failed': {
              target: '#relay.failing',
              actions: 'noteFailure',
              description: 'The assistant said so, or broke off.',
            },
          },
          states: {
            waiting: {
              description: 'The assistant has given no sign of life yet.',
              on: {
                'run.answered': { target: 'hearing', description: 'It lives.' },
              },
              after: {
                firstEventTimeout: {
                  target: '#relay.failing',
                  actions: 'noteNoEvent',
                  description: 'None came.',
                },
              },
            },
            hearing: {
              description: 'Events come, and somebody minds that they do.',
              invoke: { id: 'watchdog', src: 'watchdog' },
              on: {
                'run.silent': {
                  target: '#relay.failing',
                  actions: 'noteSilence',
                  description: 'They stopped coming.',
                },
              },
            },
          },
        },
        executing: {
          description: 'The tools that the assistant called are at work, each within its own time.',
          invoke: { id: 'tools', src: 'tools' },
          on: {
            'tools.done': {
              target: 'reading.hearing',
              description: 'Each has a result, and the assistant goes on with them.',
            },
          },
        },
      },
    },

    completing: {
      description: 'The whole answer is being published.',
      invoke: { id: 'completion', src: 'completion' },
      on: {
        'end.settled': { target: 'completed', description: 'It was, or nobody could be told.' },
        'end.refused': {
          target: 'failing',
          actions: 'noteFailure',
          description: 'The server does not take it, so that another end must be told.',
        },
      },
    },

    failing: {
      description: 'It is being published that there will be no answer.',
      invoke: { id: 'apology', src: 'apology' },
      on: {
        'end.settled': { target: 'failed', description: 'It was, or nobody could be told.' },
        'end.refused': { target: 'failed', description: 'The server does not take that either.' },
      },
    },

    completed: { type: 'final', description: 'The answer was given.' },
    failed: { type: 'final', description: 'There was none, and the failure says why.' },
  },
});
