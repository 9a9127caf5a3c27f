// A black hole: nothing passes, and no end is signalled.
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld, TIMES } from '../coordinator.ts';
import { seconds } from '../../style.ts';

/** A busy machine may look at the clock late. */
const TOLERANCE_MS = 1_000;

export const linkFreezes: Chapter = {
  title: 'The link freezes',
  announcement:
    'No byte passes any more, and TCP does not say so. Only the watchdog can tell, by the silence.',
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const before = world.coordinator.totalConnections;
    const outcome = await world.survive(
      () => world.proxy.freeze(),
      () => world.proxy.thaw(),
    );
    const { healthcheckTimeoutMs: limitMs } = TIMES;
    stage.check(
      `noticed after ${seconds(limitMs)} of silence, as configured`,
      outcome.noticedAfterMs < limitMs + TOLERANCE_MS,
    );
    await world.checkRecovery(stage, before);
    return outcome;
  },
};
