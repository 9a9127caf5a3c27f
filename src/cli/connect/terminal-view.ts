// A session on a terminal: what happened scrolls by; under it stay a status line and the line that is being typed.
import { clearScreenDown, createInterface, cursorTo, moveCursor, type Interface } from 'node:readline';
import type { ConnectionState } from '../../../machines/index.ts';
import type { Frame } from '../../transports/transport.ts';
import type { Io } from '../io.ts';
import { fit, harmless, seconds, styleOf, type Paint, type Style } from '../style.ts';
import { messageText } from '../session/message-text.ts';
import type { Problem, Transition } from '../session/view.ts';
import { problemOf } from './problems.ts';
import type { Gauges, View } from './view.ts';

export interface TerminalViewOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly address: string;
  readonly gauges: () => Gauges;
  readonly typed: (line: string) => void;
  /** Ctrl-D: nothing more will be typed. */
  readonly left: () => void;
  /** Ctrl-C, which a terminal in raw mode does not turn into a signal. */
  readonly interrupted: () => void;
}

const TICK_MS = 100;
const DEFAULT_COLUMNS = 80;
const PROMPT = '> ';

export class TerminalView implements View {
  readonly #io: Pick<Io, 'stdin' | 'stdout'>;
  readonly #options: TerminalViewOptions;
  readonly #style: Style;
  readonly #readline: Interface;
  readonly #ticking: ReturnType<typeof setInterval>;
  #last: Transition | undefined;
  #enteredAt = performance.now();
  /** When the session was lost that is being restored. */
  #lostAt: number | undefined;
  #shown = '';
  /** Rows of the status and of the typed line, counted when it was finished. */
  #typedRows = 0;
  #isClosed = false;

  constructor(io: Pick<Io, 'stdin' | 'stdout' | 'env'>, options: TerminalViewOptions) {
    this.#io = io;
    this.#options = options;
    this.#style = styleOf(io, io.stdout);
    this.#readline = createInterface({ input: io.stdin, output: io.stdout, terminal: true, prompt: PROMPT });
    this.#listen();
    this.#ticking = setInterval(() => this.#redrawIfChanged(), TICK_MS);
    this.#redraw();
  }

  transition(transition: Transition): void {
    const { state, previous } = transition;
    const now = performance.now();
    this.#last = transition;
    this.#enteredAt = now;
    if (state === 'reconnecting' && previous === 'open') this.#lostAt = now;
    const line = this.#options.isQuiet ? undefined : this.#tell(transition, now);
    if (state === 'open') this.#lostAt = undefined;
    if (line === undefined) this.#redrawIfChanged();
    else this.#print(line);
  }

  welcome(frame: Frame): void {
    this.#printFrame('⇐', frame);
  }

  message(frame: Frame): void {
    this.#printFrame('←', frame);
  }

  sent(line: string): void {
    const waits = this.#last?.state === 'open' ? '' : this.#style.dim('  (waits for the connection)');
    this.#print(this.#entry('→', this.#style.blue, harmless(line) + waits));
  }

  problem({ message, remedy }: Problem): void {
    const entry = this.#entry('✘', this.#style.red, harmless(message));
    this.#print(remedy === undefined ? entry : `${entry}\n  ${this.#style.dim(remedy)}`);
  }

  /** Gives a line that was refused back, to be corrected. */
  giveBack(line: string): void {
    this.#readline.write(line);
  }

  /** Leaves what scrolled by, and an empty line's beginning. */
  close(): void {
    if (this.#isClosed) return;
    clearInterval(this.#ticking);
    this.#erase(this.#readline.getCursorPos().rows);
    this.#isClosed = true;
    this.#readline.close();
  }

  #listen(): void {
    const { typed, left, interrupted } = this.#options;
    const { stdin } = this.#io;
    const readline = this.#readline;
    // Before readline sees the key: it forgets where the cursor was as soon as a line is finished.
    const measure = (_: unknown, key: { readonly name?: string } | undefined) => {
      if (key?.name !== 'return' && key?.name !== 'enter') return;
      readline.write(null, { ctrl: true, name: 'e' });
      this.#typedRows = readline.getCursorPos().rows;
    };
    stdin.prependListener('keypress', measure);
    readline.on('line', (line) => {
      this.#erase(this.#typedRows + 1);
      this.#redraw();
      if (line.trim() !== '') typed(line);
    });
    readline.on('SIGINT', interrupted);
    readline.on('close', () => {
      stdin.off('keypress', measure);
      if (this.#isClosed) return;
      this.#erase(readline.getCursorPos().rows);
      // readline has let go of the terminal: what follows is printed without a prompt.
      this.#isClosed = true;
      clearInterval(this.#ticking);
      left();
    });
  }

  #print(text: string): void {
    const { stdout } = this.#io;
    if (this.#isClosed) {
      stdout.write(`${text}\n`);
      return;
    }
    const rows = this.#countRows();
    this.#erase(rows);
    // readline goes up as many rows as it went down when it drew; so many must be there.
    stdout.write(`${text}\n${'\n'.repeat(rows)}`);
    this.#redraw();
  }

  #printFrame(sign: string, frame: Frame): void {
    const text = messageText(frame, { isJson: this.#options.isJson, isTerminal: true });
    this.#print(this.#entry(sign, this.#style.green, text));
  }

  /** The rows above the cursor. */
  #countRows(): number {
    const { rows } = this.#readline.getCursorPos();
    // readline of Node 20 does not count the rows of what is pasted, and would then draw in the wrong place.
    Object.assign(this.#readline, { prevRows: rows });
    return rows;
  }

  #erase(rows: number): void {
    const { stdout } = this.#io;
    if (rows > 0) moveCursor(stdout, 0, -rows);
    cursorTo(stdout, 0);
    clearScreenDown(stdout);
  }

  #redrawIfChanged(): void {
    if (this.#isClosed || this.#status() === this.#shown) return;
    this.#countRows();
    this.#redraw();
  }

  #redraw(): void {
    if (this.#isClosed) return;
    this.#shown = this.#status();
    this.#readline.setPrompt(this.#shown === '' ? PROMPT : `${this.#shown}\n${PROMPT}`);
    this.#readline.prompt(true);
  }

  #entry(sign: string, paint: Paint, text: string): string {
    return `${paint(sign)} ${text.replaceAll('\n', '\n  ')}`;
  }

  /** The line that a transition leaves behind; `undefined` for one that only the status line shows. */
  #tell({ state, previous, attempt, error }: Transition, now: number): string | undefined {
    const { dim, green, yellow } = this.#style;
    if (state === 'open' && this.#lostAt !== undefined)
      return `${green('●')} ${dim(`open again after ${seconds(now - this.#lostAt, 1)}, attempt ${attempt}`)}`;
    if (state === 'open') return `${green('●')} ${dim(`open  ${this.#options.address}`)}`;
    if (state === 'reconnecting' && previous === 'open' && error !== undefined)
      return `${yellow('○')} ${dim(`lost  ${harmless(problemOf(error).message)}`)}`;
    return state === 'closed' ? dim('○ closed') : undefined;
  }

  #status(): string {
    if (this.#options.isQuiet) return '';
    const columns = this.#io.stdout.columns ?? DEFAULT_COLUMNS;
    const state = this.#last?.state ?? 'connecting';
    const [sign, paint] = this.#signOf(state);
    const head = `${sign} ${state}`;
    const rest = fit(
      harmless(
        this.#facts(state)
          .map((fact) => `  ${fact}`)
          .join(''),
      ),
      columns - 1 - head.length,
    );
    return paint(head) + this.#style.dim(rest);
  }

  #signOf(state: ConnectionState): readonly [string, Paint] {
    const { green, yellow, red, dim } = this.#style;
    if (state === 'open') return ['●', green];
    if (state === 'failed') return ['✘', red];
    return state === 'closing' || state === 'closed' ? ['○', dim] : ['○', yellow];
  }

  #facts(state: ConnectionState): readonly string[] {
    const { address, gauges } = this.#options;
    const { attempt = 0, retryInMs = null, error } = this.#last ?? {};
    if (state === 'open') {
      const { rttMs, messagesIn, messagesOut } = gauges();
      const rtt = rttMs === undefined ? [] : [`RTT ${rttMs.toFixed(rttMs < 10 ? 1 : 0)} ms`];
      return [address, ...rtt, `${messagesOut} sent`, `${messagesIn} received`];
    }
    const attempts = attempt === 0 ? [] : [`attempt ${attempt}`];
    if (state !== 'reconnecting') return [...attempts, address];
    const leftMs = retryInMs === null ? null : Math.max(0, this.#enteredAt + retryInMs - performance.now());
    const wait = leftMs === null ? [] : [`retrying in ${seconds(leftMs, 1)}`];
    return [...attempts, ...wait, ...(error === undefined ? [] : [problemOf(error).message])];
  }
}
