// Typed listeners that cannot hurt each other: one that throws or rejects is reported, and the others still run.
import type { EventMap } from 'typed-emitter';

export type Unsubscribe = () => void;
export type ReportFailure = (event: string, thrown: unknown) => void;

type Listener = (...args: never[]) => unknown;

export class Emitter<Events extends EventMap> {
  /** A Map, so that an event may be called `__proto__`; lists are replaced, never changed, so that a dispatch sees one. */
  readonly #listeners = new Map<keyof Events, readonly Listener[]>();
  readonly #report: ReportFailure;

  constructor(report: ReportFailure) {
    this.#report = report;
  }

  on<E extends keyof Events>(event: E, listener: Events[E]): Unsubscribe {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return () => {
      this.off(event, listener);
    };
  }

  once<E extends keyof Events>(event: E, listener: Events[E]): Unsubscribe {
    const off = this.on(event, ((...args: Parameters<Events[E]>) => {
      off();
      listener(...args);
    }) as Events[E]);
    return off;
  }

  off<E extends keyof Events>(event: E, listener: Events[E]): void {
    const listeners = this.#listeners.get(event);
    const at = listeners?.indexOf(listener) ?? -1;
    if (listeners === undefined || at < 0) return;
    if (listeners.length === 1) this.#listeners.delete(event);
    else this.#listeners.set(event, listeners.toSpliced(at, 1));
  }

  has(event: keyof Events): boolean {
    return this.#listeners.has(event);
  }

  emit<E extends keyof Events>(event: E, ...args: Parameters<Events[E]>): void {
    const listeners = this.#listeners.get(event);
    if (listeners === undefined) return;
    for (const listener of listeners) this.#call(event, listener, args);
  }

  #call(event: keyof Events, listener: Listener, args: readonly unknown[]): void {
    try {
      const result = listener(...(args as never[]));
      if (result instanceof Promise) result.catch((thrown: unknown) => this.#report(String(event), thrown));
    } catch (thrown) {
      this.#report(String(event), thrown);
    }
  }
}
