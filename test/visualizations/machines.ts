// Machines that have everything a chart can have, so that drawing one of each kind proves something.
import { and, createMachine, fromPromise, not, setup } from 'xstate';

/** Regions that work at the same time, at the top and further down. */
export const player = createMachine({
  id: 'player',
  description: 'Two things at once.',
  type: 'parallel',
  states: {
    sound: {
      description: 'What is heard.',
      initial: 'on',
      states: {
        on: { on: { MUTE: { target: 'off', description: 'Quiet, please.' }, LOUDER: { actions: 'turnUp' } } },
        off: { on: { UNMUTE: 'on' } },
      },
    },
    film: {
      initial: 'paused',
      states: {
        paused: { on: { PLAY: 'running' } },
        running: { on: { PAUSE: 'paused', END: 'over' }, after: { 5000: 'paused' } },
        over: { type: 'final' },
      },
      onDone: '#player.sound.off',
    },
  },
  on: { RESET: { target: ['.sound.on', '.film.paused'], description: 'Both from the start.' } },
});

/** Guards, history, a final state, a self loop, an actor's answers, an eventless transition, actors at the top. */
export const checkout = setup({
  actors: { pay: fromPromise(async () => 'paid'), audit: fromPromise(async () => 'noted') },
  guards: { isEmpty: () => true, isRich: () => true, isKnown: () => true },
  actions: { shrug: () => undefined },
  delays: { patience: 1000 },
}).createMachine({
  id: 'checkout',
  description: 'A shop & its <till>.',
  invoke: { src: 'audit' },
  initial: 'shopping',
  on: { HELP: '.help', '*': { actions: 'shrug' } },
  states: {
    shopping: {
      tags: ['browsing', 'calm'],
      initial: 'looking',
      states: {
        looking: { on: { ADD: 'choosing', LOOK: { target: 'looking', reenter: true } } },
        choosing: {
          always: { target: 'looking', guard: 'isEmpty' },
          on: { BACK: 'looking', CHECKOUT: { target: '#checkout.paying', guard: not('isEmpty') } },
        },
        last: { type: 'history', target: 'looking' },
        exact: { type: 'history', history: 'deep' },
      },
    },
    help: { on: { THANKS: 'shopping.last', RETURN: 'shopping.exact' } },
    paying: {
      invoke: {
        id: 'payment',
        src: 'pay',
        onDone: [{ target: 'done', guard: and(['isRich', 'isKnown']) }, { target: 'shopping' }],
        onError: { target: 'shopping', description: 'Declined.' },
      },
      after: { patience: 'shopping' },
    },
    done: { type: 'final' },
  },
});
