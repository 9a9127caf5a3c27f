// Secrets in data: a copy of anything as plain data, without what stands under the name of a secret. It ends, whatever
// it is given: what is deeper or more than a reader can use is left out, and nothing throws.
import { HIDDEN } from './text.ts';

export interface DataRules {
  text(text: string): string;
  isSecretUnder(name: string, value: unknown): boolean;
}

export interface DataLimits {
  readonly maxDepth: number;
  readonly maxParts: number;
  /** Longer texts are cut, but not before they were searched. */
  readonly maxChars: number;
}

/** A secret may lie across the place where a text is cut. */
const OVERLAP_CHARS = 4_096;

/** One copy. */
export class Copier {
  /** Whether the copy lacks something: a secret, or what was never looked at. */
  isIncomplete = false;
  readonly #rules: DataRules;
  readonly #limits: DataLimits;
  #parts = 0;
  #around: readonly object[] = [];

  constructor(rules: DataRules, limits: DataLimits) {
    this.#rules = rules;
    this.#limits = limits;
  }

  copy(value: unknown): unknown {
    this.#parts += 1;
    if (this.#parts > this.#limits.maxParts) return this.#leaveOut('[too much to show]');
    switch (typeof value) {
      case 'string':
        return this.text(value);
      case 'bigint':
        return `${value}n`;
      case 'function':
        return `[function ${this.text(value.name)}]`;
      case 'symbol':
        return this.text(String(value));
      case 'object':
        return value === null ? null : this.#guarded(value);
      default:
        return value;
    }
  }

  text(text: string): string {
    const { maxChars } = this.#limits;
    const searched = text.length > maxChars ? text.slice(0, maxChars + OVERLAP_CHARS) : text;
    const shown = this.#rules.text(searched);
    if (shown !== searched) this.isIncomplete = true;
    return text.length > maxChars ? `${shown.slice(0, maxChars)}… (${text.length} characters)` : shown;
  }

  #leaveOut(note: string): string {
    this.isIncomplete = true;
    return note;
  }

  /** A getter or a proxy may throw whatever it likes. */
  #guarded(value: object): unknown {
    if (this.#around.includes(value)) return '[Circular]';
    if (this.#around.length >= this.#limits.maxDepth) return this.#leaveOut('[too deep to show]');
    const before = this.#around;
    this.#around = [...before, value];
    try {
      return this.#object(value);
    } catch {
      return this.#leaveOut('[cannot be read]');
    } finally {
      this.#around = before;
    }
  }

  #object(value: object): unknown {
    if (Array.isArray(value)) return this.#list(value);
    if (value instanceof Error) return this.#record(partsOf(value));
    if (isEntries(value)) return this.#record([...value.entries()].map(([key, one]) => [nameOf(key), one]));
    if (value instanceof Set) return this.#list([...value]);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
      return `[${classOf(value)} of ${value.byteLength} bytes]`;
    if (value instanceof RegExp || value instanceof URL) return this.text(String(value));
    return isPlain(value) ? this.#record(fieldsOf(value)) : this.#instance(value);
  }

  #instance(value: object): unknown {
    // Dates and XState's actors say themselves what they are as data.
    if ('toJSON' in value && typeof value.toJSON === 'function')
      return this.copy((value as { toJSON: () => unknown }).toJSON());
    const fields = fieldsOf(value);
    return fields.length === 0 ? `[${classOf(value)}]` : this.#record(fields);
  }

  /** A pair such as `['authorization', '…']` is an entry of a header or of a Map. */
  #list(values: readonly unknown[]): unknown[] {
    const [name, value] = values;
    if (values.length === 2 && typeof name === 'string' && typeof value === 'string')
      return [this.text(name), this.#under(name, value)];
    return Array.from(values, (one) => this.copy(one));
  }

  #record(fields: readonly (readonly [string, unknown])[]): Record<string, unknown> {
    const named = new Map(fields);
    const name = named.get('name') ?? named.get('key');
    const copied = fields.map(([key, value]): [string, unknown] => {
      const isPair = key === 'value' && typeof name === 'string' && fields.length <= PAIR_FIELDS;
      return [this.text(key), this.#under(isPair ? name : key, value)];
    });
    // Defines `__proto__` as any other key: an assignment would set the prototype.
    return Object.fromEntries(copied);
  }

  #under(name: string, value: unknown): unknown {
    if (value === HIDDEN || !this.#rules.isSecretUnder(name, value)) return this.copy(value);
    return this.#leaveOut(HIDDEN);
  }
}

/** `{ name: 'token', value: '…' }`, perhaps with a comment beside it. */
const PAIR_FIELDS = 4;

interface Entries {
  entries(): Iterable<readonly [unknown, unknown]>;
}

const isEntries = (value: object): value is Entries =>
  value instanceof Map ||
  value instanceof URLSearchParams ||
  (typeof Headers === 'function' && value instanceof Headers);

const nameOf = (key: unknown): string => {
  if (typeof key === 'object' && key !== null) return `[${classOf(key)}]`;
  return String(key);
};

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

const classOf = (value: object): string => {
  const { constructor } = value as { constructor?: unknown };
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'object';
};

/** The fields that JSON and a printed object show. */
const fieldsOf = (value: object): (readonly [string, unknown])[] => Object.entries(value);

/** Of an error also what it does not show as its own: its stack tells no more than its message and its place. */
function partsOf(error: Error): (readonly [string, unknown])[] {
  const parts: (readonly [string, unknown])[] = [
    ['name', error.name],
    ['message', error.message],
  ];
  if (error.cause !== undefined) parts.push(['cause', error.cause]);
  if (error instanceof AggregateError) parts.push(['errors', error.errors]);
  const others = fieldsOf(error).filter(([key]) => !parts.some(([name]) => name === key));
  return [...parts, ...others];
}
