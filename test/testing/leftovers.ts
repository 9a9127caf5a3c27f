// What a test may leave behind in the process: nothing it has added.
import { turn, until } from '../../src/testing/wait.ts';

/** Enough turns of the event loop for loopback to have carried whatever it would carry. */
export async function quiet(): Promise<void> {
  for (let turns = 0; turns < 50; turns += 1) await turn();
}

/** Counts sockets, servers and timers now; the returned function waits until there are no more of them than that. */
export async function countResources(): Promise<() => Promise<unknown>> {
  const count = (kind: string) => process.getActiveResourcesInfo().filter((name) => name === kind).length;
  const now = () => ['TCPSocketWrap', 'TCPServerWrap', 'Timeout'].map(count);
  await quiet();
  const before = now();
  return () =>
    until(() => now().every((n, kind) => n <= before[kind]!), {
      describe: () => `at most ${before.join()} sockets, servers, timers; got ${now().join()}`,
    });
}
