// What one WebSocket of a server consists of: the socket, what came in, what goes out, and the counts.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Goodbye } from '../../../machines/index.ts';
import { rejected, SessionError } from './errors.ts';
import { Heartbeat } from './heartbeat.ts';
import { watchIdle } from './idle.ts';
import { Inbox } from './inbox.ts';
import type { Life, Release, Report } from './life.ts';
import type { RealtimeSettings } from './options.ts';
import { Outlet } from './outlet.ts';
import { Pings } from './pings.ts';
import type { Target } from './places.ts';
import type { SharedMessage } from './shared-message.ts';

/** Text, or the bytes of a binary message. */
export type WebSocketMessage = string | Buffer;

export interface WebSocketLinkOptions {
  readonly id: string;
  readonly socket: WebSocket;
  /** Below the WebSocket. */
  readonly tcp: Duplex & { readonly bytesRead?: number };
  readonly target: Target;
  readonly identity: unknown;
  readonly life: Life;
  readonly settings: RealtimeSettings;
}

export class WebSocketLink {
  readonly id: string;
  readonly socket: WebSocket;
  readonly target: Target;
  readonly identity: unknown;
  readonly life: Life;
  readonly inbox: Inbox<WebSocketMessage>;
  readonly counts = { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0 };
  readonly #tcp: WebSocketLinkOptions['tcp'];
  readonly #settings: RealtimeSettings;
  readonly #outlet: Outlet;
  readonly #pings: Pings;
  #beats = 0;
  #controller: AbortController | undefined;

  constructor({ id, socket, tcp, target, identity, life, settings }: WebSocketLinkOptions) {
    this.id = id;
    this.socket = socket;
    this.target = target;
    this.identity = identity;
    this.life = life;
    this.#tcp = tcp;
    this.#settings = settings;
    this.#pings = new Pings(settings.clock);
    this.inbox = this.#makeInbox();
    this.#outlet = this.#makeOutlet();
  }

  get isOpen(): boolean {
    return this.life.isOpen && this.socket.readyState === this.socket.OPEN;
  }

  get rttMs(): number | undefined {
    return this.#pings.rttMs;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (!this.life.isOpen) this.#controller.abort(this.closedError());
    return this.#controller.signal;
  }

  closedError(): SessionError {
    const { code, cause } = this.life.ending;
    const how = code === null ? 'closing' : `closed with ${code}`;
    return new SessionError('SESSION_CLOSED', `${how} (${cause})`);
  }

  send(data: WebSocketMessage): Promise<void> {
    const bytes = Buffer.byteLength(data);
    return this.#outlet.send(bytes, (done) => {
      this.#count(bytes);
      const { fragmentBytes } = this.#settings.limits;
      if (bytes <= fragmentBytes) this.socket.send(data, done);
      else this.#sendInFragments(data, fragmentBytes, done);
    });
  }

  /** Returns whether it was sent; not to somebody who reads so slowly that too much waits already. */
  sendShared(message: SharedMessage): boolean {
    const { byteLength } = message.payload;
    if (!this.isOpen || this.#outlet.isFullFor(byteLength)) return false;
    void this.#outlet.send(byteLength, (done) => {
      this.#count(byteLength);
      message.sendTo(this.socket, this.#tcp, done);
    });
    return true;
  }

  ping(payload: Buffer): Promise<number> {
    if (!this.isOpen) return rejected(this.closedError());
    const answered = this.#pings.sent(payload);
    this.socket.ping(payload);
    return answered;
  }

  pong(payload: Buffer): Promise<void> {
    if (!this.isOpen) return rejected(this.closedError());
    this.socket.pong(payload);
    return Promise.resolve();
  }

  /** Hears what comes. The one who is told last is the machine. */
  listen(report: Report): Release {
    const { socket, counts, inbox } = this;
    let cause = 'LINK_LOST';
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      counts.messagesReceived += 1;
      counts.bytesReceived += data.byteLength;
      inbox.push(isBinary ? data : data.toString('utf8'), data.byteLength);
    });
    socket.on('pong', (payload) => this.#pings.answered(payload));
    // `ws` answers a malformed or too large frame with the right close code by itself; `close` follows.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code?.startsWith('WS_ERR_') === true) cause = error.code;
    });
    socket.once('close', (code: number, reason: Buffer) => {
      this.#outlet.stop();
      const isBroken = code === 1006 || cause !== 'LINK_LOST';
      report({
        type: 'link.closed',
        code,
        reason: reason.toString('utf8'),
        cause: isBroken ? cause : 'CLOSED_BY_PEER',
      });
      this.#pings.end(this.closedError());
    });
    return () => {
      if (socket.readyState !== socket.CLOSED) socket.terminate();
    };
  }

  watch(report: Report): Release {
    const { heartbeat, clock, limits } = this.#settings;
    const { counts } = this;
    const beats =
      heartbeat === false
        ? undefined
        : new Heartbeat({
            ...heartbeat,
            clock,
            ping: (onSent) => this.#beat(onSent),
            bytesIn: () => this.#tcp.bytesRead ?? counts.bytesReceived,
            isDeaf: () => this.inbox.isFull,
            onMissed: () => report({ type: 'heartbeat.missed' }),
          });
    const count = (): number => counts.messagesReceived + counts.messagesSent;
    const endIdle = watchIdle(clock, limits.idleMs, count, () => report({ type: 'idle.exceeded' }));
    return () => {
      beats?.stop();
      endIdle();
    };
  }

  /** Nothing more is taken or given. */
  endTraffic(): void {
    // Read on, or the answer to our goodbye is never seen.
    if (this.inbox.isFull) this.socket.resume();
    this.inbox.end();
    this.#controller?.abort(this.closedError());
  }

  sayGoodbye({ code, reason }: Goodbye): void {
    this.socket.close(code, reason);
  }

  #beat(onSent: () => void): void {
    this.#beats += 1;
    const payload = Buffer.from(`beat-${this.#beats}`);
    void this.#pings.sent(payload);
    this.socket.ping(payload, undefined, (error?: Error | null) => {
      if (!error) onSent();
    });
  }

  #count(bytes: number): void {
    this.counts.messagesSent += 1;
    this.counts.bytesSent += bytes;
  }

  #sendInFragments(
    data: WebSocketMessage,
    fragmentBytes: number,
    done: ((error?: Error | null) => void) | undefined,
  ): void {
    const binary = typeof data !== 'string';
    const bytes = binary ? data : Buffer.from(data);
    for (let start = 0; start < bytes.byteLength; start += fragmentBytes) {
      const fin = start + fragmentBytes >= bytes.byteLength;
      const fragment = bytes.subarray(start, start + fragmentBytes);
      if (fin) this.socket.send(fragment, { binary, fin }, done);
      else this.socket.send(fragment, { binary, fin });
    }
  }

  #makeInbox(): Inbox<WebSocketMessage> {
    const { clock, limits } = this.#settings;
    return new Inbox({
      clock,
      maxMessages: limits.maxQueuedMessages,
      maxBytes: limits.maxQueuedBytes,
      onFull: () => this.socket.pause(),
      onRoom: () => this.socket.resume(),
      ending: () => this.closedError(),
    });
  }

  #makeOutlet(): Outlet {
    const { clock, limits } = this.#settings;
    return new Outlet({
      limits,
      clock,
      socket: this.#tcp,
      buffered: () => this.socket.bufferedAmount,
      onStuck: () => this.life.tell({ type: 'terminate', cause: 'CONSUMER_TOO_SLOW' }),
      ending: () => (this.isOpen ? undefined : this.closedError()),
    });
  }
}
