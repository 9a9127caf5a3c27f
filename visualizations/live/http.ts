// What is served: the page, the recordings, and the page that embeds Stately's inspector. Nothing is cached, and no page
// may load or run anything that is not from here.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pageFiles } from '#live-page';
import type { Access } from './access.ts';
import { pageHeaders } from './page-headers.ts';

/** What a route answers with. */
export interface Answer {
  readonly contentType: string;
  readonly body: string;
  /** Saved under this name, not shown. */
  readonly fileName?: string;
  /** Origins, beside our own, that the page may embed. */
  readonly frames?: string;
}

export type Route = (path: string) => Answer | undefined | Promise<Answer | undefined>;

const TEXT = 'text/plain; charset=utf-8';

export class Pages {
  readonly #access: Access;
  readonly #routes: readonly Route[];

  constructor(access: Access, routes: readonly Route[]) {
    this.#access = access;
    this.#routes = [...routes, fileOfThePage];
  }

  /** Answers one request; never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const refusal = this.#access.refusalOf(request);
      if (refusal !== undefined) reply(response, 403, { contentType: TEXT, body: `${refusal}\n` });
      else if (request.method !== 'GET' && request.method !== 'HEAD') {
        reply(response, 405, { contentType: TEXT, body: 'Only GET is answered here.\n' });
      } else await this.#find(request, response);
    } catch (thrown) {
      reply(response, 500, {
        contentType: TEXT,
        body: `${thrown instanceof Error ? thrown.message : 'Failed.'}\n`,
      });
    }
  }

  async #find({ url = '/', headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/'] = url.split('?', 1);
    for (const route of this.#routes) {
      const answer = await route(path);
      if (answer === undefined) continue;
      reply(response, 200, answer, headers.host);
      return;
    }
    reply(response, 404, { contentType: TEXT, body: 'There is nothing here. The live view is at /\n' });
  }
}

const fileOfThePage: Route = async (path) => (await pageFiles()).get(path);

function reply(response: ServerResponse, status: number, answer: Answer, host?: string): void {
  const { contentType, body, fileName, frames } = answer;
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...pageHeaders({ host, cacheControl: 'no-store', ...(frames !== undefined && { frames }) }),
    ...(fileName !== undefined && { 'content-disposition': `attachment; filename="${fileName}"` }),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
