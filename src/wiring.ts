// The only place where the machine meets the world: its actors are provided, its actor is made, and whatever an
// inspector throws, or a crash leaves behind, is caught.
import {
  createActor,
  fromCallback,
  type ActorRefFrom,
  type AnyEventObject,
  type CallbackLogicFunction,
  type EventObject,
  type InspectionEvent,
  type NonReducibleUnknown,
  type Observer,
} from 'xstate';
import { connectionMachine } from '../machines/index.ts';
import type { Announcer } from './announcer.ts';
import { farewellActor } from './actors/farewell.ts';
import { heartbeatActor } from './actors/heartbeat.ts';
import { retryPolicyActor } from './actors/retry-policy.ts';
import { socketActor } from './actors/socket.ts';
import { surroundingsActor } from './actors/surroundings.ts';
import type { ConnectionOptions } from './options.ts';
import { watchRejection } from './rejections.ts';
import type { World } from './world.ts';

export type ConnectionActor = ActorRefFrom<typeof connectionMachine>;

type AnyWorld = World<unknown, unknown, unknown, unknown>;

/** One machine serves all connections, because to provide it anew would cost each of them 50 kB: each has its world. */
const worlds = new WeakMap<object, AnyWorld>();

const machine = connectionMachine.provide({
  actors: {
    socket: housed(socketActor),
    heartbeat: housed(heartbeatActor),
    farewell: housed(farewellActor),
    retryPolicy: housed(retryPolicyActor),
    surroundings: housed(surroundingsActor),
  },
});

/** Makes the actor of a connection, starts it, and has every snapshot followed. */
export function wireUp<Incoming, Outgoing, Welcome, Credentials>(
  world: World<Incoming, Outgoing, Welcome, Credentials>,
  announcer: Announcer<Incoming, Outgoing, Welcome, Credentials>,
): ConnectionActor {
  const { options, settings } = world;
  const inspect =
    options.inspect &&
    guarded(options.inspect, (thrown) => world.report('LISTENER_FAILED', 'inspect', thrown));
  const actor = createActor(machine, {
    input: { limits: settings.limits },
    clock: settings.clock,
    ...(inspect && { inspect }),
  });
  worlds.set(actor.system, world as unknown as AnyWorld);
  actor.subscribe({
    next: (snapshot) => announcer.follow(snapshot),
    error: (thrown) => {
      for (const dispose of [...world.held]) dispose();
      announcer.crash(thrown);
    },
  });
  return actor.start();
}

/**
 * Gives an actor the world of its connection. When an action or a guard throws, XState leaves the invoked children
 * running and `stop()` does nothing any more (xstate issues 5153 and 4726): so every cleanup is kept in the world too,
 * and run once, by whoever comes first.
 */
function housed<Sent extends AnyEventObject, Input extends NonReducibleUnknown>(
  actor: (world: AnyWorld) => CallbackLogicFunction<EventObject, Sent, Input>,
) {
  return fromCallback<EventObject, Input>((args) => {
    const world = worlds.get(args.system);
    if (world === undefined) throw new Error('An actor was started outside of a connection.');
    const cleanup = actor(world)(args);
    if (typeof cleanup !== 'function') return undefined;
    const { held } = world;
    const dispose = () => {
      const at = held.indexOf(dispose);
      if (at < 0) return;
      held.splice(at, 1);
      cleanup();
    };
    held.push(dispose);
    return dispose;
  });
}

/** XState lets what an inspector throws escape from `send()`. */
function guarded(
  inspect: NonNullable<ConnectionOptions['inspect']>,
  report: (thrown: unknown) => void,
): Observer<InspectionEvent> {
  const look = (event: InspectionEvent): unknown =>
    typeof inspect === 'function' ? inspect(event) : inspect.next?.(event);
  return {
    next: (event) => {
      try {
        watchRejection(look(event), report);
      } catch (thrown) {
        report(thrown);
      }
    },
  };
}
