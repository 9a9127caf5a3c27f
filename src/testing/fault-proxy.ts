// A TCP proxy that breaks connections on demand, in front of any server.
import { connect, createServer, type Socket } from 'node:net';
import { clampDelay } from '../../machines/index.ts';
import { systemClock, type Clock } from '../clock.ts';
import { InvalidOptionError } from '../errors.ts';
import { Port } from './port.ts';
import { ProxiedLink, type Conditions, type Direction, type Ending } from './proxied-link.ts';

export type { Direction, Ending } from './proxied-link.ts';

export interface CutOptions {
  readonly direction: Direction;
  /** Default: `rst`. */
  readonly how?: Ending;
  /** How many connections are cut before the fault is spent. Default: `Infinity`. */
  readonly times?: number;
}

export interface ProxyStats {
  /** Connections accepted so far, the refused ones included. */
  readonly connections: number;
  /** Connections of which at least one of the two sockets still exists. */
  readonly live: number;
  readonly bytesToClient: number;
  readonly bytesToServer: number;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'wss:': 443, 'https:': 443 };

interface Cut {
  readonly bytes: number;
  readonly how: Ending;
  timesLeft: number;
}

/**
 * A TCP proxy on 127.0.0.1. It carries everything unchanged until a fault is asked for, and does not look into what it
 * carries, so it works for WebSockets, SSE, TLS and any server. `end()` and `reset()` happen once, to the connections
 * that exist; every other fault holds for existing and for later connections until it is revoked.
 *
 * ```ts
 * await using proxy = await FaultProxy.listen(server.url);
 * proxy.cutAfter(200, { direction: 'toClient', times: 1 });
 * await connection.connect(); // to proxy.url: the first attempt fails after 200 bytes
 * ```
 */
export class FaultProxy {
  readonly #target: URL;
  readonly #port: Port;
  readonly #links = new Set<ProxiedLink>();
  readonly #conditions: Conditions = { frozen: false, delayMs: 0, clock: systemClock };
  readonly #cuts = new Map<Direction, Cut>();
  readonly #carriedBytes: Record<Direction, number> = { toClient: 0, toServer: 0 };
  #refusing = false;

  private constructor(target: URL) {
    this.#target = target;
    // Each half of a connection ends on its own, as it does without a proxy.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.#connected(client);
    });
    this.#port = new Port(server);
  }

  /**
   * Listens on a free port of 127.0.0.1.
   *
   * @param target the server's URL, or its port on 127.0.0.1.
   * @throws {InvalidOptionError} for a target that is neither.
   */
  static async listen(target: string | number): Promise<FaultProxy> {
    const address = typeof target === 'number' ? `ws://127.0.0.1:${target}` : target;
    if (!URL.canParse(address)) throw new InvalidOptionError('target', 'a URL or a port', target);
    const proxy = new FaultProxy(new URL(address));
    await proxy.comeBack();
    return proxy;
  }

  /** The target's URL, with the host and port of the proxy. */
  get url(): string {
    const { protocol, pathname, search } = this.#target;
    return `${protocol}//${this.#port.authority}${pathname === '/' ? '' : pathname}${search}`;
  }

  get stats(): ProxyStats {
    return {
      connections: this.#port.accepted,
      live: this.#links.size,
      bytesToClient: this.#carriedBytes.toClient,
      bytesToServer: this.#carriedBytes.toServer,
    };
  }

  /**
   * Cuts each connection when exactly `bytes` more bytes have passed in one direction: counted from now for existing
   * connections, from the first byte for later ones. Replaces an earlier cut of the same direction. The receiver gets
   * every byte before the cut, as long as it reads them.
   *
   * @throws {InvalidOptionError} when `bytes` is no integer of 0 or more.
   */
  cutAfter(bytes: number, { direction, how = 'rst', times = Infinity }: CutOptions): void {
    if (!Number.isInteger(bytes) || bytes < 0)
      throw new InvalidOptionError('bytes', 'an integer, 0 or more', bytes);
    const cut: Cut = { bytes, how, timesLeft: times };
    this.#cuts.set(direction, cut);
    for (const link of this.#links) {
      if (this.#cuts.get(direction) === cut) link.lane(direction).cutAfter(bytes, how);
    }
  }

  /** Lets no byte and no end pass, in either direction, while all TCP connections stay open and new ones are accepted. */
  freeze(): void {
    this.#conditions.frozen = true;
    this.#moveAll();
  }

  /** Ends {@link freeze}; what was held back passes. */
  thaw(): void {
    this.#conditions.frozen = false;
    this.#moveAll();
  }

  /**
   * Makes each chunk of bytes pass `delayMs` milliseconds later, in the order in which they came; 0 ends it. What is on
   * its way keeps its delay.
   */
  delay(delayMs: number, clock: Clock = systemClock): void {
    this.#conditions.delayMs = clampDelay(delayMs);
    this.#conditions.clock = clock;
  }

  /** Resets every new connection at once, until `refuse(false)`. For a port that is closed, see {@link goAway}. */
  refuse(on = true): void {
    this.#refusing = on;
  }

  /** Ends both halves of all existing connections with RST. */
  reset(): void {
    for (const link of this.#links) link.end('rst');
  }

  /** Ends both halves of all existing connections with FIN. */
  end(): void {
    for (const link of this.#links) link.end('fin');
  }

  /** Revokes every fault but {@link goAway}. */
  heal(): void {
    this.refuse(false);
    this.delay(0);
    for (const direction of this.#cuts.keys()) this.#revokeCut(direction);
    this.thaw();
  }

  /** Goes down: the port refuses connections and all existing ones are destroyed, in front and behind. */
  async goAway(): Promise<void> {
    const links = [...this.#links];
    for (const link of links) link.destroy();
    await Promise.all([this.#port.goAway(), ...links.map(({ over }) => over)]);
  }

  /** Listens again on the same port. Rejects with `EADDRINUSE` when another program has taken it meanwhile. */
  comeBack(): Promise<void> {
    return this.#port.comeBack();
  }

  /** Ends everything; resolves when no socket and no timer is left. Idempotent. */
  close(): Promise<void> {
    return this.goAway();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #connected(client: Socket): void {
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const { protocol, hostname, port } = this.#target;
    const server = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || DEFAULT_PORTS[protocol] || 80,
      allowHalfOpen: true,
      noDelay: true,
    });
    const link = new ProxiedLink(client, server, this.#conditions, {
      carried: (direction, bytes) => (this.#carriedBytes[direction] += bytes),
      cut: (direction) => {
        this.#wasCut(direction);
      },
    });
    this.#links.add(link);
    void link.over.then(() => {
      link.destroy();
      this.#links.delete(link);
    });
    for (const [direction, { bytes, how }] of this.#cuts) link.lane(direction).cutAfter(bytes, how);
  }

  #wasCut(direction: Direction): void {
    const cut = this.#cuts.get(direction);
    if (!cut) return;
    cut.timesLeft -= 1;
    if (cut.timesLeft <= 0) this.#revokeCut(direction);
  }

  #revokeCut(direction: Direction): void {
    this.#cuts.delete(direction);
    for (const link of this.#links) link.lane(direction).uncut();
  }

  #moveAll(): void {
    for (const link of this.#links) link.move();
  }
}
