// The files of the demo's page, bundled from their sources: in the repository.
import { kept } from '../../visualizations/live/page-files.ts';

/** By their paths on the server. */
export const pageFiles = kept(async () => {
  const { bundlePage } = await import('../../visualizations/live/page/bundle.ts');
  return bundlePage(new URL('page/', import.meta.url));
});
