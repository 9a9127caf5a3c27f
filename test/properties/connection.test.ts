// Whatever users and networks do in whatever order: a connection keeps what is promised of it. Tens of thousands of
// random lives over links of memory, in virtual time; what is checked is written down in test/support/subject.ts.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quietSteps, settings, steps, wordsOf, type Step } from '../support/commands.ts';
import { holds, runs } from '../support/hold.ts';
import { play } from '../support/stage.ts';
import { catchStrays, type Strays } from '../support/strays.ts';
import type { SubjectSettings } from '../support/subject.ts';

const NUM_RUNS = runs(1_000, 10_000);
const TIMEOUT_MS = 300_000;

let strays: Strays;
beforeAll(() => {
  strays = catchStrays();
});
afterAll(() => strays[Symbol.dispose]());

const words = ([given, taken]: readonly [SubjectSettings, readonly Step[]]) =>
  [JSON.stringify(given), ...taken.map((step, index) => `${index + 1}. ${wordsOf(step)}`)].join('\n');

async function live(given: SubjectSettings, taken: readonly Step[]): Promise<void> {
  strays.take();
  await play(given, taken);
  await strays.settled();
  expect(strays.take()).toEqual([]);
}

describe('a connection keeps its promises', () => {
  test('whatever happens', { timeout: TIMEOUT_MS }, () =>
    holds(fc.asyncProperty(settings, steps, live), NUM_RUNS, words),
  );
});
