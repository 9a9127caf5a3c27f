// How wide a text is, without a browser: the advance widths of Helvetica, which Arial and Liberation Sans share.

/** In thousandths of the font size. */
const WIDTHS: Readonly<Record<number, string>> = {
  191: "'",
  222: 'ijl',
  260: '|',
  278: ' !,./:;I[]\\ft',
  333: '()-`r',
  355: '"',
  389: '*',
  469: '^',
  500: 'Jckxsvyz',
  556: '#$0123456789?L_abdeghnopqu',
  584: '+<=>~',
  611: 'FTZ',
  667: '&ABEKPSVXY',
  722: 'CDHNRUw',
  778: 'GOQ',
  833: 'Mm',
  889: '%',
  944: 'W',
  1000: '→',
};

const widthOf = new Map(
  Object.entries(WIDTHS).flatMap(([width, characters]) =>
    Array.from(characters, (one) => [one, Number(width)] as const),
  ),
);

/** A character of another script; those of Chinese and Japanese are as wide as the font is high. */
const UNKNOWN_WIDTH = 1000;

const BOLD = 1.08;

/** Roboto and Segoe UI, which stand in where there is no Helvetica, are a little wider here and there. */
const SAFETY = 1.04;

/** The width of a line of text in the unit of the font size. */
export function textWidth(text: string, fontSize: number, weight: 'normal' | 'bold' = 'normal'): number {
  const thousandths = Array.from(text).reduce((sum, one) => sum + (widthOf.get(one) ?? UNKNOWN_WIDTH), 0);
  return (thousandths / 1000) * fontSize * SAFETY * (weight === 'bold' ? BOLD : 1);
}
