// What a backoff strategy refuses: whatever would make a connection dial in a tight loop, or never.
import { describe, expect, test } from 'vitest';
import {
  customBackoff,
  decorrelatedJitterBackoff,
  exponentialBackoff,
  fixedBackoff,
  fullJitterBackoff,
  listBackoff,
  type Backoff,
} from '../src/backoff.ts';
import { InvalidOptionError } from '../src/errors.ts';

const refused: readonly (readonly [string, () => Backoff])[] = [
  ['exponentialBackoff, baseMs: NaN', () => exponentialBackoff({ baseMs: Number.NaN })],
  ['exponentialBackoff, baseMs: -1', () => exponentialBackoff({ baseMs: -1 })],
  ['exponentialBackoff, baseMs: "1000"', () => exponentialBackoff({ baseMs: '1000' as never })],
  ['exponentialBackoff, factor: 0', () => exponentialBackoff({ factor: 0 })],
  ['exponentialBackoff, factor: NaN', () => exponentialBackoff({ factor: Number.NaN })],
  ['exponentialBackoff, maxMs: NaN', () => exponentialBackoff({ maxMs: Number.NaN })],
  ['exponentialBackoff, maxAttempts: -1', () => exponentialBackoff({ maxAttempts: -1 })],
  ['fixedBackoff, delayMs: -1', () => fixedBackoff({ delayMs: -1 })],
  ['fixedBackoff, delayMs: NaN', () => fixedBackoff({ delayMs: Number.NaN })],
  ['listBackoff, an empty list', () => listBackoff([])],
  ['listBackoff, a negative wait', () => listBackoff([100, -1])],
  ['listBackoff, a wait that is no number', () => listBackoff([100, '200' as never])],
  ['fullJitterBackoff, maxMs: -1', () => fullJitterBackoff({ maxMs: -1 })],
  ['decorrelatedJitterBackoff, baseMs: NaN', () => decorrelatedJitterBackoff({ baseMs: Number.NaN })],
  ['customBackoff, no function', () => customBackoff(1_000 as never)],
];

describe('a backoff strategy', () => {
  test.each(refused)('refuses what cannot be meant (%s)', (_, make) => {
    expect(make).toThrow(InvalidOptionError);
  });

  test('changes nothing when the list it was made from is changed later', () => {
    const delaysMs = [100, 200];
    const backoff = listBackoff(delaysMs);
    delaysMs[0] = 0;

    expect(backoff.delayMs(1, { previousMs: null, random: () => 0 })).toBe(100);
  });
});
