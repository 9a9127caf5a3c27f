// Just enough of XML to tell whether a viewer will take a drawing.

const TAG = /<(\/?)([a-z]+)((?: [a-zA-Z:-]+="[^"<&]*(?:&(?:amp|lt|gt|quot);[^"<&]*)*")*)(\/?)>/g;

/** @throws {Error} when a tag is not closed, is malformed, or a character is not escaped. */
export function assertWellFormed(xml: string): void {
  const open: string[] = [];
  for (const [tag, slash, name = '', attributes = '', isEmpty] of xml.matchAll(TAG)) {
    const names = [...attributes.matchAll(/ ([a-zA-Z:-]+)=/g)].map(([, attribute]) => attribute);
    if (new Set(names).size !== names.length) throw new Error(`An attribute stands twice in ${tag}.`);
    if (slash && open.pop() !== name) throw new Error(`${tag} closes what is not open.`);
    if (!slash && !isEmpty) open.push(name);
  }
  if (open.length > 0) throw new Error(`Not closed: ${open.join(', ')}.`);
  const [stray] = /[<]|&(?!(?:amp|lt|gt|quot);)/.exec(xml.replace(TAG, '')) ?? [];
  if (stray !== undefined) throw new Error(`"${stray}" is not escaped, or a tag is malformed.`);
}
