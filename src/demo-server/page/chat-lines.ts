// What becomes of each line of one's own: the room sends it back, and until then it waits, is on its way, or is lost.

/**
 * `waiting`: in the outbox; `sent`: given to the network; `said`: the room has sent it back; `unknown`: the connection
 * was lost before it came back; `lost`: it was never sent.
 */
export type LineStatus = 'waiting' | 'sent' | 'said' | 'unknown' | 'lost';

export interface OwnLine {
  readonly text: string;
  readonly status: LineStatus;
  /** When it was given to an open connection, in milliseconds; `undefined` for one that waited. */
  readonly sentAt: number | undefined;
}

/** One's own lines of which it is not settled what becomes of them. */
export class OwnLines<Line extends object> {
  readonly #open = new Map<Line, OwnLine>();
  readonly #show: (line: Line, status: LineStatus) => void;

  /** @param show shows what became of a line */
  constructor(show: (line: Line, status: LineStatus) => void) {
    this.#show = show;
  }

  add(line: Line, text: string, sentAt?: number): void {
    this.#set(line, { text, status: 'waiting', sentAt });
  }

  /** The network has it. It may have come back before. */
  sent(line: Line): void {
    const own = this.#open.get(line);
    if (own?.status === 'waiting') this.#set(line, { ...own, status: 'sent' });
  }

  /** It was not sent, or nobody knows. */
  failed(line: Line, status: 'unknown' | 'lost'): void {
    if (this.#open.has(line)) this.#settle(line, status);
  }

  /** The room has sent this text back under one's own name. @returns the line that it was */
  cameBack(text: string): OwnLine | undefined {
    for (const [line, own] of this.#open) {
      if (own.text !== text) continue;
      this.#settle(line, 'said');
      return own;
    }
    return undefined;
  }

  /** The connection was lost: what was sent and did not come back may have arrived, or not. */
  connectionLost(): void {
    for (const [line, { status }] of this.#open) if (status === 'sent') this.#settle(line, 'unknown');
  }

  #set(line: Line, own: OwnLine): void {
    this.#open.set(line, own);
    this.#show(line, own.status);
  }

  #settle(line: Line, status: LineStatus): void {
    this.#open.delete(line);
    this.#show(line, status);
  }
}
