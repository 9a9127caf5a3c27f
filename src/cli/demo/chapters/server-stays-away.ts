// Nobody answers for so long that the client gives up; when the coordinator is back, connect() works again.
import { MaxRetriesExceededError } from '../../../coordinator/index.ts';
import type { Chapter } from '../chapter.ts';
import { CoordinatorWorld, TIMES } from '../coordinator.ts';
import { untilState } from '../waiting.ts';

const { backoffBaseMs, backoffFactor, maxRetries } = TIMES;
const DELAYS_MS = Array.from({ length: maxRetries }, (_, retry) => backoffBaseMs * backoffFactor ** retry);

export const serverStaysAway: Chapter = {
  title: 'The server stays away',
  announcement: `Nobody answers any more. After ${maxRetries} attempts the client says so, and waits for its user's word.`,
  async run(stage) {
    const world = await stage.use(CoordinatorWorld.make);
    const { client, coordinator, proxy } = world;
    const { connection } = client;
    const before = coordinator.totalConnections;
    const delaysMs: (number | null)[] = [];
    const off = connection.on('reconnecting', ({ retryInMs }) => delaysMs.push(retryInMs));
    const { faultAt, noticedAfterMs } = await world.lose(() => proxy.goAway());
    await untilState(connection, (state) => state === 'failed');
    off();
    const error = client.lastError;
    stage.check(
      `${error?.name ?? 'no error'} after ${maxRetries} attempts; nothing is tried any more`,
      error instanceof MaxRetriesExceededError && error.details['attempts'] === maxRetries,
    );
    stage.check('each wait was twice the one before', delaysMs.join() === DELAYS_MS.join());

    await proxy.comeBack();
    await client.connect();
    const recoveredAfterMs = performance.now() - faultAt;
    stage.check('the server is back, and connect() works again', client.connected);
    await world.checkRecovery(stage, before);
    return { noticedAfterMs, recoveredAfterMs, attempts: delaysMs.length + 1 };
  },
};
