// One WebSocket of a server, as its handler sees it.
import { InvalidOptionError, textOf } from '../../errors.ts';
import { checkGoodbye } from './close-frame.ts';
import { SessionError } from './errors.ts';
import { isBytes, toBuffer, type Bytes } from './bytes.ts';
import type { ReceiveOptions } from './inbox.ts';
import { Session } from './session.ts';
import { payloadOf, PreparedMessage, type Sendable } from './prepared-message.ts';
import type { WebSocketLink, WebSocketMessage } from './websocket-link.ts';

const MAX_CONTROL_BYTES = 125;

/**
 * One client of a WebSocket route.
 *
 * ```ts
 * server.websocket('/ws/echo', async (socket) => {
 *   for await (const message of socket) await socket.send(message);
 * });
 * ```
 *
 * A handler that returns closes its session with 1000, one that throws with 1011.
 */
export class WebSocketSession extends Session implements AsyncIterable<WebSocketMessage>, AsyncDisposable {
  readonly #link: WebSocketLink;

  /** Made by the server. */
  constructor(link: WebSocketLink) {
    super(link);
    this.#link = link;
  }

  /** The subprotocol that was agreed on; empty without one. */
  get subprotocol(): string {
    return this.#link.socket.protocol;
  }

  /** The close code on the wire: 1005 for a close frame without one, 1006 without a close frame; `null` before the end. */
  get closeCode(): number | null {
    return this.#link.life.ending.code;
  }

  /** What came with the close code; empty where nothing did. */
  get closeReason(): string {
    return this.#link.life.ending.reason;
  }

  /** Data messages; control frames do not count. */
  get messagesSent(): number {
    return this.#link.messagesSent;
  }

  get messagesReceived(): number {
    return this.#link.messagesReceived;
  }

  /** Of data messages: their payloads, without frame headers, before compression. */
  get bytesSent(): number {
    return this.#link.bytesSent;
  }

  get bytesReceived(): number {
    return this.#link.bytesReceived;
  }

  /** The last round trip of a ping, in milliseconds. */
  get rttMs(): number | undefined {
    return this.#link.rttMs;
  }

  /**
   * Sends a string as text, bytes as binary, an object or array as JSON, and what `prepareMessage()` has made. Resolves
   * when there is room for more; a client that reads slowly slows down whoever awaits. May be left alone: what it
   * rejects with then ends nothing. Bytes must not be changed before it resolves.
   *
   * @throws {InvalidOptionError} at once, for anything else
   * @throws {SessionError} `SESSION_CLOSED`, or `SEND_BUFFER_FULL` above `limits.maxBufferedBytes`: it was not sent
   */
  send(message: Sendable): Promise<void> {
    if (message instanceof PreparedMessage) return this.#link.sendPrepared(message);
    return this.#link.send(payloadOf(message));
  }

  /** Like {@link send}, for text. */
  sendText(text: string): Promise<void> {
    if (typeof text !== 'string') throw new InvalidOptionError('text', 'a string', text);
    return this.#link.send(text);
  }

  /** Like {@link send}, for bytes. */
  sendBinary(bytes: Bytes): Promise<void> {
    if (!isBytes(bytes)) throw new InvalidOptionError('bytes', 'an ArrayBuffer or a view of one', bytes);
    return this.#link.send(toBuffer(bytes));
  }

  /** Like {@link send}, for anything that JSON can say, `null` and numbers included. */
  sendJson(value: unknown): Promise<void> {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new InvalidOptionError('value', 'something that JSON can say', value);
    return this.#link.send(text);
  }

  /**
   * The next message: a string, or a Buffer. Messages that came before the end are given before it rejects.
   *
   * @throws {SessionError} `SESSION_CLOSED`, `RECEIVE_TIMEOUT`
   * @throws the signal's reason
   */
  receive(options?: ReceiveOptions): Promise<WebSocketMessage> {
    return this.#link.inbox.next(options);
  }

  /** @throws {SessionError} `UNEXPECTED_MESSAGE` for a binary one, which is lost; else like {@link receive} */
  receiveText(options?: ReceiveOptions): Promise<string> {
    return this.#receiveAs(textOnly, options);
  }

  /** @throws {SessionError} `UNEXPECTED_MESSAGE` for text, which is lost; else like {@link receive} */
  receiveBinary(options?: ReceiveOptions): Promise<Buffer> {
    return this.#receiveAs(binaryOnly, options);
  }

  /** @throws {SessionError} `INVALID_JSON` for a message that is none, which is lost; else like {@link receive} */
  receiveJson(options?: ReceiveOptions): Promise<unknown> {
    return this.#receiveAs(parsed, options);
  }

  /** Messages until the session ends, however it does. Leaving the loop leaves the session open. */
  [Symbol.asyncIterator](): AsyncIterator<WebSocketMessage, undefined> {
    return new Messages(this.#link.inbox);
  }

  /**
   * Sends a ping with a payload of at most 125 bytes. Resolves with the round trip in milliseconds. May be left alone.
   *
   * @throws {SessionError} `SESSION_CLOSED`, `TOO_MANY_PINGS`
   */
  ping(payload: string | Uint8Array = ''): Promise<number> {
    return this.#link.ping(control(payload));
  }

  /**
   * Sends a pong that nobody asked for: a sign of life. Pings of the client are answered without you.
   *
   * @throws {SessionError} `SESSION_CLOSED`
   */
  pong(payload: string | Uint8Array = ''): Promise<void> {
    return this.#link.pong(control(payload));
  }

  /**
   * Says goodbye after everything that was sent, and resolves when the session has ended: with the answer of the peer,
   * or `limits.closeMs` later. Messages that come meanwhile are dropped. Idempotent; the first code counts.
   *
   * @throws {InvalidOptionError} at once, for a code or reason that RFC 6455 §7.4 does not let a server send
   */
  close(code = 1000, reason = ''): Promise<void> {
    checkGoodbye(code, reason);
    this.#link.life.tell({ type: 'close', code, reason });
    return this.#link.life.ended;
  }

  /** Cuts the connection off, without a close frame. */
  terminate(): void {
    this.#link.life.tell({ type: 'terminate', cause: 'TERMINATED' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** One promise for a message that is here already. */
  #receiveAs<Wanted>(
    read: (message: WebSocketMessage) => Wanted,
    options: ReceiveOptions | undefined,
  ): Promise<Wanted> {
    const { inbox } = this.#link;
    const message = options === undefined ? inbox.takeNow() : undefined;
    if (message === undefined) return inbox.next(options).then(read);
    try {
      return Promise.resolve(read(message));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }
}

function textOnly(message: WebSocketMessage): string {
  if (typeof message === 'string') return message;
  const actual = `${message.byteLength} bytes of binary`;
  throw new SessionError('UNEXPECTED_MESSAGE', { expected: 'text', actual });
}

function binaryOnly(message: WebSocketMessage): Buffer {
  if (typeof message !== 'string') return message;
  const actual = `${message.length} characters of text`;
  throw new SessionError('UNEXPECTED_MESSAGE', { expected: 'binary', actual });
}

function parsed(message: WebSocketMessage): unknown {
  try {
    return JSON.parse(message.toString()) as unknown;
  } catch (cause) {
    throw new SessionError('INVALID_JSON', { cause: textOf(cause) }, cause);
  }
}

class Messages implements AsyncIterator<WebSocketMessage, undefined> {
  readonly #inbox: WebSocketLink['inbox'];

  constructor(inbox: WebSocketLink['inbox']) {
    this.#inbox = inbox;
  }

  next(): Promise<IteratorResult<WebSocketMessage, undefined>> {
    return this.#inbox.nextOrEnd();
  }
}

function control(payload: string | Uint8Array): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : toBuffer(payload);
  if (bytes.byteLength <= MAX_CONTROL_BYTES) return bytes;
  const expected = `at most ${MAX_CONTROL_BYTES} bytes (RFC 6455 §5.5)`;
  throw new InvalidOptionError('payload', expected, bytes.byteLength);
}
