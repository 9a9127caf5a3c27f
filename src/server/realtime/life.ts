// The only place where the session machine meets the world: its actors are provided, its actor is made, and whatever
// an inspector throws, or a crash leaves behind, is caught.
import { createActor, fromCallback, type ActorRefFrom, type EventObject, type InspectionEvent } from 'xstate';
import {
  selectSessionState,
  sessionMachine,
  type Goodbye,
  type SessionEvent,
  type SessionFact,
  type SessionLimits,
  type SessionState,
} from '../../../machines/index.ts';
import type { Clock } from '../../clock.ts';
import { deferred } from '../../deferred.ts';
import type { Inspected, Inspector } from '../../inspection/inspector.ts';

export type Report = (fact: SessionFact) => void;
export type Release = () => void;

/** Who does the work of a session. Each starts something, and returns what ends it. */
export interface SessionWorld {
  /** Judges the request and answers it. Ended without an answer, it refuses. */
  gatekeeper(report: Report): Release;
  /** Holds the connection. Ended while there is one, it cuts it off. */
  link(report: Report): Release;
  handler(report: Report): Release;
  watchdog(report: Report): Release;
  goodbye(said: Goodbye): void;
}

export interface LifeOptions {
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly inspect: Inspector | undefined;
  readonly inspected: () => Inspected;
  readonly onInspectorFailed: (thrown: unknown) => void;
}

/** One machine serves all sessions; to provide it anew would cost each of them as much as all else. */
const lives = new WeakMap<object, Life>();

const machine = sessionMachine.provide({
  actors: {
    gatekeeper: housed('gatekeeper'),
    link: housed('link'),
    handler: housed('handler'),
    watchdog: housed('watchdog'),
    goodbye: fromCallback<EventObject, Goodbye>(({ input, system }) => lives.get(system)?.say(input)),
  },
});

export class Life {
  readonly #world: SessionWorld;
  readonly #actor: ActorRefFrom<typeof sessionMachine>;
  readonly #held = new Set<Release>();
  readonly #ended = deferred<undefined>();

  constructor(world: SessionWorld, options: LifeOptions) {
    const { limits, clock, inspect, inspected, onInspectorFailed } = options;
    this.#world = world;
    this.#actor = createActor(machine, {
      input: { limits },
      clock,
      ...(inspect !== undefined && { inspect: guarded(inspect, onInspectorFailed) }),
    });
    lives.set(this.#actor.system, this);
    if (inspect !== undefined) attach(inspect, this.#actor.sessionId, inspected(), onInspectorFailed);
    this.#actor.subscribe({ complete: () => this.#end(), error: () => this.#end() });
  }

  /** Not before the session can be asked: the first actor starts at once. */
  start(): void {
    this.#actor.start();
  }

  get state(): SessionState {
    return selectSessionState(this.#actor.getSnapshot());
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** How it ended. */
  get ending(): { readonly code: number | null; readonly reason: string; readonly cause: string } {
    const { closeCode, closeReason, cause } = this.#actor.getSnapshot().context;
    return { code: closeCode, reason: closeReason, cause };
  }

  get status(): number | null {
    return this.#actor.getSnapshot().context.status;
  }

  /** Resolves when the session has ended. Never rejects. */
  get ended(): Promise<undefined> {
    return this.#ended.promise;
  }

  tell(event: SessionEvent): void {
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send(event);
  }

  begin(part: 'gatekeeper' | 'link' | 'handler' | 'watchdog', report: Report): Release {
    const release = this.#world[part](report);
    this.#held.add(release);
    return () => {
      if (this.#held.delete(release)) release();
    };
  }

  say(goodbye: Goodbye): void {
    this.#world.goodbye(goodbye);
  }

  /** XState leaves the children of a machine that crashed running (xstate issues 5153 and 4726). */
  #end(): void {
    for (const release of this.#held) release();
    this.#held.clear();
    this.#ended.resolve(undefined);
  }
}

function housed(part: Parameters<Life['begin']>[0]) {
  return fromCallback<EventObject, undefined>(({ system, sendBack }) => {
    const life = lives.get(system);
    if (life === undefined) throw new Error('An actor was started outside of a session.');
    return life.begin(part, sendBack);
  });
}

/** XState lets what an inspector throws escape from `send()`. */
function guarded(inspector: Inspector, onFailed: (thrown: unknown) => void) {
  return (event: InspectionEvent): void => {
    try {
      inspector.next(event);
    } catch (thrown) {
      onFailed(thrown);
    }
  };
}

function attach(
  inspector: Inspector,
  sessionId: string,
  inspected: Inspected,
  onFailed: (thrown: unknown) => void,
): void {
  try {
    inspector.attach?.(sessionId, inspected);
  } catch (thrown) {
    onFailed(thrown);
  }
}
