// The promises that were given to callers: which are open, and whether each settled when it could and as it should.
import { ConnectionError, type ConnectionState } from '../../src/index.ts';
import type { TalkConnection } from './subject.ts';

interface Pledge {
  readonly kind: 'connect' | 'disconnect' | 'drained';
  outcome: string;
}

const PENDING = 'pending';

export class Pledges {
  readonly #connection: TalkConnection;
  readonly #complain: (text: string) => void;
  readonly #made: Pledge[] = [];

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

  /** Promises that are open although the state has nothing left to wait for. */
  complaints(state: ConnectionState): string[] {
    const isOpen = (kind: Pledge['kind']) =>
      this.#made.some((pledge) => pledge.kind === kind && pledge.outcome === PENDING);
    const isOver = state === 'closed' || state === 'failed';
    return [
      ...((isOver || state === 'open') && isOpen('connect')
        ? [`connect() is pending, and it is ${state}`]
        : []),
      ...(state !== 'closing' && isOpen('disconnect') ? [`disconnect() is pending, and it is ${state}`] : []),
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
