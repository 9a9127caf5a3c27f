// A drawing from the server as an element: without anything that runs or loads, its style as a style sheet of the page's.

const HARMLESS = new Set(
  'svg g defs marker clippath title desc path rect circle ellipse line polyline polygon text tspan'.split(
    ' ',
  ),
);

const STYLE = /<style\b[^>]*>([^]*?)<\/style>/g;

export interface Drawing {
  readonly element: SVGSVGElement;
  /** A `<style>` in a page is refused by its content security policy; a sheet made by a script is not. */
  readonly sheet: CSSStyleSheet;
}

/** `undefined` for what is no SVG. */
export function parseDrawing(source: string): Drawing | undefined {
  const rules: string[] = [];
  // Taken out as text: to parse one is to break the policy already, even in a document that is never shown.
  const bare = source.replaceAll(STYLE, (_, text: string) => {
    rules.push(text);
    return '';
  });
  const { documentElement: root } = new DOMParser().parseFromString(bare, 'image/svg+xml');
  if (root.localName !== 'svg') return undefined;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules.join('\n'));
  for (const element of [root, ...root.querySelectorAll('*')]) {
    const name = element.localName.toLowerCase();
    if (element !== root && !HARMLESS.has(name)) element.remove();
    else removeHarm(element);
  }
  return { element: document.importNode(root, true) as unknown as SVGSVGElement, sheet };
}

function removeHarm(element: Element): void {
  for (const { name, value } of [...element.attributes]) {
    const isReference = /href$/i.test(name) && !value.startsWith('#');
    if (/^on/i.test(name) || name === 'style' || isReference) element.removeAttribute(name);
  }
}
