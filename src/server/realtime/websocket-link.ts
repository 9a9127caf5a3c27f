// What one WebSocket of a server consists of: the socket, what came in, what goes out, and the counts.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Goodbye } from '../../../machines/index.ts';
import { rejected, SessionError } from './errors.ts';
import { Heartbeat } from './heartbeat.ts';
import { watchIdle } from './idle.ts';
import { Inbox } from './inbox.ts';
import type { Release, Report } from './life.ts';
import { Outlet } from './outlet.ts';
import { Pings } from './pings.ts';
import { SessionLink, type LinkFigures, type SessionLinkOptions } from './session-link.ts';
import type { PreparedMessage } from './prepared-message.ts';
import type { LinkedWebSocket } from './websocket-server.ts';

/** Text, or the bytes of a binary message. */
export type WebSocketMessage = string | Buffer;

export interface WebSocketLinkOptions extends SessionLinkOptions {
  readonly socket: LinkedWebSocket;
  /** Below the WebSocket. */
  readonly tcp: Duplex & { readonly bytesRead?: number };
}

export class WebSocketLink extends SessionLink {
  readonly socket: LinkedWebSocket;
  readonly tcp: WebSocketLinkOptions['tcp'];
  readonly inbox = new Inbox<WebSocketMessage>(this);
  messagesSent = 0;
  messagesReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  #ownOutlet: Outlet | undefined;
  #ownPings: Pings | undefined;
  #beats = 0;
  #report: Report | undefined;
  /** What `ws` found wrong with what came. */
  #failure: string | undefined;
  #heartbeat: Heartbeat | undefined;
  #endIdle: Release | undefined;

  constructor(options: WebSocketLinkOptions) {
    super(options);
    this.socket = options.socket;
    this.tcp = options.tcp;
  }

  get isOpen(): boolean {
    return this.life.isOpen && this.socket.readyState === this.socket.OPEN;
  }

  get bufferedAmount(): number {
    return this.socket.bufferedAmount;
  }

  get rttMs(): number | undefined {
    return this.#ownPings?.rttMs;
  }

  get figures(): LinkFigures {
    const { messagesSent, messagesReceived, bytesSent, bytesReceived, bufferedAmount, rttMs } = this;
    return { messagesSent, messagesReceived, bytesSent, bytesReceived, bufferedBytes: bufferedAmount, rttMs };
  }

  get bytesIn(): number {
    return this.tcp.bytesRead ?? this.bytesReceived;
  }

  get isDeaf(): boolean {
    return this.inbox.isFull;
  }

  /** An idle session has neither of these. */
  get #outlet(): Outlet {
    this.#ownOutlet ??= new Outlet(this);
    return this.#ownOutlet;
  }

  get #pings(): Pings {
    this.#ownPings ??= new Pings(this.settings.clock);
    return this.#ownPings;
  }

  closedError(): SessionError {
    const { code, cause: known } = this.life.ending;
    const how = code === null ? 'closing' : `closed with ${code}`;
    // The socket may be closing before the machine is told that it is closed.
    const cause = this.life.isOpen ? (this.#failure ?? 'CLOSED_BY_PEER') : known;
    return new SessionError('SESSION_CLOSED', { how: `${how} (${cause})` });
  }

  send(data: WebSocketMessage): Promise<void> {
    const bytes = Buffer.byteLength(data);
    return this.#outlet.send(bytes, (done) => {
      this.#count(bytes);
      const { fragmentBytes } = this.settings.limits;
      if (bytes <= fragmentBytes) this.socket.send(data, done);
      else this.#sendInFragments(data, fragmentBytes, done);
    });
  }

  sendPrepared(message: PreparedMessage): Promise<void> {
    const { byteLength } = message;
    return this.#outlet.send(byteLength, (done) => {
      this.#count(byteLength);
      message.sendTo(this.socket, this.tcp, done);
    });
  }

  /** Whether a message of so many bytes would be sent, and not refused because too much waits already. */
  hasRoomFor(bytes: number): boolean {
    return this.isOpen && !this.#outlet.isFullFor(bytes);
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

  beat(onSent: () => void): void {
    this.#beats += 1;
    const payload = Buffer.from(`beat-${this.#beats}`);
    void this.#pings.sent(payload);
    this.socket.ping(payload, undefined, (error?: Error | null) => {
      if (!error) onSent();
    });
  }

  pauseReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  /** Functions that all share: an idle session holds none of its own. */
  listen(report: Report): void {
    const { socket } = this;
    this.#report = report;
    socket.link = this;
    socket.on('message', onMessage);
    socket.on('pong', onPong);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  took(data: Buffer, isBinary: boolean): void {
    this.messagesReceived += 1;
    this.bytesReceived += data.byteLength;
    this.inbox.push(isBinary ? data : data.toString('utf8'), data.byteLength);
  }

  tookPong(payload: Buffer): void {
    this.#ownPings?.answered(payload);
  }

  /** `ws` answers a malformed or too large frame with the right close code by itself; `close` follows. */
  failed({ code = '' }: NodeJS.ErrnoException): void {
    if (code.startsWith('WS_ERR_')) this.#failure = code;
  }

  ended(code: number, reason: string): void {
    this.#ownOutlet?.stop();
    const cause = this.#failure ?? (code === 1006 ? 'LINK_LOST' : 'CLOSED_BY_PEER');
    this.#report?.({ type: 'link.closed', code, reason, cause });
    this.#ownPings?.end(this.closedError());
  }

  cutOff(): void {
    if (this.socket.readyState !== this.socket.CLOSED) this.socket.terminate();
  }

  watch(report: Report): void {
    const { heartbeat, clock, limits } = this.settings;
    if (heartbeat !== false) this.#heartbeat = new Heartbeat(this, heartbeat, report);
    if (limits.idleMs === Infinity) return;
    const count = (): number => this.messagesReceived + this.messagesSent;
    this.#endIdle = watchIdle(clock, limits.idleMs, count, () => report({ type: 'idle.exceeded' }));
  }

  stopWatching(): void {
    this.#heartbeat?.stop();
    this.#endIdle?.();
  }

  override endTraffic(): void {
    // Read on, or the answer to our goodbye is never seen.
    if (this.inbox.isFull) this.socket.resume();
    this.inbox.end();
    super.endTraffic();
  }

  sayGoodbye({ code, reason }: Goodbye): void {
    this.socket.close(code, reason);
  }

  #count(bytes: number): void {
    this.messagesSent += 1;
    this.bytesSent += bytes;
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
}

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  linkOf(this)?.took(data, isBinary);
}

function onPong(this: WebSocket, payload: Buffer): void {
  linkOf(this)?.tookPong(payload);
}

function onError(this: WebSocket, error: Error): void {
  linkOf(this)?.failed(error);
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  linkOf(this)?.ended(code, reason.toString('utf8'));
}

const linkOf = (socket: WebSocket): WebSocketLink | undefined => (socket as { link?: WebSocketLink }).link;
