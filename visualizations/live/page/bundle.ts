// The page as the server hands it out: three files, made from this folder by esbuild. Runs in Node, not in the page.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface PageFile {
  readonly contentType: string;
  readonly body: string;
}

const source = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The files of the page by their paths on the server. */
export async function bundlePage(): Promise<Record<'/' | '/page.css' | '/page.js', PageFile>> {
  const [html, css, script] = await Promise.all([
    readFile(source('index.html'), 'utf8'),
    bundle('page.css'),
    bundle('main.ts'),
  ]);
  return {
    '/': { contentType: 'text/html; charset=utf-8', body: html },
    '/page.css': { contentType: 'text/css; charset=utf-8', body: css },
    '/page.js': { contentType: 'text/javascript; charset=utf-8', body: script },
  };
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [source(entry)],
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
