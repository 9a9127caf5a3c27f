// Listens to the platform while no session is open: a network or a page that returns ends the wait.
import type { CallbackLogicFunction, EventObject } from 'xstate';
import type { SurroundingsEvent } from '../../machines/index.ts';
import type { World } from '../world.ts';

export const surroundingsActor =
  ({
    surroundings,
  }: Pick<World<unknown, unknown, unknown, unknown>, 'surroundings'>): CallbackLogicFunction<
    EventObject,
    SurroundingsEvent,
    undefined
  > =>
  ({ sendBack }) =>
    surroundings.subscribe((type) => sendBack({ type }));
