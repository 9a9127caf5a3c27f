// What a connection itself knows to be secret: what its options hold, and what its functions answered for the last
// attempt. Worked out when something went wrong, from what is there anyway: while all is well it costs a reference.
import { namesSecret } from './names.ts';

/** The options that may hold a secret, and the functions that answer one. */
export interface Secretive {
  readonly url?: unknown;
  readonly headers?: unknown;
  readonly protocols?: unknown;
  readonly credentials?: unknown;
  readonly transport?: { readonly body?: unknown } | undefined;
  readonly protocol?: { readonly subprotocols?: readonly string[] } | undefined;
  readonly redact?: readonly (string | RegExp)[] | undefined;
}

type Answers = Partial<Record<'url' | 'headers' | 'protocols' | 'credentials' | 'body', unknown>>;

/** Kept beyond the attempt: the function that is asked for the next one may complain about these. */
const lastAnswers = new WeakMap<Secretive, Answers>();

/** Remembers what a function of the user's answered. */
export function noteAnswer(options: Secretive, name: keyof Answers, answer: unknown): void {
  const answers = lastAnswers.get(options) ?? {};
  answers[name] = answer;
  lastAnswers.set(options, answers);
}

/** Shorter ones would be found in half of all sentences. */
const MIN_LENGTH = 4;
/** What is not named as a secret may be a word like any other. */
const MIN_UNNAMED_LENGTH = 8;
const MAX_DEPTH = 8;

/** Headers that say nothing about who one is. */
const PUBLIC_HEADER =
  /^(?:user-agent|origin|host|accept.*|content-.*|cache-control|pragma|connection|upgrade|sec-websocket-(?:version|extensions|protocol))$/i;

/** The values that are secret, as they are and as they are written in URLs, in JSON and in Basic credentials. */
export function knownValues(options: Secretive): readonly string[] {
  const { url, headers, protocols, credentials, body } = {
    ...withoutFunctions(options),
    ...lastAnswers.get(options),
  };
  const found = new Found();
  try {
    if (typeof url === 'string' || url instanceof URL) found.url(String(url));
    found.headers(headers);
    found.subprotocols(protocols, options.protocol?.subprotocols ?? []);
    found.leaves(credentials, true, 0);
    found.body(body);
  } catch {
    // An option that cannot be read holds nothing that can be shown either.
  }
  return found.values;
}

const withoutFunctions = ({ url, headers, protocols, credentials, transport }: Secretive): Answers =>
  Object.fromEntries(
    Object.entries({ url, headers, protocols, credentials, body: transport?.body }).filter(
      ([, value]) => typeof value !== 'function',
    ),
  );

class Found {
  readonly #values = new Set<string>();

  get values(): readonly string[] {
    return [...this.#values];
  }

  add(value: string, isNamed: boolean): void {
    if (value.length < (isNamed ? MIN_LENGTH : MIN_UNNAMED_LENGTH)) return;
    this.#values.add(value);
    // Most tokens are written the same everywhere.
    if (/^[\w.~-]*$/.test(value)) return;
    for (const written of [encoded(value), decoded(value), JSON.stringify(value).slice(1, -1)])
      this.#values.add(written);
  }

  /** Of any text that is meant to be a URL, whether it is one or not. */
  url(href: string): void {
    const [, user = ''] = /^[^/?#]*\/\/([^/?#@]*)@/.exec(href) ?? [];
    const [name = '', ...password] = user.split(':');
    this.add(name, true);
    this.add(password.join(':'), true);
    if (user !== '') this.add(inBase64(decoded(user)), true);
    const [, query = ''] = /\?([^#]*)/.exec(href) ?? [];
    for (const pair of query.split('&')) {
      const at = pair.indexOf('=');
      const isNamed =
        at < 0 ||
        namesSecret(decoded(pair.slice(0, at))) ||
        /^(?:key|sig|signature|ticket|code)=/i.test(pair);
      this.add(decoded(pair.slice(at + 1).replaceAll('+', ' ')), isNamed);
      this.add(pair.slice(at + 1), isNamed);
    }
  }

  headers(headers: unknown): void {
    if (typeof headers !== 'object' || headers === null) return;
    for (const [name, value] of Object.entries(headers)) {
      if (typeof value !== 'string' || PUBLIC_HEADER.test(name)) continue;
      if (/^cookie$/i.test(name)) this.#cookies(value);
      this.#header(value, namesSecret(name));
    }
  }

  /** Of `Bearer …` the part that counts is known too, and of `Basic …` what it is made of. */
  #header(value: string, isNamed: boolean): void {
    this.add(value, isNamed);
    const [, scheme = '', credentials] = /^([\w-]+)\s+(\S+)$/.exec(value.trim()) ?? [];
    if (credentials === undefined) return;
    this.add(credentials, isNamed);
    if (scheme.toLowerCase() === 'basic') this.add(fromBase64(credentials).replace(/^[^:]*:/, ''), true);
  }

  #cookies(value: string): void {
    for (const pair of value.split(/;\s*/)) this.add(pair.slice(pair.indexOf('=') + 1), true);
  }

  /** A subprotocol is the one place where a browser can put a token; it then stands after the last dot. */
  subprotocols(offered: unknown, own: readonly string[]): void {
    for (const name of typeof offered === 'string' ? [offered] : Array.isArray(offered) ? offered : []) {
      if (typeof name !== 'string' || own.includes(name)) continue;
      this.add(name, true);
      this.add(name.slice(name.lastIndexOf('.') + 1), false);
    }
  }

  /** Of a request: a form's fields, and what is written in JSON. Prose is no secret. */
  body(body: unknown): void {
    if (body instanceof URLSearchParams || body instanceof FormData)
      this.leaves(Object.fromEntries(body), false, 0);
    else if (typeof body === 'string' && /^[^\s=]+=\S*$/.test(body)) this.url(`?${body}`);
    else if (typeof body === 'string') this.leaves(parsed(body), false, 0);
  }

  /** A text alone is a secret; a field by its name; JSON is what is written in it. */
  leaves(value: unknown, isNamed: boolean, depth: number): void {
    if (depth > MAX_DEPTH || ArrayBuffer.isView(value)) return;
    if (typeof value === 'number' && isNamed) this.add(String(value), true);
    if (typeof value === 'string') {
      this.add(value, isNamed);
      this.leaves(parsed(value), false, depth + 1);
    }
    if (typeof value !== 'object' || value === null) return;
    const isNested = depth > 0 && isNamed;
    for (const [name, one] of Object.entries(value))
      this.leaves(one, isNested || namesSecret(name), depth + 1);
  }
}

/** A text with half a surrogate pair cannot be encoded. */
function encoded(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return text;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parsed(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** RFC 7617 §2.1: in UTF-8. */
const inBase64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

function fromBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
  } catch {
    return '';
  }
}
