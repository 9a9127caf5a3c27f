// A real WebSocket server that does nothing until a test tells it to.
import { createServer } from 'node:http';
import { Port } from './port.ts';
import type { PuppetSocket } from './puppet-socket.ts';
import { PuppetUpgrade, type AcceptOptions } from './puppet-upgrade.ts';
import { Inbox } from './wait.ts';

export { PuppetUpgrade, type AcceptOptions } from './puppet-upgrade.ts';
export { PuppetSocket, type CloseInfo } from './puppet-socket.ts';

export interface PuppetServerOptions {
  /** Accepts every upgrade at once; get the sockets from `accept()`. Default: false. */
  readonly autoAccept?: boolean;
  /** Called with every accepted socket, for a server that answers by itself; implies `autoAccept`. */
  readonly onSocket?: (socket: PuppetSocket) => void;
}

/**
 * A WebSocket server on 127.0.0.1 whose every move is the test's: it accepts, answers, pongs, closes, resets and falls
 * silent only when told.
 *
 * ```ts
 * await using server = await PuppetServer.listen();
 * const connecting = connection.connect(); // to server.url
 * const socket = await server.accept();
 * await connecting;
 * socket.reset();
 * ```
 *
 * The waiting methods reject after five seconds. A request that is no upgrade gets a 426.
 */
export class PuppetServer {
  readonly #port: Port;
  readonly #upgrades = new Inbox<PuppetUpgrade>('an upgrade request');
  readonly #accepted = new Inbox<PuppetSocket>('an accepted upgrade request');
  readonly #autoAccept: boolean;
  readonly #onSocket: ((socket: PuppetSocket) => void) | undefined;

  private constructor({ onSocket, autoAccept = onSocket !== undefined }: PuppetServerOptions) {
    this.#autoAccept = autoAccept;
    this.#onSocket = onSocket;
    const http = createServer((_request, response) => response.writeHead(426).end());
    http.on('upgrade', (request, _socket, head) => {
      this.#arrived(new PuppetUpgrade(request, head));
    });
    this.#port = new Port(http);
  }

  /** Listens on a free port of 127.0.0.1. */
  static async listen(options: PuppetServerOptions = {}): Promise<PuppetServer> {
    const server = new PuppetServer(options);
    await server.comeBack();
    return server;
  }

  /** `ws://127.0.0.1:port`, without a path; every path is served. The same after `comeBack()`. */
  get url(): string {
    return `ws://${this.#port.authority}`;
  }

  /** The next upgrade request in order of arrival, even if its client has left meanwhile. Not with `autoAccept`. */
  upgrade(): Promise<PuppetUpgrade> {
    return this.#upgrades.next();
  }

  /** Accepts the next upgrade request; with `autoAccept`, hands out the next socket that was accepted. */
  async accept(options?: AcceptOptions): Promise<PuppetSocket> {
    if (this.#autoAccept) return this.#accepted.next();
    return (await this.upgrade()).accept(options);
  }

  /** How many upgrade requests wait for an answer: not answered, and the client has not left. */
  get pendingUpgrades(): number {
    return this.#upgrades.items.filter(({ isAnswered, isGone }) => !isAnswered && !isGone).length;
  }

  /** How many TCP connections exist now, upgraded or not. */
  get connections(): number {
    return this.#port.live;
  }

  /** How many TCP connections there have ever been. */
  get totalConnections(): number {
    return this.#port.accepted;
  }

  /** Goes down: the port refuses connections and every connection is destroyed without a close frame. */
  goAway(): Promise<void> {
    return this.#port.goAway();
  }

  /** Listens again on the same port. Rejects with `EADDRINUSE` when another program has taken it meanwhile. */
  comeBack(): Promise<void> {
    return this.#port.comeBack();
  }

  /** Ends everything; resolves when no socket is left. Idempotent. */
  close(): Promise<void> {
    return this.#port.goAway();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #arrived(upgrade: PuppetUpgrade): void {
    if (!this.#autoAccept) {
      this.#upgrades.push(upgrade);
      return;
    }
    const socket = upgrade.tryAccept();
    if (!socket) return;
    this.#accepted.push(socket);
    this.#onSocket?.(socket);
  }
}
