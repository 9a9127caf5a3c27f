// From the bytes of a page to a document: title, visible text, links, media, what the page says about itself.
import type { CrawledDocument } from '../../crawl/messages.ts';
import type { Fetched } from './fetcher.ts';
import { parseHtml } from './html.ts';
import { toMarkdown } from './markdown.ts';
import { PageError } from './page-errors.ts';
import { elementsOf, mainPart, textOf, type PageNode } from './visible-text.ts';

const WORDS_PER_MINUTE = 200;
/** Links and media beyond this are left out: a page of a million links is an attack or a mistake. */
const MAX_LINKS = 5_000;
const MAX_FIELD_CHARACTERS = 1_000;

export interface Extracted {
  readonly document: CrawledDocument;
  readonly qualityScore: number;
}

type Kind = 'html' | 'text';

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['text/html', 'html'],
  ['application/xhtml+xml', 'html'],
  ['text/plain', 'text'],
]);

/** @throws {PageError} for a type that is no text; a page without a type is taken for HTML */
export function kindOf(contentType: string): Kind {
  const essence = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const kind = essence === '' ? 'html' : KINDS.get(essence);
  if (kind === undefined) throw new PageError('unsupported_content_type');
  return kind;
}

/** @throws {PageError} `extraction_failed`, for a page that is nested too deeply */
export async function extract(fetched: Fetched): Promise<Extracted> {
  try {
    return kindOf(fetched.contentType) === 'html' ? await extractHtml(fetched) : extractText(fetched);
  } catch (thrown) {
    const type = thrown instanceof PageError ? thrown.type : 'extraction_failed';
    throw new PageError(type, { status: fetched.status });
  }
}

const charsetOf = (contentType: string): string | undefined =>
  /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1];

function extractText({ url, body, contentType }: Fetched): Extracted {
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(charsetOf(contentType) ?? 'utf-8');
  } catch {
    decoder = new TextDecoder();
  }
  const text = decoder.decode(body).trim();
  const document = { url: url.href, text, links: [], media: [], ...lengths(text) };
  return { document, qualityScore: score(document, 1) };
}

async function extractHtml({ url, body, contentType }: Fetched): Promise<Extracted> {
  const $ = await parseHtml(body, charsetOf(contentType));
  const root = $.root()[0] as PageNode;
  const elements = elementsOf(root);
  const main = mainPart(root, elements);
  const text = textOf(main);
  const base = baseOf(elements, url);
  const readable = {
    url: url.href,
    ...about(elements),
    text,
    links: addresses(elements, base, LINKS),
    media: addresses(elements, base, MEDIA),
    ...lengths(text),
  };
  const markdown = await toMarkdown($, main, base);
  const document: CrawledDocument = markdown === undefined ? readable : { ...readable, markdown };
  return { document, qualityScore: score(document, text.length / Math.max(1, body.byteLength)) };
}

function lengths(text: string): { readonly word_count: number; readonly reading_time: number } {
  const words = text.match(/\S+/g)?.length ?? 0;
  return { word_count: words, reading_time: Math.ceil(words / WORDS_PER_MINUTE) };
}

/** Elements that refer to something, and the attributes in which they do. */
type References = Readonly<Record<string, readonly string[]>>;

const LINKS: References = { a: ['href'], area: ['href'] };
const MEDIA: References = {
  img: ['src'],
  video: ['poster', 'src'],
  audio: ['src'],
  source: ['src'],
  embed: ['src'],
};

function baseOf(elements: readonly PageNode[], url: URL): URL {
  const href = attributeOf(elements, 'base', 'href') ?? '';
  return URL.canParse(href, url) ? new URL(href, url) : url;
}

/** The attribute of the first element of a name that has it. */
function attributeOf(elements: readonly PageNode[], name: string, attribute: string): string | undefined {
  const holder = elements.find(
    (element) => element.name === name && element.attribs?.[attribute] !== undefined,
  );
  return holder?.attribs?.[attribute];
}

/** Absolute, without fragments, each once, in the order of the page. */
function addresses(elements: readonly PageNode[], base: URL, references: References): string[] {
  const found = new Set<string>();
  for (const { name = '', attribs = {} } of elements) {
    const attributes = Object.hasOwn(references, name) ? references[name] : undefined;
    for (const attribute of attributes ?? []) {
      const url = webAddress(attribs[attribute], base);
      if (url !== undefined && found.size < MAX_LINKS) found.add(url);
    }
  }
  return [...found];
}

function webAddress(href: string | undefined, base: URL): string | undefined {
  if (href === undefined || !URL.canParse(href, base)) return undefined;
  const url = new URL(href, base);
  url.hash = '';
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
}

type About = Pick<
  CrawledDocument,
  'title' | 'description' | 'site_name' | 'byline' | 'published_iso' | 'language'
>;

/** What the page says about itself. What it does not say is absent. */
function about(elements: readonly PageNode[]): About {
  const meta = metaOf(elements);
  const published = meta('article:published_time', 'date', 'datepublished');
  return trimmed({
    title: firstText(elements, 'title') || (meta('og:title') ?? firstText(elements, 'h1')),
    description: meta('description', 'og:description'),
    site_name: meta('og:site_name', 'application-name'),
    byline: meta('author', 'article:author'),
    published_iso: isoDate(published ?? attributeOf(elements, 'time', 'datetime')),
    language: attributeOf(elements, 'html', 'lang') ?? meta('og:locale'),
  });
}

/** Looks up the first of several names that the page's `meta` elements give a content to. */
function metaOf(elements: readonly PageNode[]): (...names: readonly string[]) => string | undefined {
  const said = new Map<string, string>();
  for (const { name: element, attribs = {} } of elements) {
    if (element !== 'meta') continue;
    const name = (attribs['name'] ?? attribs['property'] ?? attribs['itemprop'])?.toLowerCase();
    const content = attribs['content']?.trim();
    if (name !== undefined && content && !said.has(name)) said.set(name, content);
  }
  return (...names) => names.map((name) => said.get(name)).find(Boolean);
}

const trimmed = (fields: Readonly<Record<string, string | undefined>>): About =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      const text = value?.replace(/\s+/g, ' ').trim().slice(0, MAX_FIELD_CHARACTERS);
      return text ? [[name, text]] : [];
    }),
  );

function firstText(elements: readonly PageNode[], name: string): string {
  const first = elements.find((element) => element.name === name);
  return first === undefined ? '' : textOf(first);
}

function isoDate(text: string | undefined): string | undefined {
  const date = new Date(text ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/**
 * From 0 to 1: 0.5 for 200 words or more and in proportion below; 0.15 each for a title and for text that makes up a
 * tenth of the page's bytes or more (in proportion below); 0.1 each for a description and for a language.
 */
function score(document: Omit<CrawledDocument, 'html'>, density: number): number {
  const { word_count: words = 0, title, description, language } = document;
  const points =
    0.5 * Math.min(1, words / WORDS_PER_MINUTE) +
    0.15 * Math.min(1, density * 10) +
    (title ? 0.15 : 0) +
    (description ? 0.1 : 0) +
    (language ? 0.1 : 0);
  return Math.round(points * 100) / 100;
}
