// The one place where secrets are taken out of what is shown: out of texts, out of URLs, out of data, out of errors.
import { Copier, type DataLimits, type DataRules } from './redaction/data.ts';
import { knownValues, type Secretive } from './redaction/known.ts';
import { isSecretUnder, namesSecret, plainName } from './redaction/names.ts';
import {
  HIDDEN,
  withoutCredentials,
  withoutNamedValues,
  withoutUrls,
  withoutUrlSecrets,
  withoutValues,
} from './redaction/text.ts';

/** What is secret beyond what looks like it. */
export interface RedactionRules {
  /** Names of headers, fields and parameters; compared without case, hyphens, underscores and dots. */
  readonly names?: readonly string[];
  /** What is found by them is replaced, wherever it stands. */
  readonly patterns?: readonly RegExp[];
  /** Replaced wherever they stand; those below 8 characters only as whole words, those below 4 not at all. */
  readonly values?: readonly string[];
}

/** Takes secrets out of what is shown. What it hides reads `***`. Never throws. */
export interface Redactor {
  /** A text without known values, credentials, secrets of URLs, and values after the name of a secret. */
  text(text: string): string;
  /** A URL without user, password and the values of its query. */
  url(href: string): string;
  /** A copy as plain data, however deep, without what stands under the name of a secret. */
  data<Data>(data: Data): Data;
  /** The same value; a copy only where it holds a secret. Errors remain errors, with their name, stack and cause. */
  clean<Value>(value: Value): Value;
}

const PLAIN_DATA: DataLimits = { maxDepth: 32, maxParts: 100_000, maxChars: 65_536 };
/** Of what was thrown, which may drag half a program along, as much as is ever printed. */
const THROWN: DataLimits = { maxDepth: 8, maxParts: 5_000, maxChars: Infinity };
/** A regular expression that reads the whole of a long text costs more than the text is worth. */
const MAX_JSON_CHARS = 65_536;

const MAX_CAUSES = 8;

class Rules implements Redactor, DataRules {
  readonly #names: ReadonlySet<string>;
  readonly #patterns: readonly RegExp[];
  readonly #values: readonly string[];

  constructor({ names = [], patterns = [], values = [] }: RedactionRules) {
    this.#names = new Set(names.map(plainName));
    this.#patterns = patterns.map(
      ({ source, flags }) => new RegExp(source, `${flags.replace(/[gy]/g, '')}g`),
    );
    this.#values = [...new Set(values)]
      .filter((value) => value.length >= 4)
      .sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    const listed = this.#listed(text);
    if (this.#names.size === 0 && !MAY_HOLD_SECRET.test(listed)) return listed;
    const shown = withoutUrls(withoutCredentials(listed));
    return this.#json(shown) ?? withoutNamedValues(shown, namesSecret, (name) => this.#isListed(name));
  }

  url(href: string): string {
    return withoutUrlSecrets(this.#listed(href));
  }

  data<Data>(data: Data): Data {
    return new Copier(this, PLAIN_DATA).copy(data) as Data;
  }

  clean<Value>(value: Value): Value {
    return this.#clean(value, MAX_CAUSES) as Value;
  }

  isSecretUnder(name: string, value: unknown): boolean {
    if (this.#isListed(name)) return value !== undefined && value !== null;
    return isSecretUnder(name, value);
  }

  #listed(text: string): string {
    return withoutMatches(withoutValues(text, this.#values), this.#patterns);
  }

  #isListed(name: string): boolean {
    return this.#names.has(plainName(name));
  }

  /** JSON that is the whole text is read as such: a secret in it may be a list or an object. */
  #json(text: string): string | undefined {
    if (text.length > MAX_JSON_CHARS || !/^\s*[{[]/.test(text)) return undefined;
    try {
      const copier = new Copier(this, PLAIN_DATA);
      const copied = copier.copy(JSON.parse(text));
      return copier.isIncomplete ? JSON.stringify(copied) : text;
    } catch {
      return undefined;
    }
  }

  #clean(value: unknown, causesLeft: number): unknown {
    if (typeof value === 'string') return this.text(value);
    const copier = new Copier(this, THROWN);
    const copied = copier.copy(value);
    if (!(value instanceof Error)) return copier.isIncomplete ? copied : value;
    try {
      if (!copier.isIncomplete && this.#isClean(value.stack ?? '')) return value;
      const stack = this.text(value.stack ?? '');
      return this.#error(value, copied, stack, causesLeft);
    } catch {
      return new Error('an error that cannot be read');
    }
  }

  /** Most of a stack are places in files: searched for what was listed and what is known only. */
  #isClean(stack: string): boolean {
    if (this.#listed(stack) !== stack) return false;
    const said = stack.replace(PLACE_IN_STACK, '');
    return this.text(said) === said;
  }

  #error(error: Error, copied: unknown, stack: string, causesLeft: number): Error {
    const { name, message, ...fields } = copied as Record<string, unknown>;
    const twin = Object.assign(new Error(String(message)), fields);
    const hidden = { enumerable: false, configurable: true, writable: true };
    Object.defineProperty(twin, 'name', { ...hidden, value: name });
    Object.defineProperty(twin, 'stack', { ...hidden, value: stack });
    if (error.cause !== undefined) {
      const cause = causesLeft > 0 ? this.#clean(error.cause, causesLeft - 1) : '[too deep to show]';
      Object.defineProperty(twin, 'cause', { ...hidden, value: cause });
    }
    return twin;
  }
}

/** What every secret that has a form of its own has in common; most texts have nothing of it. */
const MAY_HOLD_SECRET = /[:=]|eyJ|bearer|basic/i;

const PLACE_IN_STACK = /^ {4}at .*$/gm;

const withoutMatches = (text: string, patterns: readonly RegExp[]): string =>
  patterns.reduce((left, pattern) => left.replace(pattern, (found) => (found === '' ? '' : HIDDEN)), text);

/** @throws nothing: what cannot be meant was refused with the option `redact` */
export const redactorOf = (rules: RedactionRules): Redactor => new Rules(rules);

const DEFAULT: Redactor = redactorOf({});

/** The redactor of a connection: by what its user listed, and by the values that it knows to be secret. */
export function redactorFor(connection: object): Redactor {
  const { options = {} } = connection as { readonly options?: Secretive };
  const { redact = [] } = options;
  return redactorOf({
    names: redact.filter((listed) => typeof listed === 'string'),
    patterns: redact.filter((listed) => typeof listed !== 'string'),
    values: knownValues(options),
  });
}

/** A URL for logs: without user, password and the values of its query, any of which may be a secret. */
export const redactUrl = (href: string): string => DEFAULT.url(href);

/** Somebody else's text, such as an error of an HTTP client, without what looks like a secret in it. */
export const redactText = (text: string): string => DEFAULT.text(text);

/** Plain data without what looks like a secret in it; what is not plain is named. A copy, however deep. */
export const redactData = <Data>(data: Data): Data => DEFAULT.data(data);

/** What was thrown or said, as it is: a copy only where something in it looks like a secret. */
export const redactClean = <Value>(value: Value): Value => DEFAULT.clean(value);
