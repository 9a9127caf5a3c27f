// Messages that were sent and wait for the server's word, by the id under which it will come, in the order of sending.
import type { Entry } from './delivery.ts';

export class Unacknowledged<Outgoing> {
  /** Made with the first message that needs it. */
  #byId: Map<string, readonly Entry<Outgoing>[]> | undefined;
  messages = 0;
  bytes = 0;

  add(ackId: string, entry: Entry<Outgoing>): void {
    this.#byId ??= new Map();
    this.#byId.set(ackId, [...this.of(ackId), entry]);
    this.messages += 1;
    this.bytes += entry.bytes;
  }

  /** All that wait for one id: more than one, if their sender used it twice. */
  of(ackId: string): readonly Entry<Outgoing>[] {
    return this.#byId?.get(ackId) ?? [];
  }

  /** Returns whether the entry was waiting. */
  remove(entry: Entry<Outgoing>): boolean {
    const { ackId } = entry;
    if (ackId === undefined || !this.of(ackId).includes(entry)) return false;
    const others = this.of(ackId).filter((other) => other !== entry);
    if (others.length > 0) this.#byId?.set(ackId, others);
    else this.#byId?.delete(ackId);
    this.messages -= 1;
    this.bytes -= entry.bytes;
    return true;
  }

  /** Hands over everything that waits. */
  takeAll(): Entry<Outgoing>[] {
    const all = [...(this.#byId?.values() ?? [])].flat();
    this.#byId = undefined;
    this.messages = 0;
    this.bytes = 0;
    return all;
  }
}
