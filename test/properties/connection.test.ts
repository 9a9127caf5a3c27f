// Whatever users and networks do in whatever order: a connection keeps what is promised of it. Thousands of random
// lives over links of memory, in virtual time; what is promised is written down in test/support/subject.ts.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { harmlessSteps, settings, steps, wordsOf, type Step } from '../support/commands.ts';
import { holds, runs } from '../support/hold.ts';
import { play } from '../support/stage.ts';
import { catchStrays, type Strays } from '../support/strays.ts';
import { BACKOFF_MS, Subject, type SubjectSettings } from '../support/subject.ts';

const timeout = 600_000;

let strays: Strays;
beforeAll(() => {
  strays = catchStrays();
});
afterAll(() => strays[Symbol.dispose]());

/** Nothing escapes: no exception, no rejection, no timer on another clock than the one that was given. */
async function contained<Result>(live: () => Promise<Result>): Promise<Result> {
  strays.take();
  const result = await live();
  await strays.settled();
  expect(strays.take()).toEqual([]);
  return result;
}

const words = ([given, taken]: readonly [SubjectSettings, readonly Step[]]) =>
  [JSON.stringify(given), ...taken.map((step, index) => `${index + 1}. ${wordsOf(step)}`)].join('\n');

describe('a connection keeps its promises', () => {
  test('whatever happens', { timeout }, () =>
    holds(
      fc.asyncProperty(settings, steps, async (given, taken) => {
        await contained(() => play(given, taken));
      }),
      runs(1_000, 10_000),
      words,
    ),
  );

  test('and functions of the user that throw make no difference', { timeout }, () =>
    holds(
      fc.asyncProperty(settings, harmlessSteps, async (given, taken) => {
        const disturbed = await contained(() => play(given, taken));
        const quiet = await contained(() => play(given, taken, true));
        expect(disturbed.trace).toEqual(quiet.trace);
      }),
      runs(300, 3_000),
      words,
    ),
  );
});

/** One loss after a session, with the refused dials before the next session. */
interface Loss {
  readonly heldMs: number;
  readonly by: number | 'death';
  readonly refusals: number;
}

const STABLE_MS = 5_000;
const DEATH_MS = 25_000;
/** What the server asked for with these is not less than a second. */
const LATER = [1012, 1013];
const losses = fc.array(
  fc.record({
    heldMs: fc.oneof(fc.constantFrom(STABLE_MS - 1, STABLE_MS), fc.nat(14_000)),
    by: fc.constantFrom<Loss['by']>(1000, 1001, 1005, 1006, 1011, ...LATER, 1014, 4999, 'death'),
    refusals: fc.nat(3),
  }),
  { minLength: 1, maxLength: 12 },
);

/** The waits that a user may expect: from the first value on after a stable session, else from where it stood. */
function expectedWaits(row: readonly Loss[]): number[] {
  let streak = 0;
  return row.flatMap(({ heldMs, by, refusals }) => {
    if (by === 'death' || heldMs >= STABLE_MS) streak = 0;
    const tries = Array.from({ length: 1 + refusals }, () => BACKOFF_MS[Math.min(streak++, 2)]!);
    const least = typeof by === 'number' && LATER.includes(by) ? 1_000 : 0;
    return tries.map((waitMs, index) => (index === 0 ? Math.max(waitMs, least) : waitMs));
  });
}

test(
  'as many losses, so many recoveries, and each row of waits begins anew after a stable session',
  { timeout },
  () =>
    holds(
      fc.asyncProperty(losses, async (row) => {
        const subject = new Subject({ retry: { stableAfterMs: STABLE_MS } });
        const waits: (number | null)[] = [];
        const recoveries: boolean[] = [];
        subject.connection.on('reconnecting', ({ retryInMs }) => waits.push(retryInMs));
        subject.connection.on('open', ({ isReconnect }) => recoveries.push(isReconnect));
        await subject.run(() => subject.establish());
        for (const { heldMs, by, refusals } of row) {
          await subject.run(() => subject.clock.advance(heldMs));
          await subject.run(() => {
            if (by !== 'death') subject.link?.ends({ closeCode: by });
            else subject.link!.isDead = true;
          });
          if (by === 'death') await subject.run(() => subject.clock.advance(DEATH_MS - heldMs));
          for (let refused = 0; refused < refusals; refused += 1) {
            await subject.run(() => subject.clock.advance(waits.at(-1)!));
            await subject.run(() => void subject.link?.ends());
          }
          await subject.run(() => subject.clock.advance(waits.at(-1)!));
          await subject.run(() => subject.establish());
        }
        expect(waits).toEqual(expectedWaits(row));
        expect(recoveries).toEqual([false, ...row.map(() => true)]);
        expect(subject.connection.stats.reconnects).toBe(row.length);
        await subject.finish();
      }),
      runs(200, 2_000),
      ([row]) => row.map((loss) => JSON.stringify(loss)).join('\n'),
    ),
);
