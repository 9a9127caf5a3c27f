// A page as the server hands it out, made from the folder of its sources by esbuild. Runs in Node, not in the page.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { pageOf, type PageFiles } from '../page-files.ts';

/** The files of the page whose sources are in a folder, by their paths on the server. */
export const bundlePage = (folder: URL): Promise<PageFiles> =>
  pageOf(({ source }) => {
    const file = new URL(source, folder);
    return source.endsWith('.html') ? readFile(file, 'utf8') : bundle(fileURLToPath(file));
  });

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    platform: 'browser',
    conditions: ['statewire-source', 'browser', 'module'],
    format: 'esm',
    target: 'es2022',
    bundle: true,
    minify: true,
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}
