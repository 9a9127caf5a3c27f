// The promises that were given to callers: which are open, and whether each settled when it could and as it should.
import { ConnectionError, type ConnectionState } from '../../src/index.ts';
import type { TalkConnection } from './subject.ts';
import type { Talk } from './talk-protocol.ts';

interface Pledge {
  readonly kind: 'connect' | 'disconnect' | 'drained' | 'next';
  outcome: string;
}

/** One consumer of the messages. */
interface Reading {
  readonly iterator: AsyncIterableIterator<Talk>;
  /** The last message that it was given. */
  last: number;
}

const PENDING = 'pending';
/** As few as possible, so that a consumer is soon slow. */
const MAX_BUFFERED = 2;

export class Pledges {
  readonly #connection: TalkConnection;
  readonly #complain: (text: string) => void;
  readonly #made: Pledge[] = [];
  readonly #readings: Reading[] = [];

  constructor(connection: TalkConnection, complain: (text: string) => void) {
    this.#connection = connection;
    this.#complain = complain;
  }

  connect(signal: AbortSignal | undefined, welcomes: () => number): void {
    const kept = (welcome: { readonly welcome: number } | undefined) => {
      if (welcome !== undefined && welcome.welcome > welcomes())
        this.#complain('connect() resolved with a welcome that was never given');
      return 'opened';
    };
    const broken = (thrown: unknown) => {
      if (thrown === signal?.reason && signal?.aborted === true) return 'aborted';
      if (!(thrown instanceof ConnectionError)) this.#complain(`connect() rejected with ${String(thrown)}`);
      else if (thrown.code === 'INTERNAL_ERROR') this.#complain(`connect() rejected with ${thrown.message}`);
      else return thrown.code;
      return 'broken';
    };
    this.#make('connect', this.#connection.connect(signal && { signal }).then(kept, broken));
  }

  disconnect(): void {
    const kept = () => {
      const { state } = this.#connection;
      if (['authenticating', 'open', 'closing'].includes(state))
        this.#complain(`disconnect() resolved, and it is ${state}`);
      return 'ended';
    };
    const broken = (thrown: unknown) => {
      this.#complain(`disconnect() rejected with ${String(thrown)}`);
      return 'broken';
    };
    this.#make('disconnect', this.#connection.disconnect().then(kept, broken));
  }

  drained(): void {
    this.#make(
      'drained',
      this.#connection.drained().then(
        () => 'drained',
        () => 'ended',
      ),
    );
  }

  /** Reads the messages once more, beside whoever reads them already. Not after the end, when there is none to come. */
  iterate(): void {
    const { state } = this.#connection;
    if (state === 'closed' || state === 'failed') return;
    const iterator = this.#connection.messages({ maxBuffered: MAX_BUFFERED });
    this.#readings.push({ iterator, last: -1 });
    this.next();
  }

  /** The consumer that came last wants one more message. */
  next(): void {
    const reading = this.#readings.at(-1);
    if (reading === undefined) return;
    const given = ({ value, done = false }: IteratorResult<Talk>) => {
      if (done) return 'done';
      const { talk } = value as Talk;
      if (talk === undefined) return 'something else';
      if (talk <= reading.last) this.#complain(`a consumer was given ${talk} after ${reading.last}`);
      reading.last = talk;
      return `message ${talk}`;
    };
    this.#make('next', reading.iterator.next().then(given, codeOf));
  }

  return(): void {
    void this.#readings.pop()?.iterator.return?.();
  }

  /** Promises that are open although the state has nothing left to wait for. */
  complaints(state: ConnectionState, isPaused: boolean): string[] {
    const isOpen = (kind: Pledge['kind']) =>
      this.#made.some((pledge) => pledge.kind === kind && pledge.outcome === PENDING);
    const isOver = state === 'closed' || state === 'failed';
    return [
      ...((isOver || state === 'open') && isOpen('connect')
        ? [`connect() is pending, and it is ${state}`]
        : []),
      ...(state !== 'closing' && isOpen('disconnect') ? [`disconnect() is pending, and it is ${state}`] : []),
      ...(isPaused && this.#readings.length === 0 ? ['the link is not read, and nobody is slow'] : []),
      ...(isOver && isOpen('next') ? [`a consumer waits, and it is ${state}`] : []),
      ...(isOver && isOpen('drained') ? [`drained() is pending, and it is ${state}`] : []),
    ];
  }

  /** Promises that are still open at the end of everything. */
  leftovers(): string[] {
    return this.#made
      .filter(({ outcome }) => outcome === PENDING)
      .map(({ kind }) => `${kind}() never settled`);
  }

  get outcomes(): readonly string[] {
    return this.#made.map(({ kind, outcome }) => `${kind}: ${outcome}`);
  }

  #make(kind: Pledge['kind'], promise: Promise<string>): void {
    const pledge: Pledge = { kind, outcome: PENDING };
    this.#made.push(pledge);
    void promise.then((outcome) => {
      if (pledge.outcome !== PENDING) this.#complain(`${kind}() settled twice`);
      pledge.outcome = outcome;
    });
  }
}

const codeOf = (thrown: unknown): string =>
  thrown instanceof ConnectionError ? thrown.code : String(thrown);
