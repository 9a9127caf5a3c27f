// The token expires in the middle of a session; the same one would be refused.
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld } from '../coordinator.ts';

export const tokenExpires: Chapter = {
  title: 'The token expires (code 40)',
  announcement: 'The coordinator will not take it again. The client asks its token provider for another one.',
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const { coordinator } = world;
    const before = coordinator.totalConnections;
    const issuedBefore = world.tokensIssued;
    const old = coordinator.connections.at(-1)?.authPayload?.token;
    const outcome = await world.survive(() => {
      coordinator.expireTokens();
      coordinator.emitTokenExpired();
    });
    const fresh = coordinator.connections.at(-1)?.authPayload?.token;
    stage.check(
      'the provider was asked once, and the coordinator got a new token',
      world.tokensIssued === issuedBefore + 1 && fresh !== undefined && fresh !== old,
    );
    await world.checkRecovery(stage, before);
    return outcome;
  },
};
