// The vocabulary of the session chart: its types, and the five actors that the world must provide.
// The actors are stubs that name themselves; a server provides the real ones.
import { fromCallback, setup, type EventObject, type NonReducibleUnknown } from 'xstate';
import type { Goodbye, SessionContext, SessionEvent, SessionInput } from './session.types.ts';

const stub = <Input extends NonReducibleUnknown = undefined>(name: string) =>
  fromCallback<EventObject, Input>(() => {
    throw new Error(
      `The actor "${name}" was not provided: use sessionMachine.provide({ actors: { ${name} } }).`,
    );
  });

export const sessionSetup = setup({
  types: {
    context: {} as SessionContext,
    events: {} as SessionEvent,
    input: {} as SessionInput,
  },
  actors: {
    gatekeeper: stub('gatekeeper'),
    link: stub('link'),
    handler: stub('handler'),
    watchdog: stub('watchdog'),
    goodbye: stub<Goodbye>('goodbye'),
  },
});
