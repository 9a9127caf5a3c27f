// Typed listeners that cannot hurt each other: one that throws or rejects is reported, and the others still run.
import type { EventMap } from 'typed-emitter';
import { watchRejection } from './rejections.ts';

export type Unsubscribe = () => void;
export type ReportFailure = (event: string, thrown: unknown) => void;
/** Is told of a listener that threw or rejected. */
export interface Reporter {
  readonly listenerFailed: ReportFailure;
}

type Listener = (...args: never[]) => unknown;

interface Entry {
  readonly event: unknown;
  /** What `off()` knows it by. */
  readonly listener: Listener;
  readonly call: Listener;
}

const NONE: readonly Entry[] = [];

export class Emitter<Events extends EventMap> {
  /**
   * Of all events in one list: there are few, and a Map of lists takes 250 bytes of every idle connection. Replaced,
   * never changed, so that a dispatch sees one list.
   */
  #entries = NONE;
  readonly #reporter: Reporter;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  on<E extends keyof Events>(event: E, listener: Events[E]): Unsubscribe {
    return this.#add({ event, listener, call: listener });
  }

  once<E extends keyof Events>(event: E, listener: Events[E]): Unsubscribe {
    const heard: Listener = listener;
    const remove = this.#add({
      event,
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
    const entry = this.#entries.find((other) => other.event === event && other.listener === listener);
    if (entry !== undefined) this.#remove(entry);
  }

  has(event: keyof Events): boolean {
    return this.#entries.some((entry) => entry.event === event);
  }

  emit<E extends keyof Events>(event: E, ...args: Parameters<Events[E]>): void {
    for (const entry of this.#entries) {
      if (entry.event !== event) continue;
      try {
        const result = entry.call(...(args as unknown as never[]));
        if (result !== undefined) watchRejection(result, (thrown) => this.#failed(event, thrown));
      } catch (thrown) {
        this.#failed(event, thrown);
      }
    }
  }

  #failed(event: keyof Events, thrown: unknown): void {
    this.#reporter.listenerFailed(String(event), thrown);
  }

  #add(entry: Entry): Unsubscribe {
    this.#entries = this.#entries.concat(entry); // exactly as long; a spread leaves room for sixteen more
    return () => this.#remove(entry);
  }

  #remove(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }
}
