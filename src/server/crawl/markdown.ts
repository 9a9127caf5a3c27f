// The main part of a page as Markdown.
import { setImmediate as turn } from 'node:timers/promises';
import type { CheerioAPI } from 'cheerio';
import TurndownService from 'turndown';
import { isBlock, isNoise, type PageNode } from './visible-text.ts';

/** Turndown's time grows with the square of what it is given: it is given about this much at once … */
const PIECE_CHARACTERS = 8 * 1024;
/** … and of what cannot be cut, such as one table or one list, this much at most. */
const MAX_PIECE_CHARACTERS = 32 * 1024;
const MAX_CHARACTERS = 1024 * 1024;
/** Turndown recurses. */
const MAX_DEPTH = 200;

const CONTAINERS = new Set(['main', 'article', 'section', 'div', 'body', 'html']);

const turndown = new TurndownService({
  headingStyle: 'atx',
  codeBlockStyle: 'fenced',
  bulletListMarker: '-',
});

/**
 * Absent for a part that cannot be converted in a bounded time: of more than a million characters of HTML, nested more
 * than 200 deep, or with one block of more than 32,768 characters. Changes the tree: call it last.
 */
export async function toMarkdown($: CheerioAPI, main: PageNode, base: URL): Promise<string | undefined> {
  const nodes = prune(main, base);
  if (nodes === undefined) return undefined;
  const sizes = sizesOf(nodes);
  if ((sizes.get(main) ?? 0) > MAX_CHARACTERS) return undefined;
  const converted: string[] = [];
  for (const run of runsIn(main, sizes)) {
    const html = $.html(run as unknown as Parameters<typeof $.html>[0]);
    if (html.length > MAX_PIECE_CHARACTERS) return undefined;
    converted.push(turndown.turndown(html));
    await turn();
  }
  return converted.filter(Boolean).join('\n\n');
}

/** Takes out what nobody reads and makes the addresses absolute. Nothing for a tree that is too deep. */
function prune(main: PageNode, base: URL): PageNode[] | undefined {
  const nodes: PageNode[] = [];
  let level: readonly PageNode[] = [main];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return undefined;
    for (const node of level) {
      pruneNode(node, base);
      nodes.push(node);
    }
    level = level.flatMap(({ children = [] }) => children);
  }
  return nodes;
}

function pruneNode(node: PageNode, base: URL): void {
  if (node.children !== undefined) node.children = node.children.filter((child) => !isNoise(child));
  for (const name of ['href', 'src'])
    if (node.attribs?.[name] !== undefined) node.attribs[name] = absolute(node.attribs[name], base);
}

/** What leads nowhere on the web, such as a script, becomes a link to nothing. */
function absolute(href: string, base: URL): string {
  if (!URL.canParse(href, base)) return '';
  const url = new URL(href, base);
  return /^(https?|mailto):$/.test(url.protocol) ? url.href : '';
}

type Sizes = ReadonlyMap<PageNode, number>;

/** About how many characters of HTML each node is. Parents come before their children. */
function sizesOf(nodes: readonly PageNode[]): Sizes {
  const sizes = new Map<PageNode, number>();
  for (const node of nodes.toReversed()) {
    let size = node.data?.length ?? 2 * (node.name?.length ?? 0) + 5;
    for (const [name, value] of Object.entries(node.attribs ?? {})) size += name.length + value.length + 4;
    for (const child of node.children ?? []) size += sizes.get(child) ?? 0;
    sizes.set(node, size);
  }
  return sizes;
}

/** The part, cut between blocks, into runs of neighbours that are converted together. */
function* runsIn(part: PageNode, sizes: Sizes): Generator<readonly PageNode[]> {
  let run: PageNode[] = [];
  let characters = 0;
  for (const node of part.children ?? []) {
    const size = sizes.get(node) ?? 0;
    const isLarge = size > PIECE_CHARACTERS && CONTAINERS.has(node.name ?? '');
    const last = run.at(-1);
    const isFull = characters + size > PIECE_CHARACTERS && last !== undefined && mayCut(last, node);
    if (isLarge || isFull) {
      yield run;
      run = [];
      characters = 0;
    }
    if (isLarge) yield* runsIn(node, sizes);
    else {
      run.push(node);
      characters += size;
    }
  }
  yield run;
}

const mayCut = (before: PageNode, after: PageNode): boolean => isBlock(before) || isBlock(after);
