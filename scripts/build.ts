// `npm run build`: dist/ from machines/, src/ and the live view, with declarations that stand on their own at the user's.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PAGE_PARTS } from '../visualizations/live/page-files.ts';
import { bundlePage } from '../visualizations/live/page/bundle.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
compile();
for (const folder of ['visualizations/live', 'src/demo-server']) await makePage(folder);
copyDrawings();
const copied = copyTypedEmitter();
for (const path of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (path.endsWith('.d.ts')) rewrite(join(dist, path), (text) => selfContained(text, join(dist, path)));
}
makeExecutable(join(dist, 'src/cli/main.js'));

function compile(): void {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** Leaves the page in a folder ready made, in place of what bundles it from its source. */
async function makePage(folder: string): Promise<void> {
  const target = join(dist, folder);
  for (const part of ['page', 'page-source.js', 'page-source.d.ts'])
    rmSync(join(target, part), { recursive: true, force: true });
  mkdirSync(join(target, 'page'));
  const files = await bundlePage(pathToFileURL(join(root, folder, 'page/')));
  for (const { path, file } of PAGE_PARTS)
    writeFileSync(join(target, 'page', file), files.get(path)?.body ?? '');
}

function copyDrawings(): void {
  for (const drawing of ['connection.svg', 'session.svg', 'subscription.svg', 'relay.svg'])
    copyFileSync(join(root, 'visualizations', drawing), join(dist, 'visualizations', drawing));
}

/** As a dependency it would bring rxjs along, which is an optional dependency of its own; all it has is this file. */
function copyTypedEmitter(): string {
  const source = join(root, 'node_modules/typed-emitter');
  const license = readFileSync(join(source, 'LICENSE'), 'utf8').trimEnd();
  const types = readFileSync(join(source, 'index.d.ts'), 'utf8');
  const target = join(dist, 'typed-emitter.d.ts');
  writeFileSync(
    target,
    `/*\nThe types of the package typed-emitter, copied under its license:\n\n${license}\n*/\n${types}`,
  );
  return target;
}

function selfContained(text: string, file: string): string {
  const emitter = relative(join(file, '..'), copied).replace(/\.d\.ts$/, '.js');
  const rewritten = text
    // TypeScript rewrites the extensions of imports in JavaScript but not in declarations.
    .replaceAll(/((?:from|import\() ?['"]\.{1,2}\/[^'"]+)\.ts(?=['"])/g, '$1.js')
    .replaceAll(/(?<=from ['"])typed-emitter(?=['"])/g, emitter)
    // A page's project has neither @types/node nor @types/ws: there, what they describe is `any`, not an error.
    .replaceAll(
      /^(?=import .*from ['"](?:ws|node:[^'"]+)['"])/gm,
      '// @ts-ignore -- known if @types/node and @types/ws are there\n',
    );
  const needsDisposable = /\b(?:Async)?Disposable\b|Symbol\.(?:asyncD|d)ispose\b/.test(rewritten);
  return needsDisposable ? `/// <reference lib="esnext.disposable" />\n${rewritten}` : rewritten;
}

function makeExecutable(path: string): void {
  if (!existsSync(path)) return;
  rewrite(path, (text) => (text.startsWith('#!') ? text : `#!/usr/bin/env node\n${text}`));
  chmodSync(path, 0o755);
}

function rewrite(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}
