// One run of `statewire connect`: lines in, messages out, until the user, the input or the connection ends it.
import { decorrelatedJitterBackoff } from '../../backoff.ts';
import { Connection } from '../../connection.ts';
import { deferred } from '../../deferred.ts';
import { textOf, toError, type ConnectionError } from '../../errors.ts';
import type { StateChange } from '../../events.ts';
import type { ConnectionOptions } from '../../options.ts';
import { redactText, redactUrl } from '../../redact.ts';
import type { Frame } from '../../transports/transport.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { seconds } from '../style.ts';
import { frames, framesAfterAuthentication } from './frames.ts';
import { jsonView } from './json-view.ts';
import { readLines } from './lines.ts';
import { parseJson } from './message-text.ts';
import { problemOf } from './problems.ts';
import type { ConnectSettings } from './settings.ts';
import { TerminalView } from './terminal-view.ts';
import { textView } from './text-view.ts';
import type { View } from './view.ts';

type FrameConnection = Connection<Frame, string, Frame | undefined, string | undefined>;

/** Lines that may wait for the connection before no more are read. */
const MAX_PENDING = 500;
/** Messages that may wait for a slow reader of stdout before the server is slowed down. */
const MAX_UNREAD = 100;

/** Runs until it is over; resolves with the exit code, with nothing left open. */
export const connect = (settings: ConnectSettings, io: Io): Promise<ExitCode> =>
  new Session(settings, io).run();

class Session {
  readonly #settings: ConnectSettings;
  readonly #io: Io;
  readonly #connection: FrameConnection;
  readonly #view: View;
  readonly #terminal: TerminalView | undefined;
  readonly #ending = deferred<ExitCode>();
  /** Aborted when the session is over: nothing more is read, and nothing more is shown as a message. */
  readonly #over = new AbortController();
  readonly #pending = new Set<Promise<void>>();
  /** Settles when it is known whether there is a connection at all. */
  #opened: Promise<unknown> = Promise.resolve();
  #received = 0;
  #unsentLines = 0;

  constructor(settings: ConnectSettings, io: Io) {
    this.#settings = settings;
    this.#io = io;
    this.#connection = new Connection(connectionOptions(settings));
    this.#terminal = this.#openTerminal();
    this.#view = this.#terminal ?? this.#plainView();
  }

  async run(): Promise<ExitCode> {
    const { stdout } = this.#io;
    const release = [
      this.#io.onSignal('SIGINT', () => this.#interrupt()),
      this.#io.onSignal('SIGTERM', () => this.#end(EXIT.terminated)),
      listenTo(stdout, (error) => this.#failOutput(error)),
      this.#limitConnecting(),
      ...this.#follow(),
    ];
    this.#opened = this.#connection.connect().catch(() => undefined);
    void this.#brake();
    if (this.#terminal === undefined && this.#settings.readsInput) void this.#readInput();

    const code = await this.#ending.promise;
    if (this.#connection.state !== 'failed') await this.#connection.disconnect();
    this.#view.close();
    for (const letGo of release) letGo();
    return code;
  }

  #openTerminal(): TerminalView | undefined {
    const { stdin, stdout, env } = this.#io;
    const { output, readsInput, isJson, isQuiet, url } = this.#settings;
    const isInteractive = stdin.isTTY === true && stdout.isTTY === true && env['TERM'] !== 'dumb';
    if (!isInteractive || !readsInput || output === 'json') return undefined;
    return new TerminalView(this.#io, {
      ...{ isJson, isQuiet, address: redactUrl(url) },
      gauges: () => this.#connection.stats,
      typed: (line) => void this.#take(line),
      left: () => void this.#finishSending(),
      interrupted: () => this.#interrupt(),
    });
  }

  #plainView(): View {
    const { output, isJson, isQuiet, url } = this.#settings;
    return output === 'json'
      ? jsonView(this.#io, isJson)
      : textView(this.#io, { isJson, isQuiet, address: redactUrl(url) });
  }

  #follow(): readonly (() => void)[] {
    const connection = this.#connection;
    return [
      connection.on('statechange', (change) =>
        this.#view.transition({ ...change, error: this.#errorOf(change) }),
      ),
      connection.on('open', ({ welcome }) => {
        if (welcome !== undefined) this.#view.welcome(welcome);
      }),
      connection.on('message', (frame) => this.#receive(frame)),
      connection.on('failed', (error) => this.#fail(error)),
      connection.on('error', (error) => this.#view.problem(problemOf(error))),
    ];
  }

  #errorOf({ state }: StateChange): ConnectionError | undefined {
    const { failure } = this.#connection.actor.getSnapshot().context;
    return failure !== null && (state === 'reconnecting' || state === 'failed')
      ? toError(failure)
      : undefined;
  }

  /** The machine knows whether any session was open. */
  get #wasOpen(): boolean {
    return this.#connection.actor.getSnapshot().context.sessions > 0;
  }

  #receive(frame: Frame): void {
    if (this.#received >= this.#settings.maxMessages) return;
    this.#received += 1;
    this.#view.message(frame);
    if (this.#received === this.#settings.maxMessages) this.#end(this.#codeOfDone());
  }

  #fail(error: ConnectionError): void {
    // A server that says goodbye to a client that was not to come back: that is how sessions end.
    const isGoodbye = error.code === 'CLOSED_BY_PEER' && error.details['closeCode'] === 1000;
    if (isGoodbye && this.#wasOpen && this.#settings.maxMessages === Infinity) this.#end(this.#codeOfDone());
    else if (!this.#over.signal.aborted) {
      this.#report(problemOf(error));
      this.#end(EXIT.failed);
    }
  }

  /** Once the status line is gone, so that the last word is the last line. */
  #report(problem: Parameters<View['problem']>[0]): void {
    if (this.#terminal !== undefined) this.#terminal.close();
    const view = this.#terminal === undefined ? this.#view : this.#plainView();
    view.problem(problem);
    view.close();
  }

  /** The first end counts. */
  #end(code: ExitCode): void {
    this.#over.abort();
    this.#ending.resolve(code);
  }

  #interrupt(): void {
    if (this.#over.signal.aborted) {
      this.#view.close();
      this.#io.exit(EXIT.interrupted);
      return;
    }
    const isAtPrompt = this.#terminal !== undefined && this.#wasOpen;
    this.#end(isAtPrompt ? EXIT.done : EXIT.interrupted);
  }

  #failOutput(error: Error & { readonly code?: string }): void {
    this.#end(error.code === 'EPIPE' ? EXIT.done : EXIT.failed);
  }

  #limitConnecting(): () => void {
    const { connectWithinMs } = this.#settings;
    if (connectWithinMs === undefined) return () => undefined;
    const timer = setTimeout(() => {
      if (this.#wasOpen || this.#over.signal.aborted) return;
      const { failure } = this.#connection.actor.getSnapshot().context;
      const last = failure === null ? '' : ` The last attempt: ${toError(failure).message}`;
      this.#report({
        code: 'CONNECT_TIMEOUT',
        message: `Not connected within ${seconds(connectWithinMs, 1)}.${last}`,
        remedy: 'Check that the server runs and accepts WebSocket upgrades at this URL, or raise --timeout.',
      });
      this.#end(EXIT.failed);
    }, connectWithinMs);
    return () => clearTimeout(timer);
  }

  /** Messages are shown as they come; this only slows the server down while nobody reads what is shown. */
  async #brake(): Promise<void> {
    const { stdout } = this.#io;
    const { signal } = this.#over;
    try {
      const messages = this.#connection.messages({ signal, maxBuffered: MAX_UNREAD });
      while ((await messages.next()).done !== true)
        if (stdout.writableNeedDrain) await drainOf(stdout, signal);
    } catch {
      // The session is over; whoever ended it has said why.
    }
  }

  async #readInput(): Promise<void> {
    try {
      await readLines(this.#io.stdin, this.#over.signal, (line) => this.#take(line));
    } catch (thrown) {
      this.#view.problem({
        code: 'INPUT_FAILED',
        message: `The input failed: ${textOf(thrown)}.`,
        remedy: undefined,
      });
      this.#unsentLines += 1;
    }
    await this.#finishSending();
  }

  /** Sends what there is to send; then the session is over, unless messages are still awaited. */
  async #finishSending(): Promise<void> {
    await this.#opened;
    await Promise.all(this.#pending);
    if (this.#settings.maxMessages === Infinity) this.#end(this.#codeOfDone());
  }

  /** Resolves when there is room for the next line. */
  async #take(line: string): Promise<void> {
    if (this.#settings.isJson && !this.#isJsonLine(line)) return;
    this.#view.sent(line);
    const delivery = this.#deliver(line);
    this.#pending.add(delivery);
    void delivery.finally(() => this.#pending.delete(delivery));
    await this.#connection.drained().catch(() => undefined);
    if (this.#pending.size >= MAX_PENDING) await Promise.all(this.#pending);
  }

  async #deliver(line: string): Promise<void> {
    try {
      await this.#connection.deliver(line);
    } catch (thrown) {
      const error = thrown as ConnectionError;
      if (this.#over.signal.aborted || this.#connection.state === 'failed') return;
      this.#unsentLines += 1;
      this.#view.problem(problemOf(error));
    }
  }

  #isJsonLine(line: string): boolean {
    if (line.trim() === '') return false;
    if (parseJson(line) !== undefined) return true;
    this.#unsentLines += 1;
    this.#view.problem({
      code: 'INVALID_LINE',
      message: `Not sent, because it is no JSON: ${redactText(line)}`,
      remedy: 'Correct it, or leave --json out to send lines as they are.',
    });
    this.#terminal?.giveBack(line);
    return false;
  }

  /** From a pipe, a line that was not sent is a failure; whoever typed it has seen it. */
  #codeOfDone(): ExitCode {
    return this.#unsentLines > 0 && this.#terminal === undefined ? EXIT.failed : EXIT.done;
  }
}

function connectionOptions(
  settings: ConnectSettings,
): ConnectionOptions<Frame, string, Frame | undefined, string | undefined> {
  const { url, headers, subprotocols, authFrame, retry, connectWithinMs, heartbeatMs, isInsecure } = settings;
  const { maxAttempts, initial, maxDelayMs } = retry;
  return {
    ...{ url, headers, protocols: subprotocols },
    protocol: authFrame === undefined ? frames : framesAfterAuthentication,
    ...(authFrame !== undefined && { credentials: authFrame }),
    retry:
      maxAttempts === 0
        ? false
        : {
            maxAttempts,
            initial,
            backoff: decorrelatedJitterBackoff({ maxMs: maxDelayMs, baseMs: Math.min(500, maxDelayMs) }),
          },
    heartbeat: heartbeatMs === false ? false : { intervalMs: heartbeatMs },
    ...(connectWithinMs !== undefined && {
      timeouts: { connectMs: connectWithinMs, handshakeMs: connectWithinMs },
    }),
    ...(isInsecure && { webSocket: { node: { rejectUnauthorized: false } } }),
  };
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
