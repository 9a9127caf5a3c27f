// The pages that look. Each is told what has changed since it was last told something, so one that is slow gets less,
// not more of what is old, and nothing is kept for it.
import type { WebSocket } from 'ws';
import type { Charts } from './charts.ts';
import { toEntry } from './entries.ts';
import type { KeptRow, Moment } from './kept-row.ts';
import type { Entry, FromServer } from './protocol.ts';
import type { Store } from './store.ts';

const TICK_MS = 50;
/** Rows are told with every fourth tick. */
const TICKS_A_ROW = 4;
/** A viewer that has not read this much is told no more until it has. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
/** At one time: the rest follows with the next tick. */
const MAX_ENTRIES = 500;
const MAX_HISTORY_CHARS = 16 * 1024 * 1024;

interface ViewersOptions {
  readonly store: Store;
  readonly charts: Charts;
  readonly version: string;
}

export class Viewers {
  readonly #options: ViewersOptions;
  readonly #viewers = new Set<Viewer>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #ticks = 0;

  constructor(options: ViewersOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#viewers.size;
  }

  add(socket: WebSocket): void {
    const viewer = new Viewer(socket, this.#options);
    this.#viewers.add(viewer);
    socket.on('close', () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#rest();
    });
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.#ticks += 1;
    for (const viewer of this.#viewers) {
      if (viewer.isBehind) continue;
      if (this.#ticks % TICKS_A_ROW === 0) viewer.tellRows();
      viewer.tellEntries();
    }
  }
}

class Viewer {
  readonly #socket: WebSocket;
  readonly #options: ViewersOptions;
  /** The rows that it was told of. */
  readonly #known = new Set<string>();
  #revision = 0;
  /** The row that it asked for, and the same once it was told its history. */
  #wanted: KeptRow | undefined;
  #watched: KeptRow | undefined;
  #entries = 0;
  #samples = 0;

  constructor(socket: WebSocket, options: ViewersOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#tell({ type: 'hello', version: options.version, now: Date.now() });
    this.#tellRows(true);
    socket.on('message', (data) => this.#hear((data as Buffer).toString()));
  }

  get isBehind(): boolean {
    return this.#socket.bufferedAmount > MAX_UNREAD_BYTES;
  }

  tellRows(): void {
    this.#tellRows(false);
  }

  /** The entries and the figures of the row that is watched. */
  tellEntries(): void {
    const row = this.#watched;
    if (row === undefined) return;
    // What it was told last is no longer kept: begin anew.
    if (row.moments.first > this.#entries) {
      void this.#tellHistory(row);
      return;
    }
    const moments = row.moments.from(this.#entries, MAX_ENTRIES);
    const first = this.#entries;
    if (moments.length > 0) {
      this.#entries += moments.length;
      const { redactor } = row;
      const entries = moments.map((moment, index) => toEntry(moment, first + index, redactor));
      this.#tell({ type: 'entries', id: row.id, entries });
    }
    const samples = row.samples.from(this.#samples);
    this.#samples = row.samples.end;
    if (samples.length > 0) this.#tell({ type: 'samples', id: row.id, samples });
  }

  #tellRows(evenNone: boolean): void {
    const { store } = this.#options;
    const since = this.#revision;
    this.#revision = store.revision;
    if (store.goneAt > since) this.#tellGone();
    if (store.revision === since && !evenNone) return;
    const changed = [...store.rows].filter(({ revision }) => revision > since);
    for (const { id } of changed) this.#known.add(id);
    if (changed.length > 0 || evenNone) this.#tell({ type: 'rows', rows: changed.map((row) => row.toRow()) });
  }

  #tellGone(): void {
    const ids = [...this.#known].filter((id) => this.#options.store.row(id) === undefined);
    for (const id of ids) this.#known.delete(id);
    if (ids.length > 0) this.#tell({ type: 'gone', ids });
  }

  #hear(text: string): void {
    const id = watchedId(text);
    const row = id === undefined ? undefined : this.#options.store.row(id);
    if (row === undefined) return;
    void this.#tellHistory(row);
  }

  async #tellHistory(row: KeptRow): Promise<void> {
    this.#watched = undefined;
    this.#wanted = row;
    const machine = await this.#options.charts.view(row.chart);
    // It may have chosen another one meanwhile.
    if (this.#wanted !== row) return;
    this.#watched = row;
    this.#entries = row.moments.end;
    this.#samples = row.samples.end;
    const entries = this.#latestEntries(row);
    const dropped = row.moments.end - entries.length;
    const samples = row.samples.from(0);
    this.#tell({ type: 'history', id: row.id, machine, dropped, entries, samples });
  }

  /** As many as fit into one message. */
  #latestEntries(row: KeptRow): Entry[] {
    const { first } = row.moments;
    const moments = row.moments.from(first);
    const entries: Entry[] = [];
    const { redactor } = row;
    let left = MAX_HISTORY_CHARS;
    for (let at = moments.length - 1; at >= 0 && left > 0; at -= 1) {
      const entry = toEntry(moments[at] as Moment, first + at, redactor);
      left -= JSON.stringify(entry).length;
      entries.push(entry);
    }
    return entries.reverse();
  }

  #tell(message: FromServer): void {
    this.#socket.send(JSON.stringify(message));
  }
}

/** The row that a page wants to follow; `undefined` for whatever else it says. */
function watchedId(text: string): string | undefined {
  try {
    const { type, id } = JSON.parse(text) as { readonly type?: unknown; readonly id?: unknown };
    return type === 'watch' && typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
