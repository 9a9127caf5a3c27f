// Typed listeners that cannot hurt each other: one that throws or rejects is reported, and the others still run.
import type { EventMap } from 'typed-emitter';
import { watchRejection } from './rejections.ts';

export type Unsubscribe = () => void;
export type ReportFailure = (event: string, thrown: unknown) => void;

type Listener = (...args: never[]) => unknown;

interface Entry {
  /** What `off()` knows it by. */
  readonly listener: Listener;
  readonly call: Listener;
}

export class Emitter<Events extends EventMap> {
  /** A Map, so that an event may be called `__proto__`; lists are replaced, never changed, so that a dispatch sees one. */
  readonly #entries = new Map<keyof Events, readonly Entry[]>();
  readonly #report: ReportFailure;

  constructor(report: ReportFailure) {
    this.#report = report;
  }

  on<E extends keyof Events>(event: E, listener: Events[E]): Unsubscribe {
    return this.#add(event, { listener, call: listener });
  }

  once<E extends keyof Events>(event: E, listener: Events[E]): Unsubscribe {
    const heard: Listener = listener;
    const remove = this.#add(event, {
      listener,
      call: (...args: Parameters<Events[E]>) => {
        remove();
        return heard(...(args as unknown as never[]));
      },
    });
    return remove;
  }

  /** Removes the listener that was added first, by `on()` or `once()`. */
  off<E extends keyof Events>(event: E, listener: Events[E]): void {
    const entry = this.#entries.get(event)?.find((candidate) => candidate.listener === listener);
    if (entry !== undefined) this.#remove(event, entry);
  }

  has(event: keyof Events): boolean {
    return this.#entries.has(event);
  }

  emit<E extends keyof Events>(event: E, ...args: Parameters<Events[E]>): void {
    const entries = this.#entries.get(event);
    if (entries === undefined) return;
    for (const { call } of entries) {
      try {
        const result = call(...(args as unknown as never[]));
        if (result !== undefined) watchRejection(result, (thrown) => this.#report(String(event), thrown));
      } catch (thrown) {
        this.#report(String(event), thrown);
      }
    }
  }

  #add(event: keyof Events, entry: Entry): Unsubscribe {
    this.#entries.set(event, [...(this.#entries.get(event) ?? []), entry]);
    return () => this.#remove(event, entry);
  }

  #remove(event: keyof Events, entry: Entry): void {
    const left = this.#entries.get(event)?.filter((other) => other !== entry) ?? [];
    if (left.length === 0) this.#entries.delete(event);
    else this.#entries.set(event, left);
  }
}
