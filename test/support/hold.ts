// Runs a property of fast-check, and tells of a failure what must be known to repeat and to read it.
import fc from 'fast-check';
import { saveRecordingOf } from './failure-recording.ts';

/** The same commit gets the same answer from CI, whenever it asks; elsewhere each run looks at other lives. */
const CI_SEED = 20_261_121;

/** How often to run: few times here, often where there is time. */
export const runs = (few: number, many: number): number =>
  Number(process.env['NUM_RUNS'] ?? (process.env['CI'] === undefined ? few : many));

/**
 * @throws {Error} with the seed, the path and the smallest example in words. To repeat it:
 * `SEED=… FC_PATH=… npx vitest run …`; `SEED=$RANDOM NUM_RUNS=100000` looks for what nobody has met yet.
 */
export async function holds<Values>(
  property: fc.IAsyncProperty<Values>,
  numRuns: number,
  words: (values: Values) => string,
): Promise<void> {
  const { CI, FC_PATH, SEED = CI && String(CI_SEED) } = process.env;
  const details = await fc.check(property, {
    numRuns,
    ...(SEED !== undefined && { seed: Number(SEED) }),
    ...(FC_PATH !== undefined && { path: FC_PATH }),
  });
  if (!details.failed) return;
  const { seed, counterexample, counterexamplePath, numRuns: after, errorInstance } = details;
  const example = counterexample === null ? 'none' : words(counterexample);
  const how = `SEED=${seed} FC_PATH=${String(counterexamplePath)}, after ${after} runs`;
  const saved = await saveRecordingOf(errorInstance, `property-${seed}`);
  throw new Error([how, String(errorInstance), example, ...saved].join('\n'), { cause: errorInstance });
}
