// A TCP port on 127.0.0.1 that can go away and come back, with every socket it accepted.
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';

const HOST = '127.0.0.1';

/** Makes a server listen, knows its sockets, and takes all of them down with it. Closed until `comeBack()`. */
export class Port {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #number = 0;
  #accepted = 0;
  #gone: Promise<unknown> = Promise.resolve();

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#accepted += 1;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      // An error is always followed by `close`, which is all that anybody here wants to know.
      socket.on('error', () => undefined);
    });
  }

  /** `host:port`, for a URL. */
  get authority(): string {
    return `${HOST}:${this.#number}`;
  }

  /** How many TCP connections exist now. */
  get live(): number {
    return this.#sockets.size;
  }

  /** How many TCP connections there have ever been. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Stops listening and destroys all sockets; resolves when nothing is left. Idempotent. */
  async goAway(): Promise<void> {
    if (this.#server.listening) {
      const sockets = [...this.#sockets];
      this.#gone = Promise.all([once(this.#server, 'close'), ...sockets.map(whenClosed)]);
      this.#server.close();
      for (const socket of sockets) socket.destroy();
    }
    await this.#gone;
  }

  /**
   * Listens on a free port, and later again on the same one. Idempotent. Rejects with `EADDRINUSE` when another program
   * has taken the port meanwhile.
   */
  async comeBack(): Promise<void> {
    await this.#gone;
    if (this.#server.listening) return;
    this.#server.listen(this.#number, HOST);
    await once(this.#server, 'listening');
    this.#number = (this.#server.address() as AddressInfo).port;
  }
}

/** Resolves at the `close` event of a socket that exists. (`events.once` would reject at its errors.) */
export function whenClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
}

/** Ends a TCP connection with RST, or just ends it when its FIN is on the way: libuv then refuses to reset. */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
