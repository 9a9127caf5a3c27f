// A second client with a token that is wrong: trying again would be of no use.
import { AuthenticationError } from '../../../coordinator/index.ts';
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld } from '../coordinator.ts';

export const loginRejected: Chapter = {
  title: 'A login is rejected',
  announcement: 'A second client shows a forged token. To try again would be of no use.',
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const { coordinator } = world;
    const before = coordinator.totalConnections;
    await using stranger = world.makeClient('a stranger with a forged token', 'forged');
    const unfollow = stage.follow(stranger.connection);
    const startedAt = performance.now();
    const thrown = await stranger.connect().catch((error: unknown) => error);
    const noticedAfterMs = performance.now() - startedAt;
    unfollow();
    stage.check('connect() rejects with an AuthenticationError', thrown instanceof AuthenticationError);
    const knocks = coordinator.totalConnections - before;
    stage.check('one attempt and no retry', stranger.state === 'failed' && knocks === 1);
    stage.check('the first client is untouched; its events arrive', await world.exchange());
    return { noticedAfterMs, attempts: stranger.stats.attempts };
  },
};
