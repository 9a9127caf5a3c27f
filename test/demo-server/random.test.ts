// The generator behind the demo endpoints: its ranges at both ends, its distributions, and that it comes again.
import { expect, test } from 'vitest';
import { ALPHABETS, Random } from '../../src/demo-server/random.ts';

const SAMPLES = 100_000;

const sample = <Drawn>(draw: (random: Random) => Drawn, count = SAMPLES): readonly Drawn[] => {
  const random = new Random(1);
  return Array.from({ length: count }, () => draw(random));
};

const meanOf = (numbers: readonly number[]) => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

const deviationOf = (numbers: readonly number[]) => {
  const mean = meanOf(numbers);
  return Math.sqrt(meanOf(numbers.map((n) => (n - mean) ** 2)));
};

const drawn = (...names: (string | number)[]) => {
  const random = new Random(...names);
  return Array.from({ length: 20 }, () => random.integer(0, 1_000_000));
};

test('the same names give the same numbers', () => {
  expect(drawn(42, '/ws/stream', 3)).toEqual(drawn(42, '/ws/stream', 3));
});

test('these are the numbers, on every machine', () => {
  const random = new Random(0);
  expect(Array.from({ length: 5 }, () => random.integer(0, 999))).toEqual([278, 193, 624, 893, 528]);
});

test.each([[[43, '/ws/stream', 3]], [[42, '/ws/chat', 3]], [[42, '/ws/stream', 4]], [[42, '/ws/stream']]])(
  '%j gives others',
  (names) => {
    const known = new Set(drawn(42, '/ws/stream', 3));
    expect(drawn(...names).filter((n) => known.has(n)).length).toBeLessThan(3);
  },
);

test('uniform numbers fill their range evenly, and stay in it', () => {
  const numbers = sample((random) => random.uniform(-2, 6));
  expect(Math.min(...numbers.slice(0, 10_000))).toBeGreaterThanOrEqual(-2);
  expect(numbers.filter((n) => n < -2 || n >= 6)).toEqual([]);
  const tenths = new Array<number>(10).fill(0);
  for (const n of numbers) tenths[Math.floor(((n + 2) / 8) * 10)]! += 1;
  for (const count of tenths) expect(Math.abs(count / SAMPLES - 0.1)).toBeLessThan(0.005);
});

test('whole numbers reach both ends, each as often as the others', () => {
  const counts = new Map<number, number>();
  for (const n of sample((random) => random.integer(3, 7))) counts.set(n, (counts.get(n) ?? 0) + 1);
  expect([...counts.keys()].sort()).toEqual([3, 4, 5, 6, 7]);
  for (const count of counts.values()) expect(Math.abs(count / SAMPLES - 0.2)).toBeLessThan(0.006);
});

test('the normal distribution has its mean, its deviation and its tails', () => {
  const numbers = sample((random) => random.gauss(50, 15));
  expect(Math.abs(meanOf(numbers) - 50)).toBeLessThan(0.2);
  expect(Math.abs(deviationOf(numbers) - 15)).toBeLessThan(0.2);
  const within = (deviations: number) =>
    numbers.filter((n) => Math.abs(n - 50) <= 15 * deviations).length / SAMPLES;
  expect(within(1)).toBeCloseTo(0.6827, 2);
  expect(within(2)).toBeCloseTo(0.9545, 2);
  expect(numbers.every(Number.isFinite)).toBe(true);
});

test('what is weighted comes as often as its weight says', () => {
  const weights = { DEBUG: 20, INFO: 50, WARNING: 20, ERROR: 8, CRITICAL: 2, NEVER: 0 };
  const names = sample((random) => random.weighted(weights));
  for (const [name, weight] of Object.entries(weights))
    expect(Math.abs(names.filter((one) => one === name).length / SAMPLES - weight / 100)).toBeLessThanOrEqual(
      weight === 0 ? 0 : 0.006,
    );
});

test('a chance is taken as often as it says', () => {
  const taken = sample((random) => random.chance(0.05)).filter(Boolean).length;
  expect(Math.abs(taken / SAMPLES - 0.05)).toBeLessThan(0.003);
  expect(sample((random) => random.chance(0), 1_000)).not.toContain(true);
  expect(sample((random) => random.chance(1), 1_000)).not.toContain(false);
});

test.each(Object.entries(ALPHABETS))(
  'a text of the alphabet %s has all of it, and nothing else',
  (_, alphabet) => {
    const text = new Random(3).text(20_000, alphabet);
    expect(text).toHaveLength(20_000);
    expect(new Set(text)).toEqual(new Set(alphabet));
  },
);

test('bytes have all values from 0 to 255', () => {
  const bytes = new Random(3).bytes(20_000);
  expect(bytes).toHaveLength(20_000);
  expect([Math.min(...bytes), Math.max(...bytes), new Set(bytes).size]).toEqual([0, 255, 256]);
});

test('nothing can be drawn by weight where nothing has one', () => {
  expect(() => new Random(1).weighted({ one: 0 })).toThrow(RangeError);
});
