// Runs a property of fast-check, and tells of a failure what must be known to repeat and to read it.
import fc from 'fast-check';

/** How often to run: few times here, often where there is time. */
export const runs = (few: number, many: number): number =>
  Number(process.env['NUM_RUNS'] ?? (process.env['CI'] === undefined ? few : many));

/**
 * @throws {Error} with the seed, the path and the smallest example in words. To repeat it:
 * `SEED=… FC_PATH=… npx vitest run …`
 */
export async function holds<Values>(
  property: fc.IAsyncProperty<Values>,
  numRuns: number,
  words: (values: Values) => string,
): Promise<void> {
  const { SEED, FC_PATH } = process.env;
  const details = await fc.check(property, {
    numRuns,
    ...(SEED !== undefined && { seed: Number(SEED) }),
    ...(FC_PATH !== undefined && { path: FC_PATH }),
  });
  if (!details.failed) return;
  const { seed, counterexample, counterexamplePath, numRuns: after, errorInstance } = details;
  const example = counterexample === null ? 'none' : words(counterexample);
  const how = `SEED=${seed} FC_PATH=${String(counterexamplePath)}, after ${after} runs`;
  throw new Error(`${how}\n${String(errorInstance)}\n${example}`, { cause: errorInstance });
}
