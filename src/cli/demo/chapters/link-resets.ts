// The TCP connection is reset while a message is on its way.
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld } from '../coordinator.ts';

const CUT_AFTER_BYTES = 500;

export const linkResets: Chapter = {
  title: 'TCP reset in the middle of a message',
  announcement: `${CUT_AFTER_BYTES} bytes of a message of 2,000 pass; then the connection is reset (RST).`,
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const { client, coordinator, proxy } = world;
    const before = coordinator.totalConnections;
    let halves = 0;
    const off = client.on('demo.long', () => (halves += 1));
    const outcome = await world.survive(() => {
      proxy.cutAfter(CUT_AFTER_BYTES, { direction: 'toClient', how: 'rst', times: 1 });
      coordinator.emit({ type: 'demo.long', text: 'x'.repeat(2_000) });
    });
    off();
    stage.check('half a message is no message: no listener was called', halves === 0);
    await world.checkRecovery(stage, before);
    return outcome;
  },
};
