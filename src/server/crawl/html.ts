// Parsing HTML a piece at a time, so that a large page does not hold up everybody else's.
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { decodeStream, type CheerioAPI } from 'cheerio';
import { PageError } from './page-errors.ts';

const PIECE_BYTES = 64 * 1024;
/** Browsers stop at 512. */
const MAX_DEPTH = 1_000;

/**
 * The tree of a page. The encoding is, in this order, that of the byte order mark, the header, the page itself, UTF-8.
 *
 * The parser is htmlparser2: the one that follows the standard to the letter, parse5, takes quadratic time on a page
 * that is nested deeply (measured: 64 KiB of `<div>`, 2.8 s). So does this one, later (512 KiB, 10 s), hence the limit.
 *
 * @throws {PageError} for a page that is nested more than 1,000 deep
 */
export async function parseHtml(body: Buffer, charset: string | undefined): Promise<CheerioAPI> {
  if (isTooDeep(body)) throw new PageError('extraction_failed');
  return new Promise((resolve, reject) => {
    const encoding = { ...(charset && { transportLayerEncodingLabel: charset }), defaultEncoding: 'utf-8' };
    const parser = decodeStream({ encoding, xml: { xmlMode: false, decodeEntities: true } }, (error, $) =>
      error ? reject(error) : resolve($),
    );
    parser.on('error', reject);
    void feed(parser, body);
  });
}

/** Elements without an end tag, and those that the next of their kind ends: they do not nest. */
const FLAT = new Set(
  (
    'area base br col embed hr img input link meta param source track wbr ' +
    'p li dt dd td th tr thead tbody tfoot option optgroup colgroup rp rt'
  ).split(' '),
);

/** Counts tags, without parsing. Where a page is odd it errs, by a little, on the side of too deep. */
function isTooDeep(body: Buffer): boolean {
  // In UTF-16 the markup has a NUL beside each of its letters.
  const text = body.toString('latin1').replaceAll('\0', '');
  let depth = 0;
  let foreign = 0;
  for (const [, end, name = '', rest = ''] of text.matchAll(/<(\\?\/)?([a-z][^\s/<>]*)([^<>]*)/gi)) {
    const tag = name.toLowerCase();
    // Only in SVG and MathML does a slash end an element that has just begun.
    if (FLAT.has(tag) || (foreign > 0 && rest.endsWith('/'))) continue;
    const step = end === undefined ? 1 : -1;
    depth = Math.max(0, depth + step);
    if (tag === 'svg' || tag === 'math') foreign = Math.max(0, foreign + step);
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

async function feed(parser: NodeJS.WritableStream, body: Buffer): Promise<void> {
  for (let start = 0; start < body.byteLength; start += PIECE_BYTES) {
    if (!parser.write(body.subarray(start, start + PIECE_BYTES))) await once(parser, 'drain');
    await turn();
  }
  parser.end();
}
