// One proxied connection: two TCP sockets, and between them a lane for each direction, on which the faults happen.
import type { Socket } from 'node:net';
import type { Clock } from '../clock.ts';
import { resetSocket, whenClosed } from './port.ts';
import { turn } from './wait.ts';

export type Direction = 'toClient' | 'toServer';

/** How a TCP connection ends: `fin` as when a program closes it, `rst` as when one crashes or a firewall steps in. */
export type Ending = 'fin' | 'rst';

/** What holds for all links of a proxy at this moment. */
export interface Conditions {
  frozen: boolean;
  delayMs: number;
  clock: Clock;
}

export interface LinkEvents {
  carried(direction: Direction, bytes: number): void;
  /** A lane has carried what `cutAfter` allowed it. */
  cut(direction: Direction): void;
}

interface Parcel {
  readonly content: Buffer | Ending;
  /** Whether its delay is over; it may still have to wait for the parcel before it. */
  ripe: boolean;
  cancel: () => void;
}

interface Route {
  readonly from: Socket;
  readonly to: Socket;
  readonly direction: Direction;
}

/** How much may wait in a lane before its sender is slowed down. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Carries the bytes of one socket, and its end, to the other. */
class Lane {
  readonly #route: Route;
  readonly #conditions: Conditions;
  readonly #events: LinkEvents;
  readonly #endLink: (how: Ending) => void;
  readonly #waiting: Parcel[] = [];
  #waitingBytes = 0;
  #cut: { readonly how: Ending; bytesLeft: number } | undefined;
  #isStopped = false;

  constructor(route: Route, conditions: Conditions, events: LinkEvents, endLink: (how: Ending) => void) {
    this.#route = route;
    this.#conditions = conditions;
    this.#events = events;
    this.#endLink = endLink;
    route.from.on('data', (chunk: Buffer) => {
      this.#take(chunk);
    });
    route.from.on('end', () => {
      this.#take('fin');
    });
    route.from.on('error', () => {
      this.#take('rst');
    });
    route.to.on('drain', () => {
      this.move();
    });
  }

  cutAfter(bytes: number, how: Ending): void {
    this.#cut = { how, bytesLeft: bytes };
    if (bytes === 0) this.#carryBytes(Buffer.alloc(0));
  }

  uncut(): void {
    this.#cut = undefined;
  }

  /** Carries what may be carried by now; called whenever that may have changed. */
  move(): void {
    while (!this.#conditions.frozen && this.#waiting[0]?.ripe) {
      const { content } = this.#waiting.shift() as Parcel;
      this.#waitingBytes -= sizeOf(content);
      this.#carry(content);
    }
    const { from, to } = this.#route;
    const mustWait =
      this.#conditions.frozen || to.writableNeedDrain || this.#waitingBytes > MAX_WAITING_BYTES;
    if (mustWait && !this.#isStopped) from.pause();
    else from.resume();
  }

  /** Carries nothing any more; what still comes is read and thrown away, so that the socket can close. */
  stop(): void {
    this.#isStopped = true;
    for (const parcel of this.#waiting.splice(0)) parcel.cancel();
    this.#route.from.resume();
  }

  #take(content: Parcel['content']): void {
    if (this.#isStopped) return;
    const { delayMs, clock } = this.#conditions;
    const parcel: Parcel = { content, ripe: delayMs === 0, cancel: () => undefined };
    if (delayMs > 0) {
      const timer = clock.setTimeout(() => {
        parcel.ripe = true;
        this.move();
      }, delayMs);
      parcel.cancel = () => {
        clock.clearTimeout(timer);
      };
    }
    this.#waiting.push(parcel);
    this.#waitingBytes += sizeOf(content);
    this.move();
  }

  #carry(content: Parcel['content']): void {
    if (content === 'fin') this.#route.to.end();
    else if (content === 'rst') void this.#endSoon('rst');
    else this.#carryBytes(content);
  }

  #carryBytes(bytes: Buffer): void {
    const { to, direction } = this.#route;
    const cut = this.#cut;
    const part = bytes.subarray(0, cut?.bytesLeft);
    this.#events.carried(direction, part.length);
    if (!cut || part.length < cut.bytesLeft) {
      if (cut) cut.bytesLeft -= part.length;
      to.write(part);
      return;
    }
    this.stop();
    this.#events.cut(direction);
    to.write(part, () => void this.#endSoon(cut.how));
  }

  /**
   * Node reports a RST that arrives together with bytes as an orderly end (libuv takes a hang-up after a partial read
   * for one), so a receiver in this process gets its turn to read them first.
   */
  async #endSoon(how: Ending): Promise<void> {
    await turn();
    await turn();
    this.#endLink(how);
  }
}

/** A client's connection and the one that was opened to the server for it. */
export class ProxiedLink {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #lanes: Readonly<Record<Direction, Lane>>;
  /** Resolves when both sockets are gone. */
  readonly over: Promise<unknown>;

  constructor(client: Socket, server: Socket, conditions: Conditions, events: LinkEvents) {
    this.#client = client;
    this.#server = server;
    this.over = Promise.all([whenClosed(client), whenClosed(server)]);
    const end = (how: Ending): void => {
      this.end(how);
    };
    this.#lanes = {
      toServer: new Lane({ from: client, to: server, direction: 'toServer' }, conditions, events, end),
      toClient: new Lane({ from: server, to: client, direction: 'toClient' }, conditions, events, end),
    };
  }

  lane(direction: Direction): Lane {
    return this.#lanes[direction];
  }

  /** Carries on after a change of the conditions. */
  move(): void {
    for (const lane of Object.values(this.#lanes)) lane.move();
  }

  /** Ends both connections now, whatever is still on its way. */
  end(how: Ending): void {
    this.#stop();
    for (const socket of [this.#client, this.#server]) {
      if (how === 'fin') socket.end();
      else resetSocket(socket);
    }
  }

  destroy(): void {
    this.#stop();
    this.#client.destroy();
    this.#server.destroy();
  }

  #stop(): void {
    for (const lane of Object.values(this.#lanes)) lane.stop();
  }
}

function sizeOf(content: Parcel['content']): number {
  return typeof content === 'string' ? 0 : content.length;
}
