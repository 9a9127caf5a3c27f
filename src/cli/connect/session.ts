// One run of `statewire connect`: lines in, messages out, until the user, the input or the connection ends it.
import { Connection } from '../../connection.ts';
import { textOf, type ConnectionError } from '../../errors.ts';
import type { ConnectionOptions } from '../../options.ts';
import { redactText, redactUrl } from '../../redact.ts';
import type { Frame } from '../../transports/transport.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { Following, type Follower } from '../session/following.ts';
import { readLines } from '../session/lines.ts';
import { parseJson } from '../session/message-text.ts';
import { retryOptions } from '../session/settings.ts';
import type { Problem } from '../session/view.ts';
import { frames, framesAfterAuthentication } from './frames.ts';
import { jsonView } from './json-view.ts';
import { problemOf } from './problems.ts';
import type { ConnectSettings } from './settings.ts';
import { TerminalView } from './terminal-view.ts';
import { textView } from './text-view.ts';
import type { View } from './view.ts';

type FrameConnection = Connection<Frame, string, Frame | undefined, string | undefined>;

/** Lines that may wait for the connection before no more are read. */
const MAX_PENDING = 500;

/** Runs until it is over; resolves with the exit code, with nothing left open. */
export const connect = (settings: ConnectSettings, io: Io): Promise<ExitCode> =>
  new Session(settings, io).run();

class Session implements Follower<Frame> {
  readonly problemOf = problemOf;
  readonly lateRemedy =
    'Check that the server runs and accepts WebSocket upgrades at this URL, or raise --timeout.';
  readonly view: View;
  readonly #settings: ConnectSettings;
  readonly #io: Io;
  readonly #connection: FrameConnection;
  readonly #following: Following<Frame>;
  readonly #terminal: TerminalView | undefined;
  readonly #pending = new Set<Promise<void>>();
  #unsentLines = 0;

  constructor(settings: ConnectSettings, io: Io) {
    this.#settings = settings;
    this.#io = io;
    this.#connection = new Connection(connectionOptions(settings));
    this.#terminal = this.#openTerminal();
    this.view = this.#terminal ?? this.#plainView();
    this.#following = new Following<Frame>(this.#connection, settings, io, this);
  }

  run(): Promise<ExitCode> {
    this.#connection.on('open', ({ welcome }) => {
      if (welcome !== undefined) this.view.welcome(welcome);
    });
    return this.#following.run(() => {
      if (this.#terminal === undefined && this.#settings.readsInput) void this.#readInput();
    });
  }

  get source(): FrameConnection {
    return this.#connection;
  }

  show(frame: Frame): void {
    this.view.message(frame);
  }

  /** A server that says goodbye to a client that was not to come back: that is how sessions end. */
  isGoodbye({ code, details }: ConnectionError): boolean {
    return code === 'CLOSED_BY_PEER' && details['closeCode'] === 1000 && this.#following.wasOpen;
  }

  /** Once the status line is gone, so that the last word is the last line. */
  report(problem: Problem): void {
    if (this.#terminal !== undefined) this.#terminal.close();
    const view = this.#terminal === undefined ? this.view : this.#plainView();
    view.problem(problem);
    view.close();
  }

  /** From a pipe, a line that was not sent is a failure; whoever typed it has seen it. */
  get codeOfDone(): ExitCode {
    return this.#unsentLines > 0 && this.#terminal === undefined ? EXIT.failed : EXIT.done;
  }

  get codeOfInterrupt(): ExitCode {
    const isAtPrompt = this.#terminal !== undefined && this.#following.wasOpen;
    return isAtPrompt ? EXIT.done : EXIT.interrupted;
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
      interrupted: () => this.#following.interrupt(),
    });
  }

  #plainView(): View {
    const { output, isJson, isQuiet, url } = this.#settings;
    return output === 'json'
      ? jsonView(this.#io, isJson)
      : textView(this.#io, { isJson, isQuiet, address: redactUrl(url) });
  }

  async #readInput(): Promise<void> {
    try {
      await readLines(this.#io.stdin, this.#following.signal, (line) => this.#take(line));
    } catch (thrown) {
      this.view.problem({
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
    await this.#following.opened;
    await Promise.all(this.#pending);
    if (this.#settings.maxMessages === Infinity) this.#following.end(this.codeOfDone);
  }

  /** Resolves when there is room for the next line. */
  async #take(line: string): Promise<void> {
    if (this.#settings.isJson && !this.#isJsonLine(line)) return;
    this.view.sent(line);
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
      if (this.#following.signal.aborted || this.#connection.state === 'failed') return;
      this.#unsentLines += 1;
      this.view.problem(problemOf(error));
    }
  }

  #isJsonLine(line: string): boolean {
    if (line.trim() === '') return false;
    if (parseJson(line) !== undefined) return true;
    this.#unsentLines += 1;
    this.view.problem({
      code: 'INVALID_LINE',
      message: `Not sent, because it is no JSON: ${redactText(line)}`,
      remedy: 'Correct it, or leave --json out to send lines as they are.',
    });
    this.#terminal?.giveBack(line);
    return false;
  }
}

function connectionOptions(
  settings: ConnectSettings,
): ConnectionOptions<Frame, string, Frame | undefined, string | undefined> {
  const { url, headers, subprotocols, authFrame, retry, connectWithinMs, heartbeatMs, isInsecure } = settings;
  return {
    ...{ url, headers, protocols: subprotocols },
    protocol: authFrame === undefined ? frames : framesAfterAuthentication,
    ...(authFrame !== undefined && { credentials: authFrame }),
    retry: retryOptions(retry),
    heartbeat: heartbeatMs === false ? false : { intervalMs: heartbeatMs },
    ...(connectWithinMs !== undefined && {
      timeouts: { connectMs: connectWithinMs, handshakeMs: connectWithinMs },
    }),
    ...(isInsecure && { webSocket: { node: { rejectUnauthorized: false } } }),
  };
}
