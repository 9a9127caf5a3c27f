// Reading what the server sent: each field is what it is said to be, or an error says which is not.

export type Fields = Readonly<Record<string, unknown>>;

/** @throws {TypeError} for what is no object */
export function fieldsOf(data: unknown): Fields {
  if (Array.isArray(data)) throw new TypeError('Expected an object, got an array.');
  if (typeof data === 'object' && data !== null) return data as Fields;
  throw new TypeError(`Expected an object, got ${data === null ? 'null' : typeof data}.`);
}

/** @throws {TypeError} */
export function textIn(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string') return value;
  throw new TypeError(`Expected \`${name}\` to be a string, got ${typeof value}.`);
}

/** @throws {TypeError} */
export function numberIn(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new TypeError(`Expected \`${name}\` to be a number, got ${typeof value}.`);
}
