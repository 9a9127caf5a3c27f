// What the realtime benchmark sends: messages of the seed's sizes, made before anything is measured, each with its
// number, so that whoever receives them can tell that none is missing and none is out of turn.
export const KINDS = ['text', 'binary', 'json'] as const;
export type Kind = (typeof KINDS)[number];

/** Messages that are sent again and again; their numbers begin anew then. */
export const POOL = 10_000;
export const SEED = 20_261_121;

/** Milliseconds of the clock that all processes of a machine share. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~';
const DIGITS = 5;

type Random = ReturnType<typeof randomOf>;

const whole = (random: Random, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1));

const letters = (random: Random, count: number): string =>
  Array.from({ length: count }, () => LETTERS[whole(random, 0, LETTERS.length - 1)]).join('');

export interface Sample {
  readonly index: number;
}

/** As the seed's tests have it. */
const sample = (random: Random, index: number): Sample => ({
  index,
  ...{ random_int: whole(random, 0, 1_000), random_float: random(), random_string: letters(random, 20) },
  ...{ nested: { value: whole(random, 0, 100), data: Array.from({ length: 5 }, random) } },
});

function pool<Message>(make: (random: Random, index: number) => Message): () => readonly Message[] {
  let made: readonly Message[] | undefined;
  return () => {
    const random = randomOf(SEED);
    made ??= Array.from({ length: POOL }, (_, index) => make(random, index));
    return made;
  };
}

/** 10 to 100 characters, of which the first ones are the number. */
export const texts = pool((random, index) => {
  const text = String(index).padStart(DIGITS, '0') + letters(random, whole(random, 10, 100) - DIGITS);
  // In one piece, as a text that came from somewhere is: one that was put together is flattened by who sends it first.
  return Buffer.from(text).toString('latin1');
});

/** 10 to 100 bytes, of which the first four are the number. */
export const binaries = pool((random, index) => {
  const bytes = Buffer.from(Array.from({ length: whole(random, 10, 100) }, () => whole(random, 0, 255)));
  bytes.writeUInt32LE(index);
  return bytes;
});

/** About 200 characters of JSON. */
export const samples = pool(sample);

export const ids = pool((_, index) => String(index));

/** The messages of a kind as bytes. */
export function payloads(kind: Kind): readonly Buffer[] {
  if (kind === 'binary') return binaries();
  if (kind === 'text') return texts().map((text) => Buffer.from(text));
  return samples().map((value) => Buffer.from(JSON.stringify(value)));
}

/** @throws {Error} for a message that is not the next one */
export class Order {
  #seen = 0;

  get seen(): number {
    return this.#seen;
  }

  see(number: number): void {
    if (number !== this.#seen % POOL)
      throw new Error(`Message ${number} came in the place of message ${this.#seen % POOL}.`);
    this.#seen += 1;
  }

  text(text: string): void {
    this.see(Number(text.slice(0, DIGITS)));
  }

  /** Whether this text belongs to the message that was seen last. */
  check(text: string): void {
    if (Number(text.slice(0, DIGITS)) !== (this.#seen - 1) % POOL)
      throw new Error('An id is at the wrong event.');
  }

  binary(bytes: Buffer): void {
    this.see(bytes.readUInt32LE(0));
  }

  json(value: unknown): void {
    this.see((value as Sample).index);
  }

  /** The same of bytes that nobody has looked into. */
  raw(kind: Kind, bytes: Buffer, start: number): void {
    if (kind === 'binary') this.see(bytes.readUInt32LE(start));
    else this.see(numberAt(bytes, kind === 'text' ? start : start + '{"index":'.length));
  }
}

const ZERO = 48;

/** A number in decimal digits, up to the first byte that is none, or the fifth. */
export function numberAt(bytes: Buffer, start: number): number {
  let number = 0;
  for (let at = start; at < start + DIGITS; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (!(digit >= 0 && digit <= 9)) break;
    number = number * 10 + digit;
  }
  return number;
}
