// A page that this package serves: which files it has, and how they are read where `npm run build` has left them.
import { readFile } from 'node:fs/promises';

export interface PageFile {
  readonly contentType: string;
  readonly body: string;
}

/** The files of a page by their paths on the server. */
export type PageFiles = ReadonlyMap<string, PageFile>;

interface PagePart {
  /** The path on the server. */
  readonly path: string;
  /** The name of the finished file. */
  readonly file: string;
  /** The file that it is made from, beside the others. */
  readonly source: string;
  readonly contentType: string;
}

/** What every page consists of. */
export const PAGE_PARTS: readonly PagePart[] = [
  { path: '/', file: 'index.html', source: 'index.html', contentType: 'text/html; charset=utf-8' },
  { path: '/page.css', file: 'page.css', source: 'page.css', contentType: 'text/css; charset=utf-8' },
  { path: '/page.js', file: 'page.js', source: 'main.ts', contentType: 'text/javascript; charset=utf-8' },
];

/** What `text` makes of each part. */
export async function pageOf(text: (part: PagePart) => Promise<string>): Promise<PageFiles> {
  const files = PAGE_PARTS.map(
    async (part) => [part.path, { contentType: part.contentType, body: await text(part) }] as const,
  );
  return new Map(await Promise.all(files));
}

/** A finished page, read from the folder that it was left in. */
export const readPage = (folder: URL): Promise<PageFiles> =>
  pageOf(({ file }) => readFile(new URL(file, folder), 'utf8'));

/** Gets something when it is first asked for, and keeps it. What failed is tried again: its cause may be mended. */
export function kept<Value>(get: () => Promise<Value>): () => Promise<Value> {
  let got: Promise<Value> | undefined;
  return () => {
    got ??= get().catch((thrown: unknown) => {
      got = undefined;
      throw thrown;
    });
    return got;
  };
}
