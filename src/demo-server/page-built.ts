// The files of the demo's page, as `npm run build` has left them beside this one.
import { kept, readPage } from '../../visualizations/live/page-files.ts';

/** By their paths on the server. */
export const pageFiles = kept(() => readPage(new URL('page/', import.meta.url)));
