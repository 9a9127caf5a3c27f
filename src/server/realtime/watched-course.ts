// The same course by an actor of XState, for an inspector to look at.
import { createActor, fromCallback, type ActorRefFrom, type EventObject } from 'xstate';
import {
  selectSessionState,
  sessionMachine,
  type Goodbye,
  type SessionContext,
  type SessionEvent,
  type SessionLimits,
  type SessionState,
} from '../../../machines/index.ts';
import type { Clock } from '../../clock.ts';
import { guardInspector } from '../../inspection/guard.ts';
import type { Inspected, Inspector } from '../../inspection/inspector.ts';
import type { Course, Stage } from './course.ts';

export interface Watch {
  readonly inspector: Inspector;
  readonly inspected: Inspected;
  readonly onFailed: (thrown: unknown) => void;
}

/** One machine serves all sessions; to provide it anew would cost each of them as much as all else. */
const stages = new WeakMap<object, Stage>();

const machine = sessionMachine.provide({
  actors: {
    gatekeeper: staged('gatekeeper'),
    link: staged('link'),
    handler: staged('handler'),
    watchdog: staged('watchdog'),
    goodbye: staged<Goodbye>('goodbye'),
  },
});

export class WatchedCourse implements Course {
  readonly #actor: ActorRefFrom<typeof sessionMachine>;
  /** Inspectors hold it weakly. */
  readonly inspected: Inspected;

  constructor(stage: Stage, limits: SessionLimits, clock: Clock, { inspector, inspected, onFailed }: Watch) {
    this.inspected = inspected;
    const guarded = guardInspector(inspector, onFailed);
    this.#actor = createActor(machine, { input: { limits }, clock, inspect: guarded.next });
    stages.set(this.#actor.system, stage);
    guarded.attach(this.#actor.sessionId, inspected);
    this.#actor.subscribe({ complete: () => stage.over(), error: (thrown) => stage.over(thrown) });
  }

  get state(): SessionState {
    return selectSessionState(this.#actor.getSnapshot());
  }

  get context(): SessionContext {
    return this.#actor.getSnapshot().context;
  }

  start(): void {
    this.#actor.start();
  }

  tell(event: SessionEvent): void {
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send(event);
  }
}

function staged<Input extends Goodbye | undefined = undefined>(name: string) {
  return fromCallback<EventObject, Input>(({ input, system, sendBack }) => {
    const stage = stages.get(system);
    if (stage === undefined) throw new Error('An actor was started outside of a session.');
    stage.begin(name, sendBack, input);
    return () => stage.end(name);
  });
}
