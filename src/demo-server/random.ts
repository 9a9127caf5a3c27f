// Random numbers that come again with the same names: everything that the demo endpoints draw comes from here.

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Alphabets for {@link Random.text}. */
export const ALPHABETS = {
  lowercase: LETTERS.slice(0, 26),
  letters: LETTERS,
  alphanumeric: `${LETTERS}0123456789`,
  hex: '0123456789abcdef',
} as const;

/**
 * The generator sfc32 by Chris Doty-Humphrey (PractRand, public domain; https://pracrand.sourceforge.net): 128 bits of
 * state, passes every test there, and is fast where numbers have 32 bits. Not for secrets.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param names what it is for, such as the seed, an endpoint and a number: other names, other numbers */
  constructor(...names: readonly (string | number)[]) {
    const hash = fnv1a(names.join('/'));
    this.#a = mixed(hash);
    this.#b = mixed(hash + 1);
    this.#c = mixed(hash + 2);
    // The state is mixed well after twelve steps; its author takes fifteen.
    for (let step = 0; step < 15; step += 1) this.#next();
  }

  /** From `min` up to `max`, which does not come itself. */
  uniform(min = 0, max = 1): number {
    return min + (this.#next() / 2 ** 32) * (max - min);
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return Math.floor(this.uniform(min, max + 1));
  }

  /** Of the normal distribution, by Box and Muller. */
  gauss(mean: number, deviation: number): number {
    const distance = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + deviation * distance * Math.cos(2 * Math.PI * this.uniform());
  }

  /** True with a probability from 0 to 1. */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)] as Item;
  }

  /** One of the keys; each as often as its weight says. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key {
    const entries = Object.entries(weights) as [Key, number][];
    const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
    let left = this.uniform(0, total);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    throw new RangeError('Nothing has a weight.');
  }

  text(length: number, alphabet: string): string {
    let text = '';
    for (let index = 0; index < length; index += 1)
      text += alphabet.charAt(Math.floor(this.uniform(0, alphabet.length)));
    return text;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.integer(0, 255));
  }

  #next(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result >>> 0;
  }
}

/** FNV-1a with 32 bits, here over UTF-16. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** The finalizer of MurmurHash3: neighbours become strangers. */
function mixed(value: number): number {
  let mix = value | 0;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
