// A stand-in for the Stream Video coordinator: the same frames in the same order, and faults on demand.
import { randomUUID } from 'node:crypto';
import { InvalidOptionError } from '../errors.ts';
import type { Frame } from '../transports/transport.ts';
import { PuppetServer, type PuppetSocket } from './puppet-server.ts';
import { Inbox } from './wait.ts';

const PATH = '/api/v2/connect';

/** The refusals of the real service: its numbers, and the HTTP status it puts beside them. */
const REFUSALS = {
  accessKey: { code: 2, StatusCode: 401, message: 'api_key is missing' },
  input: {
    code: 4,
    StatusCode: 400,
    message: 'the first message must be {token, products, user_details: {id}}',
  },
  noToken: { code: 5, StatusCode: 401, message: 'token is missing' },
  expired: { code: 40, StatusCode: 401, message: 'token expired' },
  invalid: { code: 43, StatusCode: 401, message: 'token signature is invalid' },
} as const;

type Refusal = (typeof REFUSALS)[keyof typeof REFUSALS];

/** What the coordinator makes of a token. */
export type TokenVerdict = 'ok' | 'expired' | 'invalid';

/** Any event of the coordinator. */
export interface CoordinatorFrame {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The client's first message. */
export interface AuthPayload {
  readonly token: string;
  readonly products?: readonly string[];
  readonly user_details: { readonly id: string; readonly [field: string]: unknown };
}

export interface MockCoordinatorOptions {
  /** The valid tokens, every other one being invalid; or a function that judges. Default: every token is valid. */
  readonly tokens?: Iterable<string> | ((token: string, userId: string) => TokenVerdict);
  /** Whether health checks are answered; can be changed later. Default: true. */
  readonly answerHealthChecks?: boolean;
  /** The `type` of a refusal: the real service says `connection.error`, the older design says `error`. */
  readonly wireErrors?: 'connection.error' | 'error';
}

/** One client's connection, from the upgrade on; it is kept after its end. */
export class MockCoordinatorConnection {
  /** The WebSocket itself: its frames as sent, its end, and faults for this connection alone. */
  readonly socket: PuppetSocket;
  /** The path of the upgrade request. Every path is served. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Every message received, parsed; the raw text of one that is no JSON. */
  readonly received: unknown[] = [];
  /** The first message, when it was a well-formed one. */
  authPayload: AuthPayload | undefined;
  /** Given with `connection.ok`; `undefined` as long as the client was not let in. */
  connectionId: string | undefined;

  /** Made by `MockCoordinator`. */
  constructor(socket: PuppetSocket) {
    this.socket = socket;
    const url = new URL(socket.request.url ?? '/', 'ws://127.0.0.1');
    this.path = url.pathname;
    this.query = url.searchParams;
  }

  /** Without one the client is refused before it has said anything. */
  get hasApiKey(): boolean {
    return Boolean(this.query.get('api_key'));
  }

  get isClosed(): boolean {
    return this.socket.isClosed;
  }
}

/**
 * A coordinator on 127.0.0.1 for tests and demonstrations.
 *
 * A client connects with `?api_key=…`, sends `{token, products, user_details: {id}}`, and gets `connection.ok` with a
 * new connection id, or a refusal and a close frame (1000): code 2 when there is no api_key, at once after the upgrade;
 * 4 when the first message is not of that form; 5 when it has no token; 40 when the token has expired; 43 when it is
 * invalid. What the real service does without an api_key is not known; the others are its codes. Later messages are
 * recorded, and health checks are answered, whether they come alone or in an array. Protocol pings get a pong.
 *
 * ```ts
 * await using coordinator = await MockCoordinator.listen({ tokens: ['good'] });
 * // … a client connects to coordinator.url …
 * const connection = await coordinator.nextConnection();
 * coordinator.emit({ type: 'call.created', call_cid: 'default:1' });
 * ```
 */
export class MockCoordinator {
  /** Whether health checks are answered from now on. */
  answerHealthChecks: boolean;
  readonly #server: PuppetServer;
  readonly #wireErrors: 'connection.error' | 'error';
  readonly #judge: (token: string, userId: string) => TokenVerdict;
  readonly #connections: MockCoordinatorConnection[] = [];
  readonly #letIn = new Inbox<MockCoordinatorConnection>('a client that authenticates');
  readonly #expiredTokens = new Set<string>();
  readonly #seenTokens = new Set<string>();
  #authAttempts = 0;
  #isHoldingAuth = false;
  #isFrozen = false;

  private constructor(server: PuppetServer, options: MockCoordinatorOptions) {
    this.#server = server;
    this.answerHealthChecks = options.answerHealthChecks ?? true;
    this.#wireErrors = options.wireErrors ?? 'connection.error';
    this.#judge = judgeFrom(options.tokens);
  }

  /**
   * Listens on a free port of 127.0.0.1.
   *
   * @throws {InvalidOptionError} when `tokens` is a single string.
   */
  static async listen(options: MockCoordinatorOptions = {}): Promise<MockCoordinator> {
    const { tokens } = options;
    if (typeof tokens === 'string') throw new InvalidOptionError('tokens', 'several strings', tokens);
    const server = await PuppetServer.listen({
      onSocket: (socket) => {
        coordinator.#connected(socket);
      },
    });
    const coordinator = new MockCoordinator(server, options);
    return coordinator;
  }

  /** `ws://127.0.0.1:port/api/v2/connect`, without the api_key. The same after `comeBack()`. */
  get url(): string {
    return this.#server.url + PATH;
  }

  /** All connections in order of arrival, those that have ended and those that were refused included. */
  get connections(): readonly MockCoordinatorConnection[] {
    return this.#connections;
  }

  /** How many connections there have ever been. */
  get totalConnections(): number {
    return this.#connections.length;
  }

  /** How many connections exist now. */
  get liveConnections(): number {
    return this.#connections.filter(({ isClosed }) => !isClosed).length;
  }

  /** How many first messages were received, whatever became of them. */
  get authAttempts(): number {
    return this.#authAttempts;
  }

  /** The next connection that was let in. Rejects after five seconds. */
  nextConnection(): Promise<MockCoordinatorConnection> {
    return this.#letIn.next();
  }

  /** Sends an event, as it is, to one connection or to all that were let in. */
  emit(event: CoordinatorFrame, to?: MockCoordinatorConnection): void {
    for (const connection of to ? [to] : this.#live()) {
      if (connection.connectionId !== undefined) this.#say(connection, event);
    }
  }

  /** Makes every token that was shown so far an expired one, for later authentications. */
  expireTokens(): void {
    for (const token of this.#seenTokens) this.#expiredTokens.add(token);
  }

  /** Tells all clients that were let in that their token has expired (code 40), and leaves them connected. */
  emitTokenExpired(): void {
    for (const connection of this.#live()) {
      const { connectionId } = connection;
      if (connectionId !== undefined) this.#say(connection, this.#errorFrame(REFUSALS.expired, connectionId));
    }
  }

  /** Leaves first messages unanswered, for ever, until `holdAuth(false)`. */
  holdAuth(on = true): void {
    this.#isHoldingAuth = on;
  }

  /**
   * Goes on accepting and reading but says nothing, neither events nor pongs. What is not said is never said: a client
   * that authenticates meanwhile has to do it again on another connection. Only close frames are answered later.
   */
  freeze(): void {
    this.#setFrozen(true);
  }

  thaw(): void {
    this.#setFrozen(false);
  }

  /** Sends a close frame to every client. */
  closeAll(code: number, reason = ''): void {
    for (const { socket } of this.#live()) socket.close(code, reason);
  }

  /** Ends every TCP connection with RST. */
  resetAll(): void {
    for (const { socket } of this.#live()) socket.reset();
  }

  /** Goes down: the port refuses connections and every connection is destroyed without a close frame. */
  goAway(): Promise<void> {
    return this.#server.goAway();
  }

  /** Listens again on the same port. Rejects with `EADDRINUSE` when another program has taken it meanwhile. */
  comeBack(): Promise<void> {
    return this.#server.comeBack();
  }

  /** Ends everything; resolves when no socket is left. Idempotent. */
  close(): Promise<void> {
    return this.#server.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #live(): MockCoordinatorConnection[] {
    return this.#connections.filter(({ isClosed }) => !isClosed);
  }

  #connected(socket: PuppetSocket): void {
    const connection = new MockCoordinatorConnection(socket);
    this.#connections.push(connection);
    this.#hush(connection);
    socket.onFrame = (frame) => {
      this.#received(connection, frame);
    };
    if (!connection.hasApiKey) this.#refuse(connection, REFUSALS.accessKey);
  }

  #received(connection: MockCoordinatorConnection, frame: Frame): void {
    const message = parse(frame);
    connection.received.push(message);
    if (connection.received.length === 1) this.#authenticate(connection, message);
    else if (isHealthCheck(message)) this.#answerHealthCheck(connection);
  }

  #authenticate(connection: MockCoordinatorConnection, message: unknown): void {
    this.#authAttempts += 1;
    const payload = message as Partial<AuthPayload> | null | undefined;
    const { token, user_details: user } = payload ?? {};
    const isComplete = typeof token === 'string' && typeof user?.id === 'string';
    if (isComplete) {
      connection.authPayload = message as AuthPayload;
      this.#seenTokens.add(token);
    }
    if (this.#isHoldingAuth || !connection.hasApiKey) return;
    if (!isComplete)
      this.#refuse(connection, typeof user?.id === 'string' ? REFUSALS.noToken : REFUSALS.input);
    else {
      const verdict = this.#expiredTokens.has(token) ? 'expired' : this.#judge(token, user.id);
      if (verdict === 'ok') this.#welcome(connection, user);
      else this.#refuse(connection, REFUSALS[verdict]);
    }
  }

  #welcome(connection: MockCoordinatorConnection, user: AuthPayload['user_details']): void {
    if (this.#isFrozen) return;
    const connectionId = randomUUID();
    const createdAt = new Date().toISOString();
    connection.connectionId = connectionId;
    const me = {
      ...{ name: '', role: 'user', custom: {}, devices: [], language: '', teams: [] },
      ...user,
      ...{ online: true, created_at: createdAt, updated_at: createdAt },
    };
    this.#say(connection, { type: 'connection.ok', connection_id: connectionId, created_at: createdAt, me });
    this.#letIn.push(connection);
  }

  #refuse(connection: MockCoordinatorConnection, refusal: Refusal): void {
    if (this.#isFrozen) return;
    this.#say(connection, this.#errorFrame(refusal, ''));
    connection.socket.close(1000);
  }

  #answerHealthCheck(connection: MockCoordinatorConnection): void {
    const { connectionId } = connection;
    if (!this.answerHealthChecks || connectionId === undefined) return;
    const createdAt = new Date().toISOString();
    this.#say(connection, {
      type: 'health.check',
      connection_id: connectionId,
      created_at: createdAt,
      custom: {},
    });
  }

  #errorFrame({ code, StatusCode, message }: Refusal, connectionId: string): CoordinatorFrame {
    return {
      type: this.#wireErrors,
      connection_id: connectionId,
      created_at: new Date().toISOString(),
      error: {
        ...{ code, StatusCode, message },
        ...{ details: [], duration: '0ms', more_info: '', unrecoverable: false, exception_fields: {} },
      },
    };
  }

  #say({ socket }: MockCoordinatorConnection, frame: CoordinatorFrame): void {
    if (!this.#isFrozen) socket.send(frame);
  }

  #setFrozen(on: boolean): void {
    this.#isFrozen = on;
    for (const connection of this.#live()) this.#hush(connection);
  }

  #hush({ socket }: MockCoordinatorConnection): void {
    socket.autoPong(!this.#isFrozen);
    socket.holdClose(this.#isFrozen);
  }
}

function judgeFrom(
  tokens: MockCoordinatorOptions['tokens'],
): (token: string, userId: string) => TokenVerdict {
  if (!tokens) return () => 'ok';
  if (typeof tokens === 'function') return tokens;
  const valid = new Set(tokens);
  return (token) => (valid.has(token) ? 'ok' : 'invalid');
}

function parse(frame: Frame): unknown {
  const text = String(typeof frame === 'string' ? frame : Buffer.from(frame));
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isHealthCheck(message: unknown): boolean {
  const [check] = Array.isArray(message) ? (message as unknown[]) : [message];
  return typeof check === 'object' && check !== null && 'type' in check && check.type === 'health.check';
}
