// The vocabulary of the relay chart: its types, and the five actors that the world must provide.
// The actors are stubs that name themselves; a relay provides the real ones.
import { fromCallback, setup, type EventObject } from 'xstate';
import type { RelayContext, RelayEvent, RelayInput } from './relay.types.ts';

const stub = (name: string) =>
  fromCallback<EventObject>(() => {
    throw new Error(
      `The actor "${name}" was not provided: use relayMachine.provide({ actors: { ${name} } }).`,
    );
  });

export const relaySetup = setup({
  types: {
    context: {} as RelayContext,
    events: {} as RelayEvent,
    input: {} as RelayInput,
  },
  actors: {
    reader: stub('reader'),
    watchdog: stub('watchdog'),
    tools: stub('tools'),
    completion: stub('completion'),
    apology: stub('apology'),
  },
});
