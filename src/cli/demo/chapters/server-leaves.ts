// The coordinator closes the connection without having been asked to.
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld } from '../coordinator.ts';

export const serverLeaves: Chapter = {
  title: 'The server closes with 1001',
  announcement: 'The coordinator closes the connection with a close frame: "going away".',
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const before = world.coordinator.totalConnections;
    const outcome = await world.survive(() => world.coordinator.closeAll(1001));
    await world.checkRecovery(stage, before);
    return outcome;
  },
};
