// How text is fitted onto a terminal.
import { expect, test } from 'vitest';
import { fit, harmless, pad, padStart, seconds, styleOf, widthOf } from '../../src/cli/style.ts';
import { Output } from './test-io.ts';

test('counts cells, not characters, and no colours', () => {
  expect(widthOf('')).toBe(0);
  expect(widthOf('abc → ●')).toBe(7);
  expect(widthOf('\u001B[31mred\u001B[39m')).toBe(3);
  expect(widthOf('日本')).toBe(4);
});

test('cuts what does not fit, and says that it was cut', () => {
  expect(fit('short', 5)).toBe('short');
  expect(fit('too long', 5)).toBe('too…');
  expect(fit('日本語', 5)).toBe('日本…');
});

test('pads to a number of cells', () => {
  expect(pad('a→', 4)).toBe('a→  ');
  expect(padStart('a→', 4)).toBe('  a→');
  expect(pad('longer', 4)).toBe('longer');
});

test('makes control characters visible, but for tabs and line feeds', () => {
  expect(harmless('a\tb\nc\u001B[2J\u0007\u009B\u007F\r')).toBe('a\tb\nc\\x1b[2J\\x07\\x9b\\x7f\\x0d');
});

test('writes durations in seconds', () => {
  expect(seconds(250)).toBe('0.25 s');
  expect(seconds(12_345, 1)).toBe('12.3 s');
});

test.each([
  { isTTY: true, env: {}, coloured: true },
  { isTTY: false, env: {}, coloured: false },
  { isTTY: true, env: { TERM: 'dumb' }, coloured: false },
  { isTTY: true, env: { NO_COLOR: '1' }, coloured: false },
  { isTTY: true, env: { NO_COLOR: '' }, coloured: true },
  { isTTY: false, env: { FORCE_COLOR: '1' }, coloured: true },
  { isTTY: false, env: { FORCE_COLOR: '0' }, coloured: false },
  { isTTY: false, env: { FORCE_COLOR: '1', NO_COLOR: '1' }, coloured: false },
])('terminal $isTTY, environment $env: colours $coloured', ({ isTTY, env, coloured }) => {
  const stream = Object.assign(new Output(), { isTTY });
  expect(styleOf({ env }, stream).red('x') !== 'x').toBe(coloured);
});
