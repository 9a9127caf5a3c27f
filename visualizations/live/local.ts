// What connections and actors of this very process tell. It only notes who led where; whatever takes time is done when
// somebody looks.
import type { InspectionEvent } from 'xstate';
import type { Inspected, Inspector } from '../../src/inspection/inspector.ts';
import { sampleOf } from '../../src/inspection/sample.ts';
import type { Charts } from './charts.ts';
import type { KeptRow, Moment } from './kept-row.ts';
import type { Store } from './store.ts';

type ActorRefLike = InspectionEvent['actorRef'];

interface Told {
  readonly value: Moment['value'];
  readonly context: unknown;
  readonly status: string;
}

export class LocalApplication implements Inspector {
  readonly #store: Store;
  readonly #charts: Charts;
  readonly #rows = new WeakMap<ActorRefLike, KeptRow>();
  /** Those whose first event is still to come. */
  readonly #attached = new Map<string, WeakRef<Inspected>>();
  readonly #sampled = new Set<KeptRow>();

  constructor(store: Store, charts: Charts) {
    this.#store = store;
    this.#charts = charts;
  }

  attach(sessionId: string, inspected: Inspected): void {
    this.#attached.set(sessionId, new WeakRef(inspected));
  }

  next(told: InspectionEvent): void {
    if (told.type !== '@xstate.snapshot') return;
    const row = this.#rowOf(told.actorRef);
    if (row === undefined) return;
    const { value, context, status } = told.snapshot as unknown as Told;
    this.#store.note(row, { at: Date.now(), event: told.event, value, context, chars: 0 });
    if (status !== 'active') this.#store.end(row);
  }

  /** Notes the figures of every connection that is still there. */
  sample(): void {
    const at = Date.now();
    for (const row of this.#sampled) {
      const inspected = row.inspected?.deref();
      if (inspected === undefined) {
        this.#sampled.delete(row);
        this.#store.end(row);
      } else if (!this.#store.keeps(row)) this.#sampled.delete(row);
      else row.addSample(sampleOf(inspected.stats, at));
    }
  }

  #rowOf(actor: ActorRefLike): KeptRow | undefined {
    const known = this.#rows.get(actor);
    if (known !== undefined && this.#store.keeps(known)) return known;
    const chart = this.#charts.chartOf(
      (actor as { readonly logic?: { readonly config?: unknown } }).logic?.config,
    );
    if (chart === undefined) return undefined;
    const inspected = known?.inspected?.deref() ?? this.#attached.get(actor.sessionId)?.deref();
    this.#attached.delete(actor.sessionId);
    const row = this.#store.add({ name: inspected?.name ?? chart.id, application: HERE, chart });
    if (inspected !== undefined) {
      row.attach(inspected);
      this.#sampled.add(row);
    }
    this.#rows.set(actor, row);
    return row;
  }
}

const HERE = `this process (${process.pid})`;
