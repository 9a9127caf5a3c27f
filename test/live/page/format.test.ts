// Numbers as a reader likes them.
import { expect, it } from 'vitest';
import {
  flatten,
  formatAge,
  formatBytes,
  formatClock,
  formatCountdown,
  formatDuration,
  formatField,
  formatNumber,
  formatValue,
  plural,
} from '../../../visualizations/live/page/format.ts';

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [999.6, '1 s'],
  [3_240, '3.2 s'],
  [59_940, '59.9 s'],
  [59_960, '1 min'],
  [125_000, '2 min 5 s'],
  [3_600_000, '1 h'],
  [4_320_000, '1 h 12 min'],
  [90_000_000, '1 d 1 h'],
  [-1_500, '-1.5 s'],
  [Infinity, 'for ever'],
])('writes %d ms as "%s"', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

it('counts down in tenths of a second', () => {
  expect([3_000, 140, 61_000].map(formatCountdown)).toEqual(['3.0 s', '0.1 s', '1 min 1 s']);
});

it.each([
  ['retryInMs', 1_500, '1.5 s'],
  ['ms', 5, '5 ms'],
  ['bufferedBytes', 2_000, '2 kB'],
  ['closeCode', 1_006, '1006'],
  ['attempts', 1_006, '1,006'],
  ['reason', 'CREATED', 'CREATED'],
])('writes the field %s with the value %j as "%s"', (name, value, text) => {
  expect(formatField(name, value)).toBe(text);
});

it.each([
  [0, 'now'],
  [-5, 'now'],
  [1_999, '1 s'],
  [61_000, '1 min 1 s'],
])('writes an age of %d ms as "%s", whose digits do not flicker', (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_500, '1.5 kB'],
  [999_960, '1 MB'],
  [2_100_000, '2.1 MB'],
  [3_000_000_000, '3 GB'],
])('writes %d bytes as "%s"', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

it('writes a moment with milliseconds', () => {
  expect(formatClock(new Date(2026, 0, 2, 3, 4, 5, 6).getTime())).toBe('03:04:05.006');
});

it('counts', () => {
  expect(formatNumber(1_234_567.89)).toBe('1,234,567.9');
  expect(plural(1, 'event')).toBe('1 event');
  expect(plural(2_000, 'event')).toBe('2,000 events');
});

it('writes a value on one line, and cuts a long one', () => {
  expect(formatValue('')).toBe('""');
  expect(formatValue(null)).toBe('null');
  expect(formatValue([1, 'a'])).toBe('[1,"a"]');
  expect(formatValue('abcdef', 4)).toBe('abc…');
});

it('flattens a value to its leaves, and keeps what is empty', () => {
  expect(flatten({ a: { b: 1, c: {} }, d: [1], e: null })).toEqual([
    ['a.b', 1],
    ['a.c', {}],
    ['d', [1]],
    ['e', null],
  ]);
  expect(flatten(undefined)).toEqual([]);
  expect(flatten(7)).toEqual([['', 7]]);
});
