// What the application sends while there is no connection.
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld } from '../coordinator.ts';
import { eventually } from '../waiting.ts';

const MESSAGES = 100;

export const messagesWait: Chapter = {
  title: 'Messages are sent while away',
  announcement: `The network goes down, the application sends ${MESSAGES} messages all the same, the network returns.`,
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const { client, coordinator, proxy } = world;
    const before = coordinator.totalConnections;
    const sent = Array.from({ length: MESSAGES }, (_, number) => ({ type: 'demo.note', number }));
    const outcome = await world.survive(
      () => proxy.goAway(),
      async () => {
        for (const message of sent) client.send(message);
        await proxy.comeBack();
      },
    );
    const arrived = () =>
      coordinator.connections
        .flatMap(({ received }) => received)
        .filter((message) => (message as { readonly type?: unknown } | null)?.type === 'demo.note');
    await eventually(() => arrived().length >= MESSAGES);
    stage.check(
      `all ${MESSAGES} arrived after the authentication, in order, none twice`,
      JSON.stringify(arrived()) === JSON.stringify(sent),
    );
    await world.checkRecovery(stage, before);
    return outcome;
  },
};
