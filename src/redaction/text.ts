// Secrets in running text: known values, credentials in the forms that the web has for them, URLs, and names with a
// value after them. What is cut off, by a close frame's 123 bytes for example, is found too.

export const HIDDEN = '***';

/** From here on, the beginning of a value gives it away. */
const LONG_VALUE_LENGTH = 16;
const TELLING_LENGTH = 12;
/** Shorter values may be words; within other words they are left alone. */
const WORD_LENGTH = 8;

const isWordCharacter = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}]/u.test(character);

/** Each value is replaced wherever it stands, and so is the beginning of a long one. Longest first. */
export function withoutValues(text: string, values: readonly string[]): string {
  let left = text;
  for (const value of values)
    left = value.length < WORD_LENGTH ? withoutWord(left, value) : left.replaceAll(value, HIDDEN);
  for (const value of values) if (value.length >= LONG_VALUE_LENGTH) left = withoutBeginning(left, value);
  return left;
}

function withoutWord(text: string, word: string): string {
  let left = '';
  let from = 0;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
    if (isWordCharacter(text[at - 1]) || isWordCharacter(text[at + word.length])) continue;
    left += text.slice(from, at) + HIDDEN;
    from = at + word.length;
  }
  return left + text.slice(from);
}

function withoutBeginning(text: string, value: string): string {
  const beginning = value.slice(0, TELLING_LENGTH);
  // The beginning of a sentence or of a URL is nobody's secret.
  if (!/^[\w.~+/=-]+$/.test(beginning)) return text;
  let left = '';
  let from = 0;
  for (let at = text.indexOf(beginning); at >= 0; at = text.indexOf(beginning, from)) {
    let end = at + TELLING_LENGTH;
    while (end < text.length && text[end] === value[end - at]) end += 1;
    left += text.slice(from, at) + HIDDEN;
    from = end;
  }
  return left + text.slice(from);
}

/** RFC 6750 §2.1, RFC 7617 §2; not the words of a sentence about them, nor the parameters of a challenge. */
const BEARER =
  /\b(bearer\s+)(?!(?:tokens?|auth|authentication|authorization|credentials?|scheme|realm|error|scope|is|was|not|and|or)(?![\w~+/-]|\.\w))[\w.~+/-]{2,}=*/gi;
const BASIC = /\b(basic\s+)([\w+/-]{4,}=*)/gi;
/** RFC 7519, and what is left of one that was cut off. */
const JWT = /eyJ[\w-]{6,}(?:\.[\w-]*)*/g;

export const withoutCredentials = (text: string): string =>
  text
    .replace(BEARER, `$1${HIDDEN}`)
    .replace(BASIC, (whole, scheme: string, rest: string) =>
      /^[A-Za-z]?[a-z]+$/.test(rest) ? whole : scheme + HIDDEN,
    )
    .replace(JWT, HIDDEN);

const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]{1,31}:\/\/[^\s"'<>`]+/gi;

/** With the URLs in it redacted; the place of a file in a stack is no secret. */
export const withoutUrls = (text: string): string =>
  text.replace(URL_IN_TEXT, (href) => (/^(?:file|node):/i.test(href) ? href : withoutUrlSecrets(href)));

/** Without user, password and the values of its query, any of which may be a secret. Unchanged without any. */
export function withoutUrlSecrets(href: string): string {
  let url: URL;
  try {
    url = new URL(href);
  } catch {
    return `${href.slice(0, href.indexOf('://'))}://…`;
  }
  const search = url.search.slice(1).split('&').filter(Boolean).map(withoutValue).join('&');
  const isClean =
    url.username === '' && url.password === '' && url.hash === '' && url.search.slice(1) === search;
  if (isClean) return href;
  url.username = '';
  url.password = '';
  url.hash = '';
  url.search = search;
  return url.href;
}

/** A part of a query that is no name with a value is all value; base64 may end with the sign. */
const withoutValue = (pair: string): string => {
  const name = /^([^=]+)=+[^=]/.exec(pair)?.[1];
  return name === undefined ? HIDDEN : `${name}=${HIDDEN}`;
};

const SIGN = /[=:]+/g;
const QUOTED = /"(?:[^"\\]|\\[^])*"?|'(?:[^'\\]|\\[^])*'?|`[^`]*`?/y;
const QUOTED_IN_QUOTES = /(\\+["'`])[^]*?(?:\1|$)/y;
const REST_OF_LINE = /[^\r\n]+/y;
const WORD = /[^\s&;,"'`<>(){}[\]\\]+/y;
/** Headers whose value is more than a word. */
const HEADER = /(?:cookies?|authorization)$/i;

/**
 * `token=…`, `"token": …`, `token: "…"`, `x-api-key: …`, `Cookie: …` without what follows. Of a sentence such as
 * `invalid token: it has expired` nothing is hidden, but for names that the user listed.
 */
export function withoutNamedValues(
  text: string,
  isSecret: (name: string) => boolean,
  isListed: (name: string) => boolean,
): string {
  let left = '';
  let from = 0;
  for (const { 0: sign, index } of text.matchAll(SIGN)) {
    if (index < from) continue;
    const { name, isQuoted } = nameBefore(text, index);
    const isOurs = isListed(name);
    if (name === '' || !(isOurs || isSecret(name))) continue;
    const at = afterSpaces(text, index + sign.length);
    const value = valueAt(text, at, formOf(name, sign, isQuoted, isOurs));
    if (value === '' || value === HIDDEN) continue;
    const [quote = ''] = /^\\*["'`]/.exec(value) ?? [];
    left += text.slice(from, at) + quote + HIDDEN + quote;
    from = at + value.length;
  }
  return left + text.slice(from);
}

const MAX_NAME_LENGTH = 128;
const MAX_SPACES = 8;

const isSpace = (character: string | undefined): boolean => character === ' ' || character === '\t';

function afterSpaces(text: string, at: number): number {
  let end = at;
  while (end < at + MAX_SPACES && isSpace(text[end])) end += 1;
  return end;
}

/** Read backwards from the sign, so that a text without signs costs nothing. */
function nameBefore(text: string, signAt: number): { readonly name: string; readonly isQuoted: boolean } {
  let end = signAt;
  while (end > signAt - MAX_SPACES && isSpace(text[end - 1])) end -= 1;
  const isQuoted = /["'`]/.test(text[end - 1] ?? '');
  if (isQuoted) end -= 1;
  while (isQuoted && end > signAt - MAX_SPACES && text[end - 1] === '\\') end -= 1;
  let start = end;
  while (start > 0 && start > end - MAX_NAME_LENGTH && /[\p{L}\p{N}_$.-]/u.test(text[start - 1] ?? ''))
    start -= 1;
  return { name: text.slice(start, end), isQuoted };
}

/** What stands after a name: only something in quotes, or a word, or a header's whole value. */
type Form = 'quoted' | 'word' | 'line';

function formOf(name: string, sign: string, isQuoted: boolean, isOurs: boolean): Form {
  if (!sign.includes('=') && !isQuoted && HEADER.test(name)) return 'line';
  return sign.includes('=') || isQuoted || name.includes('-') || isOurs ? 'word' : 'quoted';
}

function valueAt(text: string, at: number, form: Form): string {
  const read = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? '';
  };
  const quoted = read(QUOTED) || read(QUOTED_IN_QUOTES);
  if (quoted !== '' || form === 'quoted') return quoted;
  return read(form === 'line' ? REST_OF_LINE : WORD);
}
