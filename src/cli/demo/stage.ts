// Where the chapters play: what they share, what they say, what they claim.
import type { ConnectionState } from '../../../machines/index.ts';
import type { Connection } from '../../connection.ts';
import { toError } from '../../errors.ts';
import type { StateChange } from '../../events.ts';
import type { Inspector } from '../../inspection/inspector.ts';
import type { Io } from '../io.ts';
import { fit, harmless, pad, padStart, seconds, styleOf, type Style } from '../style.ts';
import type { Chapter, Prop } from './chapter.ts';
import { inWords } from './reasons.ts';

/** No line of the demo is longer. */
export const COLUMNS = 100;
const TIME_CELLS = 8;
const TRANSITION_CELLS = 'authenticating → reconnecting'.length;

/** The part of a connection that can be watched, whatever its messages are. */
type Watchable = Pick<Connection, 'actor'> & {
  on(event: 'statechange', listener: (change: StateChange) => void): () => void;
};

export class Stage {
  readonly style: Style;
  /** Looks at every connection that is made here. */
  readonly inspect: Inspector | undefined;
  readonly #io: Io;
  readonly #startedAt = performance.now();
  readonly #props = new Map<unknown, Promise<AsyncDisposable>>();
  #isSilent = false;
  #held = 0;
  #broken: string[] = [];

  constructor(io: Io, inspect?: Inspector) {
    this.#io = io;
    this.inspect = inspect;
    this.style = styleOf(io, io.stdout);
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  print(line = ''): void {
    if (!this.#isSilent) this.#io.stdout.write(`${line}\n`);
  }

  /** The demo is over before its end: nothing more is printed. */
  silence(): void {
    this.#isSilent = true;
  }

  open(chapter: Chapter, number: number): void {
    const { bold, dim } = this.style;
    this.#held = 0;
    this.#broken = [];
    this.print();
    this.print(bold(`${padStart(String(number), 2)}  ${chapter.title}`));
    this.print(dim(`    ${chapter.announcement}`));
  }

  /** The claims of this chapter that did not hold. */
  get broken(): readonly string[] {
    return this.#held === 0 && this.#broken.length === 0 ? ['nothing was checked'] : this.#broken;
  }

  /** Prints every transition of a connection from now on: why it was lost, when it is tried again, how long it was away. */
  follow(connection: Watchable): () => void {
    let lostAtMs: number | undefined;
    return connection.on('statechange', (change) => {
      const { failure } = connection.actor.getSnapshot().context;
      const words = isLoss(change) && failure !== null ? [inWords(toError(failure))] : [];
      if (change.previous === 'open' && isLoss(change)) lostAtMs = this.elapsedMs;
      if (change.retryInMs !== null) words.push(`retry ${change.attempt} in ${seconds(change.retryInMs)}`);
      if (change.state === 'open' && lostAtMs !== undefined) {
        words.push(`open again after ${seconds(this.elapsedMs - lostAtMs)}`);
        lostAtMs = undefined;
      }
      this.#transition(change, words.join(' · '));
    });
  }

  /** A claim, and whether it is true. */
  check(claim: string, holds: boolean): void {
    const { green, red } = this.style;
    if (holds) this.#held += 1;
    else this.#broken.push(claim);
    const sign = holds ? green('✔') : red('✘');
    this.print(`${' '.repeat(TIME_CELLS + 2)}${sign} ${fit(harmless(claim), COLUMNS - TIME_CELLS - 4)}`);
  }

  /** A shared thing; the same one for every chapter that asks. */
  use<Value extends AsyncDisposable>(prop: Prop<Value>): Promise<Value> {
    const made = this.#props.get(prop) ?? prop(this);
    this.#props.set(prop, made);
    return made as Promise<Value>;
  }

  /** Disposes of everything shared, the last first. */
  async clear(): Promise<void> {
    const props = await Promise.allSettled([...this.#props.values()].reverse());
    for (const prop of props) if (prop.status === 'fulfilled') await prop.value[Symbol.asyncDispose]();
  }

  #transition({ state, previous }: StateChange, words: string): void {
    const { dim, green, yellow, red } = this.style;
    const paint =
      state === 'open' ? green : state === 'reconnecting' ? yellow : state === 'failed' ? red : dim;
    const time = padStart(seconds(this.elapsedMs), TIME_CELLS);
    const arrow = pad(`${previous} → ${state}`, TRANSITION_CELLS);
    const room = COLUMNS - TIME_CELLS - TRANSITION_CELLS - 4;
    this.print(`${dim(time)}  ${paint(arrow)}  ${fit(harmless(words), room)}`.trimEnd());
  }
}

const CONNECTED: readonly ConnectionState[] = ['connecting', 'authenticating', 'open'];

/** Whether an attempt or a session was lost. One that is renewed without a wait goes straight back to `connecting`. */
const isLoss = ({ state, previous }: StateChange): boolean =>
  state === 'reconnecting' || state === 'failed' || (state === 'connecting' && CONNECTED.includes(previous));
