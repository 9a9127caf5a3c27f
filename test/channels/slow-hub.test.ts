// A hub that is slow to answer is a hub all the same, and its late answers are for whom they were asked.
import { expect, onTestFinished, test } from 'vitest';
import { ChannelClient } from '../../src/channels/index.ts';
import { deferred, type Deferred } from '../../src/deferred.ts';
import { createChannelHub } from '../../src/server/index.ts';
import { until } from '../../src/testing/wait.ts';

/** A hub whose every verdict on a subscription is the test's. */
async function deliberate() {
  const verdicts: Deferred<boolean>[] = [];
  const hub = createChannelHub({
    authorize({ action }) {
      if (action === 'publish') return true;
      const verdict = deferred<boolean>();
      verdicts.push(verdict);
      return verdict.promise;
    },
  });
  await hub.listen();
  onTestFinished(() => hub.close());
  return { hub, verdicts };
}

test('a publication is acknowledged though the subscription is not yet', async () => {
  const { hub, verdicts } = await deliberate();
  await using client = new ChannelClient({ url: hub.webSocketUrl, acknowledgementMs: 300 });
  await client.connect();
  const subscription = await client.subscribe('a');
  expect(subscription.isAcknowledged).toBe(false);
  const publishing = client.publish('a', 1);
  verdicts[0]?.resolve(true);
  expect(await publishing).toEqual({ outcome: 'acknowledged', seq: 1 });
  expect(hub.metrics.published).toBe(1);
});

test('the answer to a subscription that was ended does not confirm the next one', async () => {
  const { hub, verdicts } = await deliberate();
  await using client = new ChannelClient({ url: hub.webSocketUrl, acknowledgementMs: 300 });
  await client.connect();
  const first = await client.subscribe('a');
  await first.unsubscribe();
  const second = await client.subscribe('a');
  verdicts[0]?.resolve(true);
  await until(() => verdicts.length === 2);
  expect(second.isAcknowledged).toBe(false);
  verdicts[1]?.resolve(true);
  await until(() => second.isAcknowledged);
  const heard: unknown[] = [];
  second.on('message', ({ payload }) => heard.push(payload));
  await hub.publish('a', 'for the second');
  await until(() => heard.length === 1);
  expect(heard).toEqual(['for the second']);
});
