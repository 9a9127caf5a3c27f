// The files of the page, bundled from their sources: in the repository.
import { kept } from './page-files.ts';

/** By their paths on the server. */
export const pageFiles = kept(async () => {
  const { bundlePage } = await import('./page/bundle.ts');
  return bundlePage(new URL('page/', import.meta.url));
});
