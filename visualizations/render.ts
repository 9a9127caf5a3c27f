// `npm run draw` writes every drawing and table; `npm run draw -- --check` writes nothing and fails when one is stale.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { generatedFiles } from './generated.ts';

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const stale = (await generatedFiles()).filter(({ text, onDisk }) => text !== onDisk);

if (values.check) {
  for (const { path } of stale) console.error(`${path} is stale: run "npm run draw" and commit the result.`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const { path, text } of stale) {
    await writeFile(new URL(`../${path}`, import.meta.url), text);
    console.log(`wrote ${path}`);
  }
  if (stale.length === 0) console.log('Every drawing and table is up to date.');
}
