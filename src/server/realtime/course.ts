// How a session takes the course that its chart gives it: step by step, without an actor. An actor of XState and its
// children hold 9 kB for as long as a session lasts; a step needs them only while it is taken. What a step asks for is
// done as an actor does it: when the new state is there, in order, and before the next event.
import { createActor, type ActorScope, type ExecutableActionObject } from 'xstate';
import {
  selectSessionState,
  sessionMachine,
  type SessionContext,
  type SessionEvent,
  type SessionFact,
  type SessionLimits,
  type SessionSnapshot,
  type SessionState,
} from '../../../machines/index.ts';
import type { Clock } from '../../clock.ts';

export type Report = (fact: SessionFact) => void;

/** Where what the chart says is done. */
export interface Stage {
  /** A state has invoked this actor. */
  begin(actor: string, report: Report, input: unknown): void;
  /** That state was left. */
  end(actor: string): void;
  /** The course has ended, or crashed of what is given. */
  over(crash?: unknown): void;
}

export interface Course {
  readonly state: SessionState;
  readonly context: SessionContext;
  start(): void;
  tell(event: SessionEvent): void;
}

type Actions = readonly ExecutableActionObject[];

/** What the built-in actions of XState say beside their types: of an actor, or of a timer. */
interface Params {
  readonly id: string;
  readonly input: unknown;
  readonly sendId: string;
  readonly event: SessionEvent;
  /** Absent for an event that was raised at once: the step itself has taken it. */
  readonly delay: number | undefined;
}

const NOTHING: Actions = [];

const ignore = (): void => undefined;
let noted: ExecutableActionObject[] = [];

const nobody = createActor(sessionMachine, { input: { limits: { acceptMs: Infinity, closeMs: Infinity } } });

/** Starts nothing, and notes what is to be done. `transition()` of XState makes all of this anew for every step. */
const scope: ActorScope<SessionSnapshot, SessionEvent> = {
  self: nobody,
  id: nobody.id,
  sessionId: nobody.sessionId,
  system: nobody.system,
  logger: ignore,
  defer: ignore,
  emit: ignore,
  stopChild: ignore,
  actionExecutor: (action) => void noted.push(action),
};

function stepBy(take: () => SessionSnapshot): readonly [SessionSnapshot, Actions] {
  noted = [];
  return [take(), noted];
}

/**
 * Two sessions in the same state differ in their contexts alone: the rest of the snapshot is shared. So it may be
 * because the chart has no history, and spawns nothing that outlives its state.
 */
const known = new Map<SessionState, SessionSnapshot>();

function sharedOf(snapshot: SessionSnapshot): SessionSnapshot {
  const state = selectSessionState(snapshot);
  const shared = known.get(state) ?? snapshot;
  known.set(state, shared);
  return shared;
}

export class SteppedCourse implements Course {
  readonly #stage: Stage;
  readonly #clock: Clock;
  #context: SessionContext;
  /** All of the snapshot but the context. */
  #shared: SessionSnapshot;
  /** What the initial state asks for, until the start. */
  #first: Actions;
  /** What is told before the start, or while a step is taken; absent at rest. */
  #heard: SessionEvent[] | undefined = [];
  #timers: Map<string, unknown> | undefined;
  /**
   * One for all actors. XState would drop what an actor reports after its end; here it is told like any other event, and
   * finds no transition, because no state is entered twice.
   */
  readonly #report: Report = (fact) => this.tell(fact);

  constructor(stage: Stage, limits: SessionLimits, clock: Clock) {
    this.#stage = stage;
    this.#clock = clock;
    const [snapshot, actions] = stepBy(() => sessionMachine.getInitialSnapshot(scope, { limits }));
    this.#context = snapshot.context;
    this.#shared = sharedOf(snapshot);
    this.#first = actions;
  }

  get state(): SessionState {
    return selectSessionState(this.#shared);
  }

  get context(): SessionContext {
    return this.#context;
  }

  start(): void {
    const actions = this.#first;
    this.#first = NOTHING;
    this.#run(this.#heard ?? [], actions);
  }

  tell(event: SessionEvent): void {
    if (this.#shared.status !== 'active') return;
    if (this.#heard === undefined) this.#run([event]);
    else this.#heard.push(event);
  }

  #run(heard: SessionEvent[], first = NOTHING): void {
    this.#heard = heard;
    try {
      this.#do(first);
      // It grows while it is gone through.
      for (const event of heard) this.#step(event);
    } catch (thrown) {
      this.#crash(thrown);
    } finally {
      this.#heard = undefined;
    }
  }

  #step(event: SessionEvent): void {
    if (this.#shared.status !== 'active') return;
    const before = { ...this.#shared, context: this.#context } as SessionSnapshot;
    const [after, actions] = stepBy(() => sessionMachine.transition(before, event, scope));
    this.#context = after.context;
    this.#shared = sharedOf(after);
    this.#do(actions);
    if (after.status !== 'active') this.#stage.over(after.error);
  }

  #do(actions: Actions): void {
    for (const { type, params } of actions) {
      const { id, input, sendId, event, delay } = (params ?? {}) as unknown as Params;
      if (type === 'xstate.spawnChild') this.#stage.begin(id, this.#report, input);
      else if (type === 'xstate.stopChild') this.#stage.end(id);
      else if (type === 'xstate.cancel') this.#cancel(sendId);
      else if (type !== 'xstate.raise')
        throw new Error(`The chart asks for ${type}: a session cannot do that.`);
      else if (delay !== undefined) this.#schedule(id, event, delay);
    }
  }

  #schedule(id: string, event: SessionEvent, delayMs: number): void {
    this.#timers ??= new Map();
    const due = (): void => {
      this.#timers?.delete(id);
      this.tell(event);
    };
    this.#timers.set(id, this.#clock.setTimeout(due, delayMs));
  }

  #cancel(id: string): void {
    this.#clock.clearTimeout(this.#timers?.get(id));
    this.#timers?.delete(id);
    if (this.#timers?.size === 0) this.#timers = undefined;
  }

  #crash(thrown: unknown): void {
    for (const id of this.#timers?.keys() ?? []) this.#cancel(id);
    this.#shared = { ...this.#shared, status: 'error', error: thrown } as unknown as SessionSnapshot;
    this.#stage.over(thrown);
  }
}
