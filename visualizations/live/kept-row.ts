// One row of the list, and what is kept of it: the last events with the states they led to, and the last figures.
import type { EventObject, StateValue } from 'xstate';
import type { Inspected } from '../../src/inspection/inspector.ts';
import { Ring } from '../../src/inspection/ring.ts';
import { isSameSample, type Sample } from '../../src/inspection/sample.ts';
import { redactorFor, type Redactor } from '../../src/redact.ts';
import type { Chart } from './charts.ts';
import type { Row } from './protocol.ts';

/** What one event led to, as it came: neither copied nor redacted before somebody looks. */
export interface Moment {
  readonly at: number;
  readonly event: EventObject;
  readonly value: StateValue;
  readonly context: unknown;
  /** The length of its text, where it came as one. */
  readonly chars: number;
}

export interface RowOptions {
  readonly id: string;
  readonly name: string;
  readonly application: string;
  readonly chart: Chart;
  readonly redactor: Redactor;
  readonly maxEvents: number;
}

/** Ten minutes of figures, one a second. */
const MAX_SAMPLES = 600;
const SAMPLE_EVERY_MS = 1_000;
/** Of the text that an application tells of one machine. As objects it takes some five times as much memory. */
const MAX_CHARS = 4 * 1024 * 1024;

export class KeptRow {
  readonly id: string;
  readonly application: string;
  readonly chart: Chart;
  moments: Ring<Moment>;
  samples = new Ring<Sample>(MAX_SAMPLES);
  readonly #maxEvents: number;
  status: Row['status'] = 'live';
  /** When the store last changed this row, in steps of the store. */
  revision = 0;
  chars: number;
  /** Where the kept events start: the state before the oldest of them. */
  start: Moment | undefined;
  inspected: WeakRef<Inspected> | undefined;
  #redactor: Redactor;
  #name: string;
  #path = '';
  #since = 0;

  constructor({ id, name, application, chart, redactor, maxEvents }: RowOptions) {
    this.id = id;
    this.#redactor = redactor;
    this.#name = name;
    this.application = application;
    this.chart = chart;
    this.chars = chart.chars;
    this.#maxEvents = maxEvents;
    this.moments = new Ring(maxEvents);
  }

  get name(): string {
    return this.redactor.text(this.#name);
  }

  /** A connection is known beyond its events: what it can be asked, and what is secret in it. */
  attach(inspected: Inspected): void {
    this.inspected = new WeakRef(inspected);
    this.#redactor = redactorFor(inspected);
    this.#name = inspected.name;
  }

  /** Takes secrets out of what is kept here, by what the connection knows by now: a token may have been renewed. */
  get redactor(): Redactor {
    const inspected = this.inspected?.deref();
    if (inspected !== undefined) this.#redactor = redactorFor(inspected);
    return this.#redactor;
  }

  /** Forgets what it was told so far. */
  clear(): void {
    this.moments = new Ring(this.#maxEvents);
    this.samples = new Ring(MAX_SAMPLES);
    this.chars = this.chart.chars;
    this.start = undefined;
  }

  add(moment: Moment): void {
    const path = pathOf(moment.value);
    if (path !== this.#path) {
      this.#path = path;
      this.#since = moment.at;
    }
    this.chars += moment.chars;
    this.#letGo(this.moments.add(moment));
    while (this.chars > MAX_CHARS && this.moments.end - this.moments.first > 1) {
      this.#letGo(this.moments.shift());
    }
  }

  /** Keeps figures when they have changed, and the old ones until shortly before: no rate is smeared over a pause. */
  addSample(sample: Sample): void {
    const { last } = this.samples;
    if (last !== undefined && isSameSample(sample, last)) return;
    const shortlyBefore = sample.at - SAMPLE_EVERY_MS;
    if (last !== undefined && last.at < shortlyBefore - SAMPLE_EVERY_MS / 2) {
      this.samples.add({ ...last, at: shortlyBefore });
    }
    this.samples.add(sample);
  }

  toRow(): Row {
    const { last } = this.moments;
    const { attempt } = (last?.context ?? {}) as { readonly attempt?: unknown };
    const retryAt = this.#retryAt(last);
    return {
      id: this.id,
      name: this.name,
      machine: this.chart.id,
      application: this.application,
      state: this.#path,
      status: this.status,
      since: this.#since,
      lastEvent: last?.event.type ?? '',
      events: this.moments.end,
      ...(typeof attempt === 'number' && { attempt }),
      ...(retryAt !== undefined && { retryAt }),
    };
  }

  #letGo(gone: Moment | undefined): void {
    if (gone === undefined) return;
    this.chars -= gone.chars;
    this.start = gone;
  }

  /** Of a connection only: what another machine plans, nobody knows. */
  #retryAt(last: Moment | undefined): number | undefined {
    if (this.status === 'ended' || this.#path !== 'reconnecting.backingOff') return undefined;
    const { retryInMs } = (last?.context ?? {}) as { readonly retryInMs?: unknown };
    return typeof retryInMs === 'number' ? this.#since + retryInMs : undefined;
  }
}

/** `{ online: { open: 'healthy' } }` as `online.open.healthy`; parallel regions are joined by ` + `. */
export const pathOf = (value: StateValue): string => leavesOf(value).join(' + ');

function leavesOf(value: StateValue | undefined): string[] {
  if (typeof value !== 'object') return [value ?? ''];
  return Object.entries(value).flatMap(([key, inner]) => {
    const leaves = leavesOf(inner);
    return leaves.length === 0 ? [key] : leaves.map((leaf) => `${key}.${leaf}`);
  });
}
