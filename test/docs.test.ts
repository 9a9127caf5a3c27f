// What the documentation says is there is there.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CONNECTION_STATES } from '../src/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'machines/README.md',
  'visualizations/README.md',
  'bench/README.md',
  'docs/crawl.md',
];

describe.each(pages)('%s', (page) => {
  it('links to nothing that does not exist', () => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link ?? '');

    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });
});

describe('the README', () => {
  it('has a quick start of at most twelve lines', () => {
    const [, quickStart = ''] = /```ts\n([\s\S]*?)```/.exec(read('README.md')) ?? [];

    expect(quickStart.trim().split('\n').length).toBeLessThanOrEqual(12);
    expect(quickStart).toContain("from 'statewire'");
  });

  it('names the eight states', () => {
    for (const state of CONNECTION_STATES) expect(read('README.md')).toContain(`\`${state}\``);
  });

  it('has a test for each promise', () => {
    const [, promises = ''] = /## What is promised\n([\s\S]*?)\n## /.exec(read('README.md')) ?? [];
    const rows = promises
      .split('\n')
      .filter((line) => line.startsWith('| ') && !/^\| (Promise|-)/.test(line));

    expect(rows.length).toBeGreaterThan(5);
    expect(rows.filter((row) => !row.includes('](test/'))).toEqual([]);
  });
});
