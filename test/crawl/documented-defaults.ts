// The defaults that the documentation of options names, to be compared with those that hold.
import { readFile } from 'node:fs/promises';

/** Each option with a `@defaultValue`, and its value. */
export async function documentedIn(file: string): Promise<Record<string, unknown>> {
  const source = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
  const found = [...source.matchAll(/@defaultValue `([^`]+)`\s*\*\/\s*readonly (\w+)\?:/g)];
  return Object.fromEntries(found.map(([, value = '', name = '']) => [name, valueOf(value)]));
}

function valueOf(text: string): unknown {
  if (text.startsWith("'")) return text.slice(1, -1);
  return JSON.parse(text.replaceAll('_', ''));
}
