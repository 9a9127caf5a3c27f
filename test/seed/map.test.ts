// The map of the checklist: no row is missing, and what it names is there.
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const rows = readFileSync(new URL('README.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );

const filesIn = (text: string): string[] =>
  [...text.matchAll(/`([\w/.-]+\.ts)`/g)].map(([, file = '']) => file);

it.each([
  ['S2', 49],
  ['S3', 34],
])('has every row of %s once, in order, with what proves it', (list, length) => {
  const listed = rows.filter(([id = '']) => id.startsWith(`${list}-`));
  const expected = Array.from({ length }, (_, n) => `${list}-${String(n + 1).padStart(2, '0')}`);
  expect(listed.map(([id]) => id)).toEqual(expected);
  expect(listed.filter(([, , proof = '']) => filesIn(proof).length === 0)).toEqual([]);
});

it('names only files that exist', () => {
  const root = new URL('../../', import.meta.url);
  const named = new Set(rows.flatMap((cells) => filesIn(cells.at(-1) ?? '')));
  expect(named.size).toBeGreaterThan(15);
  expect([...named].filter((file) => !existsSync(new URL(file, root)))).toEqual([]);
});
