// From the machine's snapshots to what users see: the way of sending that a state installs, the promises that it
// settles, and the events that tell of it.
import {
  selectRetryInMs,
  selectSending,
  selectState,
  type ConnectionSnapshot,
  type ConnectionState,
} from '../machines/index.ts';
import { blame, makeFailure, toError, type ConnectionError } from './errors.ts';
import type { Logger } from './options.ts';
import { redactorFor } from './redact.ts';
import type { World } from './world.ts';

export class Announcer<Incoming, Outgoing, Welcome, Credentials> {
  readonly #world: World<Incoming, Outgoing, Welcome, Credentials>;
  /** The last state that was told. */
  #told: ConnectionState = 'idle';
  /** Listeners that are being told at this moment, one within the other. */
  #telling = 0;
  #crash: ConnectionError | undefined;

  constructor(world: World<Incoming, Outgoing, Welcome, Credentials>) {
    this.#world = world;
  }

  /** Whether a listener is running: what it asks of the machine happens when all of them have been told. */
  get isTelling(): boolean {
    return this.#telling > 0;
  }

  /** Called with every snapshot. */
  next(snapshot: ConnectionSnapshot): void {
    const state = selectState(snapshot);
    this.#emitting(() => this.#installSending(snapshot, state));
    // The verdict comes before anything else can happen: until then nobody knows whether this is a retry or the end.
    if (snapshot.matches('deciding') || state === this.#told) return;
    const previous = this.#told;
    this.#told = state;
    this.#countOutage(state, snapshot);
    // Promises first: one that a listener asks for is not the business of the state that it is told of.
    if (state === 'closing') this.#world.waiters.closing();
    this.settle(snapshot);
    this.#endStreams(state, snapshot);
    this.#tell(previous, state, snapshot);
  }

  /** The machine itself broke: what its actors hold is released, and nothing will move any more. */
  error(thrown: unknown): void {
    this.#world.letGoOfAll();
    const blamed = blame(thrown, redactorFor(this.#world), { phase: 'working' });
    const error = toError(makeFailure('INTERNAL_ERROR', 'stop', blamed));
    this.#crash = error;
    this.#world.outbox.refuse('failed');
    this.#world.waiters.failed(error);
    for (const stream of this.#world.streams) stream.fail(error);
    this.#world.settings.logger?.error(error.message, { error });
    const change = {
      state: 'failed',
      previous: this.#told,
      reason: error.code,
      attempt: 0,
      retryInMs: null,
    } as const;
    this.#told = 'failed';
    this.#emitting(() => {
      this.#world.emitter.emit('statechange', change);
      this.#world.emitter.emit('failed', error);
    });
  }

  /** Settles the promises that a state decides on; the others wait on. */
  settle(snapshot: ConnectionSnapshot): void {
    const { waiters, wire } = this.#world;
    const state = selectState(snapshot);
    if (state === 'open' && wire.session !== undefined) waiters.opened(wire.session.welcome);
    else if (state === 'failed') waiters.failed(this.#crash ?? errorOf(snapshot));
    else if (state === 'closed') waiters.closed();
    else if (state !== 'closing') waiters.ended();
  }

  #endStreams(state: ConnectionState, snapshot: ConnectionSnapshot): void {
    for (const stream of state === 'closed' ? this.#world.streams : []) stream.end();
    for (const stream of state === 'failed' ? this.#world.streams : []) stream.fail(errorOf(snapshot));
  }

  #installSending(snapshot: ConnectionSnapshot, state: ConnectionState): void {
    const { outbox, wire } = this.#world;
    const sending = selectSending(snapshot);
    if (sending === 'writes' && wire.link !== undefined) outbox.write(wire.link);
    else if (sending === 'refuses') outbox.refuse(state);
    else outbox.queue();
  }

  #countOutage(state: ConnectionState, { context }: ConnectionSnapshot): void {
    const { wire } = this.#world;
    const isTrying = state === 'reconnecting' || state === 'connecting';
    if (isTrying && context.sessions > 0) wire.beginOutage();
    else if (state === 'open' || state === 'failed' || state === 'closed') wire.endOutage();
  }

  #tell(previous: ConnectionState, state: ConnectionState, snapshot: ConnectionSnapshot): void {
    const { emitter, settings } = this.#world;
    const { reason, attempt } = snapshot.context;
    const change = { state, previous, reason, attempt, retryInMs: selectRetryInMs(snapshot) };
    settings.logger?.[LEVELS[state] ?? 'info'](`${previous} → ${state}`, change);
    this.#emitting(() => {
      emitter.emit('statechange', change);
      if (state === 'open') this.#open(snapshot);
      else if (state === 'reconnecting') emitter.emit('reconnecting', planOf(snapshot));
      else if (state === 'closed') this.#close();
      else if (state === 'failed') emitter.emit('failed', errorOf(snapshot));
    });
  }

  #emitting(emit: () => void): void {
    this.#telling += 1;
    emit();
    this.#telling -= 1;
  }

  #open({ context }: ConnectionSnapshot): void {
    const { emitter, wire } = this.#world;
    const welcome = wire.session?.welcome as Welcome;
    const isReconnect = context.sessions > 1;
    emitter.emit('open', { welcome, isReconnect });
    const { attempt } = context;
    if (isReconnect) emitter.emit('reconnected', { welcome, attempt, downtimeMs: wire.lastOutageMs });
  }

  #close(): void {
    const { emitter, wire } = this.#world;
    emitter.emit('closed', { closeCode: wire.end?.closeCode, closeReason: wire.end?.closeReason });
  }
}

const LEVELS: Partial<Record<ConnectionState, keyof Logger>> = { reconnecting: 'warn', failed: 'error' };

const planOf = (snapshot: ConnectionSnapshot) => ({
  attempt: snapshot.context.attempt,
  retryInMs: selectRetryInMs(snapshot),
  error: errorOf(snapshot),
});

const errorOf = ({ context }: ConnectionSnapshot): ConnectionError =>
  toError(context.failure ?? makeFailure('INTERNAL_ERROR', 'stop', { details: { phase: context.phase } }));
