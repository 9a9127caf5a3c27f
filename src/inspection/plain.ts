// Any value as plain data that JSON can carry, of bounded size: what is not plain is named, and nothing throws.

type Inline = (value: { readonly name: string }) => unknown;

/** What one copy may still take, in characters, and how it tells of functions. */
interface Budget {
  left: number;
  readonly inline: Inline;
}

const asText: Inline = ({ name }) => `ƒ ${name}`;

/** Deeper data is of no use to a reader. */
const MAX_DEPTH = 32;
/** What a key, a bracket or a number costs at least. */
const PART_COST = 8;

/**
 * A copy of at most about `maxChars` characters of JSON. A string that does not fit is replaced as a whole, because a
 * part of a secret is no longer recognised as one.
 */
export function toPlain(value: unknown, maxChars: number, inline = asText): unknown {
  return copy(value, { left: maxChars, inline }, []);
}

function copy(value: unknown, budget: Budget, around: readonly object[]): unknown {
  budget.left -= PART_COST;
  if (budget.left < 0) return '… (too much to show)';
  switch (typeof value) {
    case 'string':
      return text(value, budget);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return budget.inline(value);
    case 'symbol':
      return String(value);
    case 'object':
      return value === null ? null : guarded(value, budget, around);
    default:
      return value;
  }
}

function text(value: string, budget: Budget): string {
  if (value.length > budget.left) return `… (text of ${value.length} characters)`;
  budget.left -= value.length;
  return value;
}

/** A getter or a proxy may throw whatever it likes. */
function guarded(value: object, budget: Budget, around: readonly object[]): unknown {
  if (around.includes(value)) return '… (itself)';
  if (around.length >= MAX_DEPTH) return '… (too deep to show)';
  try {
    return copyObject(value, budget, [...around, value]);
  } catch {
    return '… (cannot be read)';
  }
}

function copyObject(value: object, budget: Budget, around: readonly object[]): unknown {
  if (Array.isArray(value)) return copyList(value, budget, around);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Error) return copyRecord(errorParts(value), budget, around);
  if (value instanceof Map) return copyList([...value.entries()], budget, around);
  if (value instanceof Set) return copyList([...value], budget, around);
  return isPlain(value) ? copyRecord(value, budget, around) : copyInstance(value, budget, around);
}

/** How XState and its inspectors write down an actor. */
const isActor = (value: object): value is { readonly id: string } =>
  'sessionId' in value && 'id' in value && typeof value.id === 'string' && 'send' in value;

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

const nameOf = (value: object): string => value.constructor.name || 'object';

/** Its own fields are usually what is of interest; an instance without any is told by its name. */
function copyInstance(value: object, budget: Budget, around: readonly object[]): unknown {
  if (value instanceof RegExp || value instanceof URL) return text(String(value), budget);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return `… (${nameOf(value)} of ${value.byteLength} bytes)`;
  }
  if (isActor(value)) return { xstate$$type: 1, id: value.id };
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return copy((value as { toJSON: () => unknown }).toJSON(), budget, around);
  }
  if (Object.keys(value).length === 0) return `… (${nameOf(value)})`;
  return copyRecord(value, budget, around);
}

const errorParts = (error: Error): object => {
  const { name, message, cause } = error;
  return { name, message, ...(cause !== undefined && { cause }), ...(error as object) };
};

function copyList(values: readonly unknown[], budget: Budget, around: readonly object[]): unknown[] {
  const copied: unknown[] = [];
  for (const value of values) {
    if (budget.left < 0) {
      copied.push(`… (${values.length - copied.length} more)`);
      break;
    }
    copied.push(copy(value, budget, around) ?? null);
  }
  return copied;
}

function copyRecord(value: object, budget: Budget, around: readonly object[]): Record<string, unknown> {
  const copied: [string, unknown][] = [];
  const keys = Object.keys(value);
  for (const key of keys) {
    if (budget.left < 0) {
      copied.push(['…', `(${keys.length - copied.length} more)`]);
      break;
    }
    budget.left -= key.length;
    const one = copy((value as Record<string, unknown>)[key], budget, around);
    if (one !== undefined) copied.push([key, one]);
  }
  // Defines `__proto__` as any other key: an assignment would set the prototype.
  return Object.fromEntries(copied);
}
