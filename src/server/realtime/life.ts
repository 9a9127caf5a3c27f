// The only place where the session machine meets the world: what its chart invokes is begun and ended here, and
// whatever a crash leaves behind is caught.
import type { Goodbye, SessionEvent, SessionLimits, SessionState } from '../../../machines/index.ts';
import type { Clock } from '../../clock.ts';
import { deferred, type Deferred } from '../../deferred.ts';
import { SteppedCourse, type Course, type Report, type Stage } from './course.ts';
import { WatchedCourse, type Watch } from './watched-course.ts';

export type { Report };
export type Release = () => void;

/**
 * Who does the work of a session. Each actor of the chart has one that begins it and one that ends it; the latter may
 * be called in vain.
 */
export interface SessionWorld {
  /** Judges the request and answers it. Ended without an answer, it refuses. */
  judge(report: Report): void;
  stopJudging(): void;
  /** Holds the connection. Ended while there is one, it cuts it off. */
  hold(report: Report): void;
  letGo(): void;
  /** Has the user's handler called, and takes and gives messages. */
  serve(report: Report): void;
  stopServing(): void;
  /** Asks for signs of life. */
  watch(report: Report): void;
  stopWatching(): void;
  sayGoodbye(said: Goodbye): void;
  /** Nothing of the above is held any more. */
  over(crash?: unknown): void;
}

const ACTORS = {
  gatekeeper: ['judge', 'stopJudging'],
  link: ['hold', 'letGo'],
  handler: ['serve', 'stopServing'],
  watchdog: ['watch', 'stopWatching'],
} as const;

export interface LifeOptions {
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly watch: Watch | undefined;
}

export class Life implements Stage {
  readonly #world: SessionWorld;
  readonly #course: Course;
  #ended: Deferred<undefined> | undefined;

  constructor(world: SessionWorld, { limits, clock, watch }: LifeOptions) {
    this.#world = world;
    this.#course =
      watch === undefined
        ? new SteppedCourse(this, limits, clock)
        : new WatchedCourse(this, limits, clock, watch);
  }

  /** Not before the session can be asked: the first actor starts at once. */
  start(): void {
    this.#course.start();
  }

  get state(): SessionState {
    return this.#course.state;
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** How it ended. */
  get ending(): { readonly code: number | null; readonly reason: string; readonly cause: string } {
    const { closeCode, closeReason, cause } = this.#course.context;
    return { code: closeCode, reason: closeReason, cause };
  }

  get status(): number | null {
    return this.#course.context.status;
  }

  /** Resolves when the session has ended. Never rejects. */
  get ended(): Promise<undefined> {
    if (this.state === 'closed') return Promise.resolve(undefined);
    this.#ended ??= deferred();
    return this.#ended.promise;
  }

  tell(event: SessionEvent): void {
    this.#course.tell(event);
  }

  begin(actor: string, report: Report, input: unknown): void {
    if (actor === 'goodbye') this.#world.sayGoodbye(input as Goodbye);
    else this.#world[ACTORS[actor as keyof typeof ACTORS][0]](report);
  }

  end(actor: string): void {
    if (actor !== 'goodbye') this.#world[ACTORS[actor as keyof typeof ACTORS][1]]();
  }

  /** XState leaves the children of a machine that crashed running (xstate issues 5153 and 4726). */
  over(crash?: unknown): void {
    let broken = crash;
    for (const actor of Object.keys(ACTORS)) {
      try {
        this.end(actor);
      } catch (thrown) {
        // Whatever else there is must still be let go of.
        broken ??= thrown;
      }
    }
    this.#world.over(broken);
    this.#ended?.resolve(undefined);
  }
}
