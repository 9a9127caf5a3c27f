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
import type { Settings } from './settings.ts';
import type { Outbox } from './outbox.ts';
import type { Surroundings } from './platform/platform.ts';
import type { Protocol } from './protocols/protocol.ts';
import type { Transport } from './transports/transport.ts';
import type { Wire } from './wire.ts';

export type ConnectionActor = ActorRefFrom<typeof connectionMachine>;

/** Reports what was thrown, once, and never throws. */
export type Report = (
  code: 'LISTENER_FAILED' | 'PROTOCOL_FAILED' | 'RETRY_POLICY_FAILED',
  where: string,
  thrown: unknown,
) => void;

/** Everything that the actors of one connection share. */
export interface World<Incoming, Outgoing, Welcome, Credentials> {
  readonly options: ConnectionOptions<Incoming, Outgoing, Welcome, Credentials>;
  readonly settings: Settings;
  readonly protocol: Protocol<Incoming, Outgoing, Welcome, Credentials>;
  readonly transport: Transport;
  readonly surroundings: Surroundings;
  readonly wire: Wire<Incoming, Welcome>;
  readonly outbox: Outbox<Incoming, Outgoing>;
  /** Told of what a function of the user's or of the protocol's threw. */
  readonly report: Report;
}

type AnyWorld = World<unknown, unknown, unknown, unknown>;

interface Room {
  readonly world: AnyWorld;
  /** What the running actors hold, to be released if the machine itself breaks. */
  readonly held: Set<() => void>;
}

/** One machine serves all connections, because providing it anew would cost each of them 65 kB: each has its room. */
const rooms = new WeakMap<object, Room>();

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
  announcer: Announcer<Incoming, Outgoing, Welcome>,
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
  const room = { world: world as unknown as AnyWorld, held: new Set<() => void>() };
  rooms.set(actor.system, room);
  actor.subscribe({
    next: (snapshot) => announcer.follow(snapshot),
    error: (thrown) => {
      for (const dispose of [...room.held]) dispose();
      announcer.crash(thrown);
    },
  });
  return actor.start();
}

/**
 * Gives an actor the world of its connection. When an action or a guard throws, XState leaves the invoked children
 * running and `stop()` does nothing any more (xstate issues 5153 and 4726): so every cleanup is kept in the room too,
 * and run once, by whoever comes first.
 */
function housed<Sent extends AnyEventObject, Input extends NonReducibleUnknown>(
  actor: (world: AnyWorld) => CallbackLogicFunction<EventObject, Sent, Input>,
) {
  return fromCallback<EventObject, Input>((args) => {
    const room = rooms.get(args.system);
    if (room === undefined) throw new Error('An actor was started outside of a connection.');
    const cleanup = actor(room.world)(args);
    if (typeof cleanup !== 'function') return undefined;
    const dispose = () => {
      if (room.held.delete(dispose)) cleanup();
    };
    room.held.add(dispose);
    return dispose;
  });
}

/** XState lets what an inspector throws escape from `send()`. */
function guarded(
  inspect: NonNullable<ConnectionOptions['inspect']>,
  report: (thrown: unknown) => void,
): Observer<InspectionEvent> {
  const look = (event: InspectionEvent) =>
    typeof inspect === 'function' ? inspect(event) : inspect.next?.(event);
  return {
    next: (event) => {
      try {
        look(event);
      } catch (thrown) {
        report(thrown);
      }
    },
  };
}
