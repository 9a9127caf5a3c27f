// The only place where the machine meets the world: its actors are provided, its actor is made, and whatever an
// inspector throws, or a crash leaves behind, is caught.
import {
  createActor,
  fromCallback,
  type ActorRefFrom,
  type AnyEventObject,
  type CallbackLogicFunction,
  type EventObject,
  type NonReducibleUnknown,
} from 'xstate';
import { connectionMachine } from '../machines/index.ts';
import type { Announcer } from './announcer.ts';
import { farewellActor } from './actors/farewell.ts';
import { heartbeatActor } from './actors/heartbeat.ts';
import { retryPolicyActor } from './actors/retry-policy.ts';
import { socketActor } from './actors/socket.ts';
import { surroundingsActor } from './actors/surroundings.ts';
import { guardInspector, type GuardedInspector } from './inspection/guard.ts';
import type { Inspector } from './inspection/inspector.ts';
import type { Held, World } from './world.ts';

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
  const { settings, recorder } = world;
  const anyWorld = world as unknown as AnyWorld;
  const inspector = inspectorOf(anyWorld);
  const actor = createActor(machine, {
    input: { limits: settings.limits },
    clock: settings.clock,
    ...(inspector !== undefined && { inspect: inspector.next }),
  });
  worlds.set(actor.system, anyWorld);
  if (recorder !== undefined) {
    recorder.attach?.(actor.sessionId, world);
    // Not by the option `inspect`: XState wraps that twice, and the recorder needs nothing from before the start.
    actor.system.inspect(world);
  }
  inspector?.attach(actor.sessionId, world);
  actor.subscribe(announcer);
  return actor.start();
}

/** Starts an actor; returns what it holds, or the function that releases it. */
type Start<Sent extends AnyEventObject, Input extends NonReducibleUnknown> = (
  ...args: Parameters<CallbackLogicFunction<EventObject, Sent, Input>>
) => Held | ReturnType<CallbackLogicFunction<EventObject, Sent, Input>>;

/**
 * Gives an actor the world of its connection. When an action or a guard throws, XState leaves the invoked children
 * running and `stop()` does nothing any more (xstate issues 5153 and 4726): so every cleanup is kept in the world too,
 * and run once, by whoever comes first.
 */
function housed<Sent extends AnyEventObject, Input extends NonReducibleUnknown>(
  actor: (world: AnyWorld) => Start<Sent, Input>,
) {
  return fromCallback<EventObject, Input>((args) => {
    const world = worlds.get(args.system);
    if (world === undefined) throw new Error('An actor was started outside of a connection.');
    const started = actor(world)(args);
    if (started === undefined) return undefined;
    const held = typeof started === 'function' ? { dispose: started } : started;
    world.hold(held);
    return world.letGo.bind(world, held); // 70 bytes less than a closure for each actor
  });
}

function inspectorOf(world: AnyWorld): GuardedInspector | undefined {
  const { inspect } = world.options;
  if (inspect === undefined) return undefined;
  return guardInspector(inspect as Inspector, (thrown) => world.report('LISTENER_FAILED', 'inspect', thrown));
}
