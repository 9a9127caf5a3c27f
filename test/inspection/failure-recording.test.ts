// A property that fails leaves the recording of the life that broke it.
import { readFile, rm } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { parseRecording } from '../../src/inspection/recording.ts';
import { replay } from '../../src/inspection/replay.ts';
import { withRecording } from '../support/failure-recording.ts';
import { holds } from '../support/hold.ts';
import { Subject } from '../support/subject.ts';

test('a property that fails names a file that can be replayed', async () => {
  const property = fc.asyncProperty(fc.constant(1), async () => {
    const subject = new Subject();
    await withRecording(subject.connection, async () => {
      await subject.establish();
      throw new Error('broken on purpose');
    });
  });

  const failure = await holds(property, 1, () => 'one life').then(String, String);

  const file = /npx statewire replay (\S+)/.exec(failure)?.[1] ?? 'none';
  onTestFinished(() => rm(file, { force: true }));
  const { steps } = replay(parseRecording(await readFile(file, 'utf8')));
  expect(steps.map(({ event }) => event.type)).toEqual(['connect', 'socket.opened', 'handshake.accepted']);
});
