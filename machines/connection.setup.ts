// The vocabulary of the chart: its types, and the five actors that the world must provide.
// The actors are stubs that name themselves; `src/wiring.ts` provides the real ones.
import { fromCallback, setup, type EventObject, type NonReducibleUnknown } from 'xstate';
import type {
  ConnectionContext,
  ConnectionEvent,
  ConnectionInput,
  PolicyInput,
  SocketInput,
} from './connection.types.ts';

const stub = <Input extends NonReducibleUnknown = undefined>(name: string) =>
  fromCallback<EventObject, Input>(() => {
    throw new Error(
      `The actor "${name}" was not provided: use connectionMachine.provide({ actors: { ${name} } }).`,
    );
  });

export const connectionSetup = setup({
  types: {
    context: {} as ConnectionContext,
    events: {} as ConnectionEvent,
    input: {} as ConnectionInput,
    tags: {} as 'queues' | 'writes' | 'refuses',
  },
  actors: {
    socket: stub<SocketInput>('socket'),
    heartbeat: stub('heartbeat'),
    farewell: stub('farewell'),
    retryPolicy: stub<PolicyInput>('retryPolicy'),
    surroundings: stub('surroundings'),
  },
});
