// The coordinator says that it restarts, is gone for a moment, and comes back.
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld } from '../coordinator.ts';

/** No client should dial in the first second, nor all of them in the next. */
const SPREAD_FROM_MS = 1_000;

export const serverRestarts: Chapter = {
  title: 'The server restarts (1012)',
  announcement: 'It says so, goes down and comes up. Clients return within 1 to 5 s, and not all at once.',
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const { coordinator, proxy } = world;
    const before = coordinator.totalConnections;
    const planned = new Promise<number | null>((resolve) => {
      world.client.connection.once('reconnecting', ({ retryInMs }) => resolve(retryInMs));
    });
    const outcome = await world.survive(
      () => coordinator.closeAll(1012),
      async () => {
        await proxy.goAway();
        await proxy.comeBack();
      },
    );
    stage.check('the server is given a second at least', ((await planned) ?? 0) >= SPREAD_FROM_MS);
    await world.checkRecovery(stage, before);
    return outcome;
  },
};
