// Everything the live view knows, within bounds: the rows, and in which step each was last changed, so that a viewer of
// any speed is told what is new to it and nothing is queued for it.
import type { Redactor } from '../../src/redact.ts';
import type { Chart } from './charts.ts';
import { KeptRow, type Moment } from './kept-row.ts';

export interface StoreOptions {
  readonly maxEventsPerConnection: number;
  readonly maxConnections: number;
  /** For rows that know nothing of secrets themselves. */
  readonly redactor: Redactor;
}

/** Of the text that all applications tell. */
const MAX_CHARS = 32 * 1024 * 1024;

export class Store {
  readonly #options: StoreOptions;
  readonly #rows = new Map<string, KeptRow>();
  #revision = 0;
  #goneAt = 0;
  #chars = 0;
  #made = 0;
  /** A page that stays open takes no row of another run for one of ours. */
  readonly #run = Date.now().toString(36);

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** Counts the changes. */
  get revision(): number {
    return this.#revision;
  }

  /** The revision in which a row was last forgotten. */
  get goneAt(): number {
    return this.#goneAt;
  }

  get rows(): IterableIterator<KeptRow> {
    return this.#rows.values();
  }

  row(id: string): KeptRow | undefined {
    return this.#rows.get(id);
  }

  /** Whether a row is still kept; of one that is not, nothing is noted. */
  keeps(row: KeptRow): boolean {
    return this.#rows.get(row.id) === row;
  }

  add(about: { readonly name: string; readonly application: string; readonly chart: Chart }): KeptRow {
    while (this.#rows.size >= this.#options.maxConnections) this.#forgetOne();
    this.#made += 1;
    const { maxEventsPerConnection: maxEvents, redactor } = this.#options;
    const row = new KeptRow({ ...about, id: `${this.#run}-${this.#made}`, redactor, maxEvents });
    this.#rows.set(row.id, row);
    this.#chars += row.chars;
    this.touch(row);
    return row;
  }

  note(row: KeptRow, moment: Moment): void {
    const before = row.chars;
    row.add(moment);
    this.#chars += row.chars - before;
    while (this.#chars > MAX_CHARS && this.#rows.size > 1) this.#forgetOne();
    this.touch(row);
  }

  end(row: KeptRow): void {
    if (row.status === 'ended') return;
    row.status = 'ended';
    this.touch(row);
  }

  revive(row: KeptRow): void {
    row.status = 'live';
    this.touch(row);
  }

  touch(row: KeptRow): void {
    this.#revision += 1;
    row.revision = this.#revision;
  }

  /** Ended ones go first, then the one that has been quiet for longest. */
  #forgetOne(): void {
    let chosen: KeptRow | undefined;
    for (const row of this.#rows.values()) if (chosen === undefined || goesBefore(row, chosen)) chosen = row;
    if (chosen === undefined) return;
    this.#rows.delete(chosen.id);
    this.#chars -= chosen.chars;
    // Whoever tells of it may still hold it.
    chosen.clear();
    this.#revision += 1;
    this.#goneAt = this.#revision;
  }
}

const goesBefore = (one: KeptRow, other: KeptRow): boolean =>
  one.status === other.status ? one.revision < other.revision : one.status === 'ended';
