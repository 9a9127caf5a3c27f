// Random test data, all of it made from one number: a test that fails names it, and `SEED=… npx vitest run …` repeats it.
import type { TestContext } from 'vitest';
import { ALPHABETS, Random } from '../../src/demo-server/random.ts';

/** The same commit gets the same answer from CI, whenever it asks; elsewhere each run looks at other data. */
const CI_SEED = 20_261_121;

const seedOfRun = (): number => {
  const { CI, SEED } = process.env;
  if (SEED !== undefined) return Number(SEED);
  return CI === undefined ? Math.floor(Math.random() * 2 ** 31) : CI_SEED;
};

const SEED = seedOfRun();

const PRINTABLE = `${ALPHABETS.alphanumeric}!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`;

/** A prime, so that no boundary of a buffer or of a fragment falls together with it. */
const PART_LENGTH = 1_009;

/** The generator of the demo endpoints, with what the test plan asks for besides. */
export class RandomData extends Random {
  many<Value>(count: number, make: (index: number) => Value): Value[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  letters(length: number): string {
    return this.text(length, ALPHABETS.letters);
  }

  /** Letters, digits and punctuation. Beyond 1,009 characters they repeat themselves. */
  printable(minLength: number, maxLength = minLength): string {
    const length = this.integer(minLength, maxLength);
    const part = this.text(Math.min(length, PART_LENGTH), PRINTABLE);
    return part.repeat(Math.ceil(length / PART_LENGTH)).slice(0, length);
  }

  /** Beyond 1,009 bytes they repeat themselves. */
  buffer(minBytes: number, maxBytes = minBytes): Buffer {
    const length = this.integer(minBytes, maxBytes);
    return Buffer.alloc(length, Buffer.from(this.bytes(Math.min(length, PART_LENGTH))));
  }
}

/**
 * A test with random data, drawn from a source of its own, so that it gets the same when it is run alone. What it throws
 * says how to repeat it.
 */
export const seeded =
  (body: (random: RandomData) => Promise<void>) =>
  async ({ task }: TestContext): Promise<void> => {
    try {
      await body(new RandomData(SEED, task.name));
    } catch (thrown) {
      if (thrown instanceof Error) thrown.message += `\nSEED=${SEED} repeats this.`;
      throw thrown;
    }
  };
