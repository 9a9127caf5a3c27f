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
} from 'xstate';
import { connectionMachine } from '../machines/index.ts';
import type { Announcer } from './announcer.ts';
import { farewellActor } from './actors/farewell.ts';
import { heartbeatActor } from './actors/heartbeat.ts';
import { retryPolicyActor } from './actors/retry-policy.ts';
import { socketActor } from './actors/socket.ts';
import { surroundingsActor } from './actors/surroundings.ts';
import type { Inspector } from './inspection/inspector.ts';
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
  const { settings } = world;
  const inspectors = inspectorsOf(world as unknown as AnyWorld);
  const actor = createActor(machine, {
    input: { limits: settings.limits },
    clock: settings.clock,
    ...(inspectors.length > 0 && { inspect: guarded(inspectors, world.report) }),
  });
  worlds.set(actor.system, world as unknown as AnyWorld);
  for (const inspector of inspectors) attach(inspector, actor, world as unknown as AnyWorld);
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

/** The recorder, and the inspector of the user's. */
function inspectorsOf({ options: { inspect }, recorder }: AnyWorld): Inspector[] {
  const given = typeof inspect === 'function' ? { next: inspect } : inspect;
  return [recorder, given].filter((inspector) => inspector !== undefined) as Inspector[];
}

function attach(inspector: Inspector, { sessionId }: ConnectionActor, world: AnyWorld): void {
  try {
    inspector.attach?.(sessionId, world);
  } catch (thrown) {
    // A recorder that cannot be used is a wrong option; an inspector is somebody else's.
    if (inspector === world.recorder) throw thrown;
    world.report('LISTENER_FAILED', 'inspect', thrown);
  }
}

/** XState lets what an inspector throws escape from `send()`. */
function guarded(
  inspectors: readonly { next(event: InspectionEvent): unknown }[],
  report: AnyWorld['report'],
): (event: InspectionEvent) => void {
  const fail = (thrown: unknown): void => report('LISTENER_FAILED', 'inspect', thrown);
  return (event) => {
    for (const inspector of inspectors) {
      try {
        // An inspector of the user's may be a function that returns a promise.
        watchRejection(inspector.next(event), fail);
      } catch (thrown) {
        fail(thrown);
      }
    }
  };
}
