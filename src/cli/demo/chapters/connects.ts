// The beginning: a client authenticates and receives events.
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld } from '../coordinator.ts';

export const connects: Chapter = {
  title: 'A client connects',
  announcement: 'It opens a socket, sends its token, is let in, and receives the events of the coordinator.',
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const welcome = await world.client.connect();
    stage.check(`let in: ${String(welcome.type)}`, welcome.type === 'connection.ok');
    stage.check('5 events arrive, once each, in order', await world.exchange());
    return { attempts: world.client.stats.attempts };
  },
};
