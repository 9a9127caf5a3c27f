// The end, on purpose.
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld } from '../coordinator.ts';
import { eventually } from '../waiting.ts';

export const disconnects: Chapter = {
  title: 'The client disconnects',
  announcement: 'disconnect(): the close frame is sent and answered, and nothing is left.',
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const { client, coordinator } = world;
    const last = coordinator.connections.at(-1);
    await client.disconnect();
    await eventually(() => coordinator.liveConnections === 0);
    const close = last?.socket.closeReceived;
    stage.check(
      `the coordinator got ${close?.code ?? 'no close frame'} "${close?.reason ?? ''}"`,
      close?.code === 1000 && close.reason === 'client disconnect',
    );
    stage.check('no connection is left', client.state === 'closed' && coordinator.liveConnections === 0);
    stage.check(
      `${world.emitted.length} events were promised in all, ${world.received.length} arrived: once each, in order`,
      world.isComplete,
    );
    return {};
  },
};
