// One upgrade request that waits for the test's verdict.
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer, type ServerOptions } from 'ws';
import { MAX_DELAY_MS } from '../../machines/index.ts';
import { PassiveWebSocket, PuppetSocket } from './puppet-socket.ts';

export interface AcceptOptions {
  /** The subprotocol to agree on, whether it was offered or not; `false`: none. Default: the first one offered. */
  readonly subprotocol?: string | false;
  /** More headers of the 101 response. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An upgrade request. The client waits until one of the four answers is given, once. */
export class PuppetUpgrade {
  /** The request as Node received it: `url`, `headers`. */
  readonly request: IncomingMessage;
  readonly #tcp: Socket;
  readonly #received: Buffer[];
  #answered = false;

  /** Made by `PuppetServer`. */
  constructor(request: IncomingMessage, head: Buffer) {
    this.request = request;
    this.#tcp = request.socket;
    this.#received = [head];
    // Reading goes on, because a socket that is not read does not notice that the client has left.
    this.#tcp.on('data', this.#keep);
    this.#tcp.on('end', this.#clientLeft);
  }

  /** The subprotocols offered, in the client's order. */
  get subprotocols(): readonly string[] {
    const offered = this.request.headers['sec-websocket-protocol'] ?? '';
    return offered.split(',').flatMap((name) => name.trim() || []);
  }

  /** Whether the client has left, or the connection was destroyed. */
  get isGone(): boolean {
    return this.#tcp.destroyed;
  }

  /** Whether one of the four answers was given. */
  get isAnswered(): boolean {
    return this.#answered;
  }

  /**
   * Switches to the WebSocket protocol.
   *
   * @throws {Error} when the client has left, or when its request is no valid WebSocket upgrade (it then gets a 400).
   */
  accept(options?: AcceptOptions): PuppetSocket {
    const socket = this.tryAccept(options);
    if (!socket) throw new Error('The client of this upgrade has left, or it asks for something else.');
    return socket;
  }

  /** Like {@link accept}, but returns `undefined` where that throws. */
  tryAccept({ subprotocol = this.subprotocols[0] ?? false, headers }: AcceptOptions = {}):
    PuppetSocket | undefined {
    this.#answer();
    // Paused while it changes hands, so that nothing flows past.
    this.#tcp.pause();
    this.#tcp.off('data', this.#keep);
    this.#tcp.off('end', this.#clientLeft);
    const chosen = subprotocol === false ? {} : { 'Sec-WebSocket-Protocol': subprotocol };
    const ws = this.#handToWs({ ...chosen, ...headers });
    const socket = ws && new PuppetSocket(ws, this.request, subprotocol || '');
    this.#tcp.resume();
    return socket;
  }

  /** Answers with another HTTP status than 101, and ends the connection. */
  refuse(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.#answer();
    const lines = Object.entries({ Connection: 'close', 'Content-Length': '0', ...headers });
    this.#tcp.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n` +
        lines.map(([name, value]) => `${name}: ${value}\r\n`).join('') +
        '\r\n',
    );
  }

  /** Never answers. The connection stays open as long as the client wants. */
  ignore(): void {
    this.#answer();
  }

  /** Ends the TCP connection without an answer. */
  destroy(): void {
    this.#answer();
    this.#tcp.destroy();
  }

  #answer(): void {
    if (this.#answered) throw new Error('This upgrade was answered before.');
    this.#answered = true;
  }

  #handToWs(headers: Readonly<Record<string, string>>): PassiveWebSocket | undefined {
    // `closeTimeout` is missing in the types of ws 8.18; without it ws ends a connection 30 s after a close frame.
    const options: ServerOptions<typeof PassiveWebSocket> & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      autoPong: false,
      closeTimeout: MAX_DELAY_MS,
      handleProtocols: () => false,
      WebSocket: PassiveWebSocket,
    };
    const door = new WebSocketServer(options);
    door.on('headers', (lines) => {
      for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    });
    let accepted: PassiveWebSocket | undefined;
    door.handleUpgrade(this.request, this.#tcp, Buffer.concat(this.#received), (ws) => (accepted = ws));
    return accepted;
  }

  readonly #keep = (chunk: Buffer): void => {
    this.#received.push(chunk);
  };

  readonly #clientLeft = (): void => {
    this.#tcp.destroy();
  };
}
