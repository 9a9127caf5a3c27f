// The files of the page, as `npm run build` has left them beside this one.
import { kept, readPage } from './page-files.ts';

export type { PageFile, PageFiles } from './page-files.ts';

/** By their paths on the server. */
export const pageFiles = kept(() => readPage(new URL('page/', import.meta.url)));
