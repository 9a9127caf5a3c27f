// Listens to the platform while no session is open: a network or a page that returns ends the wait.
import type { CallbackLogicFunction, EventObject } from 'xstate';
import type { SurroundingsEvent } from '../../machines/index.ts';
import type { World } from '../world.ts';

type Place = Pick<World<unknown, unknown, unknown, unknown>, 'surroundings' | 'report'>;

export const surroundingsActor =
  (world: Place): CallbackLogicFunction<EventObject, SurroundingsEvent, undefined> =>
  ({ sendBack }) =>
    listenAround(world, (type) => sendBack({ type }));

/** Surroundings may be the user's: what they throw is reported, and then nothing is heard of them. */
export function listenAround(
  { surroundings, report }: Place,
  listener: (event: SurroundingsEvent['type']) => void,
): () => void {
  const guarded = <Result>(call: () => Result): Result | undefined => {
    try {
      return call();
    } catch (thrown) {
      report('LISTENER_FAILED', 'surroundings', thrown);
      return undefined;
    }
  };
  const unsubscribe = guarded(() => surroundings.subscribe(listener));
  return () => guarded(() => unsubscribe?.());
}
