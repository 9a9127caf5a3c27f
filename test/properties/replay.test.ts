// Whatever a connection lived through, its recording tells: played again, it goes through the same states.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRecording } from '../../src/inspection/recording.ts';
import { replay } from '../../src/inspection/replay.ts';
import { settings, steps, wordsOf, type Step } from '../support/commands.ts';
import { holds, runs } from '../support/hold.ts';
import { play } from '../support/stage.ts';
import type { Subject, SubjectSettings } from '../support/subject.ts';

const timeout = 600_000;

const words = ([given, taken]: readonly [SubjectSettings, readonly Step[], ...unknown[]]) =>
  [JSON.stringify(given), ...taken.map(wordsOf)].join('\n');

/** Through text, as a bug report would carry it. */
const replayOf = ({ connection }: Subject) => replay(parseRecording(JSON.stringify(connection.recording())));

const valuesOf = (replayed: ReturnType<typeof replay>): unknown[] =>
  replayed.steps.map(({ after }) => after.value as unknown);

describe('a recording', () => {
  test('gives exactly the states of the life that it is of, and ends in the same context', { timeout }, () =>
    holds(
      fc.asyncProperty(settings, steps, async (given, taken) => {
        const subject = await play(given, taken);
        const replayed = replayOf(subject);
        expect(valuesOf(replayed)).toEqual(subject.values);
        expect(replayed.differences).toEqual([]);
        expect(replayed.steps.at(-1)?.after.context).toEqual(subject.connection.actor.getSnapshot().context);
      }),
      runs(1_000, 2_000),
      words,
    ),
  );

  test('of which only the end was kept gives the end of that life', { timeout }, () =>
    holds(
      fc.asyncProperty(settings, steps, fc.integer({ min: 1, max: 12 }), async (given, taken, keptEvents) => {
        const subject = await play({ ...given, keptEvents }, taken);
        expect(valuesOf(replayOf(subject))).toEqual(subject.values.slice(-keptEvents));
      }),
      runs(300, 1_000),
      words,
    ),
  );
});
