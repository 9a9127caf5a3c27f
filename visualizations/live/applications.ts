// What other processes and pages tell, in the wire format of @statelyai/inspect. They are strangers: whatever is not
// understood is counted and ignored.
import type { WebSocket } from 'ws';
import { isStateValue } from '../../src/inspection/recording.ts';
import { parseSample } from '../../src/inspection/sample.ts';
import { redactText } from '../../src/redact.ts';
import type { Chart, Charts } from './charts.ts';
import type { KeptRow, Moment } from './kept-row.ts';
import type { Store } from './store.ts';

/** A frame, of which nothing is known yet. */
interface Told {
  readonly type: string;
  readonly createdAt?: unknown;
  readonly sessionId?: unknown;
  readonly name?: unknown;
  readonly definition?: unknown;
  readonly snapshot?: unknown;
  readonly event?: unknown;
  readonly sample?: unknown;
}

/** Actors of one application that are remembered, with a chart or without. */
const MAX_ACTORS = 10_000;
const MAX_NAME_CHARS = 200;
const MAX_DEFINITION_CHARS = 512 * 1024;

export class Applications {
  readonly #store: Store;
  readonly #charts: Charts;
  #heard = 0;
  /** Frames that were not understood. */
  ignored = 0;

  constructor(store: Store, charts: Charts) {
    this.#store = store;
    this.#charts = charts;
  }

  add(socket: WebSocket): void {
    this.#heard += 1;
    const application = new Application(`application ${this.#heard}`, this.#store, this.#charts);
    socket.on('message', (data, isBinary) => {
      // One buffer: the sockets of `ws` give text frames so, unless told otherwise.
      if (isBinary || !application.hear((data as Buffer).toString())) this.ignored += 1;
    });
    socket.on('close', () => application.leave());
  }
}

interface Actor {
  readonly chart: Chart;
  name: string;
  row: KeptRow;
}

class Application {
  #name: string;
  readonly #store: Store;
  readonly #charts: Charts;
  readonly #actors = new Map<string, Actor>();

  constructor(name: string, store: Store, charts: Charts) {
    this.#name = name;
    this.#store = store;
    this.#charts = charts;
  }

  /** Whether it was understood. */
  hear(text: string): boolean {
    try {
      const told = parse(text);
      return told !== undefined && this.#understand(told, text.length);
    } catch {
      // Such as a chart so deep that nothing can be done with it.
      return false;
    }
  }

  leave(): void {
    for (const { row } of this.#actors.values()) this.#store.end(row);
    this.#actors.clear();
  }

  #understand(told: Told, chars: number): boolean {
    if (told.type === 'statewire.application') return this.#introduce(told);
    if (typeof told.sessionId !== 'string') return false;
    switch (told.type) {
      case '@xstate.actor':
        return this.#register(told.sessionId, told);
      case '@xstate.snapshot':
        return this.#note(told.sessionId, told, chars);
      case 'statewire.sample':
        return this.#noteSample(told.sessionId, told);
      default:
        // An event is told again with the snapshot it led to.
        return told.type.startsWith('@xstate.');
    }
  }

  #introduce({ name }: Told): boolean {
    if (typeof name !== 'string') return false;
    this.#name = redactText(name).slice(0, MAX_NAME_CHARS);
    return true;
  }

  #register(sessionId: string, { name, definition, snapshot, createdAt }: Told): boolean {
    if (typeof definition !== 'string' || definition.length > MAX_DEFINITION_CHARS)
      return definition === undefined;
    const chart = this.#charts.chartOf(parseJson(definition), definition.length);
    // An actor without a chart, such as a promise, has nothing to show.
    if (chart === undefined) return true;
    if (this.#actors.size >= MAX_ACTORS) return false;
    const called = typeof name === 'string' ? redactText(name).slice(0, MAX_NAME_CHARS) : chart.id;
    const at = timeOf(createdAt);
    const known = this.#actors.get(sessionId);
    if (known?.chart === chart) {
      // It is told of anew, because something of it could not be told.
      const moment = momentOf(snapshot, { type: 'statewire.missed' }, at);
      if (moment !== undefined) this.#store.note(this.#rowOf(known), moment);
      return true;
    }
    if (known !== undefined) this.#store.end(known.row);
    const row = this.#store.add({ name: called, application: this.#name, chart });
    this.#actors.set(sessionId, { chart, name: called, row });
    const moment = momentOf(snapshot, { type: 'xstate.init' }, at);
    if (moment !== undefined) this.#store.note(row, moment);
    return true;
  }

  #note(sessionId: string, { snapshot, event, createdAt }: Told, chars: number): boolean {
    const actor = this.#actors.get(sessionId);
    // Children without a chart are told of too.
    if (actor === undefined) return true;
    const moment = isEvent(event) && momentOf(snapshot, event, timeOf(createdAt), chars);
    if (!moment) return false;
    const row = this.#rowOf(actor);
    // Where it begins is told better here: @statelyai/inspect tells of an actor when it has already gone on.
    if (event.type === 'xstate.init' && row.moments.end === 1) row.clear();
    this.#store.note(row, moment);
    if ((snapshot as { readonly status?: unknown }).status !== 'active') this.#store.end(row);
    return true;
  }

  #noteSample(sessionId: string, { sample }: Told): boolean {
    const actor = this.#actors.get(sessionId);
    const figures = parseSample(sample);
    if (actor === undefined || figures === undefined) return false;
    this.#rowOf(actor).addSample(figures);
    return true;
  }

  /** A row may have been forgotten while nothing came. */
  #rowOf(actor: Actor): KeptRow {
    if (!this.#store.keeps(actor.row)) {
      actor.row = this.#store.add({ name: actor.name, application: this.#name, chart: actor.chart });
    }
    return actor.row;
  }
}

function parse(text: string): Told | undefined {
  const told = parseJson(text) as (Told & { readonly _version?: unknown }) | null | undefined;
  return typeof told?.type === 'string' && typeof told._version === 'string' ? told : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isEvent = (event: unknown): event is Moment['event'] =>
  typeof (event as { readonly type?: unknown } | null | undefined)?.type === 'string';

function momentOf(snapshot: unknown, event: Moment['event'], at: number, chars = 0): Moment | undefined {
  const { value, context } = (snapshot ?? {}) as { readonly value?: unknown; readonly context?: unknown };
  return isStateValue(value) ? { at, event, value, context, chars } : undefined;
}

/** Milliseconds since 1970, as text. */
function timeOf(createdAt: unknown): number {
  const at = Number(createdAt);
  return Number.isFinite(at) && at > 0 ? at : Date.now();
}
