// How text looks on a terminal: colours where they are wanted, nothing that a stranger sent as a control sequence,
// durations and lengths in words.
import { stripVTControlCharacters } from 'node:util';
import type { Io, OutputStream } from './io.ts';

export type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly blue: Paint;
}

const sgr =
  (on: number, off: number): Paint =>
  (text) =>
    text === '' ? '' : `\u001B[${on}m${text}\u001B[${off}m`;

const COLOURED: Style = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  red: sgr(31, 39),
  green: sgr(32, 39),
  yellow: sgr(33, 39),
  blue: sgr(36, 39),
};

const asIs: Paint = (text) => text;
const PLAIN: Style = { bold: asIs, dim: asIs, red: asIs, green: asIs, yellow: asIs, blue: asIs };

/** Colours for a terminal, unless `NO_COLOR` (https://no-color.org) or a dumb terminal; `FORCE_COLOR` asks for them anyway. */
export function styleOf({ env }: Pick<Io, 'env'>, stream: OutputStream): Style {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return PLAIN;
  if (env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0') return COLOURED;
  return stream.isTTY === true && env['TERM'] !== 'dumb' ? COLOURED : PLAIN;
}

// C0 but tab and line feed, DEL, and C1: with them a message could move the cursor, or retitle the window.
const CONTROL = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/** A stranger's text with its control characters made visible. */
export const harmless = (text: string): string =>
  text.replace(CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Cells that a text takes at most: what is not Latin may be two cells wide. */
export function widthOf(text: string): number {
  let cells = 0;
  for (const character of stripVTControlCharacters(text))
    cells += (character.codePointAt(0) ?? 0) < 0x1100 || isNarrow(character) ? 1 : 2;
  return cells;
}

/** Punctuation, arrows, lines and geometric shapes, which terminals draw in one cell. */
const isNarrow = (character: string): boolean => /[\u2010-\u27BF]/.test(character);

/** A text without colours, cut to a number of cells. */
export function fit(text: string, cells: number): string {
  if (widthOf(text) <= cells) return text;
  let kept = '';
  for (const character of text) {
    if (widthOf(kept + character) > cells - 1) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

export const pad = (text: string, cells: number): string =>
  text + ' '.repeat(Math.max(0, cells - widthOf(text)));
export const padStart = (text: string, cells: number): string =>
  ' '.repeat(Math.max(0, cells - widthOf(text))) + text;

/** `0.25 s`, `12.00 s`; the countdown takes one digit. */
export const seconds = (ms: number, digits = 2): string => `${(ms / 1_000).toFixed(digits)} s`;

/** `1 message`, `3 messages`. */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
