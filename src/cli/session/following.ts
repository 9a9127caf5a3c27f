// The life of a command that follows one connection: messages are shown as they come, and the first of the user, the
// count, the output and the connection itself to end it says with which exit code.
import type { ConnectionState } from '../../../machines/index.ts';
import type { Connection } from '../../connection.ts';
import { deferred } from '../../deferred.ts';
import { toError, type ConnectionError } from '../../errors.ts';
import type { StateChange } from '../../events.ts';
import type { StreamOptions } from '../../message-stream.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { seconds } from '../style.ts';
import type { ProblemOf } from './problems.ts';
import type { Problem, StateView } from './view.ts';

export interface FollowingSettings {
  /** After how many messages it is over; `Infinity`: it is not. */
  readonly maxMessages: number;
  readonly connectWithinMs: number | undefined;
}

/** As much of a connection as is followed here, whatever its messages are. */
export interface Followed {
  readonly actor: Connection['actor'];
  readonly state: ConnectionState;
  connect(): Promise<unknown>;
  disconnect(): Promise<void>;
  on(event: 'statechange', listener: (change: StateChange) => void): () => void;
  on(event: 'failed' | 'error', listener: (error: ConnectionError) => void): () => void;
  messages(options: StreamOptions): AsyncIterableIterator<unknown>;
}

/** What is a command's own. */
export interface Follower<Message> {
  /** Where the messages come from that are shown and counted. */
  readonly source: { on(event: 'message', listener: (message: Message) => void): () => void };
  readonly view: StateView;
  readonly problemOf: ProblemOf;
  /** What to do when it was not connected in time. */
  readonly lateRemedy: string;
  show(message: Message): void;
  /** Tells what ended it. */
  report(problem: Problem): void;
  /** Whether a failure is how such a session ends. */
  isGoodbye(error: ConnectionError): boolean;
  readonly codeOfDone: ExitCode;
  readonly codeOfInterrupt: ExitCode;
}

/** Messages that may wait for a slow reader of stdout before the server is slowed down. */
const MAX_UNREAD = 100;

export class Following<Message> {
  readonly #connection: Followed;
  readonly #settings: FollowingSettings;
  readonly #io: Io;
  readonly #follower: Follower<Message>;
  readonly #ending = deferred<ExitCode>();
  readonly #over = new AbortController();
  /** Settles when it is known whether there is a connection at all. */
  #opened: Promise<unknown> = Promise.resolve();
  #received = 0;

  constructor(connection: Followed, settings: FollowingSettings, io: Io, follower: Follower<Message>) {
    this.#connection = connection;
    this.#settings = settings;
    this.#io = io;
    this.#follower = follower;
  }

  /** Aborted when it is over: nothing more is read, and nothing more is shown as a message. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get opened(): Promise<unknown> {
    return this.#opened;
  }

  /** The machine knows whether any session was open. */
  get wasOpen(): boolean {
    return this.#connection.actor.getSnapshot().context.sessions > 0;
  }

  /** Connects and follows until it is over; resolves with the exit code, with nothing left open. */
  async run(connecting: () => void = () => undefined): Promise<ExitCode> {
    const { stdout } = this.#io;
    const release = [
      this.#io.onSignal('SIGINT', () => this.interrupt()),
      this.#io.onSignal('SIGTERM', () => this.end(EXIT.terminated)),
      listenTo(stdout, (error) => this.#failOutput(error)),
      this.#limitConnecting(),
      ...this.#follow(),
    ];
    this.#opened = this.#connection.connect().catch(() => undefined);
    void this.#brake();
    connecting();

    const code = await this.#ending.promise;
    if (this.#connection.state !== 'failed') await this.#connection.disconnect();
    this.#follower.view.close();
    for (const letGo of release) letGo();
    return code;
  }

  /** The first end counts. */
  end(code: ExitCode): void {
    this.#over.abort();
    this.#ending.resolve(code);
  }

  /** A second time it does not wait for the server. */
  interrupt(): void {
    if (!this.signal.aborted) {
      this.end(this.#follower.codeOfInterrupt);
      return;
    }
    this.#follower.view.close();
    this.#io.exit(EXIT.interrupted);
  }

  #follow(): readonly (() => void)[] {
    const connection = this.#connection;
    const { source, view, problemOf } = this.#follower;
    return [
      connection.on('statechange', (change) => view.transition({ ...change, error: this.#errorOf(change) })),
      source.on('message', (message) => this.#receive(message)),
      connection.on('failed', (error) => this.#fail(error)),
      connection.on('error', (error) => view.problem(problemOf(error))),
    ];
  }

  #errorOf({ state }: StateChange): ConnectionError | undefined {
    const { failure } = this.#connection.actor.getSnapshot().context;
    return failure !== null && (state === 'reconnecting' || state === 'failed')
      ? toError(failure)
      : undefined;
  }

  #receive(message: Message): void {
    const { maxMessages } = this.#settings;
    if (this.#received >= maxMessages) return;
    this.#received += 1;
    this.#follower.show(message);
    if (this.#received === maxMessages) this.end(this.#follower.codeOfDone);
  }

  #fail(error: ConnectionError): void {
    const { codeOfDone, problemOf } = this.#follower;
    if (this.#settings.maxMessages === Infinity && this.#follower.isGoodbye(error)) this.end(codeOfDone);
    else if (!this.signal.aborted) {
      this.#follower.report(problemOf(error));
      this.end(EXIT.failed);
    }
  }

  #failOutput(error: Error & { readonly code?: string }): void {
    this.end(error.code === 'EPIPE' ? EXIT.done : EXIT.failed);
  }

  #limitConnecting(): () => void {
    const { connectWithinMs } = this.#settings;
    if (connectWithinMs === undefined) return () => undefined;
    const timer = setTimeout(() => {
      if (this.wasOpen || this.signal.aborted) return;
      const { failure } = this.#connection.actor.getSnapshot().context;
      const last = failure === null ? '' : ` The last attempt: ${toError(failure).message}`;
      this.#follower.report({
        code: 'CONNECT_TIMEOUT',
        message: `Not connected within ${seconds(connectWithinMs, 1)}.${last}`,
        remedy: this.#follower.lateRemedy,
      });
      this.end(EXIT.failed);
    }, connectWithinMs);
    return () => clearTimeout(timer);
  }

  /** Messages are shown as they come; this only slows the server down while nobody reads what is shown. */
  async #brake(): Promise<void> {
    const { stdout } = this.#io;
    const { signal } = this;
    try {
      const messages = this.#connection.messages({ signal, maxBuffered: MAX_UNREAD });
      while ((await messages.next()).done !== true)
        if (stdout.writableNeedDrain) await drainOf(stdout, signal);
    } catch {
      // The session is over; whoever ended it has said why.
    }
  }
}

function listenTo(stream: NodeJS.WritableStream, failed: (error: Error) => void): () => void {
  stream.on('error', failed);
  return () => stream.off('error', failed);
}

function drainOf(stream: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
