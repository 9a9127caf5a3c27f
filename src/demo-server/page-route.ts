// The demo's page on a realtime server: what is served, and with which headers.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pageFiles } from '#demo-page';
import { PAGE_PARTS, type PageFile } from '../../visualizations/live/page-files.ts';
import { pageHeaders } from '../../visualizations/live/page-headers.ts';
import type { RealtimeServer } from '../server/index.ts';

/**
 * Adds the page that shows the demo endpoints live: at `/`, with its script and its style beside it.
 *
 * @throws {InvalidOptionError} when the server has such a route already
 */
export function addDemoPage(server: RealtimeServer): RealtimeServer {
  for (const { path } of PAGE_PARTS)
    server.http('GET', path, async (request, response) => {
      const file = (await pageFiles()).get(path);
      if (file === undefined) throw new Error(`The demo's page has no ${path}.`);
      answer(request, response, file);
    });
  return server;
}

/** A browser keeps the files, and asks each time whether they are still the same. */
function answer(request: IncomingMessage, response: ServerResponse, { contentType, body }: PageFile): void {
  const { 'if-none-match': known, host } = request.headers;
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  const isKnown = known?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag) === true;
  response.writeHead(isKnown ? 304 : 200, {
    ...pageHeaders({ host, cacheControl: 'no-cache' }),
    etag,
    ...(!isKnown && { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
  });
  response.end(isKnown || request.method === 'HEAD' ? undefined : body);
}
