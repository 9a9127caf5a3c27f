// The JSON body of a request, up to a limit.
import type { IncomingMessage } from 'node:http';
import { REFUSALS, type Refusal } from './refusals.ts';

export type JsonBody = { readonly value: unknown } | { readonly refusal: Refusal };

/** Rejects when the client leaves in the middle. */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<JsonBody> {
  if (Number(request.headers['content-length']) > maxBytes) return { refusal: REFUSALS.tooLarge() };
  const chunks: Buffer[] = [];
  let bytes = 0;
  // A request that is destroyed takes its response with it.
  const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return { refusal: REFUSALS.tooLarge() };
    chunks.push(chunk);
  }
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown };
  } catch {
    return { refusal: REFUSALS.badRequest('invalid_message', 'The body is no JSON') };
  }
}
