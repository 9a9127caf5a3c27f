// The files of the page, as `npm run build` has left them beside this one.
import { readFile } from 'node:fs/promises';

export interface PageFile {
  readonly contentType: string;
  readonly body: string;
}

export type PageFiles = ReadonlyMap<string, PageFile>;

/** By their paths on the server. */
const FILES: readonly (readonly [path: string, file: string, contentType: string])[] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/page.css', 'page.css', 'text/css; charset=utf-8'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
];

let read: Promise<PageFiles> | undefined;

/** By their paths on the server. */
export function pageFiles(): Promise<PageFiles> {
  read ??= readAll();
  return read;
}

async function readAll(): Promise<PageFiles> {
  const files = FILES.map(async ([path, file, contentType]) => {
    const body = await readFile(new URL(`./page/${file}`, import.meta.url), 'utf8');
    return [path, { contentType, body }] as const;
  });
  return new Map(await Promise.all(files));
}
