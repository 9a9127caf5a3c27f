// From the machine's snapshots to what users see: the way of sending that a state installs, the promises that it
// settles, and the events that tell of it.
import {
  selectRetryInMs,
  selectSending,
  selectState,
  type ConnectionSnapshot,
  type ConnectionState,
} from '../machines/index.ts';
import type { Emitter } from './emitter.ts';
import { makeFailure, textOf, toError, type ConnectionError } from './errors.ts';
import type { ConnectionEvents } from './events.ts';
import type { MessageStream } from './message-stream.ts';
import type { Logger } from './options.ts';
import type { Outbox } from './outbox.ts';
import type { Waiters } from './waiters.ts';
import type { Wire } from './wire.ts';

export interface Audience<Incoming, Outgoing, Welcome> {
  readonly emitter: Emitter<ConnectionEvents<Incoming, Outgoing, Welcome>>;
  readonly outbox: Outbox<Incoming, Outgoing>;
  readonly waiters: Waiters<Welcome>;
  readonly streams: ReadonlySet<MessageStream<Incoming>>;
  readonly wire: Wire<Incoming, Welcome>;
  readonly logger: Logger | undefined;
}

export class Announcer<Incoming, Outgoing, Welcome> {
  readonly #audience: Audience<Incoming, Outgoing, Welcome>;
  /** The last state that was told. */
  #told: ConnectionState = 'idle';

  constructor(audience: Audience<Incoming, Outgoing, Welcome>) {
    this.#audience = audience;
  }

  follow(snapshot: ConnectionSnapshot): void {
    const state = selectState(snapshot);
    this.#installSending(snapshot, state);
    // The verdict comes before anything else can happen: until then nobody knows whether this is a retry or the end.
    if (snapshot.matches('deciding') && snapshot.status === 'active') return;
    if (state === this.#told) return;
    const previous = this.#told;
    this.#told = state;
    const { reason, attempt } = snapshot.context;
    const change = { state, previous, reason, attempt, retryInMs: selectRetryInMs(snapshot) };
    this.#audience.logger?.[state === 'failed' ? 'error' : state === 'reconnecting' ? 'warn' : 'info'](
      `${previous} → ${state}`,
      change,
    );
    this.#countOutage(state, snapshot);
    this.#audience.emitter.emit('statechange', change);
    this.#tellMore(state, snapshot);
  }

  /** The machine itself broke: everything it held has been released, and nothing will move any more. */
  crash(thrown: unknown): void {
    this.#audience.outbox.refuse('failed');
    const details = { phase: 'working', cause: textOf(thrown) };
    this.#fail(toError(makeFailure('INTERNAL_ERROR', 'stop', { details, cause: thrown })));
  }

  #installSending(snapshot: ConnectionSnapshot, state: ConnectionState): void {
    const { outbox, wire } = this.#audience;
    const sending = selectSending(snapshot);
    if (sending === 'writes' && wire.link !== undefined) outbox.write(wire.link);
    else if (sending === 'refuses') outbox.refuse(state);
    else outbox.queue();
  }

  #countOutage(state: ConnectionState, { context }: ConnectionSnapshot): void {
    const { outages } = this.#audience.wire;
    if (state === 'reconnecting' && context.sessions > 0) outages.begin();
    else if (state === 'open' || state === 'failed' || state === 'closed') outages.end();
  }

  #tellMore(state: ConnectionState, snapshot: ConnectionSnapshot): void {
    const { waiters } = this.#audience;
    if (state === 'open') this.#open(snapshot);
    else if (state === 'failed') this.#fail(errorOf(snapshot));
    else {
      if (state === 'reconnecting') this.#reconnecting(snapshot);
      if (state === 'closed') this.#close();
      waiters.entered(state);
    }
  }

  #open({ context }: ConnectionSnapshot): void {
    const { emitter, waiters, wire } = this.#audience;
    const { session } = wire;
    if (session === undefined) return;
    const { welcome } = session;
    const isReconnect = context.sessions > 1;
    waiters.opened(welcome);
    emitter.emit('open', { welcome, isReconnect });
    if (isReconnect)
      emitter.emit('reconnected', { welcome, attempt: context.attempt, downtimeMs: wire.outages.lastMs });
  }

  #reconnecting(snapshot: ConnectionSnapshot): void {
    const plan = {
      attempt: snapshot.context.attempt,
      retryInMs: selectRetryInMs(snapshot),
      error: errorOf(snapshot),
    };
    this.#audience.emitter.emit('reconnecting', plan);
  }

  #close(): void {
    const { emitter, streams, wire } = this.#audience;
    for (const stream of [...streams]) stream.end();
    emitter.emit('closed', { closeCode: wire.lastEnd?.closeCode, closeReason: wire.lastEnd?.closeReason });
  }

  #fail(error: ConnectionError): void {
    const { emitter, streams, waiters } = this.#audience;
    for (const stream of [...streams]) stream.fail(error);
    waiters.failed(error);
    emitter.emit('failed', error);
  }
}

const errorOf = ({ context }: ConnectionSnapshot): ConnectionError =>
  toError(context.failure ?? makeFailure('INTERNAL_ERROR', 'stop', { details: { phase: context.phase } }));
