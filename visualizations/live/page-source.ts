// The files of the page, bundled from their sources: in the repository.
import type { PageFiles } from './page-built.ts';

let bundled: Promise<PageFiles> | undefined;

/** By their paths on the server. A bundle that failed is made again: its source may have been mended. */
export function pageFiles(): Promise<PageFiles> {
  bundled ??= bundle().catch((thrown: unknown) => {
    bundled = undefined;
    throw thrown;
  });
  return bundled;
}

async function bundle(): Promise<PageFiles> {
  const { bundlePage } = await import('./page/bundle.ts');
  return new Map(Object.entries(await bundlePage()));
}
