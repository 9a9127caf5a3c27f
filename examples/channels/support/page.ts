// The files of the example's page, its script made by esbuild from its source.
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const FOLDER = new URL('page/', import.meta.url);

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('main.ts', FOLDER))],
    conditions: ['statewire-source'], // in your project: not needed
    format: 'esm',
    platform: 'browser',
    bundle: true,
    minify: true,
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

/** Answers requests for the page; `false` for any other. */
export async function createPage(): Promise<(...args: Parameters<RequestListener>) => boolean> {
  const files: Readonly<Record<string, readonly [type: string, body: string]>> = {
    '/': ['text/html; charset=utf-8', await readFile(new URL('index.html', FOLDER), 'utf8')],
    '/page.css': ['text/css; charset=utf-8', await readFile(new URL('page.css', FOLDER), 'utf8')],
    '/page.js': ['text/javascript; charset=utf-8', await bundle()],
  };
  return ({ method, url = '' }, response) => {
    const file = method === 'GET' && Object.hasOwn(files, url) ? files[url] : undefined;
    if (file === undefined) return false;
    response.setHeader('Content-Type', file[0]);
    response.setHeader('Content-Security-Policy', "default-src 'self'");
    response.end(file[1]);
    return true;
  };
}
