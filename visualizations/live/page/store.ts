// What the page knows: the rows, what is kept of the watched one, and the moment that is looked at.
import type { Entry, FromServer, MachineView, Row, Sample } from '../protocol.ts';
import type { Moment } from './explain.ts';
import type { Sort } from './tone.ts';

/** How many entries of the watched row are kept; older ones are counted and forgotten. */
export const MAX_ENTRIES = 2000;
/** How many samples of the watched row are kept. */
export const MAX_SAMPLES = 600;

export type LinkState = 'connecting' | 'up' | 'lost';

export interface Watched {
  readonly id: string;
  /** `undefined` until the server has told. */
  readonly machine: MachineView | undefined;
  readonly entries: readonly Entry[];
  readonly samples: readonly Sample[];
}

export class Store {
  link: LinkState = 'connecting';
  filter = '';
  sort: Sort = 'attention';
  readonly rows = new Map<string, Row>();
  /** Grows with every change of the rows. */
  rowsVersion = 0;
  watched: Watched | undefined;
  /** The row that was watched last: kept when the server has forgotten it. */
  watchedRow: Row | undefined;
  /** Server's clock minus this one. */
  #clockOffsetMs = 0;
  /** The rows that the server has told of since it was met last, and still keeps. */
  readonly #kept = new Set<string>();
  #selected: Moment | undefined;
  #last: Moment | undefined;
  #latestWhenSelected = 0;
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The time on the server's clock. */
  get now(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  get isLive(): boolean {
    return this.#selected === undefined;
  }

  /** The moment that is looked at: the one that was selected, else the last one. */
  get moment(): Moment | undefined {
    if (this.#selected !== undefined) return this.#selected;
    const entries = this.watched?.entries ?? [];
    const entry = entries.at(-1);
    if (entry !== this.#last?.entry) this.#last = entry && { entry, before: entries.at(-2) };
    return this.#last;
  }

  /** Whether the moment that is looked at is the last one that there will be. */
  get isAtEnd(): boolean {
    const last = this.watched?.entries.at(-1)?.index;
    return this.watchedRow?.status === 'ended' && this.moment?.entry.index === last;
  }

  /** Entries that came since a moment was selected. */
  get newer(): number {
    return this.isLive ? 0 : (this.watched?.entries.at(-1)?.index ?? 0) - this.#latestWhenSelected;
  }

  /** Entries of the watched row that are not kept any more. */
  get earlier(): number {
    return this.watched?.entries[0]?.index ?? 0;
  }

  /** The figures at the moment that is looked at. */
  get sample(): Sample | undefined {
    const samples = this.watched?.samples ?? [];
    const at = this.#selected?.entry.at;
    if (at === undefined) return samples.at(-1);
    return samples.findLast((sample) => sample.at <= at) ?? samples[0];
  }

  /** Whether the server that was met last keeps this row: one of its own, or from before it was started anew. */
  keeps(id: string): boolean {
    return this.#kept.has(id);
  }

  hear(message: FromServer): void {
    if ('id' in message) this.#hearOfWatched(message);
    else this.#hearOfRows(message);
    this.#changed();
  }

  setLink(link: LinkState): void {
    this.link = link;
    this.#changed();
  }

  /** Turns to another row; what is kept of the one before is forgotten. */
  watch(id: string): void {
    this.watched = { id, machine: undefined, entries: [], samples: [] };
    this.watchedRow = this.rows.get(id);
    this.#selected = undefined;
    this.#changed();
  }

  arrange(filter: string, sort: Sort): void {
    this.filter = filter;
    this.sort = sort;
    this.rowsVersion += 1;
    this.#changed();
  }

  /** Looks at the entry with this index, or at the nearest one that is kept. */
  select(index: number): void {
    const entries = this.watched?.entries ?? [];
    const place = Math.min(entries.length - 1, Math.max(0, index - this.earlier));
    const entry = entries[place];
    if (entry === undefined) return;
    if (this.isLive) this.#latestWhenSelected = entries.at(-1)?.index ?? 0;
    this.#selected = { entry, before: entries[place - 1] };
    this.#changed();
  }

  /** Moves from the moment that is looked at by so many entries. */
  step(by: number): void {
    const index = this.moment?.entry.index;
    if (index !== undefined) this.select(index + by);
  }

  goLive(): void {
    this.#selected = undefined;
    this.#changed();
  }

  #hearOfRows(message: Exclude<FromServer, { readonly id: string }>): void {
    if (message.type === 'rows') {
      for (const row of message.rows) {
        this.#kept.add(row.id);
        this.#put(row);
      }
    } else if (message.type === 'gone') {
      for (const id of message.ids) {
        this.rows.delete(id);
        this.#kept.delete(id);
      }
      this.rowsVersion += 1;
    } else {
      this.#clockOffsetMs = message.now - Date.now();
      this.#kept.clear();
      // After a loss, every row is told anew: one that is not told is no more.
      for (const row of this.rows.values()) this.#put({ ...row, status: 'ended' });
    }
  }

  #hearOfWatched(message: Extract<FromServer, { readonly id: string }>): void {
    const { watched } = this;
    if (message.id !== watched?.id) return;
    if (message.type === 'history') this.#begin(watched, message);
    else if (message.type === 'entries') this.#add(watched, message.entries);
    else this.watched = { ...watched, samples: lastOf(watched.samples, message.samples, MAX_SAMPLES) };
  }

  #put(row: Row): void {
    this.rows.set(row.id, row);
    this.rowsVersion += 1;
    if (row.id === this.watched?.id) this.watchedRow = row;
  }

  #begin(known: Watched, { machine, entries, samples }: Extract<FromServer, { type: 'history' }>): void {
    this.watched = {
      id: known.id,
      machine: sameMachine(known.machine, machine),
      entries: entries.slice(-MAX_ENTRIES),
      samples: samples.slice(-MAX_SAMPLES),
    };
  }

  #add(watched: Watched, entries: readonly Entry[]): void {
    const last = watched.entries.at(-1)?.index ?? -1;
    const fresh = entries.filter(({ index }) => index > last);
    this.watched = { ...watched, entries: lastOf(watched.entries, fresh, MAX_ENTRIES) };
  }
}

/** The last so many of two lists, the first of which has no more than that. */
function lastOf<Item>(kept: readonly Item[], more: readonly Item[], most: number): readonly Item[] {
  return [...kept.slice(Math.max(0, kept.length + more.length - most)), ...more.slice(-most)];
}

/** The same object for the same chart, so that it is not drawn anew. */
const sameMachine = (known: MachineView | undefined, told: MachineView): MachineView =>
  known !== undefined && JSON.stringify(known) === JSON.stringify(told) ? known : told;
