// A protocol whose messages are acknowledged, and a server that keeps what it received, however often it came.
import type { Protocol } from '../../src/index.ts';
import type { PuppetSocket } from '../../src/testing/puppet-server.ts';

/** Ours have an id, the server's a number, its receipts name our ids. */
export interface Letter {
  readonly id?: string;
  readonly number?: number;
  readonly receipt?: string;
}

export const receipts: Protocol<Letter> = {
  name: 'receipts',
  heartbeat: { probe: 'ping' },
  encode: (letter) => JSON.stringify(letter),
  decode: (frame) => JSON.parse(String(frame)) as Letter,
  acknowledgements: {
    idOf: ({ id }) => id,
    acknowledgedBy: ({ receipt }) => receipt,
  },
};

/** Cuts a socket, once, when so many letters have come in on it, before or after the last one's receipt is sent. */
export class Scissors {
  readonly afterLetters: number;
  readonly withReceipt: boolean;
  readonly #cut: (socket: PuppetSocket) => void;
  #isUsed = false;

  constructor(afterLetters: number, withReceipt: boolean, cut: (socket: PuppetSocket) => void) {
    this.afterLetters = afterLetters;
    this.withReceipt = withReceipt;
    this.#cut = cut;
  }

  get isUsed(): boolean {
    return this.#isUsed;
  }

  cut(socket: PuppetSocket): void {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#cut(socket);
  }
}

export class PostOffice {
  /** The ids in the order in which they first came. */
  readonly received: string[] = [];

  serve(socket: PuppetSocket, scissors?: Scissors): void {
    let letters = 0;
    socket.onFrame = (frame) => {
      const { id } = JSON.parse(String(frame)) as Letter;
      if (id === undefined || scissors?.isUsed === true) return;
      letters += 1;
      if (!this.received.includes(id)) this.received.push(id);
      const isLast = letters === scissors?.afterLetters;
      if (!isLast || scissors.withReceipt) socket.send({ receipt: id });
      if (isLast) scissors.cut(socket);
    };
  }
}
