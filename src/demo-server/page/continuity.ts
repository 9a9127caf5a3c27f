// Whether a stream is complete: its events are numbered from 1 on, in the last part of their ids.

export class Continuity {
  /** Events that came. */
  received = 0;
  /** Numbers that were skipped. */
  missing = 0;
  /** Events whose number had come before. */
  repeated = 0;
  #last = 0;

  /** Takes the id of an event, such as `17` or `AAPL-17`. */
  take(id: string): void {
    const number = Number(/\d+$/.exec(id)?.[0] ?? Number.NaN);
    this.received += 1;
    if (Number.isNaN(number)) return;
    if (number <= this.#last) this.repeated += 1;
    else {
      this.missing += number - this.#last - 1;
      this.#last = number;
    }
  }
}
