// The machine writes its own tests: every generated path is walked by the real facade against a real server, in
// virtual time, and together they take every transition.
import { afterAll, describe, expect, onTestFailed, test } from 'vitest';
import { Connection } from '../../src/index.ts';
import { PathWalker } from '../../src/testing/path-walker.ts';
import { allTransitions, connectionPaths, edgeOf } from '../../src/testing/paths.ts';
import { PuppetServer } from '../../src/testing/puppet-server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { saveRecording } from '../support/failure-recording.ts';
import { guarded, guardedScript } from '../support/guarded-protocol.ts';

const paths = connectionPaths();
const walked = new Set<string>();

describe('a connection follows its machine', () => {
  test.each(paths.map((path) => [path.name, path] as const))('%s', async (_, path) => {
    await using server = await PuppetServer.listen();
    const clock = new VirtualClock();
    let connection: Pick<Connection, 'recording'> | undefined;
    const walker = new PathWalker(
      server,
      clock,
      guardedScript,
      (options) => (connection = new Connection({ ...options, protocol: guarded, credentials: 'secret' })),
    );

    onTestFailed(async () => {
      const recording = connection?.recording();
      if (recording !== undefined) console.info(await saveRecording(recording, `path-${path.name}`));
    });
    for await (const step of walker.walk(path)) {
      walked.add(edgeOf(step));
      expect(server.connections).toBeLessThanOrEqual(1);
    }

    await walker.end();
    expect(walker.connection.state).toBe('closed');
    expect(clock.pending).toBe(0);
  });

  afterAll(() => {
    expect(walked).toEqual(allTransitions(paths));
  });
});
