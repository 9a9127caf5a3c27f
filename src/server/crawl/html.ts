// Parsing HTML a piece at a time, so that a large page does not hold up everybody else's.
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Parser } from 'htmlparser2';
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

class TooDeep extends Error {}

/** Counts as the parser does that makes the tree, but makes none: what is no tag to it does not count here either. */
function isTooDeep(body: Buffer): boolean {
  let depth = 0;
  const counter = new Parser({
    onopentagname() {
      depth += 1;
      if (depth > MAX_DEPTH) throw new TooDeep();
    },
    onclosetag() {
      depth -= 1;
    },
  });
  try {
    // In UTF-16 the markup has a NUL beside each of its letters.
    counter.end(body.toString('latin1').replaceAll('\0', ''));
    return false;
  } catch (thrown) {
    if (thrown instanceof TooDeep) return true;
    throw thrown;
  }
}

async function feed(parser: NodeJS.WritableStream, body: Buffer): Promise<void> {
  for (let start = 0; start < body.byteLength; start += PIECE_BYTES) {
    if (!parser.write(body.subarray(start, start + PIECE_BYTES))) await once(parser, 'drain');
    await turn();
  }
  parser.end();
}
