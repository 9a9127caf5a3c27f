// The text that a reader of a page would see: its main part, without scripts, styles, navigation and what is hidden.
// Trees are walked without recursion: a page may be nested more deeply than the stack allows.

/** A node of the tree, as far as it matters here. */
export interface PageNode {
  readonly type: string;
  /** Of a text. */
  readonly data?: string;
  /** Of an element. */
  readonly name?: string;
  readonly attribs?: Record<string, string>;
  children?: PageNode[];
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

const NOISE = words(
  'script style noscript template head title meta link svg math iframe object canvas audio video form button select input ' +
    'textarea nav footer aside dialog',
);

const BLOCKS = words(
  'address article blockquote body br dd details div dl dt fieldset figcaption figure h1 h2 h3 h4 h5 h6 header ' +
    'hr li main ol p pre section summary table tbody td tfoot th thead tr ul',
);

export const isBlock = ({ name = '' }: PageNode): boolean => BLOCKS.has(name);

/** Whether nobody reads this part: it is no text, it is the frame of the page, or it is not shown. */
export function isNoise({ type, name = '', attribs }: PageNode): boolean {
  if (attribs === undefined) return type === 'comment' || type === 'directive';
  if (NOISE.has(name) || attribs['hidden'] !== undefined || attribs['aria-hidden'] === 'true') return true;
  return /display\s*:\s*none|visibility\s*:\s*hidden/i.test(attribs['style'] ?? '');
}

/**
 * All elements under a node, in the order of the page. Selectors would be shorter; on a page that is nested deeply each
 * of them takes a time that grows with the square of the depth.
 */
export function elementsOf(root: PageNode): PageNode[] {
  const found: PageNode[] = [];
  const left = [root];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node.attribs !== undefined) found.push(node);
    for (const child of node.children?.toReversed() ?? []) left.push(child);
  }
  return found;
}

/** The one `main`, or the one `article`, or the body, or everything. */
export function mainPart(root: PageNode, elements: readonly PageNode[]): PageNode {
  const isMain = ({ name, attribs }: PageNode): boolean => name === 'main' || attribs?.['role'] === 'main';
  for (const isPart of [isMain, ({ name }: PageNode): boolean => name === 'article']) {
    const [first, ...others] = elements.filter(isPart);
    if (first !== undefined && others.length === 0 && textOf(first) !== '') return first;
  }
  return elements.find(({ name }) => name === 'body') ?? root;
}

/** One line a block, single spaces. */
export function textOf(root: PageNode): string {
  const parts: string[] = [];
  const left: (PageNode | '\n')[] = [root];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    if (node === '\n') parts.push(node);
    else if (node.type === 'text') parts.push((node.data ?? '').replace(/\s+/g, ' '));
    else if (node === root || !isNoise(node)) {
      if (isBlock(node)) {
        parts.push('\n');
        left.push('\n');
      }
      for (const child of node.children?.toReversed() ?? []) left.push(child);
    }
  }
  return linesOf(parts.join(''));
}

/** By splitting: a regular expression for spaces before a line end takes quadratic time on a run of spaces. */
const linesOf = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.split(' ').filter(Boolean).join(' '))
    .filter(Boolean)
    .join('\n');
